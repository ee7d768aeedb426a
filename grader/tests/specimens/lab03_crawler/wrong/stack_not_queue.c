/* expect: tests fifo_order; schedules assertion | last in, first out */
#include "crawler.h"
#include "seen.h"
#include "links.h"
#include <pthread.h>

/* An array that is filled from the left: put appends at the end, get takes from the end. No indices that wrap around. */

struct crawler_queue {
    pthread_mutex_t lock;
    pthread_cond_t cond;
    size_t used, size, capacity, tasks;
    bool closed;
    void **data;
};

struct crawler_queue *crawler_queue_create(size_t capacity)
{
    struct crawler_queue *queue = calloc(1, sizeof(struct crawler_queue));
    if (queue == NULL) return NULL;
    pthread_mutex_init(&queue->lock, NULL);
    pthread_cond_init(&queue->cond, NULL);
    queue->capacity = capacity;
    return queue;
}

bool crawler_queue_put(struct crawler_queue *queue, void *item)
{
    pthread_mutex_lock(&queue->lock);
    while (queue->capacity != 0 && queue->used == queue->capacity) {
        if (queue->closed) break;
        pthread_cond_wait(&queue->cond, &queue->lock);
    }
    bool put = !queue->closed;
    if (put && queue->used == queue->size) {
        queue->size += 1000;
        queue->data = realloc(queue->data, queue->size * sizeof(void *));
    }
    if (put) {
        queue->data[queue->used] = item;
        queue->used++;
        queue->tasks++;
        pthread_cond_broadcast(&queue->cond);
    }
    pthread_mutex_unlock(&queue->lock);
    return put;
}

bool crawler_queue_get(struct crawler_queue *queue, void **item)
{
    pthread_mutex_lock(&queue->lock);
    while (queue->used == 0) {
        if (queue->closed) break;
        pthread_cond_wait(&queue->cond, &queue->lock);
    }
    bool got = queue->used > 0;
    if (got) {
        queue->used--;
        *item = queue->data[queue->used];
        pthread_cond_broadcast(&queue->cond);
    }
    pthread_mutex_unlock(&queue->lock);
    return got;
}

void crawler_queue_task_done(struct crawler_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->tasks--;
    pthread_cond_broadcast(&queue->cond);
    pthread_mutex_unlock(&queue->lock);
}

void crawler_queue_join(struct crawler_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    while (queue->tasks != 0)
        pthread_cond_wait(&queue->cond, &queue->lock);
    pthread_mutex_unlock(&queue->lock);
}

void crawler_queue_close(struct crawler_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->closed = true;
    pthread_cond_broadcast(&queue->cond);
    pthread_mutex_unlock(&queue->lock);
}

void crawler_queue_free(struct crawler_queue *queue)
{
    if (queue != NULL) {
        pthread_cond_destroy(&queue->cond);
        pthread_mutex_destroy(&queue->lock);
        free(queue->data);
        free(queue);
    }
}

/* ---------------- crawler: one CURL for each address, made by whoever finds it ---------------- */

struct shared {
    struct crawler_queue *queue;
    pthread_mutex_t lock;
    struct seen *seen;
    struct crawler_result result;
};

struct page {
    struct shared *shared;
    CURL *curl;
    char *url, *text;
    size_t length;
};

static size_t receive(char *text, size_t size, size_t n, void *arg)
{
    struct page *page = arg;
    page->text = realloc(page->text, page->length + size * n);
    memcpy(page->text + page->length, text, size * n);
    page->length += size * n;
    return size * n;
}

static void new_page(struct shared *shared, const char *url)
{
    pthread_mutex_lock(&shared->lock);
    bool is_new = seen_add(shared->seen, url);
    pthread_mutex_unlock(&shared->lock);
    if (!is_new) return;
    struct page *page = calloc(1, sizeof(struct page));
    page->shared = shared;
    page->url = strdup(url);
    page->curl = curl_easy_init();
    curl_easy_setopt(page->curl, CURLOPT_URL, url);
    curl_easy_setopt(page->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(page->curl, CURLOPT_WRITEFUNCTION, receive);
    curl_easy_setopt(page->curl, CURLOPT_WRITEDATA, page);
    crawler_queue_put(shared->queue, page);
}

static void link_on(struct page *page, const char *url)
{
    if (url != NULL && links_same_site(page->url, url)) /* all pages are on the site of the first */
        new_page(page->shared, url);
}

static void handle(struct page *page)
{
    long code = 0;
    bool complete = curl_easy_perform(page->curl) == CURLE_OK;
    curl_easy_getinfo(page->curl, CURLINFO_RESPONSE_CODE, &code);
    unsigned long pages = 0, redirects = 0, errors = 0;
    if (complete && code / 100 == 2) {
        struct links links = links_find(page->url, page->text, page->length);
        for (size_t i = 0; i < links.count; i++) link_on(page, links.urls[i]);
        links_free(&links);
        pages = 1;
    } else if (complete && code / 100 == 3) {
        char *location = NULL;
        curl_easy_getinfo(page->curl, CURLINFO_REDIRECT_URL, &location);
        location = location != NULL ? links_resolve(page->url, location) : NULL;
        link_on(page, location);
        free(location);
        redirects = 1;
    } else {
        errors = 1;
    }
    pthread_mutex_lock(&page->shared->lock);
    page->shared->result.pages += pages;
    page->shared->result.redirects += redirects;
    page->shared->result.errors += errors;
    page->shared->result.bytes += pages * page->length;
    pthread_mutex_unlock(&page->shared->lock);
    curl_easy_cleanup(page->curl);
    free(page->url);
    free(page->text);
    free(page);
}

static void *work(void *arg)
{
    struct shared *shared = arg;
    void *page;
    while (crawler_queue_get(shared->queue, &page)) {
        handle(page);
        crawler_queue_task_done(shared->queue);
    }
    return NULL;
}

int crawler_crawl(const char *start_url, unsigned workers, struct crawler_result *result)
{
    struct shared shared = {.queue = crawler_queue_create(0), .seen = seen_create()};
    pthread_t *thread = malloc(workers * sizeof(pthread_t));
    pthread_mutex_init(&shared.lock, NULL);
    new_page(&shared, start_url);
    unsigned i, n = 0;
    for (i = 0; i < workers; i++)
        if (pthread_create(&thread[n], NULL, work, &shared) == 0) n++;
    if (n > 0) crawler_queue_join(shared.queue);
    crawler_queue_close(shared.queue);
    for (i = 0; i < n; i++)
        pthread_join(thread[i], NULL);
    free(thread);
    crawler_queue_free(shared.queue);
    seen_free(shared.seen);
    pthread_mutex_destroy(&shared.lock);
    *result = shared.result;
    return n > 0 ? 0 : -1;
}
