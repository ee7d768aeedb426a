/* expect: tests unbounded_keeps_the_order | an unbounded ring shrinks while its items go around its end, and loses the oldest */
/* Assignment 3: bounded queue and web crawler; the unbounded queue grows and gives memory back when it is drained. */
#define _GNU_SOURCE
#include "crawler.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "links.h"
#include "seen.h"

#define SMALLEST 64u

/* A ring of pointers without any locking. The room of a ring that may change is a power of two. */
struct ring
{
    void **slot;
    size_t room;
    size_t start;
    size_t used;
};

static bool ring_double(struct ring *r)
{
    void **slot = malloc(2 * r->room * sizeof(void *));
    if (slot == NULL)
        return false;
    for (size_t i = 0; i < r->used; i++)
        slot[i] = r->slot[(r->start + i) % r->room];
    free(r->slot);
    r->slot = slot;
    r->start = 0;
    r->room *= 2;
    return true;
}

/* Less than a quarter is in use: one half will do. */
static void ring_halve(struct ring *r)
{
    const size_t half = r->room / 2;
    const size_t end = (r->start + r->used) % r->room; /* one behind the newest */
    if (end > half)
    {
        /* not all is in the lower half yet */
        memmove(r->slot, r->slot + r->start, r->used * sizeof(void *));
        r->start = 0;
    }
    void **slot = realloc(r->slot, half * sizeof(void *));
    if (slot == NULL)
        return; /* then it stays as large as it is */
    r->slot = slot;
    r->room = half;
}

static void ring_push(struct ring *r, void *item)
{
    r->slot[(r->start + r->used) % r->room] = item;
    r->used++;
}

static void *ring_pop(struct ring *r)
{
    void *item = r->slot[r->start % r->room];
    r->start = (r->start + 1) % r->room;
    r->used--;
    return item;
}

struct crawler_queue
{
    pthread_mutex_t mtx;
    pthread_cond_t cv_put, cv_get, cv_join;
    struct ring ring;
    bool elastic;
    bool closed;
    unsigned long unfinished;
};

struct crawler_queue *crawler_queue_create(size_t capacity)
{
    struct crawler_queue *q = calloc(1, sizeof(struct crawler_queue));
    if (q == NULL)
        return NULL;
    q->elastic = capacity == 0;
    q->ring.room = q->elastic ? SMALLEST : capacity;
    q->ring.slot = malloc(q->ring.room * sizeof(void *));
    if (q->ring.slot == NULL)
    {
        free(q);
        return NULL;
    }
    pthread_mutex_init(&q->mtx, NULL);
    pthread_cond_init(&q->cv_put, NULL);
    pthread_cond_init(&q->cv_get, NULL);
    pthread_cond_init(&q->cv_join, NULL);
    return q;
}

bool crawler_queue_put(struct crawler_queue *q, void *item)
{
    bool result = false;
    pthread_mutex_lock(&q->mtx);
    while (!q->elastic && !q->closed && q->ring.used == q->ring.room)
        pthread_cond_wait(&q->cv_put, &q->mtx);
    if (q->closed)
        goto unlock;
    if (q->ring.used == q->ring.room && !ring_double(&q->ring))
        goto unlock;
    ring_push(&q->ring, item);
    q->unfinished++;
    pthread_cond_signal(&q->cv_get);
    result = true;
unlock:
    pthread_mutex_unlock(&q->mtx);
    return result;
}

bool crawler_queue_get(struct crawler_queue *q, void **item)
{
    bool result = false;
    pthread_mutex_lock(&q->mtx);
    while (q->ring.used == 0 && !q->closed)
        pthread_cond_wait(&q->cv_get, &q->mtx);
    if (q->ring.used > 0)
    {
        *item = ring_pop(&q->ring);
        if (q->elastic && q->ring.room > SMALLEST && q->ring.used < q->ring.room / 4)
            ring_halve(&q->ring);
        pthread_cond_signal(&q->cv_put);
        result = true;
    }
    pthread_mutex_unlock(&q->mtx);
    return result;
}

void crawler_queue_task_done(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->mtx);
    if (--q->unfinished == 0)
        pthread_cond_broadcast(&q->cv_join);
    pthread_mutex_unlock(&q->mtx);
}

void crawler_queue_join(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->mtx);
    while (q->unfinished > 0)
        pthread_cond_wait(&q->cv_join, &q->mtx);
    pthread_mutex_unlock(&q->mtx);
}

void crawler_queue_close(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->mtx);
    q->closed = true;
    pthread_cond_broadcast(&q->cv_get);
    pthread_cond_broadcast(&q->cv_put);
    pthread_mutex_unlock(&q->mtx);
}

void crawler_queue_free(struct crawler_queue *q)
{
    if (q == NULL)
        return;
    pthread_cond_destroy(&q->cv_join);
    pthread_cond_destroy(&q->cv_get);
    pthread_cond_destroy(&q->cv_put);
    pthread_mutex_destroy(&q->mtx);
    free(q->ring.slot);
    free(q);
}

/*
 * Part 2
 */

struct crawler
{
    const char *start_url;
    struct crawler_queue *queue;
    struct seen *seen;
    pthread_mutex_t seen_mtx;
    struct crawler_result result;
    pthread_mutex_t result_mtx;
    int status;
    pthread_mutex_t status_mtx;
};

struct reply
{
    char *data;
    size_t size;
};

static void crawler_fail(struct crawler *c)
{
    pthread_mutex_lock(&c->status_mtx);
    c->status = -1;
    pthread_mutex_unlock(&c->status_mtx);
}

static size_t reply_append(char *data, size_t size, size_t nmemb, void *arg)
{
    struct reply *reply = arg;
    char *p = realloc(reply->data, reply->size + size * nmemb + 1);
    if (p == NULL)
        return 0;
    memcpy(p + reply->size, data, size * nmemb);
    reply->data = p;
    reply->size += size * nmemb;
    return size * nmemb;
}

static void crawler_add(struct crawler *c, const char *url)
{
    if (!links_same_site(c->start_url, url))
        return;
    pthread_mutex_lock(&c->seen_mtx);
    bool fresh = seen_add(c->seen, url);
    pthread_mutex_unlock(&c->seen_mtx);
    if (!fresh)
        return;
    char *s = strdup(url);
    if (s == NULL)
    {
        crawler_fail(c);
        return;
    }
    if (!crawler_queue_put(c->queue, s))
    {
        free(s);
        crawler_fail(c);
    }
}

static void crawler_add_links(struct crawler *c, const char *base, const struct reply *reply)
{
    struct links found = links_find(base, reply->data, reply->size);
    for (size_t i = 0; i < found.count; i++)
        crawler_add(c, found.urls[i]);
    links_free(&found);
}

static void crawler_visit(struct crawler *c, CURL *easy, const char *url)
{
    struct reply reply = {NULL, 0};
    char *next = NULL;
    long code = 0;

    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &reply);
    CURLcode err = curl_easy_perform(easy);
    if (err == CURLE_WRITE_ERROR)
        crawler_fail(c); /* only reply_append's memory can be the reason */
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &code);

    if (code >= 300 && code <= 399)
    {
        curl_easy_getinfo(easy, CURLINFO_REDIRECT_URL, &next);
        if (next != NULL)
            next = links_resolve(url, next);
        if (next != NULL)
            crawler_add(c, next);
        free(next);
        pthread_mutex_lock(&c->result_mtx);
        c->result.redirects++;
        pthread_mutex_unlock(&c->result_mtx);
    }
    else if (err == CURLE_OK && code >= 200 && code <= 299)
    {
        crawler_add_links(c, url, &reply);
        pthread_mutex_lock(&c->result_mtx);
        c->result.pages++;
        c->result.bytes += reply.size;
        pthread_mutex_unlock(&c->result_mtx);
    }
    else
    {
        pthread_mutex_lock(&c->result_mtx);
        c->result.errors++;
        pthread_mutex_unlock(&c->result_mtx);
    }
    free(reply.data);
}

static void *crawler_thread(void *arg)
{
    struct crawler *c = arg;
    void *url = NULL;
    CURL *easy = curl_easy_init();
    if (easy == NULL)
        crawler_fail(c);
    else
    {
        curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, reply_append);
        curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    }
    while (crawler_queue_get(c->queue, &url))
    {
        if (easy != NULL)
            crawler_visit(c, easy, url);
        free(url);
        crawler_queue_task_done(c->queue);
    }
    if (easy != NULL)
        curl_easy_cleanup(easy);
    return NULL;
}

int crawler_crawl(const char *start_url, unsigned workers, struct crawler_result *result)
{
    struct crawler c = {.start_url = start_url, .status = -1};
    pthread_t *threads = malloc(workers * sizeof(pthread_t));
    unsigned n = 0;

    c.queue = crawler_queue_create(0);
    c.seen = seen_create();
    pthread_mutex_init(&c.seen_mtx, NULL);
    pthread_mutex_init(&c.result_mtx, NULL);
    pthread_mutex_init(&c.status_mtx, NULL);
    if (threads != NULL && c.queue != NULL && c.seen != NULL)
    {
        c.status = 0;
        for (n = 0; n < workers; n++)
            if (pthread_create(&threads[n], NULL, crawler_thread, &c) != 0)
                break;
        if (n == 0)
            c.status = -1;
        else
        {
            crawler_add(&c, start_url);
            crawler_queue_join(c.queue);
        }
        crawler_queue_close(c.queue);
        for (unsigned i = 0; i < n; i++)
            pthread_join(threads[i], NULL);
    }
    *result = c.result;
    free(threads);
    seen_free(c.seen);
    crawler_queue_free(c.queue);
    pthread_mutex_destroy(&c.status_mtx);
    pthread_mutex_destroy(&c.result_mtx);
    pthread_mutex_destroy(&c.seen_mtx);
    return c.status;
}
