/* expect: tests crawl_treats_redirects_as_links; schedules assertion | lets libcurl follow redirects */
#define _GNU_SOURCE
#include "crawler.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "links.h"
#include "seen.h"

// ===== Queue: a list with a dummy node in front =====

typedef struct node_s node_t;
struct node_s {
    node_t *next;
    void *value;
};

struct crawler_queue {
    node_t *dummy, *last;
    size_t used, capacity;
    atomic_size_t unfinished;
    bool closed;
    pthread_mutex_t mtx, join_mtx;
    pthread_cond_t changed, finished;
};

static node_t *node_new(void *value)
{
    node_t *node = malloc(sizeof(node_t));
    if (node != NULL) {
        node->next = NULL;
        node->value = value;
    }
    return node;
}

struct crawler_queue *crawler_queue_create(size_t capacity)
{
    struct crawler_queue *q = calloc(1, sizeof(struct crawler_queue));
    if (q == NULL) {
        return NULL;
    }
    q->dummy = q->last = node_new(NULL);
    q->capacity = capacity;
    pthread_mutex_init(&q->mtx, NULL);
    pthread_mutex_init(&q->join_mtx, NULL);
    pthread_cond_init(&q->changed, NULL);
    pthread_cond_init(&q->finished, NULL);
    return q;
}

bool crawler_queue_put(struct crawler_queue *q, void *item)
{
    node_t *node = node_new(item);
    if (node == NULL) {
        return false;
    }
    pthread_mutex_lock(&q->mtx);
    while (!q->closed && q->capacity > 0 && q->used >= q->capacity) {
        pthread_cond_wait(&q->changed, &q->mtx);
    }
    bool closed = q->closed;
    if (!closed) {
        q->last->next = node;
        q->last = node;
        q->used++;
        atomic_fetch_add(&q->unfinished, 1);
        pthread_cond_broadcast(&q->changed);
    }
    pthread_mutex_unlock(&q->mtx);
    if (closed) {
        free(node);
    }
    return !closed;
}

bool crawler_queue_get(struct crawler_queue *q, void **item)
{
    pthread_mutex_lock(&q->mtx);
    while (q->dummy->next == NULL && !q->closed) {
        pthread_cond_wait(&q->changed, &q->mtx);
    }
    node_t *old = q->dummy;
    bool found = old->next != NULL;
    if (found) {
        q->dummy = old->next; // the node of the item is the new dummy
        *item = q->dummy->value;
        q->used--;
        pthread_cond_broadcast(&q->changed);
    }
    pthread_mutex_unlock(&q->mtx);
    if (found) {
        free(old);
    }
    return found;
}

void crawler_queue_task_done(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->join_mtx);
    if (atomic_fetch_sub(&q->unfinished, 1) == 1) {
        pthread_cond_broadcast(&q->finished);
    }
    pthread_mutex_unlock(&q->join_mtx);
}

void crawler_queue_join(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->join_mtx);
    while (atomic_load(&q->unfinished) > 0) {
        pthread_cond_wait(&q->finished, &q->join_mtx);
    }
    pthread_mutex_unlock(&q->join_mtx);
}

void crawler_queue_close(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->mtx);
    q->closed = true;
    pthread_cond_broadcast(&q->changed);
    pthread_mutex_unlock(&q->mtx);
}

void crawler_queue_free(struct crawler_queue *q)
{
    if (q == NULL) {
        return;
    }
    while (q->dummy != NULL) {
        node_t *node = q->dummy;
        q->dummy = node->next;
        free(node);
    }
    pthread_cond_destroy(&q->changed);
    pthread_cond_destroy(&q->finished);
    pthread_mutex_destroy(&q->mtx);
    pthread_mutex_destroy(&q->join_mtx);
    free(q);
}

// ===== Crawler =====

typedef struct {
    struct crawler_queue *queue;
    struct seen *seen;
    pthread_mutex_t seen_mtx;
    char *base;
    atomic_ulong pages, redirects, errors, bytes;
} crawl_t;

typedef struct {
    char *memory;
    size_t size;
} memory_t;

// from libcurl's example getinmemory.c
static size_t write_memory(void *contents, size_t size, size_t nmemb, void *userp)
{
    size_t realsize = size * nmemb;
    memory_t *mem = userp;
    char *ptr = realloc(mem->memory, mem->size + realsize + 1);
    if (!ptr) {
        return 0;
    }
    mem->memory = ptr;
    memcpy(&(mem->memory[mem->size]), contents, realsize);
    mem->size += realsize;
    mem->memory[mem->size] = 0;
    return realsize;
}

static void enqueue(crawl_t *crawl, const char *url)
{
    if (links_same_site(crawl->base, url)) {
        pthread_mutex_lock(&crawl->seen_mtx);
        bool added = seen_add(crawl->seen, url);
        pthread_mutex_unlock(&crawl->seen_mtx);
        if (added) {
            crawler_queue_put(crawl->queue, strdup(url));
        }
    }
}

static void process(crawl_t *crawl, CURL *curl, const char *url)
{
    memory_t chunk = {NULL, 0};
    long code = 0, hops = 0;

    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &chunk);
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
    CURLcode rc = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &code);
    curl_easy_getinfo(curl, CURLINFO_REDIRECT_COUNT, &hops);
    atomic_fetch_add(&crawl->redirects, hops);

    if (rc != CURLE_OK || code < 200 || code >= 300) {
        atomic_fetch_add(&crawl->errors, 1);
    } else {
        char *final = NULL;
        curl_easy_getinfo(curl, CURLINFO_EFFECTIVE_URL, &final);
        struct links links = links_find(final, chunk.memory, chunk.size);
        for (size_t i = 0; i < links.count; i++) {
            enqueue(crawl, links.urls[i]);
        }
        links_free(&links);
        atomic_fetch_add(&crawl->pages, 1);
        atomic_fetch_add(&crawl->bytes, chunk.size);
    }
    free(chunk.memory);
}

static void *thread_func(void *arg)
{
    crawl_t *crawl = arg;
    CURL *curl = curl_easy_init();
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, write_memory);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    void *url = NULL;
    while (crawler_queue_get(crawl->queue, &url)) {
        process(crawl, curl, url);
        free(url);
        crawler_queue_task_done(crawl->queue);
    }
    curl_easy_cleanup(curl);
    return NULL;
}

int crawler_crawl(const char *start_url, unsigned workers, struct crawler_result *result)
{
    crawl_t crawl = {0};
    pthread_t threads[workers];
    crawl.queue = crawler_queue_create(0);
    crawl.seen = seen_create();
    crawl.base = strdup(start_url);
    pthread_mutex_init(&crawl.seen_mtx, NULL);

    enqueue(&crawl, start_url);
    for (unsigned i = 0; i < workers; i++) {
        pthread_create(&threads[i], NULL, thread_func, &crawl);
    }
    crawler_queue_join(crawl.queue);
    crawler_queue_close(crawl.queue);
    for (unsigned i = 0; i < workers; i++) {
        pthread_join(threads[i], NULL);
    }
    result->pages = atomic_load(&crawl.pages);
    result->redirects = atomic_load(&crawl.redirects);
    result->errors = atomic_load(&crawl.errors);
    result->bytes = atomic_load(&crawl.bytes);

    pthread_mutex_destroy(&crawl.seen_mtx);
    free(crawl.base);
    seen_free(crawl.seen);
    crawler_queue_free(crawl.queue);
    return 0;
}
