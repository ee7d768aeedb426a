/*
 * crawler.h: the contract of lab03. You write crawler.c; this file stays as it is.
 *
 * A bounded first-in first-out queue that threads hand work through, and a crawler that uses it to visit
 * every page of a web site once, with several threads that wait for the network at the same time.
 */
#ifndef LAB_CRAWLER_H
#define LAB_CRAWLER_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The queue
 *
 * Items are pointers that the queue neither reads nor frees; NULL is an item like any other. Whoever puts
 * an item hands it over to whoever gets it; when a put fails the caller still has it.
 *
 * All functions but create and free may be called by any number of threads at the same time. A thread
 * that is blocked sleeps: it uses no CPU time and does not wake up at intervals to look.
 */
struct crawler_queue; /* yours to define, in crawler.c */

/* crawler_queue_create: a new, empty, open queue that holds at most `capacity` items (up to a million); 0
 * means without a bound. Returns NULL if memory ran out. The caller frees it with crawler_queue_free. Does not block. */
struct crawler_queue *crawler_queue_create(size_t capacity);

/* crawler_queue_put: appends `item`. While the queue is full and open it blocks. Returns true when the
 * item is in the queue; false, and the item is not in it, if the queue is closed, also when it is closed
 * while the call is blocked (or if memory ran out). */
bool crawler_queue_put(struct crawler_queue *queue, void *item);

/* crawler_queue_get: takes the item that was put first out of the queue and stores it in `*item`. While
 * the queue is empty and open it blocks. Returns true when it has an item. A closed queue still hands out
 * what is left in it; once it is closed and empty get returns false, also when it is closed while the
 * call is blocked; `*item` then means nothing. */
bool crawler_queue_get(struct crawler_queue *queue, void **item);

/* crawler_queue_task_done: says that the work on one item taken by get is over. Called once for each item
 * got, by any thread; calling it more often is an error of the caller. Does not block. */
void crawler_queue_task_done(struct crawler_queue *queue);

/* crawler_queue_join: blocks until task_done has been called for every item that was put; that the queue
 * is empty is not enough while someone still works on an item. Returns at once if there is none. Closing
 * the queue does not end it. Any number of threads may join at once, and all return; a queue may be used
 * and joined again afterwards. */
void crawler_queue_join(struct crawler_queue *queue);

/* crawler_queue_close: from now on put fails, and every thread that is blocked in put, or in get on the
 * empty queue, returns. Closing twice is the same as once. Does not block. */
void crawler_queue_close(struct crawler_queue *queue);

/* crawler_queue_free: frees the queue and all that belongs to it, not the items still in it. No other thread
 * may be in a function of the queue, or call one later. `queue` may be NULL: nothing happens. */
void crawler_queue_free(struct crawler_queue *queue);

/*
 * The crawler
 *
 * What is visited: the start address, and every address of the same site (links_same_site in links.h:
 * same scheme, host and port) that a visited page links to, each exactly once, however many links lead
 * there. To visit is to send one GET request; it is not repeated, whatever the answer (what libcurl sends
 * again by itself, over a connection that turns out to be closed, does not count). Other sites are never
 * asked. Addresses are compared in the form that links.h gives them, and the start address has that form
 * already.
 *
 * A visit counts as one of three things:
 *   page      status 200 to 299, and the whole body came. Its body is searched for links, whatever sort of
 *             text it is said to be (`Content-Type`).
 *   redirect  status 300 to 399. libcurl is not to follow it: the address in its `Location` is treated as
 *             a link, that is, resolved, and visited if it is on the same site and was not seen before.
 *             The body is not searched. (If it does not come whole, an error will do as well.)
 *   error     everything else: another status (404, 500, ...), no connection, a connection that closes
 *             before the whole body came. The body is not searched.
 */
struct crawler_result {
    unsigned long pages;     /* visits that were pages, empty ones too */
    unsigned long redirects; /* visits that were redirects; what they lead to counts for itself */
    unsigned long errors;    /* visits that were errors */
    unsigned long bytes;     /* length of the bodies of all pages together: no headers, no other bodies */
};

/* crawler_crawl: visits the site of `start_url` with `workers` threads (at least 1) and fills `*result`.
 *
 * At most `workers` requests are in progress at any moment, and all `workers` threads fetch as long as
 * enough addresses are waiting. There is no limit to the links of a page or the pages of a site, and no
 * number of links found may bring the workers to a halt.
 * A page that takes up to 10 seconds to answer is not an error.
 *
 * Blocks until every address is visited. Then nothing of it is left: threads are joined, connections
 * closed, memory freed. Returns 0, or -1 if no thread could be started (`*result` is then of no use, but
 * nothing is left either). If only some threads could be started, these do it all.
 * If no one answers at the start address, that is 1 error and the return is 0. What comes of a crawl for which
 * there is not enough memory is left open: links.h and seen.h leave out a link then, and do not tell.
 *
 * The caller has called curl_global_init(CURL_GLOBAL_DEFAULT) before, while it had only one thread, and
 * cleans up itself. Not to be called by two threads at once. */
int crawler_crawl(const char *start_url, unsigned workers, struct crawler_result *result);

#endif
