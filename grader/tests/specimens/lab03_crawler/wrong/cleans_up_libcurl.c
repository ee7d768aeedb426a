/* expect: schedules crawl_ | calls curl_global_cleanup, which is for whoever called curl_global_init */
#define _GNU_SOURCE
#include "crawler.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "links.h"
#include "seen.h"

enum { LANES = 8 };

typedef unsigned long long number;

struct cell {
    void *item;
    struct cell *next;
};

struct crawler_queue {
    pthread_mutex_t lock;
    pthread_cond_t getters[LANES], putters[LANES], idle;
    struct cell *first, **last;
    number put_tickets, get_tickets; /* drawn */
    number puts, gets;               /* carried out */
    number capacity, done;
    bool closed;
};

static inline bool has_room(const struct crawler_queue *q, number ticket)
{
    return q->capacity == 0 || ticket - q->gets < q->capacity;
}

struct crawler_queue *crawler_queue_create(size_t capacity)
{
    struct crawler_queue *q = calloc(1, sizeof *q);
    if (!q)
        return NULL;
    pthread_mutex_init(&q->lock, NULL);
    pthread_cond_init(&q->idle, NULL);
    for (int i = 0; i < LANES; i++) {
        pthread_cond_init(&q->getters[i], NULL);
        pthread_cond_init(&q->putters[i], NULL);
    }
    q->last = &q->first;
    q->capacity = capacity;
    return q;
}

bool crawler_queue_put(struct crawler_queue *q, void *item)
{
    struct cell *cell = malloc(sizeof *cell);
    if (!cell)
        return false;
    *cell = (struct cell){.item = item};
    pthread_mutex_lock(&q->lock);
    if (!q->closed) {
        const number ticket = q->put_tickets++;
        while (!q->closed && (ticket != q->puts || !has_room(q, ticket)))
            pthread_cond_wait(&q->putters[ticket % LANES], &q->lock);
    }
    const bool open = !q->closed;
    if (open) {
        *q->last = cell;
        q->last = &cell->next;
        pthread_cond_broadcast(&q->getters[q->puts++ % LANES]);
        pthread_cond_broadcast(&q->putters[q->puts % LANES]); /* the next in the line may have room, too */
    }
    pthread_mutex_unlock(&q->lock);
    if (!open)
        free(cell);
    return open;
}

bool crawler_queue_get(struct crawler_queue *q, void **item)
{
    pthread_mutex_lock(&q->lock);
    const number ticket = q->get_tickets++;
    while (!(ticket == q->gets && ticket < q->puts) && !(q->closed && ticket >= q->puts))
        pthread_cond_wait(&q->getters[ticket % LANES], &q->lock);
    if (ticket >= q->puts) {
        pthread_mutex_unlock(&q->lock);
        return false;
    }
    struct cell *cell = q->first;
    if (!(q->first = cell->next))
        q->last = &q->first;
    q->gets++;
    pthread_cond_broadcast(&q->getters[q->gets % LANES]);
    pthread_cond_broadcast(&q->putters[q->puts % LANES]);
    pthread_mutex_unlock(&q->lock);
    *item = cell->item;
    free(cell);
    return true;
}

void crawler_queue_task_done(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->lock);
    if (++q->done == q->puts)
        pthread_cond_broadcast(&q->idle);
    pthread_mutex_unlock(&q->lock);
}

void crawler_queue_join(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->lock);
    while (q->done != q->puts)
        pthread_cond_wait(&q->idle, &q->lock);
    pthread_mutex_unlock(&q->lock);
}

void crawler_queue_close(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->lock);
    q->closed = true;
    for (int i = 0; i < LANES; i++) {
        pthread_cond_broadcast(&q->getters[i]);
        pthread_cond_broadcast(&q->putters[i]);
    }
    pthread_mutex_unlock(&q->lock);
}

void crawler_queue_free(struct crawler_queue *q)
{
    if (!q)
        return;
    for (struct cell *next; q->first; q->first = next) {
        next = q->first->next;
        free(q->first);
    }
    for (int i = 0; i < LANES; i++) {
        pthread_cond_destroy(&q->getters[i]);
        pthread_cond_destroy(&q->putters[i]);
    }
    pthread_cond_destroy(&q->idle);
    pthread_mutex_destroy(&q->lock);
    free(q);
}

struct crawl {
    const char *start;
    struct crawler_queue *queue;
    atomic_ulong pending, pages, redirects, errors, bytes;
    atomic_bool oom;
    pthread_mutex_t seen_lock;
    struct seen *seen;
};

struct buffer {
    char *at;
    size_t used;
    struct crawl *crawl;
};

static size_t take(char *data, size_t one, size_t n, void *to)
{
    struct buffer *b = to;
    char *at = realloc(b->at, b->used + n * one + 1);
    if (!at) {
        b->crawl->oom = true;
        return 0;
    }
    b->at = memcpy(at + b->used, data, n * one) ? at : at;
    b->used += n * one;
    return n * one;
}

static void leave(struct crawl *c)
{
    if (atomic_fetch_sub(&c->pending, 1) == 1)
        crawler_queue_close(c->queue);
}

static void offer(struct crawl *c, const char *url)
{
    if (!links_same_site(c->start, url))
        return;
    pthread_mutex_lock(&c->seen_lock);
    const bool fresh = seen_add(c->seen, url);
    if (!fresh && !c->seen->slots[seen_find(c->seen, url)])
        c->oom = true;
    pthread_mutex_unlock(&c->seen_lock);
    if (!fresh)
        return;
    char *mine = strdup(url);
    atomic_fetch_add(&c->pending, 1);
    if (!mine || !crawler_queue_put(c->queue, mine)) {
        free(mine);
        c->oom = true;
        leave(c);
    }
}

static void *work(void *arg)
{
    struct crawl *c = arg;
    CURL *easy = curl_easy_init();
    if (!easy)
        c->oom = true;
    for (void *url; crawler_queue_get(c->queue, &url); free(url), leave(c)) {
        struct buffer body = {.crawl = c};
        long status = 0;
        char *where = NULL;
        if (!easy)
            continue;
        curl_easy_setopt(easy, CURLOPT_URL, url);
        curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take);
        curl_easy_setopt(easy, CURLOPT_WRITEDATA, &body);
        if (curl_easy_perform(easy) == CURLE_OK)
            curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
        switch (status / 100) {
        case 2: {
            struct links links = links_find(url, body.at, body.used);
            for (size_t i = 0; i < links.count; i++)
                offer(c, links.urls[i]);
            links_free(&links);
            c->pages++;
            c->bytes += body.used;
            break;
        }
        case 3:
            curl_easy_getinfo(easy, CURLINFO_REDIRECT_URL, &where);
            where = where ? links_resolve(url, where) : NULL;
            if (where)
                offer(c, where);
            free(where);
            c->redirects++;
            break;
        default:
            c->errors++;
        }
        free(body.at);
    }
    if (easy)
        curl_easy_cleanup(easy);
    return NULL;
}

int crawler_crawl(const char *start_url, unsigned workers, struct crawler_result *result)
{
    struct crawl c = {.start = start_url, .pending = 1, .seen_lock = PTHREAD_MUTEX_INITIALIZER};
    unsigned n = 0;
    pthread_t *ids = calloc(workers, sizeof *ids);
    c.queue = crawler_queue_create(0);
    c.seen = seen_create();
    if (ids && c.queue && c.seen) {
        while (n < workers && !pthread_create(&ids[n], NULL, work, &c))
            n++;
        if (n > 0)
            offer(&c, start_url);
        leave(&c);
        for (unsigned i = 0; i < n; i++)
            pthread_join(ids[i], NULL);
    }
    *result = (struct crawler_result){c.pages, c.redirects, c.errors, c.bytes};
    free(ids);
    seen_free(c.seen);
    crawler_queue_free(c.queue);
    pthread_mutex_destroy(&c.seen_lock);
    curl_global_cleanup();
    return n > 0 && !c.oom ? 0 : -1;
}
