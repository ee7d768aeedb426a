/* expect: right | no pthread in the queue: a lock of three states and one word of events, both futexes; bits say whom a wake-up is for */
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

/* Nothing of pthread in the queue. The lock has three states: free, taken, taken and somebody sleeps. Events are one
 * word that counts them; whoever sleeps there says by a bit what for, and a wake-up says by a bit whom it is for. */
enum { ROOM = 1, ITEM = 2, DONE = 4 };

struct crawler_queue {
    atomic_uint lock, events;
    void **pages[24]; /* page p has 64 << p slots */
    size_t put, got, done, capacity;
    bool closed;
};

static void take(struct crawler_queue *q)
{
    unsigned was = 0;
    if (atomic_compare_exchange_strong(&q->lock, &was, 1))
        return;
    while (atomic_exchange(&q->lock, 2) != 0)
        syscall(SYS_futex, &q->lock, FUTEX_WAIT_PRIVATE, 2, NULL, NULL, 0);
}

static void give(struct crawler_queue *q)
{
    if (atomic_exchange(&q->lock, 0) == 2)
        syscall(SYS_futex, &q->lock, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void sleep_for(struct crawler_queue *q, unsigned bit)
{
    const unsigned seen = atomic_load(&q->events);
    give(q);
    syscall(SYS_futex, &q->events, FUTEX_WAIT_BITSET_PRIVATE, seen, NULL, NULL, bit);
    take(q);
}

static void tell(struct crawler_queue *q, unsigned bits)
{
    atomic_fetch_add(&q->events, 1);
    syscall(SYS_futex, &q->events, FUTEX_WAKE_BITSET_PRIVATE, INT_MAX, NULL, NULL, bits);
}

/* Where number `n` of all items ever put stands in a ring whose size is the capacity, or, without one, for ever. */
static void **slot(struct crawler_queue *q, size_t n)
{
    size_t page = 0;
    if (q->capacity > 0)
        n %= q->capacity;
    while (page < 24 && n >= ((size_t)64 << page))
        n -= (size_t)64 << page++;
    if (page == 24)
        return NULL;
    if (q->pages[page] == NULL)
        q->pages[page] = malloc(((size_t)64 << page) * sizeof(void *));
    return q->pages[page] != NULL ? &q->pages[page][n] : NULL;
}

struct crawler_queue *crawler_queue_create(size_t capacity)
{
    struct crawler_queue *q = calloc(1, sizeof *q);
    if (q != NULL)
        q->capacity = capacity;
    return q;
}

bool crawler_queue_put(struct crawler_queue *q, void *item)
{
    bool in = false;
    take(q);
    while (!q->closed && q->capacity > 0 && q->put - q->got == q->capacity)
        sleep_for(q, ROOM);
    if (!q->closed) {
        if (q->put == q->got && q->capacity == 0 && q->put > 0 && q->done == q->put)
            q->put = q->got = q->done = 0; /* from the start again */
        void **place = slot(q, q->put);
        if (place != NULL) {
            *place = item;
            q->put++;
            in = true;
            tell(q, ITEM);
        }
    }
    give(q);
    return in;
}

bool crawler_queue_get(struct crawler_queue *q, void **item)
{
    take(q);
    while (!q->closed && q->put == q->got)
        sleep_for(q, ITEM);
    const bool out = q->put != q->got;
    if (out) {
        *item = *slot(q, q->got++);
        tell(q, ROOM);
    }
    give(q);
    return out;
}

void crawler_queue_task_done(struct crawler_queue *q)
{
    take(q);
    if (++q->done == q->put)
        tell(q, DONE);
    give(q);
}

void crawler_queue_join(struct crawler_queue *q)
{
    take(q);
    while (q->done != q->put)
        sleep_for(q, DONE);
    give(q);
}

void crawler_queue_close(struct crawler_queue *q)
{
    take(q);
    q->closed = true;
    tell(q, ROOM | ITEM);
    give(q);
}

void crawler_queue_free(struct crawler_queue *q)
{
    if (q == NULL)
        return;
    for (size_t i = 0; i < 24; i++)
        free(q->pages[i]);
    free(q);
}

struct crawl {
    struct crawler_queue *todo;
    const char *start;
    pthread_mutex_t lock;
    struct seen *seen; /* guarded by lock */
};

struct worker {
    struct crawl *crawl;
    CURL *curl;
    char *body;
    size_t length, room;
    struct crawler_result own; /* added up when it has ended */
    pthread_t thread;
};

static size_t keep(char *data, size_t size, size_t count, void *argument)
{
    struct worker *w = argument;
    const size_t more = size * count;
    if (w->length + more > w->room) {
        const size_t room = 2 * (w->length + more);
        char *bigger = realloc(w->body, room);
        if (bigger == NULL)
            return 0;
        w->body = bigger;
        w->room = room;
    }
    memcpy(w->body + w->length, data, more);
    w->length += more;
    return more;
}

static void found(struct crawl *crawl, const char *url)
{
    if (!links_same_site(url, crawl->start))
        return;
    pthread_mutex_lock(&crawl->lock);
    const bool fresh = seen_add(crawl->seen, url);
    pthread_mutex_unlock(&crawl->lock);
    char *copy = fresh ? strdup(url) : NULL;
    if (copy != NULL && !crawler_queue_put(crawl->todo, copy))
        free(copy);
}

static void visit(struct worker *w, const char *url)
{
    long status = 0;
    char *location = NULL;
    w->length = 0;
    curl_easy_setopt(w->curl, CURLOPT_URL, url);
    const CURLcode code = curl_easy_perform(w->curl);
    curl_easy_getinfo(w->curl, CURLINFO_RESPONSE_CODE, &status);
    if (code != CURLE_OK || status < 200 || status > 399) {
        w->own.errors++;
    } else if (status < 300) {
        w->own.pages++;
        w->own.bytes += w->length;
        struct links links = links_find(url, w->body, w->length);
        for (size_t i = 0; i < links.count; i++)
            found(w->crawl, links.urls[i]);
        links_free(&links);
    } else {
        w->own.redirects++;
        curl_easy_getinfo(w->curl, CURLINFO_REDIRECT_URL, &location);
        char *target = location != NULL ? links_resolve(url, location) : NULL;
        if (target != NULL)
            found(w->crawl, target);
        free(target);
    }
}

static void *work(void *argument)
{
    struct worker *w = argument;
    void *url;
    while (crawler_queue_get(w->crawl->todo, &url)) {
        visit(w, url);
        free(url);
        crawler_queue_task_done(w->crawl->todo);
    }
    curl_easy_cleanup(w->curl);
    free(w->body);
    return NULL;
}

static bool start(struct worker *w, struct crawl *crawl)
{
    *w = (struct worker){.crawl = crawl, .curl = curl_easy_init()};
    if (w->curl == NULL)
        return false;
    curl_easy_setopt(w->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(w->curl, CURLOPT_WRITEFUNCTION, keep);
    curl_easy_setopt(w->curl, CURLOPT_WRITEDATA, w);
    if (pthread_create(&w->thread, NULL, work, w) == 0)
        return true;
    curl_easy_cleanup(w->curl);
    return false;
}

int crawler_crawl(const char *start_url, unsigned workers, struct crawler_result *result)
{
    struct crawl crawl = {.todo = crawler_queue_create(0), .start = start_url, .seen = seen_create()};
    struct worker *team = calloc(workers, sizeof *team);
    unsigned started = 0;
    memset(result, 0, sizeof *result);
    pthread_mutex_init(&crawl.lock, NULL);
    if (crawl.todo != NULL && crawl.seen != NULL && team != NULL) {
        found(&crawl, start_url);
        while (started < workers && start(&team[started], &crawl))
            started++;
        if (started > 0)
            crawler_queue_join(crawl.todo);
        crawler_queue_close(crawl.todo);
    }
    for (unsigned i = 0; i < started; i++) {
        pthread_join(team[i].thread, NULL);
        result->pages += team[i].own.pages;
        result->redirects += team[i].own.redirects;
        result->errors += team[i].own.errors;
        result->bytes += team[i].own.bytes;
    }
    void *left;
    if (started == 0 && crawl.todo != NULL)
        while (crawler_queue_get(crawl.todo, &left))
            free(left);
    pthread_mutex_destroy(&crawl.lock);
    seen_free(crawl.seen);
    crawler_queue_free(crawl.todo);
    free(team);
    return started > 0 ? 0 : -1;
}
