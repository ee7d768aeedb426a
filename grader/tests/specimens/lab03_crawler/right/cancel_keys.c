/* expect: right; schedules NOT_RUN | Workers are cancelled when all is done, which they can be in get only. No cleanup handlers: the destructors of two
 * keys unlock the queue and close the handle. The queue is a ring of doubly linked nodes that are used again. */
#include "crawler.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "links.h"
#include "seen.h"

struct link {
    struct link *before, *after;
    void *item;
};

struct crawler_queue {
    pthread_mutex_t lock;
    pthread_cond_t can_put, can_get, all_done;
    struct link ring;   /* ring.after is the first, ring.before the last */
    struct link *spare; /* nodes to use again, through `after` */
    size_t capacity, length, unfinished;
    bool closed;
};

/* Keys are made once, and kept. */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool keys_made;
static pthread_key_t locked; /* the lock of the queue in which the thread waits and may be cancelled */
static pthread_key_t handle; /* its curl handle */

static void unlock(void *lock)
{
    pthread_mutex_unlock(lock);
}

static void close_handle(void *curl)
{
    curl_easy_cleanup(curl);
}

static void make_keys(void)
{
    if (pthread_key_create(&locked, unlock) != 0)
        return;
    keys_made = pthread_key_create(&handle, close_handle) == 0;
    if (!keys_made)
        pthread_key_delete(locked);
}

struct crawler_queue *crawler_queue_create(size_t capacity)
{
    pthread_once(&once, make_keys);
    struct crawler_queue *q = calloc(1, sizeof *q);
    if (q == NULL)
        return NULL;
    if (!keys_made) {
        free(q);
        return NULL;
    }
    q->capacity = capacity;
    q->ring.before = q->ring.after = &q->ring;
    pthread_mutex_init(&q->lock, NULL);
    pthread_cond_init(&q->can_put, NULL);
    pthread_cond_init(&q->can_get, NULL);
    pthread_cond_init(&q->all_done, NULL);
    return q;
}


bool crawler_queue_put(struct crawler_queue *q, void *item)
{
    bool ok = false;
    pthread_mutex_lock(&q->lock);
    while (!q->closed && q->capacity > 0 && q->length >= q->capacity)
        pthread_cond_wait(&q->can_put, &q->lock);
    if (!q->closed) {
        struct link *link = q->spare;
        if (link != NULL)
            q->spare = link->after;
        else
            link = malloc(sizeof *link);
        if (link != NULL) {
            *link = (struct link){.before = q->ring.before, .after = &q->ring, .item = item};
            link->before->after = link;
            q->ring.before = link;
            q->length++;
            q->unfinished++;
            pthread_cond_signal(&q->can_get);
            ok = true;
        } else {
            pthread_cond_signal(&q->can_put);
        }
    }
    pthread_mutex_unlock(&q->lock);
    return ok;
}

bool crawler_queue_get(struct crawler_queue *q, void **item)
{
    bool ok = false;
    pthread_mutex_lock(&q->lock);
    pthread_setspecific(locked, &q->lock);
    while (!q->closed && q->length == 0)
        pthread_cond_wait(&q->can_get, &q->lock);
    pthread_setspecific(locked, NULL);
    if (q->length != 0) {
        struct link *link = q->ring.after;
        *item = link->item;
        q->ring.after = link->after;
        link->after->before = &q->ring;
        link->after = q->spare;
        q->spare = link;
        q->length--;
        pthread_cond_signal(&q->can_put);
        ok = true;
    }
    pthread_mutex_unlock(&q->lock);
    return ok;
}

void crawler_queue_task_done(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->lock);
    q->unfinished--;
    if (q->unfinished == 0)
        pthread_cond_broadcast(&q->all_done);
    pthread_mutex_unlock(&q->lock);
}

void crawler_queue_join(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->lock);
    while (q->unfinished != 0)
        pthread_cond_wait(&q->all_done, &q->lock);
    pthread_mutex_unlock(&q->lock);
}

void crawler_queue_close(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->lock);
    q->closed = true;
    pthread_cond_broadcast(&q->can_get);
    pthread_cond_broadcast(&q->can_put);
    pthread_mutex_unlock(&q->lock);
}

void crawler_queue_free(struct crawler_queue *q)
{
    if (q == NULL)
        return;
    while (q->ring.after != &q->ring) {
        struct link *link = q->ring.after;
        q->ring.after = link->after;
        free(link);
    }
    while (q->spare != NULL) {
        struct link *link = q->spare;
        q->spare = link->after;
        free(link);
    }
    pthread_cond_destroy(&q->can_put);
    pthread_cond_destroy(&q->can_get);
    pthread_cond_destroy(&q->all_done);
    pthread_mutex_destroy(&q->lock);
    free(q);
}

/* ---- the crawler ---- */

struct text {
    char *data;
    size_t length;
    bool lost; /* memory ran out */
};

struct shared {
    const char *start;
    struct crawler_queue *queue;
    pthread_mutex_t lock;
    struct seen *seen;             /* under lock */
    struct crawler_result *result; /* under lock */
    bool failed;                   /* under lock */
};

static void set_failed(struct shared *shared)
{
    pthread_mutex_lock(&shared->lock);
    shared->failed = true;
    pthread_mutex_unlock(&shared->lock);
}

static bool has_failed(struct shared *shared)
{
    pthread_mutex_lock(&shared->lock);
    const bool failed = shared->failed;
    pthread_mutex_unlock(&shared->lock);
    return failed;
}

static size_t take(char *data, size_t one, size_t count, void *to)
{
    struct text *text = to;
    const size_t more = one * count;
    char *grown = realloc(text->data, text->length + more + 1);
    if (grown == NULL) {
        text->lost = true;
        return 0;
    }
    memcpy(grown + text->length, data, more);
    text->data = grown;
    text->length += more;
    return more;
}

static void consider(struct shared *shared, const char *url)
{
    if (!links_same_site(shared->start, url))
        return;
    pthread_mutex_lock(&shared->lock);
    const bool fresh = seen_add(shared->seen, url);
    if (!fresh && shared->seen->slots[seen_find(shared->seen, url)] == NULL)
        shared->failed = true;
    pthread_mutex_unlock(&shared->lock);
    if (!fresh)
        return;
    char *copy = strdup(url);
    if (copy == NULL || !crawler_queue_put(shared->queue, copy)) {
        free(copy);
        set_failed(shared);
    }
}

static void visit(struct shared *shared, CURL *curl, const char *url)
{
    struct text text = {NULL, 0, false};
    long status = 0;
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &text);
    CURLcode code = curl_easy_setopt(curl, CURLOPT_URL, url);
    if (code == CURLE_OK)
        code = curl_easy_perform(curl);
    if (text.lost || code == CURLE_OUT_OF_MEMORY) {
        set_failed(shared);
        free(text.data);
        return;
    }
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    const bool redirect = status >= 300 && status < 400;
    const bool page = code == CURLE_OK && status >= 200 && status < 300;
    pthread_mutex_lock(&shared->lock);
    shared->result->pages += page;
    shared->result->redirects += redirect;
    shared->result->errors += !page && !redirect;
    shared->result->bytes += page ? text.length : 0;
    pthread_mutex_unlock(&shared->lock);
    if (redirect) {
        char *to = NULL;
        curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &to);
        char *target = to != NULL ? links_resolve(url, to) : NULL;
        if (target != NULL)
            consider(shared, target);
        free(target);
    } else if (page) {
        struct links links = links_find(url, text.data, text.length);
        for (size_t i = 0; i < links.count; i++)
            consider(shared, links.urls[i]);
        links_free(&links);
    }
    free(text.data);
}

static void *worker(void *argument)
{
    struct shared *shared = argument;
    int old;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
    CURL *curl = curl_easy_init();
    if (curl != NULL && pthread_setspecific(handle, curl) != 0) {
        curl_easy_cleanup(curl);
        curl = NULL;
    }
    if (curl == NULL) {
        set_failed(shared);
    } else {
        curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
        curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    }
    for (;;) {
        void *item = NULL;
        pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &old);
        const bool got = crawler_queue_get(shared->queue, &item);
        pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
        if (!got)
            break; /* never: no one closes the queue */
        if (!has_failed(shared))
            visit(shared, curl, item);
        free(item);
        crawler_queue_task_done(shared->queue);
    }
    return NULL;
}

int crawler_crawl(const char *start_url, unsigned workers, struct crawler_result *result)
{
    *result = (struct crawler_result){0};
    struct shared shared = {.start = start_url, .result = result};
    pthread_t *threads = malloc(workers * sizeof *threads);
    shared.queue = crawler_queue_create(0);
    shared.seen = seen_create();
    unsigned started = 0;
    if (threads != NULL && shared.queue != NULL && shared.seen != NULL) {
        pthread_mutex_init(&shared.lock, NULL);
        for (unsigned i = 0; i < workers; i++)
            if (pthread_create(&threads[started], NULL, worker, &shared) == 0)
                started++;
        if (started != 0) {
            consider(&shared, start_url);
            crawler_queue_join(shared.queue);
        }
        for (unsigned i = 0; i < started; i++)
            pthread_cancel(threads[i]);
        for (unsigned i = 0; i < started; i++)
            pthread_join(threads[i], NULL);
        pthread_mutex_destroy(&shared.lock);
    }
    crawler_queue_free(shared.queue);
    seen_free(shared.seen);
    free(threads);
    return started == 0 || shared.failed ? -1 : 0;
}
