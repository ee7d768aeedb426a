/* expect: tests woken_getter; schedules data-race | waits under the lock, but changes the ring after giving it back */
#include "crawler.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "links.h"
#include "seen.h"

/*
 * Critical sections should be as short as possible, so the lock is only held for the waiting. Slots are taken
 * and filled outside.
 */
struct crawler_queue {
    void **slot;
    unsigned long head, tail; /* items are slot[head % slots] ... slot[(tail - 1) % slots] */
    unsigned long slots, capacity;
    long pending;
    int closed;
    pthread_mutex_t lock;
    pthread_cond_t cond;
};

#define LOCK(q) pthread_mutex_lock(&(q)->lock)
#define UNLOCK(q) pthread_mutex_unlock(&(q)->lock)
#define WAKE_ALL(q) pthread_cond_broadcast(&(q)->cond)
#define WAIT_WHILE(q, condition) while (condition) pthread_cond_wait(&(q)->cond, &(q)->lock)

struct crawler_queue *crawler_queue_create(size_t capacity)
{
    struct crawler_queue *q = calloc(1, sizeof(*q));
    if (q == NULL)
        return NULL;
    q->capacity = capacity;
    q->slots = capacity > 0 ? capacity : 1UL << 15; /* grows when there are more */
    q->slot = malloc(q->slots * sizeof(*q->slot));
    if (q->slot == NULL) {
        free(q);
        return NULL;
    }
    pthread_mutex_init(&q->lock, NULL);
    pthread_cond_init(&q->cond, NULL);
    return q;
}

static void grow(struct crawler_queue *q)
{
    void **old = q->slot;
    unsigned long n = 0;
    q->slot = malloc(2 * q->slots * sizeof(*q->slot));
    while (q->head != q->tail)
        q->slot[n++] = old[q->head++ % q->slots];
    q->head = 0;
    q->tail = n;
    q->slots *= 2;
    free(old);
}

bool crawler_queue_put(struct crawler_queue *q, void *item)
{
    LOCK(q);
    WAIT_WHILE(q, !q->closed && q->capacity > 0 && q->tail - q->head >= q->capacity);
    int closed = q->closed;
    UNLOCK(q);
    if (closed)
        return false;
    if (q->tail - q->head == q->slots)
        grow(q);
    q->slot[q->tail % q->slots] = item;
    q->tail++;
    LOCK(q);
    q->pending++;
    WAKE_ALL(q);
    UNLOCK(q);
    return true;
}

bool crawler_queue_get(struct crawler_queue *q, void **item)
{
    LOCK(q);
    WAIT_WHILE(q, !q->closed && q->tail == q->head);
    UNLOCK(q);
    if (q->tail == q->head)
        return false;
    *item = q->slot[q->head % q->slots];
    q->head++;
    LOCK(q);
    WAKE_ALL(q);
    UNLOCK(q);
    return true;
}

void crawler_queue_task_done(struct crawler_queue *q)
{
    LOCK(q);
    q->pending--;
    WAKE_ALL(q);
    UNLOCK(q);
}

void crawler_queue_join(struct crawler_queue *q)
{
    LOCK(q);
    WAIT_WHILE(q, q->pending > 0);
    UNLOCK(q);
}

void crawler_queue_close(struct crawler_queue *q)
{
    LOCK(q);
    q->closed = 1;
    WAKE_ALL(q);
    UNLOCK(q);
}

void crawler_queue_free(struct crawler_queue *q)
{
    if (q != NULL) {
        pthread_cond_destroy(&q->cond);
        pthread_mutex_destroy(&q->lock);
        free(q->slot);
        free(q);
    }
}

struct job {
    const char *root;
    struct crawler_queue *queue;
    pthread_mutex_t lock; /* seen, result */
    struct seen *seen;
    struct crawler_result result;
};

struct buffer {
    char *start;
    size_t length;
};

static size_t append(char *from, size_t size, size_t number, void *context)
{
    struct buffer *buffer = context;
    const size_t length = buffer->length + size * number;
    char *start = realloc(buffer->start, length);
    if (start == NULL)
        return 0;
    memcpy(start + buffer->length, from, size * number);
    *buffer = (struct buffer){start, length};
    return size * number;
}

static void queue_if_new(struct job *job, const char *url)
{
    if (url == NULL || !links_same_site(job->root, url))
        return;
    LOCK(job);
    const bool fresh = seen_add(job->seen, url);
    UNLOCK(job);
    if (fresh)
        crawler_queue_put(job->queue, strdup(url));
}

enum outcome { PAGE, REDIRECT, ERROR };

static enum outcome get_page(CURL *curl, const char *url, struct buffer *buffer)
{
    long status = 0;
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, buffer);
    if (curl_easy_perform(curl) != CURLE_OK)
        return ERROR;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    return status < 200 || status > 399 ? ERROR : status < 300 ? PAGE : REDIRECT;
}

static void *work(void *context)
{
    struct job *job = context;
    CURL *curl = curl_easy_init();
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, append);
    void *url;
    while (crawler_queue_get(job->queue, &url)) {
        struct buffer buffer = {NULL, 0};
        struct links links = {NULL, 0};
        char *location = NULL;
        const enum outcome outcome = get_page(curl, url, &buffer);
        if (outcome == PAGE)
            links = links_find(url, buffer.start, buffer.length);
        for (size_t i = 0; i < links.count; i++)
            queue_if_new(job, links.urls[i]);
        links_free(&links);
        if (outcome == REDIRECT && curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &location) == CURLE_OK && location) {
            char *target = links_resolve(url, location);
            queue_if_new(job, target);
            free(target);
        }
        LOCK(job);
        job->result.pages += outcome == PAGE;
        job->result.bytes += outcome == PAGE ? buffer.length : 0;
        job->result.redirects += outcome == REDIRECT;
        job->result.errors += outcome == ERROR;
        UNLOCK(job);
        free(buffer.start);
        free(url);
        crawler_queue_task_done(job->queue);
    }
    curl_easy_cleanup(curl);
    return NULL;
}

int crawler_crawl(const char *start_url, unsigned workers, struct crawler_result *result)
{
    struct job job = {.root = start_url, .queue = crawler_queue_create(0), .seen = seen_create()};
    pthread_t thread[workers];
    pthread_mutex_init(&job.lock, NULL);
    queue_if_new(&job, start_url);
    for (unsigned i = 0; i < workers; i++)
        if (pthread_create(&thread[i], NULL, work, &job) != 0)
            abort();
    crawler_queue_join(job.queue);
    crawler_queue_close(job.queue);
    for (unsigned i = 0; i < workers; i++)
        pthread_join(thread[i], NULL);
    *result = job.result;
    pthread_mutex_destroy(&job.lock);
    seen_free(job.seen);
    crawler_queue_free(job.queue);
    return 0;
}
