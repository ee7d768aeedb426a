/*
 * scenarios.c: lab03 in the schedule explorer (harness/explore/scenario.h).
 *
 * The queue's scenarios are searched to the end. The crawler's run it on a tiny site in memory, with a stand-in for
 * libcurl (fake_site.h): there are too many schedules to see all, so a mix of them is tried.
 */
#include <limits.h>
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
    bool went_in;         /* the item to put */
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

static void *put_one(void *argument)
{
    struct hand *hand = argument;
    scenario_expect(crawler_queue_put(hand->queue, (void *)hand->item), "put returns false although the queue is open");
    hand->completed++;
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

/* Puts two items and gets one, and before that uses a queue that no other thread knows. */
static void *put_two_get_one(void *argument)
{
    struct hand *hand = argument;
    struct crawler_queue *own = create(1);
    scenario_expect(crawler_queue_put(own, hand), "put returns false although the queue is open");
    scenario_expect(get_item(own) == (uintptr_t)hand, "what came out of one queue was put into another one");
    crawler_queue_free(own);
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

/* Each get makes room for one more, also the second of two in a row, when the queue is not full any more. */
SCENARIO(queue_blocks_when_full)
{
    struct crawler_queue *queue = create(2);
    struct hand first = {.queue = queue, .item = 1},
                putters[2] = {{.queue = queue, .item = 3}, {.queue = queue, .item = 4}};
    put_two(&first);
    pthread_t threads[] = {start(put_one, &putters[0]), start(put_one, &putters[1])};
    scenario_until_all_sleep();
    scenario_expect(putters[0].completed + putters[1].completed == 0, "put returns although the queue is full");
    scenario_expect(get_item(queue) == 1 && get_item(queue) == 2, "get does not return what was put first");
    scenario_until_all_sleep();
    scenario_expect(putters[0].completed + putters[1].completed == 2,
                    "two gets have made room, but not both of the blocked puts return");
    scenario_expect(get_item(queue) + get_item(queue) == 3 + 4, "get does not return what was put last");
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
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
    struct hand last = {.queue = queue, .item = 7};
    const pthread_t sleeper = start(get_one, &last);
    scenario_until_all_sleep();
    scenario_expect(crawler_queue_put(queue, NULL), "put returns false although the queue is open");
    scenario_until_all_sleep();
    scenario_expect(last.completed == 1,
                    "a get sleeps, NULL is put, and the get does not return: NULL is an item like any other");
    pthread_join(sleeper, NULL);
    scenario_expect(last.item == 0, "what came out of the queue is not what went in");
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

/* Gets one item if one is left. */
static void *get_if_any(void *argument)
{
    struct hand *hand = argument;
    void *item;
    if (crawler_queue_get(hand->queue, &item))
        hand->item = (uintptr_t)item;
    return NULL;
}

/* One of the getters may be on its way to the item when close is called: all the others must come home, too. */
SCENARIO(queue_closed_is_drained)
{
    struct crawler_queue *queue = create(1);
    struct hand getters[2] = {{.queue = queue}, {.queue = queue}};
    pthread_t threads[] = {start(get_if_any, &getters[0]), start(get_if_any, &getters[1])};
    scenario_expect(crawler_queue_put(queue, (void *)1), "put returns false although the queue is open");
    crawler_queue_close(queue);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    scenario_expect(getters[0].item + getters[1].item > 0,
                    "get returns false although an item is left in the closed queue");
    scenario_expect(getters[0].item + getters[1].item == 1,
                    "get returns an item although the queue is closed and empty");
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

/* Keeps its item if the queue is closed first. */
static void *put_if_open(void *argument)
{
    struct hand *hand = argument;
    hand->went_in = crawler_queue_put(hand->queue, (void *)hand->item);
    return NULL;
}

/* When close is called there is room, and one of the putters may be on its way there: all the others must come home. */
SCENARIO(queue_closed_with_room)
{
    struct crawler_queue *queue = create(1);
    struct hand putters[2] = {{.queue = queue, .item = 2}, {.queue = queue, .item = 3}};
    void *item;
    scenario_expect(crawler_queue_put(queue, (void *)1), "put returns false although the queue is open");
    pthread_t threads[] = {start(put_if_open, &putters[0]), start(put_if_open, &putters[1])};
    scenario_expect(get_item(queue) == 1, "get does not return what was put first");
    crawler_queue_close(queue);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    scenario_expect(!putters[0].went_in || !putters[1].went_in,
                    "two puts return true although there is room for one item");
    for (int i = 0; i < 2; i++)
        scenario_expect(!putters[i].went_in || get_left(queue) == putters[i].item,
                        "what came out of the queue is not what went in");
    scenario_expect(!crawler_queue_get(queue, &item), "put returns false, but its item is in the queue");
    crawler_queue_free(queue);
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

static void *wait_for_the_end(void *argument)
{
    struct hand *hand = argument;
    crawler_queue_join(hand->queue);
    hand->completed++;
    return NULL;
}

/* Puts an item into the full queue, takes it out again, and waits for another one. */
static void *put_one_get_two(void *argument)
{
    struct hand *hand = argument;
    put_one(hand);
    scenario_expect(get_item(hand->queue) == hand->item, "get does not return what was put");
    hand->item = get_item(hand->queue);
    hand->completed++;
    return NULL;
}

/* One thread sleeps in join all the time, and another one first in put and then in get. */
SCENARIO(queue_join_sleeps_beside_others)
{
    struct crawler_queue *queue = create(1);
    struct hand joiner = {.queue = queue}, other = {.queue = queue, .item = 2};
    scenario_expect(crawler_queue_put(queue, (void *)1), "put returns false although the queue is open");
    pthread_t threads[] = {start(wait_for_the_end, &joiner), start(put_one_get_two, &other)};
    scenario_until_all_sleep();
    scenario_expect(get_item(queue) == 1, "get does not return what was put first");
    scenario_until_all_sleep();
    scenario_expect(other.completed == 1, "get has made room, but the blocked put does not return");
    scenario_expect(crawler_queue_put(queue, (void *)3), "put returns false although the queue is open");
    scenario_until_all_sleep();
    scenario_expect(other.completed == 2, "an item was put, but the blocked get does not return");
    scenario_expect(other.item == 3, "get does not return what was put last");
    scenario_expect(joiner.completed == 0, "join returns although the work on the items is not over");
    for (int i = 0; i < 3; i++)
        crawler_queue_task_done(queue);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    crawler_queue_free(queue);
}

/* ---- the crawler ---- */

/* Crawls the site from its first page on. */
static struct crawler_result crawl(const struct fake_page *pages, size_t count, unsigned gather, unsigned workers)
{
    struct crawler_result result = {77, 77, 77, 77};
    char start_url[sizeof FAKE_SITE + 40];
    fake_site_open(pages, count, gather);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    snprintf(start_url, sizeof start_url, FAKE_SITE "%s", pages[0].path);
    scenario_expect(crawler_crawl(start_url, workers, &result) == 0, "crawler_crawl returns -1 on a site that works");
    scenario_expect(
        fake_curl_opened() > 0,
        "crawler_crawl calls curl_global_cleanup, but whoever called curl_global_init does that: its caller.");
    curl_global_cleanup();
    for (size_t i = 0; i < count; i++) {
        scenario_expect(fake_site_visits(pages[i].path) > 0, "a page of the site is never visited");
        scenario_expect(fake_site_visits(pages[i].path) == 1,
                        "a page of the site is visited more than once: a visit is one request, whatever the answer.");
    }
    scenario_expect(
        fake_site_strangers() == 0,
        "something is asked for that is no address of the site: another site's (its scheme, host or port is "
        "another), or one to which no link leads (it stands in a body that is not to be searched, or is the "
        "Location of an answer outside 300 to 399).");
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
    static const char with_nul[] = "a\0b<a href=\"/here.html\">";
    static const struct fake_page pages[] = {
        {.path = "/here.html",
         .body = "<a href=\"/moved\"> <a href=\"/gone\"> <a href=\"/torn\"> <a href=\"/in/new.html\"> "
                 "<a href=\"" FAKE_OTHER "/away.html\">"},
        {.path = "/moved", .status = 307, .location = "in/new.html#part", .body = "<a href=\"/nowhere\">"},
        {.path = "/gone", .status = 404, .body = "<a href=\"/nowhere\">"},
        {.path = "/torn", .body = "<a href=\"/nowhere\"> and more that never comes", .broken = true},
        {.path = "/in/new.html", .body = with_nul, .length = sizeof with_nul - 1},
    };
    const struct crawler_result result = crawl(pages, 5, 0, 2);
    scenario_expect(result.pages == 2, "2 pages were visited, but another number is counted");
    scenario_expect(result.redirects == 1, "1 redirect was visited, but another number is counted");
    scenario_expect(result.errors == 2, "2 visits were errors, but another number is counted");
    scenario_expect(result.bytes == strlen(pages[0].body) + pages[4].length,
                    "the bytes are not the lengths of the bodies of all pages together");
}

SCENARIO(crawl_fetches_side_by_side)
{
    static const struct fake_page pages[] = {
        {.path = "/", .body = "<a href=\"hub.html\">"},
        {.path = "/hub.html", .body = "<a href=\"a.html\"> <a href=\"b.html\">"},
        {.path = "/a.html", .gathers = true}, /* is answered when c.html has been asked for, too */
        {.path = "/b.html", .body = "<a href=\"c.html\">"},
        {.path = "/c.html", .gathers = true},
    };
    scenario_expect(crawl(pages, 5, 2, 2).pages == 5, "5 pages were visited, but another number is counted");
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

/* ---- what is no matter of schedules ---- */

static struct crawler_result crawl_one(const struct fake_page *page)
{
    return crawl(page, 1, 0, 1);
}

static void check_statuses(void)
{
    static const int redirects[] = {300, 301, 302, 303, 304, 305, 307, 308}, pages[] = {200, 201, 203, 206};
    for (size_t i = 0; i < sizeof redirects / sizeof redirects[0]; i++) {
        const struct crawler_result result =
            crawl_one(&(struct fake_page){.path = "/", .status = redirects[i], .body = "<a href=\"/nowhere\">"});
        scenario_expect(result.redirects == 1 && result.pages + result.errors + result.bytes == 0,
                        "an answer with a status from 300 to 399 is a redirect and nothing else, with a Location or "
                        "without one.");
    }
    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
        const struct crawler_result result =
            crawl_one(&(struct fake_page){.path = "/", .status = pages[i], .body = "b", .location = "/nowhere"});
        scenario_expect(result.pages == 1 && result.bytes == 1 && result.redirects + result.errors == 0,
                        "an answer with a status from 200 to 299 whose body came is a page and nothing else.");
    }
}

/* Whatever the answer, it is asked for once: crawl_one looks at that. */
static void check_errors(void)
{
    static const int errors[] = {400, 401, 404, 408, 429, 500, 502, 503, 504};
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        const struct crawler_result result =
            crawl_one(&(struct fake_page){.path = "/", .status = errors[i], .body = "<a href=\"/nowhere\">"});
        scenario_expect(result.errors == 1 && result.pages + result.redirects + result.bytes == 0,
                        "an answer with a status from 400 on is an error and nothing else.");
    }
}

/* However the connection ends. */
static void check_reset(void)
{
    const struct crawler_result result =
        crawl_one(&(struct fake_page){.path = "/", .body = "<a href=\"/nowhere\"> and more", .reset = true});
    scenario_expect(result.errors == 1 && result.pages + result.redirects + result.bytes == 0,
                    "a connection is reset in the middle of a body with status 200 (curl_easy_perform returns "
                    "CURLE_RECV_ERROR): that is an error. Whatever is not CURLE_OK is no page.");
}

static void check_site(void)
{
    static const struct fake_page pages[] = {
        {.path = "/",
         .body = "<a href=\"" FAKE_SHOUT "/shout\"> <a href=\"" FAKE_OTHER "/port\"> <a href=\"" FAKE_TLS
                 "/tls\"> <a href=\"/Shout\">"},
        {.path = "/shout"},
        {.path = "/Shout"},
    };
    struct crawler_result result;
    fake_site_open(pages, 3, 0);
    crawler_crawl(FAKE_SITE "/", 1, &result);
    scenario_expect(fake_site_strangers() == 0, "the site is " FAKE_SITE ", and " FAKE_OTHER " or " FAKE_TLS
                                                " is asked: compare the scheme, the host and the whole port "
                                                "(links_same_site).");
    scenario_expect(fake_site_visits("/shout") == 1 || fake_site_visits("/Shout") == 0,
                    "a page of " FAKE_SITE " links to " FAKE_SHOUT ": that is the same site (links_same_site), but "
                    "it is not visited.");
    scenario_expect(fake_site_visits("/shout") == 1 && fake_site_visits("/Shout") == 1,
                    "/shout and /Shout are two pages: addresses are equal if their texts are (strcmp).");
}

/* One worker, so one handle and one set of buffers, if it keeps them. */
static void check_missing_location(void)
{
    static const struct fake_page pages[] = {
        {.path = "/", .body = "<a href=\"/a/first\"> <a href=\"/moved\"> <a href=\"/a/last\">"},
        {.path = "/a/first", .status = 304},
        {.path = "/moved", .status = 302, .location = "here.html"},
        {.path = "/a/last", .status = 304},
        {.path = "/here.html", .status = 301, .location = "/there.html", .small_letters = true},
        {.path = "/there.html"},
    };
    struct crawler_result result;
    fake_site_open(pages, 6, 0);
    crawler_crawl(FAKE_SITE "/", 1, &result);
    scenario_expect(
        fake_site_strangers() == 0,
        "a redirect without a Location leads nowhere, but one is followed, perhaps the one of the redirect before.");
    scenario_expect(fake_site_visits("/here.html") == 0 || fake_site_visits("/there.html") == 1,
                    "a redirect is not followed whose header says \"location:\" in small letters: the names of headers "
                    "are the same in capital and small letters (RFC 9110, 5.1).");
    scenario_expect(fake_site_visits("/here.html") == 1 && result.redirects == 4 && result.pages == 2,
                    "a site has redirects with a Location and without one: they are not counted or followed right.");
}

/* Alike, and not the same: for who compares less than the whole text, or a sum made of it (h * 33 + c, h * 31 + c). */
static void check_alike_addresses(void)
{
    static const char *const paths[] = {"/d",   "/d/",  "/d?x", "/d?y", "/d.html", "/pEz",
                                        "/pFY", "/pAa", "/pBB", "/ab",  "/ba"};
    enum { ALIKE = sizeof paths / sizeof *paths };
    static struct fake_page pages[ALIKE + 1];
    static char body[ALIKE * 24];
    struct crawler_result result;
    pages[0] = (struct fake_page){.path = "/", .body = body};
    for (int i = 0; i < ALIKE; i++) {
        sprintf(body + strlen(body), "<a href=\"%s\">", paths[i]);
        pages[i + 1] = (struct fake_page){.path = paths[i]};
    }
    fake_site_open(pages, ALIKE + 1, 0);
    crawler_crawl(FAKE_SITE "/", 1, &result);
    for (int i = 0; i < ALIKE; i++)
        scenario_expect(fake_site_visits(paths[i]) == 1,
                        "a page links to /d, /d/, /d?x and /d?y, to /pEz and /pFY and to others that are alike, and "
                        "not all of these are visited: addresses are equal if their texts are (strcmp).");
}

/* None of them is linked to but by the one before it. */
static void check_many_redirects(void)
{
    enum { REDIRECTS = 60 };
    static struct fake_page pages[REDIRECTS + 1];
    static char paths[REDIRECTS + 1][8];
    struct crawler_result result;
    for (int i = 0; i <= REDIRECTS; i++) {
        snprintf(paths[i], sizeof paths[i], "/r%d", i);
        pages[i] = (struct fake_page){.path = paths[i], .status = 302, .location = i < REDIRECTS ? paths[i + 1] : NULL};
    }
    fake_site_open(pages, REDIRECTS + 1, 0);
    crawler_crawl(FAKE_SITE "/r0", 1, &result);
    for (int i = 0; i <= REDIRECTS; i++)
        scenario_expect(fake_site_visits(paths[i]) == 1,
                        "a redirect leads to the next one, and so on, 60 times, and not all of them are visited: each "
                        "is an address as any other, however one came there.");
}

static void check_time(void)
{
    const struct crawler_result result = crawl_one(&(struct fake_page){.path = "/", .slow_ms = 9000});
    scenario_expect(result.pages == 1, "a page that takes 9 seconds is not counted: up to 10 seconds are no error.");
}

static void check_long_address(void)
{
    enum { LENGTH = 2200 };
    static char path[LENGTH + 1], body[LENGTH + 20];
    const struct fake_page pages[] = {{.path = "/", .body = body}, {.path = path}};
    struct crawler_result result;
    memset(path, 'a', LENGTH);
    path[0] = '/';
    snprintf(body, sizeof body, "<a href=\"%s\">", path);
    fake_site_open(pages, 2, 0);
    crawler_crawl(FAKE_SITE "/", 1, &result);
    scenario_expect(fake_site_visits(path) == 1 && fake_site_strangers() == 0,
                    "a link of 2200 characters is not visited as it stands: an address may have any length.");
}

/* Whoever has the calling thread fetch as well may do so alone. */
static void check_no_thread(void)
{
    const struct fake_page page = {.path = "/"};
    struct crawler_result result;
    fake_site_open(&page, 1, 0);
    scenario_limit_threads(0);
    const int status = crawler_crawl(FAKE_SITE "/", 2, &result);
    scenario_limit_threads(UINT_MAX);
    scenario_expect(status == -1 || (status == 0 && fake_site_visits("/") == 1),
                    "no thread can be started, the page is not visited, and crawler_crawl does not return -1.");
}

/* The second of three: that the third one is joined, too, is seen at the end of the scenario. */
static void check_missing_thread(void)
{
    scenario_miss_thread(2);
    crawl(&(struct fake_page){.path = "/"}, 1, 0, 3);
    scenario_miss_thread(0);
}

SCENARIO(crawl_takes_what_comes)
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
    check_no_thread();
    check_missing_thread();
    check_statuses();
    check_errors();
    check_reset();
    check_missing_location();
    check_site();
    check_alike_addresses();
    check_many_redirects();
    check_time();
    check_long_address();
    scenario_expect(crawl(pages, LINKS + 1, 0, 1).pages == LINKS + 1,
                    "all pages were visited, but not all are counted");
}
