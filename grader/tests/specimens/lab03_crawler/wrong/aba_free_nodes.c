/* expect: schedules queue_keeps_the_order | nodes are kept for later in a lock-free stack, and its pop falls for A-B-A */
#include "crawler.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "links.h"
#include "seen.h"

/*
 * malloc takes a lock inside, so nodes that are not needed now are kept in a lock-free stack (Treiber, 1986), and
 * are got from there before the lock of the queue is taken.
 */
struct node {
    _Atomic(struct node *) next;
    void *item;
};

struct crawler_queue {
    _Atomic(struct node *) unused;
    pthread_mutex_t lock;
    pthread_cond_t not_full, not_empty, all_done;
    struct node *first, *last;
    size_t count, capacity, unfinished;
    bool closed;
};

static void push_unused(struct crawler_queue *queue, struct node *node)
{
    struct node *top = atomic_load(&queue->unused);
    do
        atomic_store(&node->next, top);
    while (!atomic_compare_exchange_weak(&queue->unused, &top, node));
}

static struct node *pop_unused(struct crawler_queue *queue)
{
    struct node *top = atomic_load(&queue->unused);
    while (top != NULL) {
        struct node *next = atomic_load(&top->next);
        if (atomic_compare_exchange_weak(&queue->unused, &top, next)) /* still the same top: nothing has changed */
            return top;
    }
    return malloc(sizeof *top);
}

struct crawler_queue *crawler_queue_create(size_t capacity)
{
    struct crawler_queue *queue = calloc(1, sizeof *queue);
    if (queue == NULL)
        return NULL;
    queue->capacity = capacity;
    pthread_mutex_init(&queue->lock, NULL);
    pthread_cond_init(&queue->not_full, NULL);
    pthread_cond_init(&queue->not_empty, NULL);
    pthread_cond_init(&queue->all_done, NULL);
    return queue;
}

bool crawler_queue_put(struct crawler_queue *queue, void *item)
{
    struct node *node = pop_unused(queue);
    if (node == NULL)
        return false;
    node->item = item;
    atomic_store(&node->next, NULL);
    pthread_mutex_lock(&queue->lock);
    while (queue->capacity > 0 && queue->count == queue->capacity && !queue->closed)
        pthread_cond_wait(&queue->not_full, &queue->lock);
    const bool ok = !queue->closed;
    if (ok) {
        if (queue->first == NULL)
            queue->first = node;
        else
            atomic_store(&queue->last->next, node);
        queue->last = node;
        queue->count++;
        queue->unfinished++;
        pthread_cond_signal(&queue->not_empty);
    }
    pthread_mutex_unlock(&queue->lock);
    if (!ok)
        push_unused(queue, node);
    return ok;
}

bool crawler_queue_get(struct crawler_queue *queue, void **item)
{
    pthread_mutex_lock(&queue->lock);
    while (queue->first == NULL && !queue->closed)
        pthread_cond_wait(&queue->not_empty, &queue->lock);
    struct node *node = queue->first;
    if (node != NULL) {
        queue->first = atomic_load(&node->next);
        queue->count--;
        *item = node->item;
        pthread_cond_signal(&queue->not_full);
    }
    pthread_mutex_unlock(&queue->lock);
    if (node != NULL)
        push_unused(queue, node);
    return node != NULL;
}

void crawler_queue_task_done(struct crawler_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    if (--queue->unfinished == 0)
        pthread_cond_broadcast(&queue->all_done);
    pthread_mutex_unlock(&queue->lock);
}

void crawler_queue_join(struct crawler_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    while (queue->unfinished > 0)
        pthread_cond_wait(&queue->all_done, &queue->lock);
    pthread_mutex_unlock(&queue->lock);
}

void crawler_queue_close(struct crawler_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->closed = true;
    pthread_cond_broadcast(&queue->not_full);
    pthread_cond_broadcast(&queue->not_empty);
    pthread_mutex_unlock(&queue->lock);
}

static void free_nodes(struct node *node)
{
    while (node != NULL) {
        struct node *next = atomic_load(&node->next);
        free(node);
        node = next;
    }
}

void crawler_queue_free(struct crawler_queue *queue)
{
    if (queue == NULL)
        return;
    free_nodes(queue->first);
    free_nodes(atomic_load(&queue->unused));
    pthread_cond_destroy(&queue->not_full);
    pthread_cond_destroy(&queue->not_empty);
    pthread_cond_destroy(&queue->all_done);
    pthread_mutex_destroy(&queue->lock);
    free(queue);
}

/* ---- crawler: addresses to visit go through the queue as they are, the set keeps copies of its own ---- */

struct web {
    struct crawler_queue *queue;
    const char *start;
    pthread_mutex_t lock;
    struct seen *seen;
    struct crawler_result result;
};

struct response {
    long status;
    size_t length;
    char *body;
    char *location;
};

static size_t take_body(char *data, size_t size, size_t count, void *context)
{
    struct response *response = context;
    char *body = realloc(response->body, response->length + size * count);
    if (body == NULL)
        return 0;
    memcpy(body + response->length, data, size * count);
    response->body = body;
    response->length += size * count;
    return size * count;
}

static struct response get(CURL *curl, const char *url)
{
    struct response response = {0};
    char *location = NULL;
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &response);
    if (curl_easy_perform(curl) != CURLE_OK)
        return response;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &response.status);
    curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &location);
    if (location != NULL)
        response.location = links_resolve(url, location);
    return response;
}

static void enqueue(struct web *web, const char *url)
{
    if (!links_same_site(web->start, url))
        return;
    pthread_mutex_lock(&web->lock);
    const bool is_new = seen_add(web->seen, url);
    pthread_mutex_unlock(&web->lock);
    if (is_new)
        crawler_queue_put(web->queue, strdup(url));
}

static void *surf(void *context)
{
    struct web *web = context;
    CURL *curl = curl_easy_init();
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    void *url;
    while (crawler_queue_get(web->queue, &url)) {
        struct response response = get(curl, url);
        const long hundreds = response.status / 100;
        if (hundreds == 2) {
            struct links links = links_find(url, response.body, response.length);
            for (size_t i = 0; i < links.count; i++)
                enqueue(web, links.urls[i]);
            links_free(&links);
        } else if (hundreds == 3 && response.location != NULL) {
            enqueue(web, response.location);
        }
        pthread_mutex_lock(&web->lock);
        if (hundreds == 2) {
            web->result.pages++;
            web->result.bytes += response.length;
        } else {
            (*(hundreds == 3 ? &web->result.redirects : &web->result.errors))++;
        }
        pthread_mutex_unlock(&web->lock);
        free(response.location);
        free(response.body);
        free(url);
        crawler_queue_task_done(web->queue);
    }
    curl_easy_cleanup(curl);
    return NULL;
}

int crawler_crawl(const char *start_url, unsigned workers, struct crawler_result *result)
{
    struct web web = {crawler_queue_create(0), start_url, PTHREAD_MUTEX_INITIALIZER, seen_create(), {0, 0, 0, 0}};
    pthread_t *surfers = calloc(workers, sizeof *surfers);
    unsigned started;
    enqueue(&web, start_url);
    for (started = 0; started < workers; started++)
        if (pthread_create(&surfers[started], NULL, surf, &web) != 0)
            break;
    if (started > 0)
        crawler_queue_join(web.queue);
    crawler_queue_close(web.queue);
    for (unsigned i = 0; i < started; i++)
        pthread_join(surfers[i], NULL);
    *result = web.result;
    free(surfers);
    seen_free(web.seen);
    crawler_queue_free(web.queue);
    return started > 0 ? 0 : -1;
}
