/* expect: right | a turnstile in front of put and get, two stacks; the calling thread is one of the workers */
#define _GNU_SOURCE
#include "crawler.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "links.h"
#include "seen.h"

/*
 * Who wants to put goes through the put turnstile first, who wants to get through the get turnstile; the others of
 * their kind sleep at its mutex. So at most one thread waits for room and one for an item, and a signal is enough.
 * Order of locking: a turnstile, then `state`. close and task_done take `state` only, so they never block for long.
 */
struct crawler_queue {
    pthread_mutex_t put_turnstile, get_turnstile;
    pthread_mutex_t state; /* guards all below */
    pthread_cond_t room, item, finished;
    void **in;             /* what was put since the last swap, oldest first */
    size_t in_count, in_size;
    void **out;            /* what is handed out next: out[out_next] to out[out_count - 1] */
    size_t out_next, out_count, out_size;
    size_t capacity, tasks;
    bool closed;
};

static void destroy(struct crawler_queue *queue, int locks, int conditions)
{
    pthread_mutex_t *lock[] = {&queue->put_turnstile, &queue->get_turnstile, &queue->state};
    pthread_cond_t *condition[] = {&queue->room, &queue->item, &queue->finished};
    while (conditions > 0)
        pthread_cond_destroy(condition[--conditions]);
    while (locks > 0)
        pthread_mutex_destroy(lock[--locks]);
    free(queue->in);
    free(queue->out);
    free(queue);
}

struct crawler_queue *crawler_queue_create(size_t capacity)
{
    struct crawler_queue *queue = calloc(1, sizeof *queue);
    if (queue == NULL)
        return NULL;
    queue->capacity = capacity;
    if (capacity > 0) {
        queue->in = calloc(capacity, sizeof *queue->in);
        queue->out = calloc(capacity, sizeof *queue->out);
        if (queue->in == NULL || queue->out == NULL) {
            destroy(queue, 0, 0);
            return NULL;
        }
        queue->in_size = queue->out_size = capacity;
    }
    int locks = 0, conditions = 0;
    pthread_mutex_t *lock[] = {&queue->put_turnstile, &queue->get_turnstile, &queue->state};
    pthread_cond_t *condition[] = {&queue->room, &queue->item, &queue->finished};
    while (locks < 3 && pthread_mutex_init(lock[locks], NULL) == 0)
        locks++;
    while (locks == 3 && conditions < 3 && pthread_cond_init(condition[conditions], NULL) == 0)
        conditions++;
    if (conditions == 3)
        return queue;
    destroy(queue, locks, conditions);
    return NULL;
}

static size_t queue_length(const struct crawler_queue *queue)
{
    return queue->in_count + (queue->out_count - queue->out_next);
}

static bool queue_push(struct crawler_queue *queue, void *item)
{
    if (queue->in_count == queue->in_size) {
        size_t size = queue->in_size > 0 ? 2 * queue->in_size : 16;
        void **in = size < (size_t)-1 / 16 ? realloc(queue->in, size * sizeof *in) : NULL;
        if (in == NULL)
            return false;
        queue->in = in;
        queue->in_size = size;
    }
    queue->in[queue->in_count++] = item;
    return true;
}

static void *queue_shift(struct crawler_queue *queue)
{
    if (queue->out_next == queue->out_count) {
        void **array = queue->out;
        size_t size = queue->out_size;
        queue->out = queue->in;
        queue->out_size = queue->in_size;
        queue->out_count = queue->in_count;
        queue->out_next = 0;
        queue->in = array;
        queue->in_size = size;
        queue->in_count = 0;
    }
    return queue->out[queue->out_next++];
}

bool crawler_queue_put(struct crawler_queue *queue, void *item)
{
    pthread_mutex_lock(&queue->put_turnstile);
    pthread_mutex_lock(&queue->state);
    while (!queue->closed && queue->capacity > 0 && queue_length(queue) >= queue->capacity)
        pthread_cond_wait(&queue->room, &queue->state);
    const bool success = !queue->closed && queue_push(queue, item);
    if (success) {
        queue->tasks++;
        pthread_cond_signal(&queue->item);
    }
    pthread_mutex_unlock(&queue->state);
    pthread_mutex_unlock(&queue->put_turnstile);
    return success;
}

bool crawler_queue_get(struct crawler_queue *queue, void **item)
{
    pthread_mutex_lock(&queue->get_turnstile);
    pthread_mutex_lock(&queue->state);
    while (queue_length(queue) == 0 && !queue->closed)
        pthread_cond_wait(&queue->item, &queue->state);
    const bool success = queue_length(queue) > 0;
    if (success) {
        *item = queue_shift(queue);
        pthread_cond_signal(&queue->room);
    }
    pthread_mutex_unlock(&queue->state);
    pthread_mutex_unlock(&queue->get_turnstile);
    return success;
}

void crawler_queue_task_done(struct crawler_queue *queue)
{
    pthread_mutex_lock(&queue->state);
    if (--queue->tasks == 0)
        pthread_cond_broadcast(&queue->finished);
    pthread_mutex_unlock(&queue->state);
}

void crawler_queue_join(struct crawler_queue *queue)
{
    pthread_mutex_lock(&queue->state);
    while (queue->tasks > 0)
        pthread_cond_wait(&queue->finished, &queue->state);
    pthread_mutex_unlock(&queue->state);
}

void crawler_queue_close(struct crawler_queue *queue)
{
    pthread_mutex_lock(&queue->state);
    queue->closed = true;
    pthread_cond_signal(&queue->room); /* one waits there at most; who comes through the turnstile next sees `closed` */
    pthread_cond_signal(&queue->item);
    pthread_mutex_unlock(&queue->state);
}

void crawler_queue_free(struct crawler_queue *queue)
{
    if (queue != NULL)
        destroy(queue, 3, 3);
}

struct crawl {
    const char *start_url;
    struct crawler_queue *queue;
    atomic_size_t open;    /* items put and not done; the one who makes it 0 closes the queue */
    atomic_bool no_memory;
    pthread_mutex_t lock;  /* guards `seen` */
    struct seen *seen;
};

struct worker {
    struct crawl *crawl;
    pthread_t thread;
    struct crawler_result mine;
    char *body;
    size_t length, allocated;
};

static size_t on_data(char *data, size_t size, size_t count, void *pointer)
{
    struct worker *worker = pointer;
    size *= count;
    if (size == 0)
        return 0;
    if (worker->allocated - worker->length < size) {
        size_t wanted = worker->allocated * 2 + size;
        char *body = realloc(worker->body, wanted);
        if (body == NULL) {
            atomic_store(&worker->crawl->no_memory, true);
            return 0;
        }
        worker->body = body;
        worker->allocated = wanted;
    }
    memcpy(worker->body + worker->length, data, size);
    worker->length += size;
    return size;
}

/* Whether `url` is to be visited, and by the caller: it says true once for each address. */
static bool claim(struct crawl *crawl, const char *url)
{
    if (!links_same_site(crawl->start_url, url))
        return false;
    pthread_mutex_lock(&crawl->lock);
    const bool mine = seen_add(crawl->seen, url);
    const bool lost = !mine && crawl->seen->slots[seen_find(crawl->seen, url)] == NULL;
    pthread_mutex_unlock(&crawl->lock);
    if (lost)
        atomic_store(&crawl->no_memory, true);
    return mine;
}

static void hand_over(struct crawl *crawl, char *url)
{
    atomic_fetch_add(&crawl->open, 1);
    if (crawler_queue_put(crawl->queue, url))
        return;
    atomic_fetch_sub(&crawl->open, 1); /* does not become 0: the caller has an open item itself */
    atomic_store(&crawl->no_memory, true);
    free(url);
}

/* Visits one address, and returns the one to be visited next by the same worker, or NULL. */
static char *visit(struct worker *worker, CURL *curl, const char *url)
{
    struct crawl *crawl = worker->crawl;
    char *next = NULL, *location = NULL;
    long status = 0;
    worker->length = 0;
    CURLcode code = curl_easy_setopt(curl, CURLOPT_URL, url);
    if (code == CURLE_OK)
        code = curl_easy_perform(curl);
    if (code == CURLE_OUT_OF_MEMORY)
        atomic_store(&crawl->no_memory, true);
    if (code == CURLE_OK)
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);

    if (status >= 200 && status <= 299) {
        worker->mine.pages++;
        worker->mine.bytes += worker->length;
        struct links links = links_find(url, worker->length > 0 ? worker->body : NULL, worker->length);
        for (size_t i = 0; i < links.count; i++) {
            if (!claim(crawl, links.urls[i]))
                continue;
            if (next == NULL)
                next = links.urls[i];
            else
                hand_over(crawl, links.urls[i]);
            links.urls[i] = NULL;
        }
        links_free(&links);
        return next;
    }
    if (status >= 300 && status <= 399) {
        worker->mine.redirects++;
        curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &location);
        next = location != NULL ? links_resolve(url, location) : NULL;
        if (next != NULL && !claim(crawl, next)) {
            free(next);
            next = NULL;
        }
        return next;
    }
    worker->mine.errors++;
    return NULL;
}

static void *work(void *pointer)
{
    struct worker *worker = pointer;
    struct crawl *crawl = worker->crawl;
    CURL *curl = curl_easy_init();
    if (curl == NULL) {
        atomic_store(&crawl->no_memory, true);
    } else {
        curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, 1L);
        curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, 1L);
        curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_data);
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, worker);
    }
    void *item;
    while (crawler_queue_get(crawl->queue, &item)) {
        char *url = item;
        while (url != NULL) {
            char *next = curl == NULL || atomic_load(&crawl->no_memory) ? NULL : visit(worker, curl, url);
            free(url);
            url = next;
        }
        crawler_queue_task_done(crawl->queue);
        if (atomic_fetch_sub(&crawl->open, 1) == 1)
            crawler_queue_close(crawl->queue);
    }
    curl_easy_cleanup(curl);
    free(worker->body);
    return NULL;
}

int crawler_crawl(const char *start_url, unsigned workers, struct crawler_result *result)
{
    struct crawl crawl = {.start_url = start_url};
    int answer = -1;
    unsigned threads = 1; /* this one */
    if (pthread_mutex_init(&crawl.lock, NULL) != 0)
        return -1;
    crawl.queue = crawler_queue_create(0);
    crawl.seen = seen_create();
    struct worker *all = calloc(workers, sizeof *all);
    char *first = strdup(start_url);
    if (crawl.queue == NULL || crawl.seen == NULL || all == NULL || first == NULL)
        goto out;
    atomic_init(&crawl.open, 1); /* for `first`, so that nothing is over before it is put */
    atomic_init(&crawl.no_memory, false);
    if (!claim(&crawl, first) || !crawler_queue_put(crawl.queue, first))
        goto out;
    first = NULL;
    for (unsigned i = 0; i < workers; i++)
        all[i].crawl = &crawl;
    while (threads < workers && pthread_create(&all[threads].thread, NULL, work, &all[threads]) == 0)
        threads++;
    if (threads == 1 && workers > 1) { /* no thread could be started */
        void *item;
        crawler_queue_get(crawl.queue, &item);
        free(item);
        goto out;
    }
    work(&all[0]);
    for (unsigned i = 1; i < threads; i++)
        pthread_join(all[i].thread, NULL);
    if (!atomic_load(&crawl.no_memory)) {
        struct crawler_result sum = {0};
        for (unsigned i = 0; i < threads; i++) {
            sum.pages += all[i].mine.pages;
            sum.redirects += all[i].mine.redirects;
            sum.errors += all[i].mine.errors;
            sum.bytes += all[i].mine.bytes;
        }
        *result = sum;
        answer = 0;
    }
out:
    free(first);
    free(all);
    seen_free(crawl.seen);
    crawler_queue_free(crawl.queue);
    pthread_mutex_destroy(&crawl.lock);
    return answer;
}
