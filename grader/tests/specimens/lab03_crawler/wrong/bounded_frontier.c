/* expect: tests crawl_never_blocks; schedules crawl_takes_what_comes | its own queue has a bound: all workers end up blocked in put */
#include "crawler.h"
#include "links.h"
#include "seen.h"
#include <pthread.h>
#include <semaphore.h>

/* Bounded buffer as in the lecture: semaphores `slots` and `items`, a mutex for the indices. A queue without a
   bound is one with a very large bound, its array grows. close() lets everybody through: each one that comes
   through posts for the next. */

#define UNBOUNDED 1000000000

typedef struct crawler_queue Q;

struct crawler_queue {
    sem_t slots, items;
    pthread_mutex_t m;
    void **buf;
    size_t in, out, size, count;
    unsigned tasks;
    pthread_cond_t no_tasks;
    bool closed;
};

Q *crawler_queue_create(size_t capacity)
{
    Q *q = malloc(sizeof(Q));
    if (q == NULL)
        return NULL;
    *q = (Q){.size = capacity > 0 ? capacity : 256};
    q->buf = malloc(q->size * sizeof(void *));
    sem_init(&q->slots, 0, capacity > 0 ? capacity : UNBOUNDED);
    sem_init(&q->items, 0, 0);
    pthread_mutex_init(&q->m, NULL);
    pthread_cond_init(&q->no_tasks, NULL);
    return q;
}

static void wait_for(sem_t *s)
{
    while (sem_wait(s) != 0)
        ;
}

bool crawler_queue_put(Q *q, void *item)
{
    wait_for(&q->slots);
    pthread_mutex_lock(&q->m);
    if (q->closed) {
        pthread_mutex_unlock(&q->m);
        sem_post(&q->slots);
        return false;
    }
    if (q->count == q->size) {
        void **wide = malloc(2 * q->size * sizeof(void *));
        for (size_t i = 0; i < q->count; i++)
            wide[i] = q->buf[(q->out + i) % q->size];
        free(q->buf);
        q->buf = wide;
        q->out = 0;
        q->in = q->count;
        q->size *= 2;
    }
    q->buf[q->in] = item;
    q->in = (q->in + 1) % q->size;
    q->count++;
    q->tasks++;
    pthread_mutex_unlock(&q->m);
    sem_post(&q->items);
    return true;
}

bool crawler_queue_get(Q *q, void **item)
{
    wait_for(&q->items);
    pthread_mutex_lock(&q->m);
    if (q->count == 0) { /* so it is closed */
        pthread_mutex_unlock(&q->m);
        sem_post(&q->items);
        return false;
    }
    *item = q->buf[q->out];
    q->out = (q->out + 1) % q->size;
    q->count--;
    pthread_mutex_unlock(&q->m);
    sem_post(&q->slots);
    return true;
}

void crawler_queue_task_done(Q *q)
{
    pthread_mutex_lock(&q->m);
    if (--q->tasks == 0)
        pthread_cond_broadcast(&q->no_tasks);
    pthread_mutex_unlock(&q->m);
}

void crawler_queue_join(Q *q)
{
    pthread_mutex_lock(&q->m);
    while (q->tasks != 0)
        pthread_cond_wait(&q->no_tasks, &q->m);
    pthread_mutex_unlock(&q->m);
}

void crawler_queue_close(Q *q)
{
    pthread_mutex_lock(&q->m);
    bool before = q->closed;
    q->closed = true;
    pthread_mutex_unlock(&q->m);
    if (!before) {
        sem_post(&q->items);
        sem_post(&q->slots);
    }
}

void crawler_queue_free(Q *q)
{
    if (q == NULL)
        return;
    sem_destroy(&q->slots);
    sem_destroy(&q->items);
    pthread_mutex_destroy(&q->m);
    pthread_cond_destroy(&q->no_tasks);
    free(q->buf);
    free(q);
}

/* ---- crawler ---- */

struct crawler {
    Q *urls;
    const char *site;
    struct seen *seen;
    sem_t mutex;
    struct crawler_result r;
};

struct mem {
    char *at;
    size_t n;
};

static size_t keep(char *p, size_t one, size_t n, void *m_)
{
    struct mem *m = m_;
    m->at = realloc(m->at, m->n + one * n);
    memcpy(m->at + m->n, p, one * n);
    m->n += one * n;
    return one * n;
}

static void visit_later(struct crawler *c, const char *url)
{
    sem_wait(&c->mutex);
    bool go = links_same_site(url, c->site) && seen_add(c->seen, url);
    sem_post(&c->mutex);
    if (go)
        crawler_queue_put(c->urls, strdup(url));
}

static void *thread(void *c_)
{
    struct crawler *c = c_;
    CURL *h = curl_easy_init();
    void *url;
    curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, keep);
    while (crawler_queue_get(c->urls, &url)) {
        struct mem m = {0};
        long s = 0;
        char *loc = NULL;
        struct crawler_result r = {0};
        curl_easy_setopt(h, CURLOPT_URL, (char *)url);
        curl_easy_setopt(h, CURLOPT_WRITEDATA, &m);
        if (curl_easy_perform(h) == CURLE_OK)
            curl_easy_getinfo(h, CURLINFO_RESPONSE_CODE, &s);
        if (s >= 200 && s < 300) {
            r.pages = 1;
            r.bytes = m.n;
            struct links l = links_find(url, m.at, m.n);
            for (size_t i = 0; i < l.count; i++)
                visit_later(c, l.urls[i]);
            links_free(&l);
        } else if (s >= 300 && s < 400) {
            r.redirects = 1;
            curl_easy_getinfo(h, CURLINFO_REDIRECT_URL, &loc);
            if (loc != NULL && (loc = links_resolve(url, loc)) != NULL) {
                visit_later(c, loc);
                free(loc);
            }
        } else {
            r.errors = 1;
        }
        sem_wait(&c->mutex);
        c->r.pages += r.pages;
        c->r.redirects += r.redirects;
        c->r.errors += r.errors;
        c->r.bytes += r.bytes;
        sem_post(&c->mutex);
        free(m.at);
        free(url);
        crawler_queue_task_done(c->urls);
    }
    curl_easy_cleanup(h);
    return NULL;
}

int crawler_crawl(const char *start_url, unsigned workers, struct crawler_result *result)
{
    struct crawler c = {.urls = crawler_queue_create(100), /* plenty */
                        .site = start_url,
                        .seen = seen_create()};
    pthread_t *t = malloc(sizeof(pthread_t) * workers);
    unsigned i, n = 0;
    sem_init(&c.mutex, 0, 1);
    visit_later(&c, start_url);
    for (i = 0; i < workers; i++)
        n += pthread_create(&t[n], NULL, thread, &c) == 0;
    if (n > 0)
        crawler_queue_join(c.urls);
    crawler_queue_close(c.urls);
    for (i = 0; i < n; i++)
        pthread_join(t[i], NULL);
    *result = c.r;
    free(t);
    sem_destroy(&c.mutex);
    seen_free(c.seen);
    crawler_queue_free(c.urls);
    return n > 0 ? 0 : -1;
}
