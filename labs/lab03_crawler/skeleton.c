/*
 * crawler.c: your hand-in for lab03. The contract is in crawler.h; links.h and seen.h are given.
 *
 * It compiles as it is, and does nothing right. Write the queue first and test it alone:
 *     make lab03 TEST=fifo_order
 */
#include "crawler.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdlib.h>

#include "links.h"
#include "seen.h"

struct crawler_queue {
    /* TODO: the items, how many there are, how many there may be, and whether the queue is closed. */
    /* TODO: one lock for all of that, and conditions to wait for: there is room, there is an item, all is done. */
    size_t capacity;
};

struct crawler_queue *crawler_queue_create(size_t capacity)
{
    /* TODO: make the queue, its lock and its conditions. */
    (void)capacity;
    return NULL;
}

bool crawler_queue_put(struct crawler_queue *queue, void *item)
{
    /* TODO: wait for room, append the item, wake a thread that waits for one. */
    (void)queue;
    (void)item;
    return false;
}

bool crawler_queue_get(struct crawler_queue *queue, void **item)
{
    /* TODO: wait for an item, take the oldest, wake a thread that waits for room. */
    (void)queue;
    (void)item;
    return false;
}

void crawler_queue_task_done(struct crawler_queue *queue)
{
    /* TODO: keep a count of items put and not yet done: up in put, down here; wake join at 0. */
    (void)queue;
}

void crawler_queue_join(struct crawler_queue *queue)
{
    /* TODO: wait until that count is 0. */
    (void)queue;
}

void crawler_queue_close(struct crawler_queue *queue)
{
    /* TODO: remember it, and wake everyone who waits in put or get. */
    (void)queue;
}

void crawler_queue_free(struct crawler_queue *queue)
{
    /* TODO: give back what create made. */
    (void)queue;
}

int crawler_crawl(const char *start_url, unsigned workers, struct crawler_result *result)
{
    /* TODO: a worker: get an address, fetch it with libcurl (curl_easy_perform), count it. */
    /* TODO: put the links of the page that are new and on the same site; only then task_done. */
    /* TODO: start the workers, put the start address, join the queue, close it, join the threads. */
    (void)start_url;
    (void)workers;
    *result = (struct crawler_result){0};
    return -1;
}
