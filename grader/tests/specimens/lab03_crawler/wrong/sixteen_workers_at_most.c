/* expect: tests crawl_has_no_limits | starts 16 threads at most, however many workers are asked for */
#define _GNU_SOURCE
#include "crawler.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "links.h"
#include "seen.h"

enum verdict { WAITING, SERVED, REFUSED };

typedef struct waiter {
    struct waiter *next;
    pthread_cond_t bell;
    enum verdict verdict;
    void *item; /* of a putter: what it brings; of a getter: what it was handed */
} waiter;

typedef struct line { /* of waiters, first come first served */
    waiter *front, *back;
} line;

struct crawler_queue {
    pthread_mutex_t lock;
    void **cells;
    size_t ncells, at, used, capacity;
    size_t pending;
    bool closed;
    line getters;  /* somebody only while the queue is empty and open */
    line putters;  /* somebody only while it is full and open */
    line joiners;  /* somebody only while pending > 0 */
};

static void line_up(line *l, waiter *w, pthread_mutex_t *lock)
{
    w->next = NULL;
    w->verdict = WAITING;
    if (l->front == NULL)
        l->front = w;
    else
        l->back->next = w;
    l->back = w;
    while (w->verdict == WAITING)
        pthread_cond_wait(&w->bell, lock);
    pthread_cond_destroy(&w->bell); /* it was rung under the lock, so nobody is at it any more */
}

static waiter *step_forward(line *l, enum verdict verdict)
{
    waiter *w = l->front;
    if (w != NULL) {
        l->front = w->next;
        w->verdict = verdict;
        pthread_cond_signal(&w->bell);
    }
    return w;
}

struct crawler_queue *crawler_queue_create(size_t capacity)
{
    struct crawler_queue *q = calloc(1, sizeof *q);
    if (!q)
        return NULL;
    q->capacity = capacity;
    q->ncells = capacity ? capacity : 8;
    q->cells = q->ncells > SIZE_MAX / sizeof *q->cells ? NULL : malloc(q->ncells * sizeof *q->cells);
    if (!q->cells || pthread_mutex_init(&q->lock, NULL)) {
        free(q->cells);
        free(q);
        return NULL;
    }
    return q;
}

static void store(struct crawler_queue *q, void *item)
{
    size_t end = q->at + q->used;
    if (end >= q->ncells)
        end -= q->ncells;
    q->cells[end] = item;
    q->used++;
}

static bool stretch(struct crawler_queue *q)
{
    const size_t n = q->ncells;
    if (n > SIZE_MAX / 2 / sizeof *q->cells)
        return false;
    void **cells = realloc(q->cells, 2 * n * sizeof *cells);
    if (!cells)
        return false;
    memcpy(cells + n, cells, q->at * sizeof *cells); /* what had gone round the end follows the end now */
    q->cells = cells;
    q->ncells = 2 * n;
    return true;
}

bool crawler_queue_put(struct crawler_queue *q, void *item)
{
    bool ok = true;
    pthread_mutex_lock(&q->lock);
    if (q->closed) {
        ok = false;
    } else if (q->getters.front) {
        q->pending++;
        q->getters.front->item = item;
        step_forward(&q->getters, SERVED);
    } else if (q->capacity && q->used == q->capacity) {
        waiter me = {.bell = PTHREAD_COND_INITIALIZER, .item = item};
        line_up(&q->putters, &me, &q->lock);
        ok = me.verdict == SERVED;
    } else if (q->used == q->ncells && !stretch(q)) {
        ok = false;
    } else {
        q->pending++;
        store(q, item);
    }
    pthread_mutex_unlock(&q->lock);
    return ok;
}

bool crawler_queue_get(struct crawler_queue *q, void **item)
{
    bool ok = true;
    pthread_mutex_lock(&q->lock);
    if (q->used) {
        *item = q->cells[q->at];
        q->at = q->at + 1 == q->ncells ? 0 : q->at + 1;
        q->used--;
        waiter *w = step_forward(&q->putters, SERVED);
        if (w) {
            q->pending++;
            store(q, w->item);
        }
    } else if (q->closed) {
        ok = false;
    } else {
        waiter me = {.bell = PTHREAD_COND_INITIALIZER, .item = NULL};
        line_up(&q->getters, &me, &q->lock);
        ok = me.verdict == SERVED;
        if (ok)
            *item = me.item;
    }
    pthread_mutex_unlock(&q->lock);
    return ok;
}

void crawler_queue_task_done(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->lock);
    if (--q->pending == 0)
        while (step_forward(&q->joiners, SERVED))
            ;
    pthread_mutex_unlock(&q->lock);
}

void crawler_queue_join(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->lock);
    if (q->pending) {
        waiter me = {.bell = PTHREAD_COND_INITIALIZER, .item = NULL};
        line_up(&q->joiners, &me, &q->lock);
    }
    pthread_mutex_unlock(&q->lock);
}

void crawler_queue_close(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->lock);
    q->closed = true;
    while (step_forward(&q->getters, REFUSED))
        ;
    while (step_forward(&q->putters, REFUSED))
        ;
    pthread_mutex_unlock(&q->lock);
}

void crawler_queue_free(struct crawler_queue *q)
{
    if (q) {
        pthread_mutex_destroy(&q->lock);
        free(q->cells);
        free(q);
    }
}

typedef struct crawl {
    const char *start;
    struct crawler_queue *queue;
    pthread_mutex_t lock;
    struct seen *seen;
    struct crawler_result result;
    atomic_bool broken;
} crawl;

typedef struct member { /* one worker of the chain */
    crawl *crawl;
    unsigned after_me; /* how many more are to be started */
} member;

typedef struct answer {
    char *body, *location;
    size_t length, room;
    bool no_memory;
} answer;

static size_t on_body(char *data, size_t size, size_t n, void *user)
{
    answer *a = user;
    size *= n;
    if (a->length + size > a->room) {
        size_t room = (a->length + size) * 2;
        char *grown = realloc(a->body, room);
        if (!grown) {
            a->no_memory = true;
            return 0;
        }
        a->body = grown;
        a->room = room;
    }
    if (size)
        memcpy(a->body + a->length, data, size);
    a->length += size;
    return size;
}

static size_t on_header(char *text, size_t size, size_t n, void *user)
{
    answer *a = user;
    size *= n;
    if (size >= 5 && memcmp(text, "HTTP/", 5) == 0) { /* after a 100 Continue it starts anew */
        free(a->location);
        a->location = NULL;
    } else if (size > 9 && strncasecmp(text, "location:", 9) == 0 && !a->location) {
        size_t from = 9, to = size;
        while (from < to && strchr(" \t\r\n", text[from]))
            from++;
        while (to > from && strchr(" \t\r\n", text[to - 1]))
            to--;
        a->location = strndup(text + from, to - from);
        if (!a->location) {
            a->no_memory = true;
            return 0;
        }
    }
    return size;
}

static void consider(crawl *c, char *url)
{
    if (!url)
        return;
    if (links_same_site(url, c->start)) {
        pthread_mutex_lock(&c->lock);
        const bool added = seen_add(c->seen, url);
        const bool known = added || c->seen->slots[seen_find(c->seen, url)] != NULL;
        pthread_mutex_unlock(&c->lock);
        if (added && crawler_queue_put(c->queue, url))
            return;
        if (added || !known)
            atomic_store(&c->broken, true);
    }
    free(url);
}

static void visit(crawl *c, CURL *curl, const char *url, answer *a)
{
    a->length = 0;
    free(a->location);
    a->location = NULL;
    CURLcode rc = curl_easy_setopt(curl, CURLOPT_URL, url);
    if (rc == CURLE_OK)
        rc = curl_easy_perform(curl);
    if (rc == CURLE_OUT_OF_MEMORY || a->no_memory) {
        atomic_store(&c->broken, true);
        return;
    }
    long status = -1;
    if (rc == CURLE_OK)
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);

    const int kind = status < 200 || status > 399 ? 0 : status < 300 ? 2 : 3;
    pthread_mutex_lock(&c->lock);
    switch (kind) {
    case 2:
        c->result.pages++;
        c->result.bytes += a->length;
        break;
    case 3:
        c->result.redirects++;
        break;
    default:
        c->result.errors++;
    }
    pthread_mutex_unlock(&c->lock);

    if (kind == 3 && a->location)
        consider(c, links_resolve(url, a->location));
    if (kind != 2)
        return;
    struct links found = links_find(url, a->length ? a->body : NULL, a->length);
    for (size_t i = 0; i < found.count; i++) {
        consider(c, found.urls[i]);
        found.urls[i] = NULL;
    }
    links_free(&found);
}

static void *worker(void *arg)
{
    const member *me = arg;
    crawl *c = me->crawl;
    member follower = {c, me->after_me - 1};
    pthread_t next;
    const bool has_next = me->after_me > 0 && pthread_create(&next, NULL, worker, &follower) == 0;

    answer a = {0};
    CURL *curl = curl_easy_init();
    if (curl) {
        curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, 1L);
        curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, 1L);
        curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, &a);
        curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
        curl_easy_setopt(curl, CURLOPT_HEADERDATA, &a);
    } else {
        atomic_store(&c->broken, true);
    }
    for (void *url; crawler_queue_get(c->queue, &url);) {
        if (curl && !atomic_load(&c->broken))
            visit(c, curl, url, &a);
        free(url);
        crawler_queue_task_done(c->queue);
    }
    curl_easy_cleanup(curl); /* NULL is allowed */
    free(a.body);
    free(a.location);
    if (has_next)
        pthread_join(next, NULL);
    return NULL;
}

int crawler_crawl(const char *start_url, unsigned workers, struct crawler_result *result)
{
    crawl c = {.start = start_url};
    int rc = -1;
    char *first = strdup(start_url);
    c.queue = crawler_queue_create(0);
    c.seen = seen_create();
    if (first && c.queue && c.seen && pthread_mutex_init(&c.lock, NULL) == 0) {
        if (workers > 16) /* more threads do not make it faster */
            workers = 16;
        member leader = {&c, workers - 1};
        pthread_t thread;
        if (pthread_create(&thread, NULL, worker, &leader) == 0) {
            consider(&c, first);
            first = NULL;
            crawler_queue_join(c.queue);
            crawler_queue_close(c.queue);
            pthread_join(thread, NULL);
            if (!atomic_load(&c.broken)) {
                *result = c.result;
                rc = 0;
            }
        }
        pthread_mutex_destroy(&c.lock);
    }
    free(first);
    seen_free(c.seen);
    crawler_queue_free(c.queue);
    return rc;
}
