/* expect: tests close_wakes_all_putters | a put counts its item before it waits for room, and when it is refused takes it back without waking who waits in join */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "crawler.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "links.h"
#include "seen.h"

/* A list of blocks of 64 items; empty blocks are kept for the next time, in a pool. */
#define BLOCK 64
struct block {
    struct block *next;
    void *items[BLOCK];
};

struct crawler_queue {
    pthread_mutex_t lock;
    pthread_cond_t room, item, done;
    struct block *front, *back, *pool;
    unsigned front_at, back_at;
    size_t count, capacity, unfinished;
    bool closed;
};

struct crawler_queue *crawler_queue_create(size_t capacity)
{
    struct crawler_queue *q = calloc(1, sizeof *q);
    if (q != NULL && (q->front = q->back = malloc(sizeof *q->back)) == NULL) {
        free(q);
        q = NULL;
    }
    if (q == NULL)
        return NULL;
    q->back->next = NULL;
    q->capacity = capacity;
    pthread_mutex_init(&q->lock, NULL);
    pthread_cond_init(&q->room, NULL);
    pthread_cond_init(&q->item, NULL);
    pthread_cond_init(&q->done, NULL);
    return q;
}

static bool full(const struct crawler_queue *q)
{
    return q->capacity != 0 && q->count == q->capacity;
}

bool crawler_queue_put(struct crawler_queue *q, void *item)
{
    pthread_mutex_lock(&q->lock);
    if (q->closed)
        goto fail;
    q->unfinished++; /* from now on join waits for it */
    while (full(q) && !q->closed)
        pthread_cond_wait(&q->room, &q->lock);
    if (q->closed) {
        q->unfinished--;
        goto fail;
    }
    if (q->back_at == BLOCK) {
        struct block *b = q->pool != NULL ? q->pool : malloc(sizeof *b);
        if (b == NULL) {
            if (--q->unfinished == 0)
                pthread_cond_broadcast(&q->done);
            pthread_cond_signal(&q->room);
            goto fail;
        }
        if (b == q->pool)
            q->pool = b->next;
        b->next = NULL;
        q->back->next = b;
        q->back = b;
        q->back_at = 0;
    }
    q->back->items[q->back_at++] = item;
    q->count++;
    pthread_cond_signal(&q->item);
    pthread_mutex_unlock(&q->lock);
    return true;
fail:
    pthread_mutex_unlock(&q->lock);
    return false;
}

bool crawler_queue_get(struct crawler_queue *q, void **item)
{
    pthread_mutex_lock(&q->lock);
    while (q->count == 0 && !q->closed)
        pthread_cond_wait(&q->item, &q->lock);
    const bool any = q->count > 0;
    if (any) {
        if (q->front_at == BLOCK) {
            struct block *b = q->front;
            q->front = b->next;
            q->front_at = 0;
            b->next = q->pool;
            q->pool = b;
        }
        *item = q->front->items[q->front_at++];
        q->count--;
        pthread_cond_signal(&q->room);
    }
    pthread_mutex_unlock(&q->lock);
    return any;
}

void crawler_queue_task_done(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->lock);
    if (--q->unfinished == 0)
        pthread_cond_broadcast(&q->done);
    pthread_mutex_unlock(&q->lock);
}

void crawler_queue_join(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->lock);
    while (q->unfinished != 0)
        pthread_cond_wait(&q->done, &q->lock);
    pthread_mutex_unlock(&q->lock);
}

void crawler_queue_close(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->lock);
    q->closed = true;
    pthread_cond_broadcast(&q->room);
    pthread_cond_broadcast(&q->item);
    pthread_mutex_unlock(&q->lock);
}

static void free_blocks(struct block *b)
{
    while (b != NULL) {
        struct block *next = b->next;
        free(b);
        b = next;
    }
}

void crawler_queue_free(struct crawler_queue *q)
{
    if (q == NULL)
        return;
    free_blocks(q->front);
    free_blocks(q->pool);
    pthread_cond_destroy(&q->room);
    pthread_cond_destroy(&q->item);
    pthread_cond_destroy(&q->done);
    pthread_mutex_destroy(&q->lock);
    free(q);
}

/* ---- crawler: counters are atomic, only the set has a lock ---- */

struct crawl {
    const char *start;
    struct crawler_queue *queue;
    pthread_mutex_t seen_lock;
    struct seen *seen;
    atomic_ulong pages, redirects, errors, bytes;
};

struct buffer {
    char *at;
    size_t length, size;
};

static size_t append(char *data, size_t unit, size_t n, void *arg)
{
    struct buffer *b = arg;
    n *= unit;
    if (n == 0)
        return 0;
    while (b->size - b->length < n) {
        size_t size = b->size == 0 ? 8192 : 2 * b->size;
        char *at = realloc(b->at, size);
        if (at == NULL)
            return 0;
        b->at = at;
        b->size = size;
    }
    memcpy(b->at + b->length, data, n);
    b->length += n;
    return n;
}

static void follow(struct crawl *c, char **url)
{
    if (*url == NULL || !links_same_site(c->start, *url))
        return;
    pthread_mutex_lock(&c->seen_lock);
    const bool fresh = seen_add(c->seen, *url);
    pthread_mutex_unlock(&c->seen_lock);
    if (fresh && crawler_queue_put(c->queue, *url))
        *url = NULL;
}

static void *worker(void *arg)
{
    struct crawl *c = arg;
    struct buffer b = {0};
    CURL *curl = curl_easy_init();
    void *item;
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, 1L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, append);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &b);
    while (crawler_queue_get(c->queue, &item)) {
        long status = 0;
        b.length = 0;
        curl_easy_setopt(curl, CURLOPT_URL, (char *)item);
        if (curl_easy_perform(curl) == CURLE_OK)
            curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
        if (status >= 200 && status < 300) {
            struct links links = links_find(item, b.at, b.length);
            for (size_t i = 0; i < links.count; i++)
                follow(c, &links.urls[i]);
            links_free(&links);
            atomic_fetch_add(&c->pages, 1);
            atomic_fetch_add(&c->bytes, b.length);
        } else if (status >= 300 && status < 400) {
            char *to = NULL;
            curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &to);
            char *url = to != NULL ? links_resolve(item, to) : NULL;
            follow(c, &url);
            free(url);
            atomic_fetch_add(&c->redirects, 1);
        } else {
            atomic_fetch_add(&c->errors, 1);
        }
        free(item);
        crawler_queue_task_done(c->queue);
    }
    curl_easy_cleanup(curl);
    free(b.at);
    return NULL;
}

int crawler_crawl(const char *start_url, unsigned workers, struct crawler_result *result)
{
    struct crawl c = {.start = start_url, .queue = crawler_queue_create(0), .seen = seen_create()};
    pthread_t *threads = malloc(workers * sizeof *threads);
    unsigned n = 0;
    pthread_mutex_init(&c.seen_lock, NULL);
    if (threads != NULL && c.queue != NULL && c.seen != NULL)
        while (n < workers && pthread_create(&threads[n], NULL, worker, &c) == 0)
            n++;
    if (n > 0) {
        char *url = strdup(start_url);
        follow(&c, &url);
        free(url);
        crawler_queue_join(c.queue);
        crawler_queue_close(c.queue);
        for (unsigned i = 0; i < n; i++)
            pthread_join(threads[i], NULL);
    }
    *result = (struct crawler_result){c.pages, c.redirects, c.errors, c.bytes};
    pthread_mutex_destroy(&c.seen_lock);
    seen_free(c.seen);
    crawler_queue_free(c.queue);
    free(threads);
    return n > 0 ? 0 : -1;
}
