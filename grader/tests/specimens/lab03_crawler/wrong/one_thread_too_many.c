/* expect: tests crawl_keeps_to_its_workers; schedules assertion | the calling thread fetches as well: one request more than workers */
#define _GNU_SOURCE
#include "crawler.h"
#include <pthread.h>
#include <stdio.h>
#include "links.h"
#include "seen.h"

/* ---------------------------------------------------------------------------------------------- queue */

struct crawler_queue {
    pthread_mutex_t mutex;
    pthread_cond_t putter, getter, joiner;
    size_t waiting_putters, waiting_getters; /* a signal only for somebody */
    void **slots;
    size_t mask; /* slots - 1, a power of two less 1 */
    size_t head, tail;
    size_t capacity, outstanding;
    bool closed;
};

struct crawler_queue *crawler_queue_create(size_t capacity)
{
    struct crawler_queue *q = aligned_alloc(64, (sizeof *q + 63) / 64 * 64);
    size_t slots = 8;
    if (q == NULL)
        return NULL;
    while (slots < capacity)
        slots <<= 1;
    memset(q, 0, sizeof *q);
    q->slots = malloc(slots * sizeof *q->slots);
    q->mask = slots - 1;
    q->capacity = capacity;
    pthread_mutex_init(&q->mutex, NULL);
    pthread_cond_init(&q->putter, NULL);
    pthread_cond_init(&q->getter, NULL);
    pthread_cond_init(&q->joiner, NULL);
    return q;
}

static bool double_slots(struct crawler_queue *q)
{
    const size_t old = q->mask + 1;
    void **slots = malloc(2 * old * sizeof *slots);
    if (slots == NULL)
        return false;
    for (size_t n = q->tail; n != q->head; n++)
        slots[n & (2 * old - 1)] = q->slots[n & q->mask];
    free(q->slots);
    q->slots = slots;
    q->mask = 2 * old - 1;
    return true;
}

bool crawler_queue_put(struct crawler_queue *q, void *item)
{
    bool stored = false;
    pthread_mutex_lock(&q->mutex);
    q->waiting_putters++;
    while (q->capacity > 0 && q->head - q->tail >= q->capacity && !q->closed)
        pthread_cond_wait(&q->putter, &q->mutex);
    q->waiting_putters--;
    if (!q->closed && (q->head - q->tail <= q->mask || double_slots(q))) {
        q->slots[q->head++ & q->mask] = item;
        q->outstanding++;
        stored = true;
        if (q->waiting_getters > 0)
            pthread_cond_signal(&q->getter);
    }
    pthread_mutex_unlock(&q->mutex);
    return stored;
}

bool crawler_queue_get(struct crawler_queue *q, void **item)
{
    bool taken = false;
    pthread_mutex_lock(&q->mutex);
    q->waiting_getters++;
    while (q->head == q->tail && !q->closed)
        pthread_cond_wait(&q->getter, &q->mutex);
    q->waiting_getters--;
    if (q->head != q->tail) {
        *item = q->slots[q->tail++ & q->mask];
        taken = true;
        if (q->waiting_putters > 0)
            pthread_cond_signal(&q->putter);
    }
    pthread_mutex_unlock(&q->mutex);
    return taken;
}

void crawler_queue_task_done(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->mutex);
    const bool last = --q->outstanding == 0;
    pthread_mutex_unlock(&q->mutex);
    if (last)
        pthread_cond_broadcast(&q->joiner);
}

void crawler_queue_join(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->mutex);
    while (q->outstanding != 0)
        pthread_cond_wait(&q->joiner, &q->mutex);
    pthread_mutex_unlock(&q->mutex);
}

void crawler_queue_close(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->mutex);
    q->closed = true;
    pthread_cond_broadcast(&q->getter);
    pthread_cond_broadcast(&q->putter);
    pthread_mutex_unlock(&q->mutex);
}

void crawler_queue_free(struct crawler_queue *q)
{
    if (q == NULL)
        return;
    pthread_cond_destroy(&q->putter);
    pthread_cond_destroy(&q->getter);
    pthread_cond_destroy(&q->joiner);
    pthread_mutex_destroy(&q->mutex);
    free(q->slots);
    free(q);
}

/* ---------------------------------------------------------------------------------------------- crawler */

/* The queue is closed by whoever finishes the last address: nobody has to wait for that, so the thread that called
 * crawler_crawl can help. */
struct everything {
    struct crawler_queue *queue;
    const char *start;
    pthread_mutex_t mutex;
    struct seen *seen;
    unsigned long open; /* addresses found, but not yet visited */
    struct crawler_result result;
};

static void find(struct everything *all, const char *url)
{
    if (!links_same_site(all->start, url))
        return;
    pthread_mutex_lock(&all->mutex);
    const bool new = seen_add(all->seen, url);
    all->open += new;
    pthread_mutex_unlock(&all->mutex);
    if (new)
        crawler_queue_put(all->queue, strdup(url));
}

static void finished(struct everything *all, long status, size_t bytes)
{
    pthread_mutex_lock(&all->mutex);
    if (status >= 200 && status < 300) {
        all->result.pages++;
        all->result.bytes += bytes;
    } else if (status >= 300 && status < 400) {
        all->result.redirects++;
    } else {
        all->result.errors++;
    }
    const bool last = --all->open == 0;
    pthread_mutex_unlock(&all->mutex);
    if (last)
        crawler_queue_close(all->queue);
}

static void *visit_pages(void *context)
{
    struct everything *all = context;
    CURL *curl = curl_easy_init();
    void *url;
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    while (crawler_queue_get(all->queue, &url)) {
        char *body = NULL, *location = NULL;
        size_t length = 0;
        long status = 0;
        FILE *into = open_memstream(&body, &length);
        curl_easy_setopt(curl, CURLOPT_URL, url);
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, into);
        if (curl_easy_perform(curl) == CURLE_OK)
            curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
        fclose(into);
        if (status / 100 == 2) {
            struct links links = links_find(url, body, length);
            for (size_t i = 0; i < links.count; i++)
                find(all, links.urls[i]);
            links_free(&links);
        } else if (status / 100 == 3) {
            curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &location);
            location = location != NULL ? links_resolve(url, location) : NULL;
            if (location != NULL)
                find(all, location);
            free(location);
        }
        finished(all, status, length);
        free(body);
        free(url);
        crawler_queue_task_done(all->queue);
    }
    curl_easy_cleanup(curl);
    return NULL;
}

int crawler_crawl(const char *start_url, unsigned workers, struct crawler_result *result)
{
    struct everything all = {.queue = crawler_queue_create(0), .start = start_url, .seen = seen_create()};
    pthread_t threads[workers];
    unsigned n = 0;
    pthread_mutex_init(&all.mutex, NULL);
    find(&all, start_url);
    while (n < workers && pthread_create(&threads[n], NULL, visit_pages, &all) == 0)
        n++;
    visit_pages(&all);
    while (n > 0)
        pthread_join(threads[--n], NULL);
    *result = all.result;
    pthread_mutex_destroy(&all.mutex);
    seen_free(all.seen);
    crawler_queue_free(all.queue);
    return 0;
}
