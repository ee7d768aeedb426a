/* expect: tests hang; schedules lost-wake-up | crawler_crawl joins its workers before it closes the queue they wait at */
#include "crawler.h"
#include "links.h"
#include "seen.h"
#include <pthread.h>

struct crawler_queue {
    pthread_mutex_t m;
    pthread_cond_t c;
    size_t cap, n, undone, alloc;
    void **a;          // circular, a[i % alloc]
    size_t i;
    int st;            // 0 open, 1 closed
};

#define Q struct crawler_queue
#define L pthread_mutex_lock(&q->m)
#define U pthread_mutex_unlock(&q->m)
#define B pthread_cond_broadcast(&q->c)
#define W pthread_cond_wait(&q->c, &q->m)

Q *crawler_queue_create(size_t capacity)
{
    Q *q = calloc(1, sizeof(Q));
    q->cap = capacity;
    q->alloc = capacity ? capacity : 2;
    q->a = calloc(q->alloc, sizeof(void *));
    pthread_mutex_init(&q->m, 0);
    pthread_cond_init(&q->c, 0);
    return q;
}

bool crawler_queue_put(Q *q, void *item)
{
    L;
    while (!q->st && q->cap && q->n == q->cap) W;
    if (q->st) { U; return false; }
    if (q->n == q->alloc) {
        // a[0..i) moves behind the end
        q->a = realloc(q->a, 2 * q->alloc * sizeof(void *));
        memcpy(q->a + q->alloc, q->a, q->i * sizeof(void *));
        q->alloc *= 2;
    }
    q->a[(q->i + q->n++) % q->alloc] = item;
    q->undone++;
    B;
    U;
    return true;
}

bool crawler_queue_get(Q *q, void **item)
{
    bool r;
    L;
    while (!q->st && q->n == 0) W;
    if ((r = q->n > 0)) {
        *item = q->a[q->i];
        q->i = (q->i + 1) % q->alloc;
        q->n--;
        B;
    }
    U;
    return r;
}

void crawler_queue_task_done(Q *q) { L; q->undone--; B; U; }
void crawler_queue_join(Q *q) { L; while (q->undone) W; U; }
void crawler_queue_close(Q *q) { L; q->st = 1; B; U; }

void crawler_queue_free(Q *q)
{
    if (!q) return;
    pthread_mutex_destroy(&q->m);
    pthread_cond_destroy(&q->c);
    free(q->a);
    free(q);
}

// 2. crawler

static Q *queue;
static struct seen *seen;
static const char *start;
static struct crawler_result res;
static pthread_mutex_t seen_m = PTHREAD_MUTEX_INITIALIZER, res_m = PTHREAD_MUTEX_INITIALIZER;

typedef struct { size_t n; char *p; } S;

static size_t wr(char *p, size_t x, size_t y, void *d)
{
    S *s = d;
    s->p = realloc(s->p, s->n + x * y);
    memcpy(s->p + s->n, p, x * y);
    s->n += x * y;
    return x * y;
}

static void add(char *url)
{
    pthread_mutex_lock(&seen_m);
    int nw = links_same_site(start, url) && seen_add(seen, url);
    pthread_mutex_unlock(&seen_m);
    if (nw) crawler_queue_put(queue, strdup(url));
}

static void *worker(void *id)
{
    CURL *c = curl_easy_init();
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, wr);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    void *url;
    while (crawler_queue_get(queue, &url)) {
        S s = { 0, 0 };
        long st = 0;
        char *loc = 0;
        curl_easy_setopt(c, CURLOPT_URL, url);
        curl_easy_setopt(c, CURLOPT_WRITEDATA, &s);
        int ok = !curl_easy_perform(c);
        curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &st);
        curl_easy_getinfo(c, CURLINFO_REDIRECT_URL, &loc);
        int kind = !ok ? 9 : st / 100;
        if (kind == 2) {
            struct links l = links_find(url, s.p, s.n);
            for (size_t i = 0; i < l.count; i++) add(l.urls[i]);
            links_free(&l);
        }
        if (kind == 3 && loc && (loc = links_resolve(url, loc))) { add(loc); free(loc); }
        pthread_mutex_lock(&res_m);
        if (kind == 2) { res.pages++; res.bytes += s.n; }
        else if (kind == 3) res.redirects++;
        else res.errors++;
        pthread_mutex_unlock(&res_m);
        free(s.p);
        free(url);
        crawler_queue_task_done(queue);
    }
    curl_easy_cleanup(c);
    return id;
}

int crawler_crawl(const char *start_url, unsigned workers, struct crawler_result *result)
{
    pthread_t t[workers];
    memset(&res, 0, sizeof res);
    queue = crawler_queue_create(0);
    seen = seen_create();
    start = start_url;
    add((char *)start_url);
    for (unsigned i = 0; i < workers; i++) pthread_create(t + i, 0, worker, 0);
    crawler_queue_join(queue);                                      // all pages are visited,
    for (unsigned i = 0; i < workers; i++) pthread_join(t[i], 0);   // so the workers are not needed any more
    crawler_queue_close(queue);
    crawler_queue_free(queue);
    seen_free(seen);
    *result = res;
    return 0;
}
