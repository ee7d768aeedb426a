/* expect: schedules crawl_takes_what_comes | the set of addresses keeps their 32 bit hash (djb2) only: of two addresses with the same hash one is never visited */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "crawler.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "links.h"
#include "seen.h"

typedef struct Node {
    struct Node *next;
    void *item;
} Node;

struct crawler_queue {
    size_t capacity;
    atomic_size_t count;
    bool closed; /* written with both locks held, read with either */
    pthread_mutex_t headLock;
    pthread_cond_t notEmpty;
    Node *head; /* a dummy; the first item is in head->next */
    pthread_mutex_t tailLock;
    pthread_cond_t notFull;
    Node *last;
    pthread_mutex_t taskLock;
    pthread_cond_t allDone;
    size_t unfinished;
};

struct crawler_queue *crawler_queue_create(size_t capacity)
{
    struct crawler_queue *q = calloc(1, sizeof *q);
    Node *dummy = calloc(1, sizeof *dummy);
    if (q == NULL || dummy == NULL) {
        free(q);
        free(dummy);
        return NULL;
    }
    q->capacity = capacity;
    atomic_init(&q->count, 0);
    q->head = q->last = dummy;
    pthread_mutex_init(&q->headLock, NULL);
    pthread_mutex_init(&q->tailLock, NULL);
    pthread_mutex_init(&q->taskLock, NULL);
    pthread_cond_init(&q->notEmpty, NULL);
    pthread_cond_init(&q->notFull, NULL);
    pthread_cond_init(&q->allDone, NULL);
    return q;
}

bool crawler_queue_put(struct crawler_queue *q, void *item)
{
    Node *node = malloc(sizeof *node);
    if (node == NULL)
        return false;
    node->next = NULL;
    node->item = item;
    pthread_mutex_lock(&q->tailLock);
    while (!q->closed && q->capacity != 0 && atomic_load(&q->count) >= q->capacity)
        pthread_cond_wait(&q->notFull, &q->tailLock);
    if (q->closed) {
        pthread_mutex_unlock(&q->tailLock);
        free(node);
        return false;
    }
    pthread_mutex_lock(&q->taskLock);
    q->unfinished++;
    pthread_mutex_unlock(&q->taskLock);
    q->last->next = node;
    q->last = node;
    const size_t before = atomic_fetch_add(&q->count, 1);
    if (q->capacity != 0 && before + 1 < q->capacity)
        pthread_cond_signal(&q->notFull); /* pass it on */
    pthread_mutex_unlock(&q->tailLock);
    if (before == 0) {
        pthread_mutex_lock(&q->headLock);
        pthread_cond_signal(&q->notEmpty);
        pthread_mutex_unlock(&q->headLock);
    }
    return true;
}

bool crawler_queue_get(struct crawler_queue *q, void **item)
{
    pthread_mutex_lock(&q->headLock);
    while (atomic_load(&q->count) == 0) {
        if (q->closed) {
            pthread_mutex_unlock(&q->headLock);
            return false;
        }
        pthread_cond_wait(&q->notEmpty, &q->headLock);
    }
    Node *old = q->head, *first = old->next;
    q->head = first;
    *item = first->item;
    const size_t before = atomic_fetch_sub(&q->count, 1);
    if (before > 1)
        pthread_cond_signal(&q->notEmpty);
    pthread_mutex_unlock(&q->headLock);
    if (before == q->capacity) {
        pthread_mutex_lock(&q->tailLock);
        pthread_cond_signal(&q->notFull);
        pthread_mutex_unlock(&q->tailLock);
    }
    free(old);
    return true;
}

void crawler_queue_task_done(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->taskLock);
    if (--q->unfinished == 0)
        pthread_cond_broadcast(&q->allDone);
    pthread_mutex_unlock(&q->taskLock);
}

void crawler_queue_join(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->taskLock);
    while (q->unfinished != 0)
        pthread_cond_wait(&q->allDone, &q->taskLock);
    pthread_mutex_unlock(&q->taskLock);
}

void crawler_queue_close(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->tailLock);
    pthread_mutex_lock(&q->headLock);
    q->closed = true;
    pthread_cond_broadcast(&q->notEmpty);
    pthread_cond_broadcast(&q->notFull);
    pthread_mutex_unlock(&q->headLock);
    pthread_mutex_unlock(&q->tailLock);
}

void crawler_queue_free(struct crawler_queue *q)
{
    if (q == NULL)
        return;
    for (Node *n = q->head; n != NULL;) {
        Node *next = n->next;
        free(n);
        n = next;
    }
    pthread_cond_destroy(&q->notEmpty);
    pthread_cond_destroy(&q->notFull);
    pthread_cond_destroy(&q->allDone);
    pthread_mutex_destroy(&q->headLock);
    pthread_mutex_destroy(&q->tailLock);
    pthread_mutex_destroy(&q->taskLock);
    free(q);
}

/* ------------------------------------------------------------------ */

#define SHARDS 8

typedef struct {
    pthread_mutex_t lock;
    struct seen *set;
} Shard;

typedef struct {
    struct crawler_queue *queue;
    const char *start;
    Shard shards[SHARDS];
} Site;

typedef struct {
    pthread_t thread;
    Site *site;
    CURL *handle;
    struct crawler_result sum;
    char *body;
    size_t length, room;
} Worker;

static bool isNew(Site *site, const char *url)
{
    unsigned h = 5381;
    for (const char *c = url; *c; c++)
        h = h * 33 + (unsigned char)*c;
    char key[16]; /* saves memory */
    snprintf(key, sizeof key, "%08x", h);
    Shard *s = &site->shards[h % SHARDS];
    pthread_mutex_lock(&s->lock);
    const bool fresh = seen_add(s->set, key);
    pthread_mutex_unlock(&s->lock);
    return fresh;
}

/* takes over `url` */
static void offer(Site *site, char *url)
{
    if (url == NULL)
        return;
    if (!links_same_site(site->start, url) || !isNew(site, url) || !crawler_queue_put(site->queue, url))
        free(url);
}

static size_t collect(char *data, size_t size, size_t n, void *arg)
{
    Worker *w = arg;
    const size_t bytes = size * n;
    if (w->room - w->length < bytes) {
        const size_t room = 2 * w->room + bytes;
        char *more = realloc(w->body, room);
        if (more == NULL)
            return 0;
        w->body = more;
        w->room = room;
    }
    memcpy(w->body + w->length, data, bytes);
    w->length += bytes;
    return bytes;
}

static void visit(Worker *w, const char *url)
{
    long status = 0;
    w->length = 0;
    curl_easy_setopt(w->handle, CURLOPT_URL, url);
    curl_easy_setopt(w->handle, CURLOPT_WRITEDATA, w);
    const CURLcode code = curl_easy_perform(w->handle);
    curl_easy_getinfo(w->handle, CURLINFO_RESPONSE_CODE, &status);
    if (code != CURLE_OK || status < 200 || status > 399) {
        w->sum.errors++;
    } else if (status >= 300) {
        char *target = NULL;
        w->sum.redirects++;
        if (curl_easy_getinfo(w->handle, CURLINFO_REDIRECT_URL, &target) == CURLE_OK && target != NULL)
            offer(w->site, links_resolve(url, target));
    } else {
        w->sum.pages++;
        w->sum.bytes += w->length;
        struct links links = links_find(url, w->length > 0 ? w->body : NULL, w->length);
        for (size_t i = 0; i < links.count; i++) {
            offer(w->site, links.urls[i]);
            links.urls[i] = NULL;
        }
        links_free(&links);
    }
}

static void *work(void *arg)
{
    Worker *w = arg;
    void *url;
    while (crawler_queue_get(w->site->queue, &url)) {
        visit(w, url);
        free(url);
        crawler_queue_task_done(w->site->queue);
    }
    return NULL;
}

int crawler_crawl(const char *start_url, unsigned workers, struct crawler_result *result)
{
    Site site = {.start = start_url, .queue = crawler_queue_create(0)};
    bool ok = site.queue != NULL;
    for (int i = 0; i < SHARDS; i++) {
        pthread_mutex_init(&site.shards[i].lock, NULL);
        site.shards[i].set = seen_create();
        ok = ok && site.shards[i].set != NULL;
    }
    CURL *template = curl_easy_init();
    Worker *crew = calloc(workers, sizeof *crew);
    unsigned started = 0;
    if (ok && template != NULL && crew != NULL) {
        curl_easy_setopt(template, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(template, CURLOPT_WRITEFUNCTION, collect);
        for (unsigned i = 0; i < workers; i++) {
            Worker *w = &crew[started];
            w->site = &site;
            w->handle = curl_easy_duphandle(template);
            if (w->handle == NULL)
                continue;
            if (pthread_create(&w->thread, NULL, work, w) == 0) {
                started++;
            } else {
                curl_easy_cleanup(w->handle);
                w->handle = NULL;
            }
        }
    }
    curl_easy_cleanup(template);
    *result = (struct crawler_result){0};
    if (started > 0) {
        offer(&site, strdup(start_url));
        crawler_queue_join(site.queue);
        crawler_queue_close(site.queue);
    }
    for (unsigned i = 0; i < started; i++) {
        Worker *w = &crew[i];
        pthread_join(w->thread, NULL);
        result->pages += w->sum.pages;
        result->redirects += w->sum.redirects;
        result->errors += w->sum.errors;
        result->bytes += w->sum.bytes;
        curl_easy_cleanup(w->handle);
        free(w->body);
    }
    free(crew);
    for (int i = 0; i < SHARDS; i++) {
        pthread_mutex_destroy(&site.shards[i].lock);
        seen_free(site.shards[i].set);
    }
    crawler_queue_free(site.queue);
    return started > 0 ? 0 : -1;
}
