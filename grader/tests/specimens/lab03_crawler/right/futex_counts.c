/* expect: right | a mutex and one futex word that counts what happens, everybody woken at each change */
#define _GNU_SOURCE
#include "crawler.h"

#include <curl/curl.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "links.h"
#include "seen.h"

/* A condition is a number: who sleeps remembers it while holding the lock, who changes something adds one and wakes all. */
typedef _Atomic unsigned event_count;

static void snooze(event_count *e, unsigned seen)
{
    syscall(SYS_futex, e, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0);
}

static void happened(event_count *e)
{
    atomic_fetch_add(e, 1);
    syscall(SYS_futex, e, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

struct link { struct link *next; void *what; };

struct crawler_queue {
    pthread_mutex_t m;
    event_count news;
    struct link *head, *tail;
    size_t len, max, pending;
    int shut;
};

#define WAIT_WHILE(q, condition)                                    \
    while (condition) {                                             \
        unsigned seen_ = atomic_load(&(q)->news);                   \
        pthread_mutex_unlock(&(q)->m);                              \
        snooze(&(q)->news, seen_);                                  \
        pthread_mutex_lock(&(q)->m);                                \
    }

struct crawler_queue *crawler_queue_create(size_t capacity)
{
    struct crawler_queue *q = calloc(1, sizeof *q);
    if (q) {
        pthread_mutex_init(&q->m, NULL);
        q->max = capacity ? capacity : SIZE_MAX;
    }
    return q;
}

void crawler_queue_free(struct crawler_queue *q)
{
    if (!q) return;
    for (struct link *l = q->head, *n; l; l = n) {
        n = l->next;
        free(l);
    }
    pthread_mutex_destroy(&q->m);
    free(q);
}

bool crawler_queue_put(struct crawler_queue *q, void *item)
{
    struct link *l = malloc(sizeof *l);
    if (!l) return false;
    l->what = item;
    l->next = NULL;
    pthread_mutex_lock(&q->m);
    WAIT_WHILE(q, q->len >= q->max && !q->shut)
    if (q->shut) {
        pthread_mutex_unlock(&q->m);
        free(l);
        return false;
    }
    if (q->head) q->tail->next = l; else q->head = l;
    q->tail = l;
    q->len++;
    q->pending++;
    happened(&q->news);
    pthread_mutex_unlock(&q->m);
    return true;
}

bool crawler_queue_get(struct crawler_queue *q, void **item)
{
    pthread_mutex_lock(&q->m);
    WAIT_WHILE(q, q->len == 0 && !q->shut)
    struct link *l = q->head;
    if (l) {
        q->head = l->next;
        q->len--;
        happened(&q->news);
    }
    pthread_mutex_unlock(&q->m);
    if (!l) return false;
    *item = l->what;
    free(l);
    return true;
}

void crawler_queue_task_done(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->m);
    q->pending--;
    happened(&q->news);
    pthread_mutex_unlock(&q->m);
}

void crawler_queue_join(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->m);
    WAIT_WHILE(q, q->pending != 0)
    pthread_mutex_unlock(&q->m);
}

void crawler_queue_close(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->m);
    q->shut = 1;
    happened(&q->news);
    pthread_mutex_unlock(&q->m);
}

/* ---------- the crawler ---------- */

static struct {
    struct crawler_queue *queue;
    const char *site;
    struct seen *seen;
    struct crawler_result sum;
    pthread_mutex_t mutex; /* for seen and sum */
} job = {.mutex = PTHREAD_MUTEX_INITIALIZER};

typedef struct { char *p; size_t n; } text;

static size_t on_data(char *data, size_t one, size_t n, void *t_)
{
    text *t = t_;
    char *p = realloc(t->p, t->n + n * one + 1);
    if (!p) return 0;
    t->p = p;
    memcpy(t->p + t->n, data, n * one);
    t->n += n * one;
    return n * one;
}

static void enqueue(const char *url)
{
    bool is_new = false;
    if (links_same_site(job.site, url)) {
        pthread_mutex_lock(&job.mutex);
        is_new = seen_add(job.seen, url);
        pthread_mutex_unlock(&job.mutex);
    }
    if (is_new)
        crawler_queue_put(job.queue, strdup(url));
}

static void count(unsigned long *which, size_t bytes)
{
    pthread_mutex_lock(&job.mutex);
    ++*which;
    job.sum.bytes += bytes;
    pthread_mutex_unlock(&job.mutex);
}

static void crawl_one(CURL *c, char *url)
{
    text body = { NULL, 0 };
    long http = 0;
    char *to = NULL, *absolute;
    int ok;

    curl_easy_reset(c);
    curl_easy_setopt(c, CURLOPT_URL, url);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_data);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, &body);
    ok = curl_easy_perform(c) == CURLE_OK;
    curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &http);
    switch (ok ? http / 100 : 0) {
    case 2: {
        struct links l = links_find(url, body.p, body.n);
        for (size_t i = 0; i < l.count; i++)
            enqueue(l.urls[i]);
        links_free(&l);
        count(&job.sum.pages, body.n);
        break;
    }
    case 3:
        curl_easy_getinfo(c, CURLINFO_REDIRECT_URL, &to);
        if (to && (absolute = links_resolve(url, to))) {
            enqueue(absolute);
            free(absolute);
        }
        count(&job.sum.redirects, 0);
        break;
    default:
        count(&job.sum.errors, 0);
    }
    free(body.p);
}

static void *crawl_loop(void *c)
{
    void *url;
    while (crawler_queue_get(job.queue, &url)) {
        crawl_one(c, url);
        free(url);
        crawler_queue_task_done(job.queue);
    }
    return NULL;
}

int crawler_crawl(const char *start_url, unsigned workers, struct crawler_result *result)
{
    pthread_t *t = malloc(workers * sizeof *t);
    CURL **c = calloc(workers, sizeof *c);
    unsigned n = 0, i;

    job.queue = crawler_queue_create(0);
    job.seen = seen_create();
    job.site = start_url;
    memset(&job.sum, 0, sizeof job.sum);
    if (t && c && job.queue && job.seen) {
        enqueue(start_url);
        for (; n < workers; n++)
            if (!(c[n] = curl_easy_init()) || pthread_create(&t[n], NULL, crawl_loop, c[n]))
                break;
        if (n)
            crawler_queue_join(job.queue);
        crawler_queue_close(job.queue);
        for (i = 0; i < n; i++)
            pthread_join(t[i], NULL);
        for (i = 0; i < workers; i++)
            if (c[i])
                curl_easy_cleanup(c[i]);
        void *left;
        while (crawler_queue_get(job.queue, &left))
            free(left);
    }
    *result = job.sum;
    crawler_queue_free(job.queue);
    seen_free(job.seen);
    free(t);
    free(c);
    return n ? 0 : -1;
}
