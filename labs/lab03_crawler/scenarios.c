/*
 * scenarios.c: lab03 in the schedule explorer (harness/explore/scenario.h).
 *
 * The queue's scenarios are searched to the end. The crawler's run it on a tiny site in memory, with a stand-in for
 * libcurl (fake_site.h): there are too many schedules to see all, so a mix of them is tried.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <curl/curl.h>

#include "crawler.h"
#include "libcurl/fake_site.h"
#include "scenario.h"

/* ---- the queue ---- */

struct hand {
    struct crawler_queue *queue;
    uintptr_t item;       /* to put; or what was got, 0: nothing */
    atomic_int completed; /* puts or gets that have returned */
    bool worked;          /* on an item that was got */
};

static struct crawler_queue *create(size_t capacity)
{
    struct crawler_queue *queue = crawler_queue_create(capacity);
    scenario_expect(queue != NULL, "crawler_queue_create returns NULL although there is memory");
    return queue;
}

static pthread_t start(void *(*function)(void *), void *argument)
{
    pthread_t thread;
    scenario_expect(pthread_create(&thread, NULL, function, argument) == 0, "no thread could be started");
    return thread;
}

static uintptr_t get_item(struct crawler_queue *queue)
{
    void *item = NULL;
    scenario_expect(crawler_queue_get(queue, &item), "get returns false although the queue is open or not yet empty");
    return (uintptr_t)item;
}

static void *get_one(void *argument)
{
    struct hand *hand = argument;
    hand->item = get_item(hand->queue);
    hand->completed++;
    return NULL;
}

/* Puts `item` and the one after it. */
static void *put_two(void *argument)
{
    struct hand *hand = argument;
    for (uintptr_t i = 0; i < 2; i++) {
        scenario_expect(crawler_queue_put(hand->queue, (void *)(hand->item + i)),
                        "put returns false although the queue is open");
        hand->completed++;
    }
    return NULL;
}

SCENARIO(queue_hands_out_each_item_once)
{
    struct crawler_queue *queue = create(1);
    struct hand putter = {.queue = queue, .item = 1}, getter = {.queue = queue};
    pthread_t threads[] = {start(put_two, &putter), start(get_one, &getter)};
    const uintptr_t mine = get_item(queue);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    scenario_expect(mine != getter.item, "two gets return the same item, the other one is lost");
    scenario_expect(mine + getter.item == 3, "get returns something that nobody put");
    crawler_queue_free(queue);
}

/* Puts two items and gets one. */
static void *put_two_get_one(void *argument)
{
    struct hand *hand = argument;
    put_two(hand);
    hand->item = get_item(hand->queue);
    return NULL;
}

/* From a closed queue in which something is left. */
static uintptr_t get_left(struct crawler_queue *queue)
{
    void *item = NULL;
    scenario_expect(crawler_queue_get(queue, &item), "an item that was put never comes out");
    return (uintptr_t)item;
}

SCENARIO(queue_keeps_the_order)
{
    struct crawler_queue *queue = create(0);
    struct hand before = {.queue = queue, .item = 1}, hand = {.queue = queue, .item = 11};
    put_two(&before);
    scenario_expect(get_item(queue) == 1 && get_item(queue) == 2, "items do not come out in the order they went in");
    pthread_t thread = start(put_two_get_one, &hand);
    scenario_expect(crawler_queue_put(queue, (void *)21), "put returns false although the queue is open");
    pthread_join(thread, NULL);
    scenario_expect(crawler_queue_put(queue, (void *)31), "put returns false although the queue is open");
    crawler_queue_close(queue);
    const uintptr_t first = hand.item, second = get_left(queue), third = get_left(queue), last = get_left(queue);
    scenario_expect(first + second + third == 11 + 12 + 21 && first != second && second != third && first != third,
                    "what came out of the queue is not what went in");
    scenario_expect(first != 12 && third != 11, "an item comes out before one that the same thread had put earlier");
    scenario_expect(last == 31, "the item put last does not come out last");
    crawler_queue_free(queue);
}

SCENARIO(queue_blocks_when_full)
{
    struct crawler_queue *queue = create(1);
    struct hand putter = {.queue = queue, .item = 1};
    pthread_t thread = start(put_two, &putter);
    scenario_until_all_sleep();
    scenario_expect(putter.completed > 0, "put blocks although there is room");
    scenario_expect(putter.completed < 2, "put returns although the queue is full");
    scenario_expect(get_item(queue) == 1, "get does not return what was put first");
    scenario_until_all_sleep();
    scenario_expect(putter.completed == 2, "get has made room, but the blocked put does not return");
    scenario_expect(get_item(queue) == 2, "get does not return what was put last");
    pthread_join(thread, NULL);
    crawler_queue_free(queue);
}

SCENARIO(queue_blocks_when_empty)
{
    struct crawler_queue *queue = create(0);
    struct hand getters[2] = {{.queue = queue}, {.queue = queue}}, putter = {.queue = queue, .item = 1};
    pthread_t threads[] = {start(get_one, &getters[0]), start(get_one, &getters[1])};
    scenario_until_all_sleep();
    scenario_expect(getters[0].completed + getters[1].completed == 0, "get returns although nothing was put");
    put_two(&putter);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    scenario_expect(getters[0].item + getters[1].item == 3 && getters[0].item != getters[1].item,
                    "what came out of the queue is not what went in");
    crawler_queue_free(queue);
}

static void *get_nothing(void *argument)
{
    void *item;
    scenario_expect(!crawler_queue_get(argument, &item), "get returns an item from a queue that was always empty");
    return NULL;
}

SCENARIO(queue_close_wakes_getters)
{
    struct crawler_queue *queue = create(1);
    pthread_t threads[] = {start(get_nothing, queue), start(get_nothing, queue)};
    crawler_queue_close(queue);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    crawler_queue_free(queue);
}

SCENARIO(queue_closed_is_drained)
{
    struct crawler_queue *queue = create(1);
    struct hand getter = {.queue = queue};
    void *item;
    pthread_t thread = start(get_one, &getter);
    scenario_expect(crawler_queue_put(queue, (void *)1), "put returns false although the queue is open");
    crawler_queue_close(queue);
    pthread_join(thread, NULL);
    scenario_expect(getter.item == 1, "get does not return what was put");
    scenario_expect(!crawler_queue_get(queue, &item), "get returns an item although the queue is closed and empty");
    crawler_queue_free(queue);
}

static void *put_in_vain(void *argument)
{
    scenario_expect(!crawler_queue_put(argument, (void *)3),
                    "put returns true although the queue was full until closed");
    return NULL;
}

SCENARIO(queue_close_wakes_putters)
{
    void *item;
    struct crawler_queue *queue = create(2);
    scenario_expect(crawler_queue_put(queue, (void *)1) && crawler_queue_put(queue, (void *)2),
                    "put returns false although the queue is open");
    pthread_t threads[] = {start(put_in_vain, queue), start(put_in_vain, queue)};
    crawler_queue_close(queue);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    scenario_expect(get_item(queue) == 1, "a closed queue does not hand out first what was put first");
    scenario_expect(get_item(queue) == 2, "a closed queue does not hand out everything that was put");
    scenario_expect(!crawler_queue_get(queue, &item), "get returns an item although the queue is closed and empty");
    scenario_expect(!crawler_queue_put(queue, NULL), "put returns true although the queue is closed");
    crawler_queue_close(queue);
    crawler_queue_task_done(queue);
    crawler_queue_task_done(queue);
    crawler_queue_join(queue); /* what was refused is nothing to wait for */
    crawler_queue_free(queue);
    crawler_queue_free(NULL);
}

/* Takes an item, works on it until the others are blocked, and says so. */
static void *work_on_one(void *argument)
{
    struct hand *hand = argument;
    get_item(hand->queue);
    scenario_until_all_sleep();
    hand->worked = true;
    hand->completed++;
    crawler_queue_task_done(hand->queue);
    return NULL;
}

/* What orders the work before the end of join is the queue alone, so the look at `completed` must not. */
static void *join_work(void *argument)
{
    struct hand *hand = argument;
    crawler_queue_join(hand->queue);
    scenario_expect(atomic_load_explicit(&hand->completed, memory_order_relaxed) == 1,
                    "join returns although the work on an item is not over");
    scenario_expect(hand->worked, "join returns, but what was done before task_done is not seen");
    return NULL;
}

/* Calls join at the time when the work is done. */
static void *join_later(void *argument)
{
    scenario_until_all_sleep();
    return join_work(argument);
}

SCENARIO(queue_join_waits_for_task_done)
{
    struct crawler_queue *queue = create(0);
    struct hand hand = {.queue = queue};
    scenario_expect(crawler_queue_put(queue, &hand), "put returns false although the queue is open");
    pthread_t threads[] = {start(work_on_one, &hand), start(join_later, &hand)};
    crawler_queue_close(queue);
    join_work(&hand);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    crawler_queue_join(queue);
    crawler_queue_free(queue);
}

/* ---- the crawler ---- */

static struct crawler_result crawl(const struct fake_page *pages, size_t count, unsigned gather, unsigned workers)
{
    struct crawler_result result = {77, 77, 77, 77};
    fake_site_open(pages, count, gather);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    scenario_expect(crawler_crawl(FAKE_SITE "/", workers, &result) == 0,
                    "crawler_crawl returns -1 on a site that works");
    curl_global_cleanup();
    for (size_t i = 0; i < count; i++) {
        scenario_expect(fake_site_visits(pages[i].path) > 0, "a page of the site is never visited");
        scenario_expect(fake_site_visits(pages[i].path) == 1, "a page of the site is visited more than once");
    }
    scenario_expect(fake_site_strangers() == 0, "something is asked for that is no address of the site");
    scenario_expect(fake_site_at_once() <= workers, "more requests are in progress at once than there are workers");
    if (fake_curl_left() != NULL)
        scenario_failed_at(fake_curl_left(), "a handle of libcurl is not cleaned up");
    return result;
}

SCENARIO(crawl_visits_each_page_once)
{
    static const struct fake_page pages[] = {
        {.path = "/", .body = "<a href=\"/a.html\"> <a href='b.html#x'>"},
        {.path = "/a.html", .body = "<a href=\"c.html\"> <a href=\"/\">"},
        {.path = "/b.html", .body = "<a href=\"c.html\">"},
        {.path = "/c.html"},
    };
    const struct crawler_result result = crawl(pages, 4, 0, 2);
    scenario_expect(result.pages == 4, "4 pages were visited, but another number is counted");
    scenario_expect(result.redirects == 0 && result.errors == 0,
                    "redirects or errors are counted where there are none");
    scenario_expect(result.bytes == strlen(pages[0].body) + strlen(pages[1].body) + strlen(pages[2].body),
                    "the bytes are not the lengths of all bodies together");
}

SCENARIO(crawl_counts_redirects_and_errors)
{
    static const struct fake_page pages[] = {
        {.path = "/",
         .body = "<a href=\"moved\"> <a href=\"gone\"> <a href=\"torn\"> <a href=\"new.html\"> "
                 "<a href=\"" FAKE_OTHER "/away.html\">"},
        {.path = "/moved", .status = 301, .location = "new.html#part"},
        {.path = "/gone", .status = 404, .body = "<a href=\"/nowhere\">"},
        {.path = "/torn", .body = "<a href=\"/nowhere\"> and more that never comes", .broken = true},
        {.path = "/new.html", .body = "new"},
    };
    const struct crawler_result result = crawl(pages, 5, 0, 2);
    scenario_expect(result.pages == 2, "2 pages were visited, but another number is counted");
    scenario_expect(result.redirects == 1, "1 redirect was visited, but another number is counted");
    scenario_expect(result.errors == 2, "2 visits were errors, but another number is counted");
    scenario_expect(result.bytes == strlen(pages[0].body) + strlen(pages[4].body),
                    "the bytes are not the lengths of the bodies of all pages together");
}

SCENARIO(crawl_fetches_side_by_side)
{
    static const struct fake_page pages[] = {
        {.path = "/", .body = "<a href=\"a.html\"> <a href=\"b.html\">"},
        {.path = "/a.html", .gathers = true}, /* is answered when c.html has been asked for, too */
        {.path = "/b.html", .body = "<a href=\"c.html\">"},
        {.path = "/c.html", .gathers = true},
    };
    scenario_expect(crawl(pages, 4, 2, 2).pages == 4, "4 pages were visited, but another number is counted");
}

/* Two pages, read at the same time, have so many links that the set of addresses has to grow. */
SCENARIO(crawl_guards_its_set)
{
    enum { LINKS = 40, LINK_BYTES = 20 };
    static struct fake_page pages[LINKS + 3];
    static char paths[LINKS][8], bodies[2][LINKS * LINK_BYTES];
    pages[0] = (struct fake_page){.path = "/", .body = "<a href=\"/a\"> <a href=\"/b\">"};
    pages[1] = (struct fake_page){.path = "/a", .body = bodies[0]};
    pages[2] = (struct fake_page){.path = "/b", .body = bodies[1]};
    for (int i = 0; i < LINKS; i++) {
        snprintf(paths[i], sizeof paths[i], "/%d", i);
        sprintf(bodies[i % 2] + strlen(bodies[i % 2]), "<a href=\"%s\">", paths[i]);
        pages[i + 3] = (struct fake_page){.path = paths[i]};
    }
    scenario_expect(crawl(pages, LINKS + 3, 0, 2).pages == LINKS + 3,
                    "all pages were visited, but not all are counted");
}

SCENARIO(crawl_never_blocks_on_many_links)
{
    enum { LINKS = 310, LINK_BYTES = 20 };
    static struct fake_page pages[LINKS + 1];
    static char paths[LINKS][8], body[LINKS * LINK_BYTES];
    pages[0] = (struct fake_page){.path = "/", .body = body};
    for (int i = 0; i < LINKS; i++) {
        snprintf(paths[i], sizeof paths[i], "/%d", i);
        sprintf(body + strlen(body), "<a href=\"%s\">", paths[i]);
        pages[i + 1] = (struct fake_page){.path = paths[i]};
    }
    scenario_expect(crawl(pages, LINKS + 1, 0, 1).pages == LINKS + 1,
                    "all pages were visited, but not all are counted");
}
