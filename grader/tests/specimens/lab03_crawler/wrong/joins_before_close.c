/* expect: tests hang; schedules lost-wake-up | crawler_crawl joins its workers before it closes the queue they wait at */
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
    struct crawler_queue *queue = calloc(1, sizeof *queue);
    if (queue == NULL)
        return NULL;
    queue->limit = capacity;
    queue->room = capacity > 0 ? capacity : 8;
    queue->slots = malloc(queue->room * sizeof *queue->slots);
    if (queue->slots == NULL) {
        free(queue);
        return NULL;
    }
    pthread_mutexattr_t attr;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ERRORCHECK);
    pthread_mutex_init(&queue->mutex, &attr);
    pthread_mutexattr_destroy(&attr);
    pthread_cond_init(&queue->put_ok, NULL);
    pthread_cond_init(&queue->get_ok, NULL);
    pthread_cond_init(&queue->idle, NULL);
    return queue;
}

/* Doubles the ring and lays it out straight. */
static bool grow(struct crawler_queue *queue)
{
    void **bigger = malloc(2 * queue->room * sizeof *bigger);
    if (bigger == NULL)
        return false;
    for (size_t i = 0; i < queue->used; i++)
        bigger[i] = queue->slots[(queue->first + i) % queue->room];
    free(queue->slots);
    queue->slots = bigger;
    queue->first = 0;
    queue->room *= 2;
    return true;
}

bool crawler_queue_put(struct crawler_queue *queue, void *item)
{
    bool ok;
    pthread_mutex_lock(&queue->mutex);
    while (!queue->closed && queue->limit > 0 && queue->used == queue->limit)
        pthread_cond_wait(&queue->put_ok, &queue->mutex);
    ok = !queue->closed && (queue->used < queue->room || grow(queue));
    if (ok) {
        queue->slots[(queue->first + queue->used++) % queue->room] = item;
        queue->open_tasks++;
        pthread_cond_signal(&queue->get_ok);
    }
    pthread_mutex_unlock(&queue->mutex);
    return ok;
}

bool crawler_queue_get(struct crawler_queue *queue, void **item)
{
    bool ok;
    pthread_mutex_lock(&queue->mutex);
    while (!queue->closed && queue->used == 0)
        pthread_cond_wait(&queue->get_ok, &queue->mutex);
    ok = queue->used > 0;
    if (ok) {
        *item = queue->slots[queue->first];
        queue->first = (queue->first + 1) % queue->room;
        queue->used--;
        pthread_cond_signal(&queue->put_ok);
    }
    pthread_mutex_unlock(&queue->mutex);
    return ok;
}

void crawler_queue_task_done(struct crawler_queue *queue)
{
    pthread_mutex_lock(&queue->mutex);
    if (--queue->open_tasks == 0)
        pthread_cond_broadcast(&queue->idle);
    pthread_mutex_unlock(&queue->mutex);
}

void crawler_queue_join(struct crawler_queue *queue)
{
    pthread_mutex_lock(&queue->mutex);
    while (queue->open_tasks > 0)
        pthread_cond_wait(&queue->idle, &queue->mutex);
    pthread_mutex_unlock(&queue->mutex);
}

void crawler_queue_close(struct crawler_queue *queue)
{
    pthread_mutex_lock(&queue->mutex);
    queue->closed = true;
    pthread_mutex_unlock(&queue->mutex);
    pthread_cond_broadcast(&queue->put_ok);
    pthread_cond_broadcast(&queue->get_ok);
}

void crawler_queue_free(struct crawler_queue *queue)
{
    if (queue == NULL)
        return;
    pthread_mutex_destroy(&queue->mutex);
    pthread_cond_destroy(&queue->put_ok);
    pthread_cond_destroy(&queue->get_ok);
    pthread_cond_destroy(&queue->idle);
    free(queue->slots);
    free(queue);
}

/* ---------- the crawler ---------- */

static struct {
    struct crawler_queue *queue;
    const char *site;
    struct seen *seen;
    struct crawler_result sum;
    pthread_mutex_t mutex; /* for seen and sum */
} job = {.mutex = PTHREAD_MUTEX_INITIALIZER};

typedef struct { char *p; size_t n; } text;

static size_t on_data(char *data, size_t one, size_t n, void *t_)
{
    text *t = t_;
    char *p = realloc(t->p, t->n + n * one + 1);
    if (!p) return 0;
    t->p = p;
    memcpy(t->p + t->n, data, n * one);
    t->n += n * one;
    return n * one;
}

static void enqueue(const char *url)
{
    bool is_new = false;
    if (links_same_site(job.site, url)) {
        pthread_mutex_lock(&job.mutex);
        is_new = seen_add(job.seen, url);
        pthread_mutex_unlock(&job.mutex);
    }
    if (is_new)
        crawler_queue_put(job.queue, strdup(url));
}

static void count(unsigned long *which, size_t bytes)
{
    pthread_mutex_lock(&job.mutex);
    ++*which;
    job.sum.bytes += bytes;
    pthread_mutex_unlock(&job.mutex);
}

static void crawl_one(CURL *c, char *url)
{
    text body = { NULL, 0 };
    long http = 0;
    char *to = NULL, *absolute;
    int ok;

    curl_easy_reset(c);
    curl_easy_setopt(c, CURLOPT_URL, url);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_data);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, &body);
    ok = curl_easy_perform(c) == CURLE_OK;
    curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &http);
    switch (ok ? http / 100 : 0) {
    case 2: {
        struct links l = links_find(url, body.p, body.n);
        for (size_t i = 0; i < l.count; i++)
            enqueue(l.urls[i]);
        links_free(&l);
        count(&job.sum.pages, body.n);
        break;
    }
    case 3:
        curl_easy_getinfo(c, CURLINFO_REDIRECT_URL, &to);
        if (to && (absolute = links_resolve(url, to))) {
            enqueue(absolute);
            free(absolute);
        }
        count(&job.sum.redirects, 0);
        break;
    default:
        count(&job.sum.errors, 0);
    }
    free(body.p);
}

static void *crawl_loop(void *c)
{
    void *url;
    while (crawler_queue_get(job.queue, &url)) {
        crawl_one(c, url);
        free(url);
        crawler_queue_task_done(job.queue);
    }
    return NULL;
}

int crawler_crawl(const char *start_url, unsigned workers, struct crawler_result *result)
{
    pthread_t *t = malloc(workers * sizeof *t);
    CURL **c = calloc(workers, sizeof *c);
    unsigned n = 0, i;

    job.queue = crawler_queue_create(0);
    job.seen = seen_create();
    job.site = start_url;
    memset(&job.sum, 0, sizeof job.sum);
    if (t && c && job.queue && job.seen) {
        enqueue(start_url);
        for (; n < workers; n++)
            if (!(c[n] = curl_easy_init()) || pthread_create(&t[n], NULL, crawl_loop, c[n]))
                break;
        if (n)
            crawler_queue_join(job.queue);
        for (i = 0; i < n; i++)
            pthread_join(t[i], NULL);
        crawler_queue_close(job.queue);
        for (i = 0; i < workers; i++)
            if (c[i])
                curl_easy_cleanup(c[i]);
        void *left;
        while (crawler_queue_get(job.queue, &left))
            free(left);
    }
    *result = job.sum;
    crawler_queue_free(job.queue);
    seen_free(job.seen);
    free(t);
    free(c);
    return n ? 0 : -1;
}
