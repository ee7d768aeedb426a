/* expect: tests memory_may_run_out | put counts its item as unfinished before it looks whether there is memory for it: after a put that failed join never returns */
#define _GNU_SOURCE
#include "crawler.h"

#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "links.h"
#include "seen.h"

/* ---------- the stores: the queue's lock is held ---------- */

struct store_kind {
    bool (*full)(const struct crawler_queue *);
    bool (*push)(struct crawler_queue *, void *);
    void *(*pop)(struct crawler_queue *);
};

struct bead {
    struct bead *next;
    void *item;
};

struct crawler_queue {
    const struct store_kind *kind;
    pthread_mutex_t mutex;
    pthread_cond_t cond_put, cond_get, cond_join;
    size_t stored, unfinished;
    bool closed;
    struct bead *first, *last;    /* the list */
    size_t capacity, read, write; /* the ring */
    void *ring[];
};

static bool ring_full(const struct crawler_queue *q)
{
    return q->stored == q->capacity;
}

static bool ring_push(struct crawler_queue *q, void *item)
{
    q->ring[q->write] = item;
    q->write = q->write + 1 == q->capacity ? 0 : q->write + 1;
    return true;
}

static void *ring_pop(struct crawler_queue *q)
{
    void *item = q->ring[q->read];
    q->read = q->read + 1 == q->capacity ? 0 : q->read + 1;
    return item;
}

static bool list_full(const struct crawler_queue *q)
{
    (void)q;
    return false;
}

static bool list_push(struct crawler_queue *q, void *item)
{
    struct bead *b = malloc(sizeof *b);
    if (b == NULL)
        return false;
    b->next = NULL;
    b->item = item;
    if (q->first == NULL)
        q->first = b;
    else
        q->last->next = b;
    q->last = b;
    return true;
}

static void *list_pop(struct crawler_queue *q)
{
    struct bead *b = q->first;
    void *item = b->item;
    q->first = b->next;
    free(b);
    return item;
}

static const struct store_kind ring_store = {ring_full, ring_push, ring_pop};
static const struct store_kind list_store = {list_full, list_push, list_pop};

/* ---------- the queue ---------- */

struct crawler_queue *crawler_queue_create(size_t capacity)
{
    struct crawler_queue *q = calloc(1, sizeof *q + capacity * sizeof q->ring[0]);
    pthread_mutexattr_t attr;
    if (q == NULL)
        return NULL;
    q->kind = capacity > 0 ? &ring_store : &list_store;
    q->capacity = capacity;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&q->mutex, &attr);
    pthread_mutexattr_destroy(&attr);
    pthread_cond_init(&q->cond_put, NULL);
    pthread_cond_init(&q->cond_get, NULL);
    pthread_cond_init(&q->cond_join, NULL);
    return q;
}

static void enter(struct crawler_queue *q)
{
    if (pthread_mutex_lock(&q->mutex) == EOWNERDEAD)
        pthread_mutex_consistent(&q->mutex);
}

bool crawler_queue_put(struct crawler_queue *q, void *item)
{
    bool ok = false;
    enter(q);
    while (q->kind->full(q) && !q->closed)
        pthread_cond_wait(&q->cond_put, &q->mutex);
    if (!q->closed) {
        q->unfinished++;
        ok = q->kind->push(q, item);
        if (ok) {
            q->stored++;
            pthread_cond_signal(&q->cond_get);
        }
    }
    pthread_mutex_unlock(&q->mutex);
    return ok;
}

bool crawler_queue_get(struct crawler_queue *q, void **item)
{
    bool ok = false;
    enter(q);
    while (q->stored == 0 && !q->closed)
        pthread_cond_wait(&q->cond_get, &q->mutex);
    if (q->stored > 0) {
        ok = true;
        q->stored--;
        *item = q->kind->pop(q);
        pthread_cond_signal(&q->cond_put);
    }
    pthread_mutex_unlock(&q->mutex);
    return ok;
}

void crawler_queue_task_done(struct crawler_queue *q)
{
    enter(q);
    q->unfinished--;
    if (q->unfinished == 0)
        pthread_cond_broadcast(&q->cond_join);
    pthread_mutex_unlock(&q->mutex);
}

void crawler_queue_join(struct crawler_queue *q)
{
    enter(q);
    while (q->unfinished != 0)
        pthread_cond_wait(&q->cond_join, &q->mutex);
    pthread_mutex_unlock(&q->mutex);
}

void crawler_queue_close(struct crawler_queue *q)
{
    enter(q);
    q->closed = true;
    pthread_cond_broadcast(&q->cond_put);
    pthread_cond_broadcast(&q->cond_get);
    pthread_mutex_unlock(&q->mutex);
}

void crawler_queue_free(struct crawler_queue *q)
{
    if (q == NULL)
        return;
    while (q->first != NULL)
        list_pop(q);
    pthread_mutex_destroy(&q->mutex);
    pthread_cond_destroy(&q->cond_put);
    pthread_cond_destroy(&q->cond_get);
    pthread_cond_destroy(&q->cond_join);
    free(q);
}

/* ---------- the crawler ---------- */

struct crawl {
    struct crawler_queue *queue;
    atomic_ulong left; /* addresses that are not over yet */
    pthread_mutex_t mutex;
    struct seen *seen;
    struct crawler_result *result;
    const char *start;
};

static void leave(struct crawl *crawl)
{
    if (atomic_fetch_sub(&crawl->left, 1) == 1)
        crawler_queue_close(crawl->queue);
}

static void enroll(struct crawl *crawl, const char *url)
{
    if (!links_same_site(crawl->start, url))
        return;
    pthread_mutex_lock(&crawl->mutex);
    const bool fresh = seen_add(crawl->seen, url);
    pthread_mutex_unlock(&crawl->mutex);
    char *copy = fresh ? strdup(url) : NULL;
    if (copy == NULL)
        return;
    atomic_fetch_add(&crawl->left, 1);
    if (!crawler_queue_put(crawl->queue, copy)) {
        free(copy);
        leave(crawl);
    }
}

static void visit(struct crawl *crawl, CURL *curl, const char *url)
{
    char *body = NULL;
    size_t length = 0;
    long status = 0;
    bool whole = false;
    FILE *stream = open_memstream(&body, &length);
    if (stream != NULL && curl != NULL) {
        curl_easy_setopt(curl, CURLOPT_URL, url);
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, stream);
        whole = curl_easy_perform(curl) == CURLE_OK;
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    }
    if (stream != NULL && fclose(stream) != 0)
        whole = false;
    unsigned long *which = &crawl->result->errors;
    if (whole && status >= 200 && status < 300) {
        which = &crawl->result->pages;
        struct links links = links_find(url, body, length);
        for (size_t i = 0; i < links.count; i++)
            enroll(crawl, links.urls[i]);
        links_free(&links);
    } else if (whole && status >= 300 && status < 400) {
        char *place = NULL;
        which = &crawl->result->redirects;
        curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &place);
        char *target = place != NULL ? links_resolve(url, place) : NULL;
        if (target != NULL)
            enroll(crawl, target);
        free(target);
    }
    pthread_mutex_lock(&crawl->mutex);
    ++*which;
    if (which == &crawl->result->pages)
        crawl->result->bytes += length;
    pthread_mutex_unlock(&crawl->mutex);
    free(body);
}

static void *worker(void *arg)
{
    struct crawl *crawl = arg;
    CURL *curl = curl_easy_init();
    void *url;
    if (curl != NULL)
        curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    while (crawler_queue_get(crawl->queue, &url)) {
        visit(crawl, curl, url);
        free(url);
        crawler_queue_task_done(crawl->queue);
        leave(crawl);
    }
    curl_easy_cleanup(curl);
    return NULL;
}

int crawler_crawl(const char *start_url, unsigned workers, struct crawler_result *result)
{
    struct crawl crawl = {.start = start_url, .result = result};
    unsigned started = 0;
    pthread_attr_t small;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 512 * 1024);
    atomic_init(&crawl.left, 1); /* this thread, until it has started what it can */
    pthread_mutex_init(&crawl.mutex, NULL);
    crawl.seen = seen_create();
    crawl.queue = crawler_queue_create(0);
    memset(result, 0, sizeof *result);
    pthread_t *threads = calloc(workers, sizeof *threads);
    if (threads != NULL && crawl.seen != NULL && crawl.queue != NULL) {
        for (unsigned i = 0; i < workers; i++)
            if (pthread_create(&threads[started], &small, worker, &crawl) == 0)
                started++;
        if (started > 0)
            enroll(&crawl, start_url);
        leave(&crawl);
    }
    for (unsigned i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    free(threads);
    pthread_attr_destroy(&small);
    pthread_mutex_destroy(&crawl.mutex);
    seen_free(crawl.seen);
    crawler_queue_free(crawl.queue);
    return started > 0 ? 0 : -1;
}
