/* expect: tests crawl_visits_each_page_once; schedules assertion | looks under the read lock and inserts under the write lock, with the lock given back in between */
#include "crawler.h"
#include "links.h"
#include <pthread.h>

#define CHECK(x) do { if (!(x)) return NULL; } while (0)

/***** set of addresses: a hash table with chains, many may read at once *****/

#define BUCKETS 1021

struct name { struct name *next; char text[]; };
struct nameset { pthread_rwlock_t rw; struct name *bucket[BUCKETS]; };

static unsigned hash_of(const char *s)
{
    unsigned h = 5381;
    while (*s) h = h * 33 ^ (unsigned char)*s++;
    return h % BUCKETS;
}

static bool nameset_has(struct nameset *set, const char *s)
{
    pthread_rwlock_rdlock(&set->rw);
    struct name *n = set->bucket[hash_of(s)];
    while (n && strcmp(n->text, s)) n = n->next;
    pthread_rwlock_unlock(&set->rw);
    return n != NULL;
}

static void nameset_insert(struct nameset *set, const char *s)
{
    struct name *n = malloc(sizeof *n + strlen(s) + 1);
    strcpy(n->text, s);
    pthread_rwlock_wrlock(&set->rw);
    n->next = set->bucket[hash_of(s)];
    set->bucket[hash_of(s)] = n;
    pthread_rwlock_unlock(&set->rw);
}

static void nameset_clear(struct nameset *set)
{
    for (int b = 0; b < BUCKETS; b++)
        for (struct name *n; (n = set->bucket[b]); free(n)) set->bucket[b] = n->next;
    pthread_rwlock_destroy(&set->rw);
}

/***** queue: growing ring, one mutex, three conditions *****/

struct crawler_queue {
    void **v;
    size_t at, n, room, cap, todo;
    bool closed;
    pthread_mutex_t mx;
    pthread_cond_t put_cv, get_cv, join_cv;
};

struct crawler_queue *crawler_queue_create(size_t capacity)
{
    struct crawler_queue *q;
    CHECK(q = calloc(1, sizeof *q));
    q->cap = capacity;
    pthread_mutex_init(&q->mx, NULL);
    pthread_cond_init(&q->put_cv, NULL);
    pthread_cond_init(&q->get_cv, NULL);
    pthread_cond_init(&q->join_cv, NULL);
    return q;
}

/* Called with mx held: room for one more. */
static bool reserve(struct crawler_queue *q)
{
    if (q->n < q->room) return true;
    size_t room = q->room * 2 + 4;
    void **v = malloc(room * sizeof *v);
    if (!v) return false;
    for (size_t i = 0; i < q->n; i++) v[i] = q->v[(q->at + i) % q->room];
    free(q->v);
    q->v = v, q->at = 0, q->room = room;
    return true;
}

bool crawler_queue_put(struct crawler_queue *q, void *item)
{
    pthread_mutex_lock(&q->mx);
    while (!q->closed && q->cap && q->n >= q->cap) pthread_cond_wait(&q->put_cv, &q->mx);
    bool in = !q->closed && reserve(q);
    if (in) {
        q->v[(q->at + q->n++) % q->room] = item;
        q->todo++;
    }
    pthread_mutex_unlock(&q->mx);
    if (in) pthread_cond_signal(&q->get_cv);
    return in;
}

bool crawler_queue_get(struct crawler_queue *q, void **item)
{
    pthread_mutex_lock(&q->mx);
    while (!q->closed && !q->n) pthread_cond_wait(&q->get_cv, &q->mx);
    bool out = q->n > 0;
    if (out) {
        *item = q->v[q->at];
        q->at = (q->at + 1) % q->room;
        q->n--;
    }
    pthread_mutex_unlock(&q->mx);
    if (out) pthread_cond_signal(&q->put_cv);
    return out;
}

void crawler_queue_task_done(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->mx);
    if (!--q->todo) pthread_cond_broadcast(&q->join_cv);
    pthread_mutex_unlock(&q->mx);
}

void crawler_queue_join(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->mx);
    while (q->todo) pthread_cond_wait(&q->join_cv, &q->mx);
    pthread_mutex_unlock(&q->mx);
}

void crawler_queue_close(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->mx);
    q->closed = true;
    pthread_cond_broadcast(&q->get_cv);
    pthread_cond_broadcast(&q->put_cv);
    pthread_mutex_unlock(&q->mx);
}

void crawler_queue_free(struct crawler_queue *q)
{
    if (!q) return;
    pthread_cond_destroy(&q->put_cv);
    pthread_cond_destroy(&q->get_cv);
    pthread_cond_destroy(&q->join_cv);
    pthread_mutex_destroy(&q->mx);
    free(q->v);
    free(q);
}

/***** crawl *****/

struct all { struct crawler_queue *q; struct nameset set; const char *top; pthread_mutex_t sum_mx; struct crawler_result sum; };
struct bytes { char *p; size_t n; };

static size_t more(char *p, size_t a, size_t b, void *to)
{
    struct bytes *x = to;
    char *bigger = realloc(x->p, x->n + a * b);
    if (!bigger) return 0;
    memcpy(bigger + x->n, p, a * b);
    x->p = bigger;
    x->n += a * b;
    return a * b;
}

static void new_link(struct all *a, const char *url)
{
    if (!links_same_site(a->top, url) || nameset_has(&a->set, url)) return;
    nameset_insert(&a->set, url);
    crawler_queue_put(a->q, strdup(url));
}

static void *one_of_many(void *p)
{
    struct all *a = p;
    CURL *c = curl_easy_init();
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, more);
    for (void *url; crawler_queue_get(a->q, &url);) {
        struct bytes x = { NULL, 0 };
        char *there = NULL;
        long code = 0;
        curl_easy_setopt(c, CURLOPT_URL, (char *)url);
        curl_easy_setopt(c, CURLOPT_WRITEDATA, &x);
        bool whole = curl_easy_perform(c) == CURLE_OK;
        curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &code);
        curl_easy_getinfo(c, CURLINFO_REDIRECT_URL, &there);
        bool page = whole && code > 199 && code < 300, moved = whole && code > 299 && code < 400;
        if (page) {
            struct links l = links_find(url, x.p, x.n);
            while (l.count > 0) {
                new_link(a, l.urls[--l.count]);
                free(l.urls[l.count]);
            }
            links_free(&l);
        }
        if (moved && there && (there = links_resolve(url, there))) {
            new_link(a, there);
            free(there);
        }
        pthread_mutex_lock(&a->sum_mx);
        if (page) a->sum.pages++, a->sum.bytes += x.n;
        else if (moved) a->sum.redirects++;
        else a->sum.errors++;
        pthread_mutex_unlock(&a->sum_mx);
        free(x.p);
        free(url);
        crawler_queue_task_done(a->q);
    }
    curl_easy_cleanup(c);
    return NULL;
}

int crawler_crawl(const char *start_url, unsigned workers, struct crawler_result *result)
{
    struct all *a = calloc(1, sizeof *a);
    pthread_t *th = calloc(workers, sizeof *th);
    unsigned k = 0;
    a->q = crawler_queue_create(0);
    a->top = start_url;
    pthread_rwlock_init(&a->set.rw, NULL);
    pthread_mutex_init(&a->sum_mx, NULL);
    new_link(a, start_url);
    while (k < workers && !pthread_create(&th[k], NULL, one_of_many, a)) k++;
    if (k) crawler_queue_join(a->q);
    crawler_queue_close(a->q);
    for (unsigned i = 0; i < k; i++) pthread_join(th[i], NULL);
    *result = a->sum;
    nameset_clear(&a->set);
    pthread_mutex_destroy(&a->sum_mx);
    crawler_queue_free(a->q);
    free(th);
    free(a);
    return k ? 0 : -1;
}
