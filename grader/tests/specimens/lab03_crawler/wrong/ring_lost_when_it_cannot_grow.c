/* expect: tests memory_may_run_out | realloc gives NULL when there is no memory, and the only pointer to the ring is overwritten */
#include "crawler.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "links.h"
#include "seen.h"

struct crawler_queue {
    pthread_mutex_t mutex;
    pthread_cond_t put_ok, get_ok, idle;
    void **slots;
    size_t first, used, room;
    size_t limit; /* 0: grows as needed */
    size_t open_tasks;
    bool closed;
};

struct crawler_queue *crawler_queue_create(size_t capacity)
{
    struct crawler_queue *q = calloc(1, sizeof *q);
    if (q == NULL)
        return NULL;
    q->limit = capacity;
    q->room = capacity > 0 ? capacity : 8;
    q->slots = malloc(q->room * sizeof *q->slots);
    if (q->slots == NULL) {
        free(q);
        return NULL;
    }
    pthread_mutexattr_t attr;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ERRORCHECK);
    pthread_mutex_init(&q->mutex, &attr);
    pthread_mutexattr_destroy(&attr);
    pthread_cond_init(&q->put_ok, NULL);
    pthread_cond_init(&q->get_ok, NULL);
    pthread_cond_init(&q->idle, NULL);
    return q;
}

/* Doubles the ring and lays it out straight. */
static bool grow(struct crawler_queue *q)
{
    const size_t at_end = q->room - q->first;
    q->slots = realloc(q->slots, 2 * q->room * sizeof *q->slots);
    if (q->slots == NULL)
        return false;
    if (q->first + q->used > q->room) { /* the part up to the seam moves to the new end */
        memmove(&q->slots[2 * q->room - at_end], &q->slots[q->first], at_end * sizeof *q->slots);
        q->first += q->room;
    }
    q->room *= 2;
    return true;
}

bool crawler_queue_put(struct crawler_queue *q, void *item)
{
    bool ok;
    pthread_mutex_lock(&q->mutex);
    while (!q->closed && q->limit > 0 && q->used == q->limit)
        pthread_cond_wait(&q->put_ok, &q->mutex);
    ok = !q->closed && (q->used < q->room || grow(q));
    if (ok) {
        q->slots[(q->first + q->used++) % q->room] = item;
        q->open_tasks++;
        pthread_cond_signal(&q->get_ok);
    }
    pthread_mutex_unlock(&q->mutex);
    return ok;
}

bool crawler_queue_get(struct crawler_queue *q, void **item)
{
    bool ok;
    pthread_mutex_lock(&q->mutex);
    while (!q->closed && q->used == 0)
        pthread_cond_wait(&q->get_ok, &q->mutex);
    ok = q->used > 0;
    if (ok) {
        *item = q->slots[q->first];
        q->first = (q->first + 1) % q->room;
        q->used--;
        pthread_cond_signal(&q->put_ok);
    }
    pthread_mutex_unlock(&q->mutex);
    return ok;
}

void crawler_queue_task_done(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->mutex);
    if (--q->open_tasks == 0)
        pthread_cond_broadcast(&q->idle);
    pthread_mutex_unlock(&q->mutex);
}

void crawler_queue_join(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->mutex);
    while (q->open_tasks > 0)
        pthread_cond_wait(&q->idle, &q->mutex);
    pthread_mutex_unlock(&q->mutex);
}

void crawler_queue_close(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->mutex);
    q->closed = true;
    pthread_mutex_unlock(&q->mutex);
    pthread_cond_broadcast(&q->put_ok);
    pthread_cond_broadcast(&q->get_ok);
}

void crawler_queue_free(struct crawler_queue *q)
{
    if (q == NULL)
        return;
    pthread_mutex_destroy(&q->mutex);
    pthread_cond_destroy(&q->put_ok);
    pthread_cond_destroy(&q->get_ok);
    pthread_cond_destroy(&q->idle);
    free(q->slots);
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
