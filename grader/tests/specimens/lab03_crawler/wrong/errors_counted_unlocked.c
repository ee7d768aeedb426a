/* expect: schedules data-race | pages are counted under the lock, but on the way out after an error it is forgotten */
#include "crawler.h"
#include "seen.h"
#include "links.h"
#include <semaphore.h>
#include <pthread.h>

/* Semaphores for waiting, a spin lock for the few instructions at the ends of the list. */
struct e { void *x; struct e *next; };

struct crawler_queue {
    sem_t free_places, items;
    bool bounded;
    pthread_spinlock_t spin;
    struct e *head, **tail;
    bool closed;
    pthread_mutex_t tasks_mutex;
    pthread_cond_t tasks_cond;
    size_t tasks;
};

struct crawler_queue *crawler_queue_create(size_t capacity)
{
    struct crawler_queue *q = calloc(1, sizeof *q);
    if (q) {
        sem_init(&q->free_places, 0, capacity);
        sem_init(&q->items, 0, 0);
        pthread_spin_init(&q->spin, 0);
        pthread_mutex_init(&q->tasks_mutex, NULL);
        pthread_cond_init(&q->tasks_cond, NULL);
        q->bounded = capacity != 0;
        q->tail = &q->head;
    }
    return q;
}

static void count_tasks(struct crawler_queue *q, int by)
{
    pthread_mutex_lock(&q->tasks_mutex);
    q->tasks += by;
    if (!q->tasks)
        pthread_cond_broadcast(&q->tasks_cond);
    pthread_mutex_unlock(&q->tasks_mutex);
}

bool crawler_queue_put(struct crawler_queue *q, void *item)
{
    struct e *e = malloc(sizeof *e);
    if (!e)
        return false;
    e->x = item;
    e->next = NULL;
    if (q->bounded)
        while (sem_wait(&q->free_places))
            ;
    count_tasks(q, +1);
    pthread_spin_lock(&q->spin);
    bool ok = !q->closed;
    if (ok)
        *q->tail = e, q->tail = &e->next;
    pthread_spin_unlock(&q->spin);
    if (ok)
        return sem_post(&q->items), true;
    count_tasks(q, -1);
    sem_post(&q->free_places); /* pass it on to the next that waits */
    free(e);
    return false;
}

bool crawler_queue_get(struct crawler_queue *q, void **item)
{
    while (sem_wait(&q->items))
        ;
    pthread_spin_lock(&q->spin);
    struct e *e = q->head;
    if (e && !(q->head = e->next))
        q->tail = &q->head;
    pthread_spin_unlock(&q->spin);
    if (!e)
        return sem_post(&q->items), false;
    *item = e->x;
    free(e);
    if (q->bounded)
        sem_post(&q->free_places);
    return true;
}

void crawler_queue_task_done(struct crawler_queue *q)
{
    count_tasks(q, -1);
}

void crawler_queue_join(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->tasks_mutex);
    while (q->tasks)
        pthread_cond_wait(&q->tasks_cond, &q->tasks_mutex);
    pthread_mutex_unlock(&q->tasks_mutex);
}

void crawler_queue_close(struct crawler_queue *q)
{
    pthread_spin_lock(&q->spin);
    q->closed = true;
    pthread_spin_unlock(&q->spin);
    sem_post(&q->items);
    sem_post(&q->free_places);
}

void crawler_queue_free(struct crawler_queue *q)
{
    if (!q)
        return;
    for (struct e *e; (e = q->head); free(e))
        q->head = e->next;
    sem_destroy(&q->free_places);
    sem_destroy(&q->items);
    pthread_spin_destroy(&q->spin);
    pthread_mutex_destroy(&q->tasks_mutex);
    pthread_cond_destroy(&q->tasks_cond);
    free(q);
}

/* crawler */

struct state {
    struct crawler_queue *q;
    pthread_mutex_t lock; /* for the rest */
    struct seen *seen;
    struct crawler_result result;
    const char *url;
};

struct answer { char *p; size_t n; long code; char *redirect; };

static size_t cb(char *p, size_t a, size_t b, void *v)
{
    struct answer *x = v;
    if (!(x->p = realloc(x->p, x->n + a * b)))
        return 0;
    memcpy(x->p + x->n, p, a * b);
    return x->n += a * b, a * b;
}

static void maybe(struct state *s, const char *url)
{
    pthread_mutex_lock(&s->lock);
    bool yes = links_same_site(s->url, url) && seen_add(s->seen, url);
    pthread_mutex_unlock(&s->lock);
    if (yes)
        crawler_queue_put(s->q, strdup(url));
}

static void handle(struct state *s, CURL *c, const char *url)
{
    struct answer x = {0};
    curl_easy_setopt(c, CURLOPT_URL, url);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, &x);
    if (curl_easy_perform(c) != CURLE_OK) {
        s->result.errors++;
        goto end;
    }
    curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &x.code);
    if (x.code < 200 || x.code >= 400) {
        s->result.errors++;
        goto end;
    }
    if (x.code < 300) {
        struct links l = links_find(url, x.p, x.n);
        for (size_t i = 0; i < l.count; i++)
            maybe(s, l.urls[i]);
        links_free(&l);
    } else {
        curl_easy_getinfo(c, CURLINFO_REDIRECT_URL, &x.redirect);
        x.redirect = x.redirect ? links_resolve(url, x.redirect) : NULL;
        if (x.redirect)
            maybe(s, x.redirect);
        free(x.redirect);
    }
    pthread_mutex_lock(&s->lock);
    if (x.code < 300) {
        s->result.pages++;
        s->result.bytes += x.n;
    } else {
        s->result.redirects++;
    }
    pthread_mutex_unlock(&s->lock);
end:
    free(x.p);
}

static void *worker(void *v)
{
    struct state *s = v;
    CURL *c = curl_easy_init();
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, cb);
    for (void *url; crawler_queue_get(s->q, &url); crawler_queue_task_done(s->q)) {
        handle(s, c, url);
        free(url);
    }
    curl_easy_cleanup(c);
    return NULL;
}

int crawler_crawl(const char *start_url, unsigned workers, struct crawler_result *result)
{
    struct state s = {crawler_queue_create(0), PTHREAD_MUTEX_INITIALIZER, seen_create(), {0}, start_url};
    pthread_t w[workers];
    unsigned n = 0;
    maybe(&s, start_url);
    for (; n < workers; n++)
        if (pthread_create(&w[n], NULL, worker, &s))
            break;
    if (n)
        crawler_queue_join(s.q);
    crawler_queue_close(s.q);
    for (unsigned i = 0; i < n; i++)
        pthread_join(w[i], NULL);
    *result = s.result;
    seen_free(s.seen);
    crawler_queue_free(s.q);
    return n ? 0 : -1;
}
