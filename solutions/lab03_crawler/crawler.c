/*
 * The reference solution of lab03: a bounded queue under one lock with three conditions, and a crawler whose
 * workers wait for the network side by side.
 *
 * If yours failed, compare three places first:
 *   - every wait is in a `while`: between the signal and our waking up, another thread may have been faster;
 *   - close wakes with broadcast: one signal wakes one thread, and all of them have to go home;
 *   - a worker calls task_done last, when the links of its page are in the queue: done earlier, the count of
 *     unfinished items touches 0 while there is work to come, and join lets the main thread close the queue.
 */
#define _GNU_SOURCE
#include "crawler.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "links.h"
#include "seen.h"

/* ---- the queue ---- */

struct crawler_queue {
    pthread_mutex_t lock;    /* guards all that follows */
    pthread_cond_t has_room; /* waited for in put */
    pthread_cond_t has_item; /* waited for in get */
    pthread_cond_t all_done; /* waited for in join */
    void **items;            /* a ring: the oldest at `first`, `count` of them, `room` slots */
    size_t first, count, room;
    size_t capacity;   /* 0: no bound, the ring grows */
    size_t unfinished; /* items put for which task_done has not been called yet */
    bool closed;
};

struct crawler_queue *crawler_queue_create(size_t capacity)
{
    struct crawler_queue *queue = calloc(1, sizeof *queue);
    if (queue == NULL)
        return NULL;
    queue->capacity = capacity;
    queue->room = capacity > 0 ? capacity : 64;
    queue->items = calloc(queue->room, sizeof *queue->items);
    if (queue->items == NULL) {
        free(queue);
        return NULL;
    }
    pthread_mutex_init(&queue->lock, NULL);
    pthread_cond_init(&queue->has_room, NULL);
    pthread_cond_init(&queue->has_item, NULL);
    pthread_cond_init(&queue->all_done, NULL);
    return queue;
}

/* Makes the ring of a queue without a bound twice as large. The oldest item moves to slot 0. */
static bool grow(struct crawler_queue *queue)
{
    void **grown = calloc(2 * queue->room, sizeof *grown);
    if (grown == NULL)
        return false;
    for (size_t i = 0; i < queue->count; i++)
        grown[i] = queue->items[(queue->first + i) % queue->room];
    free(queue->items);
    queue->items = grown;
    queue->first = 0;
    queue->room *= 2;
    return true;
}

static bool is_full(const struct crawler_queue *queue)
{
    return queue->capacity > 0 && queue->count == queue->capacity;
}

bool crawler_queue_put(struct crawler_queue *queue, void *item)
{
    pthread_mutex_lock(&queue->lock);
    while (is_full(queue) && !queue->closed)
        pthread_cond_wait(&queue->has_room, &queue->lock);
    const bool stored = !queue->closed && (queue->count < queue->room || grow(queue));
    if (stored) {
        queue->items[(queue->first + queue->count) % queue->room] = item;
        queue->count++;
        /* Counted here, under the same lock: an item must never be visible without being unfinished. */
        queue->unfinished++;
        /* One new item is work for one thread, and all who wait here wait for the same: signal will do. */
        pthread_cond_signal(&queue->has_item);
    }
    pthread_mutex_unlock(&queue->lock);
    return stored;
}

bool crawler_queue_get(struct crawler_queue *queue, void **item)
{
    pthread_mutex_lock(&queue->lock);
    while (queue->count == 0 && !queue->closed)
        pthread_cond_wait(&queue->has_item, &queue->lock);
    /* Asked after `count`, not before: a closed queue is drained first. */
    const bool taken = queue->count > 0;
    if (taken) {
        *item = queue->items[queue->first];
        queue->first = (queue->first + 1) % queue->room;
        queue->count--;
        pthread_cond_signal(&queue->has_room);
    }
    pthread_mutex_unlock(&queue->lock);
    return taken;
}

void crawler_queue_task_done(struct crawler_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->unfinished--;
    if (queue->unfinished == 0)
        pthread_cond_broadcast(&queue->all_done);
    pthread_mutex_unlock(&queue->lock);
}

void crawler_queue_join(struct crawler_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    while (queue->unfinished > 0)
        pthread_cond_wait(&queue->all_done, &queue->lock);
    pthread_mutex_unlock(&queue->lock);
}

void crawler_queue_close(struct crawler_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->closed = true;
    pthread_cond_broadcast(&queue->has_item);
    pthread_cond_broadcast(&queue->has_room);
    pthread_mutex_unlock(&queue->lock);
}

void crawler_queue_free(struct crawler_queue *queue)
{
    if (queue == NULL)
        return;
    pthread_cond_destroy(&queue->all_done);
    pthread_cond_destroy(&queue->has_item);
    pthread_cond_destroy(&queue->has_room);
    pthread_mutex_destroy(&queue->lock);
    free(queue->items);
    free(queue);
}

/* ---- the crawler ---- */

/* What the workers of one crawl share. */
struct crawl {
    const char *start_url;
    struct crawler_queue *queue; /* of char *, addresses to visit; whoever gets one frees it */
    pthread_mutex_t lock;        /* guards what follows; never held while a page is fetched */
    struct seen *seen;
    struct crawler_result result;
    bool failed; /* memory ran out somewhere */
};

/* One answer of the site. */
struct answer {
    char *body; /* NULL while it is empty */
    size_t length;
    bool failed; /* memory ran out */
};

/* libcurl hands over the body in pieces, as they arrive. */
static size_t on_body(char *data, size_t size, size_t count, void *context)
{
    struct answer *answer = context;
    const size_t length = size * count;
    char *grown = realloc(answer->body, answer->length + length + 1);
    if (grown == NULL) {
        answer->failed = true;
        return 0; /* makes curl_easy_perform fail */
    }
    memcpy(grown + answer->length, data, length);
    answer->body = grown;
    answer->length += length;
    return length;
}

/* Puts `url` into the queue if it belongs to the site and has not been there before. */
static void offer(struct crawl *crawl, const char *url)
{
    if (!links_same_site(crawl->start_url, url))
        return;
    /* "Seen before?" and "now it is" in one step: with the lock given back in between, two workers that find
     * the same link at the same time would both visit it. */
    pthread_mutex_lock(&crawl->lock);
    const bool is_new = seen_add(crawl->seen, url);
    pthread_mutex_unlock(&crawl->lock);
    if (!is_new)
        return;
    char *copy = strdup(url);
    if (copy != NULL && crawler_queue_put(crawl->queue, copy))
        return;
    free(copy);
    pthread_mutex_lock(&crawl->lock);
    crawl->failed = true;
    pthread_mutex_unlock(&crawl->lock);
}

static void offer_links(struct crawl *crawl, const char *url, const struct answer *answer)
{
    struct links links = links_find(url, answer->body, answer->length);
    for (size_t i = 0; i < links.count; i++)
        offer(crawl, links.urls[i]);
    links_free(&links);
}

static void offer_location(struct crawl *crawl, CURL *handle, const char *url)
{
    char *location = NULL;
    curl_easy_getinfo(handle, CURLINFO_REDIRECT_URL, &location);
    char *target = location != NULL ? links_resolve(url, location) : NULL;
    if (target != NULL)
        offer(crawl, target);
    free(target);
}

static void visit(struct crawl *crawl, CURL *handle, const char *url)
{
    struct answer answer = {.body = NULL};
    long status = 0;
    curl_easy_setopt(handle, CURLOPT_URL, url);
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, &answer);
    const bool complete = curl_easy_perform(handle) == CURLE_OK;
    curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
    const bool page = complete && status >= 200 && status < 300;
    const bool redirect = status >= 300 && status < 400;
    if (page)
        offer_links(crawl, url, &answer);
    else if (redirect)
        offer_location(crawl, handle, url);
    pthread_mutex_lock(&crawl->lock);
    crawl->result.pages += page;
    crawl->result.redirects += redirect;
    crawl->result.errors += !page && !redirect;
    crawl->result.bytes += page ? answer.length : 0;
    crawl->failed |= answer.failed;
    pthread_mutex_unlock(&crawl->lock);
    free(answer.body);
}

/* One handle a thread: a handle must not be used by two threads at once, and one that is used again keeps
 * its connection open for the next page. */
static void *work(void *context)
{
    struct crawl *crawl = context;
    void *url;
    CURL *handle = curl_easy_init();
    if (handle != NULL) {
        curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, on_body);
        curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L); /* no signals for time-outs in a threaded program */
    }
    while (crawler_queue_get(crawl->queue, &url)) {
        if (handle != NULL) {
            visit(crawl, handle, url);
        } else {
            pthread_mutex_lock(&crawl->lock);
            crawl->failed = true;
            pthread_mutex_unlock(&crawl->lock);
        }
        free(url);
        crawler_queue_task_done(crawl->queue);
    }
    curl_easy_cleanup(handle);
    return NULL;
}

/* The workers are both producers and consumers: with a bound, all of them could be blocked in put with no one
 * left to get. So the queue has none; what waits in it is as much as the site has addresses. */
static bool open_crawl(struct crawl *crawl, const char *start_url)
{
    *crawl = (struct crawl){.start_url = start_url, .queue = crawler_queue_create(0), .seen = seen_create()};
    pthread_mutex_init(&crawl->lock, NULL);
    return crawl->queue != NULL && crawl->seen != NULL;
}

static void close_crawl(struct crawl *crawl)
{
    pthread_mutex_destroy(&crawl->lock);
    seen_free(crawl->seen);
    crawler_queue_free(crawl->queue);
}

/* Starts the workers, waits until all is visited, and sends them home. False if none could be started. */
static bool run_workers(struct crawl *crawl, pthread_t *threads, unsigned workers)
{
    unsigned started = 0;
    while (started < workers && pthread_create(&threads[started], NULL, work, crawl) == 0)
        started++;
    if (started > 0) {
        offer(crawl, crawl->start_url);
        crawler_queue_join(crawl->queue);
    }
    crawler_queue_close(crawl->queue);
    for (unsigned i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    return started > 0;
}

int crawler_crawl(const char *start_url, unsigned workers, struct crawler_result *result)
{
    struct crawl crawl;
    pthread_t *threads = calloc(workers, sizeof *threads);
    const bool ready = open_crawl(&crawl, start_url);
    const bool done = threads != NULL && ready && run_workers(&crawl, threads, workers) && !crawl.failed;
    *result = crawl.result;
    close_crawl(&crawl);
    free(threads);
    return done ? 0 : -1;
}
