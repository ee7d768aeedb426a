/* expect: tests close_wakes_all_putters; schedules exit-with-lock | put returns from the closed queue without giving the lock back */
#include "crawler.h"

#undef NDEBUG
#include <assert.h>
#include <curl/curl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "links.h"
#include "seen.h"

struct crawler_queue {
    pthread_mutex_t mutex;
    pthread_cond_t cond_put, cond_get, cond_join;
    size_t capacity;
    size_t size;
    size_t unfinished;
    bool closed;
    struct queue_node {
        void *item;
        struct queue_node *next;
    } *front, *rear;
};

static void check(int error)
{
    assert(error == 0);
    (void)error;
}

struct crawler_queue *crawler_queue_create(size_t capacity)
{
    struct crawler_queue *queue = malloc(sizeof(*queue));
    if (queue == NULL)
        return NULL;
    check(pthread_mutex_init(&queue->mutex, NULL));
    check(pthread_cond_init(&queue->cond_put, NULL));
    check(pthread_cond_init(&queue->cond_get, NULL));
    check(pthread_cond_init(&queue->cond_join, NULL));
    queue->capacity = capacity;
    queue->size = 0;
    queue->unfinished = 0;
    queue->closed = false;
    queue->front = NULL;
    queue->rear = NULL;
    return queue;
}

bool crawler_queue_put(struct crawler_queue *queue, void *item)
{
    struct queue_node *node = malloc(sizeof(*node));
    if (node == NULL)
        return false;
    node->item = item;
    node->next = NULL;

    check(pthread_mutex_lock(&queue->mutex));
    while (queue->capacity > 0 && queue->size == queue->capacity && !queue->closed)
        check(pthread_cond_wait(&queue->cond_put, &queue->mutex));
    if (queue->closed) {
        free(node);
        return false;
    }
    if (queue->rear == NULL)
        queue->front = node;
    else
        queue->rear->next = node;
    queue->rear = node;
    queue->size++;
    queue->unfinished++;
    check(pthread_cond_signal(&queue->cond_get));
    check(pthread_mutex_unlock(&queue->mutex));
    return true;
}

bool crawler_queue_get(struct crawler_queue *queue, void **item)
{
    check(pthread_mutex_lock(&queue->mutex));
    while (queue->front == NULL && !queue->closed)
        check(pthread_cond_wait(&queue->cond_get, &queue->mutex));
    struct queue_node *node = queue->front;
    if (node != NULL) {
        queue->front = node->next;
        if (queue->front == NULL)
            queue->rear = NULL;
        queue->size--;
        check(pthread_cond_signal(&queue->cond_put));
    }
    check(pthread_mutex_unlock(&queue->mutex));
    if (node == NULL)
        return false;
    *item = node->item;
    free(node);
    return true;
}

void crawler_queue_task_done(struct crawler_queue *queue)
{
    check(pthread_mutex_lock(&queue->mutex));
    assert(queue->unfinished > 0);
    queue->unfinished--;
    if (queue->unfinished == 0)
        check(pthread_cond_broadcast(&queue->cond_join));
    check(pthread_mutex_unlock(&queue->mutex));
}

void crawler_queue_join(struct crawler_queue *queue)
{
    check(pthread_mutex_lock(&queue->mutex));
    while (queue->unfinished > 0)
        check(pthread_cond_wait(&queue->cond_join, &queue->mutex));
    check(pthread_mutex_unlock(&queue->mutex));
}

void crawler_queue_close(struct crawler_queue *queue)
{
    check(pthread_mutex_lock(&queue->mutex));
    queue->closed = true;
    check(pthread_cond_broadcast(&queue->cond_put));
    check(pthread_cond_broadcast(&queue->cond_get));
    check(pthread_mutex_unlock(&queue->mutex));
}

void crawler_queue_free(struct crawler_queue *queue)
{
    if (queue == NULL)
        return;
    while (queue->front != NULL) {
        struct queue_node *node = queue->front;
        queue->front = node->next;
        free(node);
    }
    pthread_mutex_destroy(&queue->mutex);
    pthread_cond_destroy(&queue->cond_put);
    pthread_cond_destroy(&queue->cond_get);
    pthread_cond_destroy(&queue->cond_join);
    free(queue);
}

/* One pool of pages that are under way; the answer is kept in the page until it is counted by the main thread. */
struct webpage {
    char *url, *html, *redirect;
    size_t length;
    long status;
    bool failed;
    struct webpage *next_counted;
};

struct crawl_state {
    struct crawler_queue *queue;
    const char *start_url;
    pthread_mutex_t mutex;
    struct seen *seen;
    struct webpage *counted;
};

static void submit(struct crawl_state *state, const char *url)
{
    if (!links_same_site(url, state->start_url))
        return;
    check(pthread_mutex_lock(&state->mutex));
    bool submitted_before = !seen_add(state->seen, url);
    check(pthread_mutex_unlock(&state->mutex));
    if (submitted_before)
        return;
    struct webpage *webpage = calloc(1, sizeof(*webpage));
    webpage->url = strdup(url);
    crawler_queue_put(state->queue, webpage);
}

static size_t body_part(char *part, size_t size, size_t count, void *argument)
{
    struct webpage *webpage = argument;
    char *html = realloc(webpage->html, webpage->length + count * size);
    if (html == NULL)
        return 0;
    webpage->html = html;
    memcpy(html + webpage->length, part, count * size);
    webpage->length += count * size;
    return count * size;
}

static void download(CURL *curl, struct webpage *webpage)
{
    char *redirect = NULL;
    curl_easy_setopt(curl, CURLOPT_URL, webpage->url);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, webpage);
    webpage->failed = curl_easy_perform(curl) != CURLE_OK;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &webpage->status);
    curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &redirect);
    if (redirect != NULL)
        webpage->redirect = links_resolve(webpage->url, redirect);
}

static void *crawl_thread(void *argument)
{
    struct crawl_state *state = argument;
    CURL *curl = curl_easy_init();
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, body_part);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    void *item;
    while (crawler_queue_get(state->queue, &item)) {
        struct webpage *webpage = item;
        download(curl, webpage);
        if (!webpage->failed && webpage->status >= 200 && webpage->status < 300) {
            struct links links = links_find(webpage->url, webpage->html, webpage->length);
            for (size_t i = 0; i < links.count; i++)
                submit(state, links.urls[i]);
            links_free(&links);
        } else if (!webpage->failed && webpage->status >= 300 && webpage->status < 400 && webpage->redirect != NULL) {
            submit(state, webpage->redirect);
        }
        check(pthread_mutex_lock(&state->mutex));
        webpage->next_counted = state->counted;
        state->counted = webpage;
        check(pthread_mutex_unlock(&state->mutex));
        crawler_queue_task_done(state->queue);
    }
    curl_easy_cleanup(curl);
    return NULL;
}

static void count_and_free(struct webpage *webpage, struct crawler_result *result)
{
    if (webpage->failed || webpage->status < 200 || webpage->status >= 400) {
        result->errors++;
    } else if (webpage->status >= 300) {
        result->redirects++;
    } else {
        result->pages++;
        result->bytes += webpage->length;
    }
    free(webpage->url);
    free(webpage->html);
    free(webpage->redirect);
    free(webpage);
}

int crawler_crawl(const char *start_url, unsigned workers, struct crawler_result *result)
{
    struct crawl_state state = {
        .queue = crawler_queue_create(0),
        .start_url = start_url,
        .mutex = PTHREAD_MUTEX_INITIALIZER,
        .seen = seen_create(),
    };
    pthread_t *threads = calloc(workers, sizeof(*threads));
    submit(&state, start_url);
    for (unsigned i = 0; i < workers; i++)
        check(pthread_create(&threads[i], NULL, crawl_thread, &state));
    crawler_queue_join(state.queue);
    crawler_queue_close(state.queue);
    for (unsigned i = 0; i < workers; i++)
        check(pthread_join(threads[i], NULL));
    memset(result, 0, sizeof(*result));
    while (state.counted != NULL) {
        struct webpage *webpage = state.counted;
        state.counted = webpage->next_counted;
        count_and_free(webpage, result);
    }
    free(threads);
    seen_free(state.seen);
    crawler_queue_free(state.queue);
    return 0;
}
