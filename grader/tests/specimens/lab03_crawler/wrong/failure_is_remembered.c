/* expect: schedules crawl_takes_what_comes | the flag that the crawl failed is static and never cleared: after one -1 all crawls return -1 */
#define _GNU_SOURCE
#include "crawler.h"

#include <curl/curl.h>
#include <pthread.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "links.h"

struct crawler_queue {
    pthread_mutex_t mutex;
    pthread_cond_t room, item, done;
    void **ring;
    size_t size, head, count, capacity, unfinished;
    bool closed;
};

struct crawler_queue *crawler_queue_create(size_t capacity)
{
    struct crawler_queue *q = calloc(1, sizeof *q);
    if (q == NULL)
        return NULL;
    q->capacity = capacity;
    pthread_mutexattr_t attr;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&q->mutex, &attr);
    pthread_mutexattr_destroy(&attr);
    pthread_cond_init(&q->room, NULL);
    pthread_cond_init(&q->item, NULL);
    pthread_cond_init(&q->done, NULL);
    return q;
}

static bool grow(struct crawler_queue *q)
{
    const size_t size = q->size == 0 ? 8 : 2 * q->size;
    void **ring = calloc(size, sizeof *ring);
    if (ring == NULL)
        return false;
    for (size_t i = 0; i < q->count; i++)
        ring[i] = q->ring[(q->head + i) % q->size];
    free(q->ring);
    q->ring = ring;
    q->size = size;
    q->head = 0;
    return true;
}

bool crawler_queue_put(struct crawler_queue *q, void *item)
{
    pthread_mutex_lock(&q->mutex);
    while (!q->closed && q->capacity != 0 && q->count == q->capacity)
        pthread_cond_wait(&q->room, &q->mutex);
    const bool ok = !q->closed && (q->count < q->size || grow(q));
    if (ok) {
        q->ring[(q->head + q->count++) % q->size] = item;
        q->unfinished++;
        pthread_cond_signal(&q->item);
    } else
        pthread_cond_signal(&q->room);
    pthread_mutex_unlock(&q->mutex);
    return ok;
}

bool crawler_queue_get(struct crawler_queue *q, void **item)
{
    pthread_mutex_lock(&q->mutex);
    while (!q->closed && q->count == 0)
        pthread_cond_wait(&q->item, &q->mutex);
    const bool ok = q->count > 0;
    if (ok) {
        *item = q->ring[q->head];
        q->head = (q->head + 1) % q->size;
        q->count--;
        pthread_cond_signal(&q->room);
    }
    pthread_mutex_unlock(&q->mutex);
    return ok;
}

void crawler_queue_task_done(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->mutex);
    if (--q->unfinished == 0)
        pthread_cond_broadcast(&q->done);
    pthread_mutex_unlock(&q->mutex);
}

void crawler_queue_join(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->mutex);
    while (q->unfinished != 0)
        pthread_cond_wait(&q->done, &q->mutex);
    pthread_mutex_unlock(&q->mutex);
}

void crawler_queue_close(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->mutex);
    q->closed = true;
    pthread_cond_broadcast(&q->item);
    pthread_cond_broadcast(&q->room);
    pthread_mutex_unlock(&q->mutex);
}

void crawler_queue_free(struct crawler_queue *q)
{
    if (q == NULL)
        return;
    pthread_cond_destroy(&q->room);
    pthread_cond_destroy(&q->item);
    pthread_cond_destroy(&q->done);
    pthread_mutex_destroy(&q->mutex);
    free(q->ring);
    free(q);
}

struct crawl {
    const char *start;
    struct crawler_queue *queue;
    pthread_mutex_t mutex;
    void *tree; /* of the addresses seen */
    CURL *template;
    struct crawler_result result;
};

static bool failed; /* under the mutex of the crawl */

struct body {
    char *data;
    size_t length, size;
};

static size_t on_body(char *data, size_t size, size_t count, void *arg)
{
    struct body *body = arg;
    const size_t more = size * count;
    if (body->size - body->length < more) {
        const size_t bigger = 2 * body->size + more;
        char *grown = realloc(body->data, bigger);
        if (grown == NULL)
            return 0;
        body->data = grown;
        body->size = bigger;
    }
    memcpy(body->data + body->length, data, more);
    body->length += more;
    return more;
}

static int compare(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void add(struct crawl *c, const char *url)
{
    if (!links_same_site(url, c->start))
        return;
    char *copy = strdup(url); /* belongs to the tree, the queue borrows it */
    pthread_mutex_lock(&c->mutex);
    char **found = copy != NULL ? tsearch(copy, &c->tree, compare) : NULL;
    const bool fresh = found != NULL && *found == copy;
    if (found == NULL)
        failed = true;
    pthread_mutex_unlock(&c->mutex);
    if (!fresh)
        free(copy);
    else if (!crawler_queue_put(c->queue, copy)) {
        pthread_mutex_lock(&c->mutex);
        failed = true;
        pthread_mutex_unlock(&c->mutex);
    }
}

static void visit(struct crawl *c, CURL *curl, const char *url)
{
    struct body body = {NULL, 0, 0};
    struct crawler_result one = {0, 0, 0, 0};
    long status = 0;
    CURLcode code;
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &body);
    code = curl_easy_setopt(curl, CURLOPT_URL, url);
    if (code == CURLE_OK)
        code = curl_easy_perform(curl);
    if (code == CURLE_OK)
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    if (status >= 200 && status < 300) {
        struct links links = links_find(url, body.data, body.length);
        for (size_t i = 0; i < links.count; i++)
            add(c, links.urls[i]);
        links_free(&links);
        one.pages = 1;
        one.bytes = body.length;
    } else if (status >= 300 && status < 400) {
        char *location = NULL, *target;
        curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &location);
        target = location != NULL ? links_resolve(url, location) : NULL;
        if (target != NULL)
            add(c, target);
        free(target);
        one.redirects = 1;
    } else
        one.errors = 1;
    free(body.data);
    pthread_mutex_lock(&c->mutex);
    c->result.pages += one.pages;
    c->result.redirects += one.redirects;
    c->result.errors += one.errors;
    c->result.bytes += one.bytes;
    if (code == CURLE_OUT_OF_MEMORY || code == CURLE_WRITE_ERROR)
        failed = true;
    pthread_mutex_unlock(&c->mutex);
}

static void *worker(void *arg)
{
    struct crawl *c = arg;
    void *url;
    pthread_mutex_lock(&c->mutex); /* one at a time may copy it */
    CURL *curl = curl_easy_duphandle(c->template);
    pthread_mutex_unlock(&c->mutex);
    if (curl == NULL) {
        pthread_mutex_lock(&c->mutex);
        failed = true;
        pthread_mutex_unlock(&c->mutex);
    }
    while (crawler_queue_get(c->queue, &url)) {
        if (curl != NULL)
            visit(c, curl, url);
        crawler_queue_task_done(c->queue);
    }
    if (curl != NULL)
        curl_easy_cleanup(curl);
    return NULL;
}

int crawler_crawl(const char *start_url, unsigned workers, struct crawler_result *result)
{
    struct crawl c = {.start = start_url, .mutex = PTHREAD_MUTEX_INITIALIZER};
    unsigned started = 0;
    int answer = -1;
    pthread_t *threads = calloc(workers, sizeof *threads);
    c.queue = crawler_queue_create(0);
    c.template = curl_easy_init();
    if (threads == NULL || c.queue == NULL || c.template == NULL)
        goto cleanup;
    curl_easy_setopt(c.template, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c.template, CURLOPT_WRITEFUNCTION, on_body);
    while (started < workers && pthread_create(&threads[started], NULL, worker, &c) == 0)
        started++;
    if (started == 0)
        failed = true;
    if (failed)
        goto cleanup;
    add(&c, start_url);
    crawler_queue_join(c.queue);
    crawler_queue_close(c.queue);
    for (unsigned i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    answer = failed ? -1 : 0;
cleanup:
    *result = c.result;
    tdestroy(c.tree, free);
    if (c.template != NULL)
        curl_easy_cleanup(c.template);
    crawler_queue_free(c.queue);
    free(threads);
    pthread_mutex_destroy(&c.mutex);
    return answer;
}
