/*
 * race.c: the queue and the crawler under helgrind, drd and ThreadSanitizer. Waits are only ever for what a
 * right queue does; a queue that does nothing ends with status 1.
 */
#include "race.h"

#include <curl/curl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "crawler.h"
#include "site.h"

enum { PRODUCERS = 2, CONSUMERS = 2, EACH = 40, WORKERS = 3 };

struct traffic {
    struct crawler_queue *queue;
    uintptr_t first;       /* producer: its first item */
    unsigned refused;      /* producer: puts that returned false */
    uintptr_t sum;         /* consumer: of the items it got */
    atomic_uint *together; /* threads that are ready to start */
};

/* So that the first puts and gets of all threads really overlap. */
static void start_together(struct traffic *traffic)
{
    (*traffic->together)++;
    while (*traffic->together < PRODUCERS + CONSUMERS)
        sched_yield();
}

static void *produce(void *context)
{
    struct traffic *traffic = context;
    start_together(traffic);
    for (uintptr_t i = 0; i < EACH; i++)
        traffic->refused += !crawler_queue_put(traffic->queue, (void *)(traffic->first + i));
    return NULL;
}

static void *consume(void *context)
{
    struct traffic *traffic = context;
    start_together(traffic);
    for (void *item; crawler_queue_get(traffic->queue, &item);) {
        traffic->sum += (uintptr_t)item;
        crawler_queue_task_done(traffic->queue);
    }
    return NULL;
}

static void *join_queue(void *context)
{
    crawler_queue_join(context);
    return NULL;
}

/* Runs the queue through: everything put is got once, and all threads come home. */
static void run_queue(size_t capacity)
{
    pthread_t threads[PRODUCERS + CONSUMERS], joiner;
    struct traffic traffic[PRODUCERS + CONSUMERS];
    atomic_uint together = 0;
    uintptr_t sum = 0, items = (uintptr_t)PRODUCERS * EACH;
    struct crawler_queue *queue = crawler_queue_create(capacity);
    RACE_CHECK(queue != NULL, "crawler_queue_create(%zu) returned NULL", capacity);
    for (uintptr_t i = 0; i < PRODUCERS + CONSUMERS; i++) {
        traffic[i] = (struct traffic){.queue = queue, .first = 1 + i * EACH, .together = &together};
        RACE_CHECK(pthread_create(&threads[i], NULL, i < PRODUCERS ? produce : consume, &traffic[i]) == 0,
                   "cannot start a thread");
    }
    RACE_CHECK(pthread_create(&joiner, NULL, join_queue, queue) == 0, "cannot start a thread");
    for (int i = 0; i < PRODUCERS; i++)
        pthread_join(threads[i], NULL);
    crawler_queue_join(queue);
    crawler_queue_close(queue);
    pthread_join(joiner, NULL);
    for (int i = PRODUCERS; i < PRODUCERS + CONSUMERS; i++) {
        pthread_join(threads[i], NULL);
        sum += traffic[i].sum;
    }
    RACE_CHECK(traffic[0].refused + traffic[1].refused == 0, "put returned false although the queue was open");
    RACE_CHECK(sum == items * (items + 1) / 2, "what came out of the queue is not what went in");
    crawler_queue_free(queue);
}

/* Two threads in put and get of a queue while a third closes it. */
static void run_close(void)
{
    pthread_t threads[2];
    atomic_uint together = PRODUCERS + CONSUMERS;
    struct traffic traffic[2] = {{.first = 1, .together = &together}, {.together = &together}};
    struct crawler_queue *queue = crawler_queue_create(1);
    RACE_CHECK(queue != NULL, "crawler_queue_create(1) returned NULL");
    traffic[0].queue = traffic[1].queue = queue;
    RACE_CHECK(pthread_create(&threads[0], NULL, produce, &traffic[0]) == 0, "cannot start a thread");
    RACE_CHECK(pthread_create(&threads[1], NULL, consume, &traffic[1]) == 0, "cannot start a thread");
    crawler_queue_close(queue);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    crawler_queue_free(queue);
}

static void run_crawl(void)
{
    struct crawler_result result = {0};
    const struct site_spec spec = {.seed = 3, .pages = 5, .redirects = 1, .missing = 1, .latency_us = 1500};
    RACE_CHECK(curl_global_init(CURL_GLOBAL_DEFAULT) == 0, "libcurl does not start");
    struct site *site = site_start(&spec);
    RACE_CHECK(site != NULL, "the web site could not be started (this is not a fault of your code)");
    const int status = crawler_crawl(site_url(site), WORKERS, &result);
    RACE_CHECK(site_stop(site, NULL), "the web site died (this is not a fault of your code)");
    RACE_CHECK(status == 0, "crawler_crawl returned %d, expected 0", status);
    /* Whether all was counted is a matter of the tests: here a fetch takes as long as a tool makes it. */
    RACE_CHECK(result.pages > 0, "crawler_crawl visited not even the start page");
    curl_global_cleanup();
}

int main(void)
{
    run_queue(3);
    run_queue(0);
    run_close();
    run_crawl();
    return 0;
}
