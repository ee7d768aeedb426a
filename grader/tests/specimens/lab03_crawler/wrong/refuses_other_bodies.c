/* expect: tests redirects, you counted | the callback takes the body of a page only; a redirect that has one ends as an error then */
#define _XOPEN_SOURCE 700

#include "crawler.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "links.h"
#include "seen.h"

/*
 * The items are in array[from] .. array[to - 1]. When `to` reaches the end they slide back to the front,
 * or the array grows. A bounded queue has twice its capacity from the start, so it always slides, and
 * not before it has handed out as many items as it moves.
 */
struct crawler_queue {
    pthread_mutex_t m;
    pthread_cond_t not_full;
    pthread_cond_t not_empty;
    pthread_cond_t finished;
    size_t capacity;
    void **array;
    size_t length, from, to;
    size_t open_tasks;
    unsigned long round; /* goes up each time open_tasks becomes 0 */
    bool closed;
};

static bool make_mutex(pthread_mutex_t *m)
{
    pthread_mutexattr_t attr;
    if (pthread_mutexattr_init(&attr) != 0)
        return false;
    pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ERRORCHECK);
    const int error = pthread_mutex_init(m, &attr);
    pthread_mutexattr_destroy(&attr);
    return error == 0;
}

static void lock(pthread_mutex_t *m)
{
    if (pthread_mutex_lock(m) != 0) {
        fputs("lock: this is a bug\n", stderr);
        abort();
    }
}

static void unlock(pthread_mutex_t *m)
{
    if (pthread_mutex_unlock(m) != 0) {
        fputs("unlock: this is a bug\n", stderr);
        abort();
    }
}

struct crawler_queue *crawler_queue_create(size_t capacity)
{
    struct crawler_queue *q = calloc(1, sizeof *q);
    if (q == NULL)
        return NULL;

    q->capacity = capacity;
    q->length = capacity > 0 ? 2 * capacity : 32;
    q->array = malloc(q->length * sizeof q->array[0]);
    if (q->array == NULL) {
        free(q);
        return NULL;
    }
    if (!make_mutex(&q->m)) {
        free(q->array);
        free(q);
        return NULL;
    }
    if (pthread_cond_init(&q->not_full, NULL) != 0) {
        pthread_mutex_destroy(&q->m);
        free(q->array);
        free(q);
        return NULL;
    }
    if (pthread_cond_init(&q->not_empty, NULL) != 0) {
        pthread_cond_destroy(&q->not_full);
        pthread_mutex_destroy(&q->m);
        free(q->array);
        free(q);
        return NULL;
    }
    if (pthread_cond_init(&q->finished, NULL) != 0) {
        pthread_cond_destroy(&q->not_empty);
        pthread_cond_destroy(&q->not_full);
        pthread_mutex_destroy(&q->m);
        free(q->array);
        free(q);
        return NULL;
    }
    return q;
}

static bool is_full(const struct crawler_queue *q)
{
    return q->capacity > 0 && q->to - q->from == q->capacity;
}

static bool is_empty(const struct crawler_queue *q)
{
    return q->to == q->from;
}

/* Makes array[to] a place in the array. Cannot fail for a bounded queue. */
static bool make_place(struct crawler_queue *q)
{
    if (q->to < q->length)
        return true;
    if (q->from >= q->length / 2) {
        memmove(q->array, q->array + q->from, (q->to - q->from) * sizeof q->array[0]);
        q->to -= q->from;
        q->from = 0;
        return true;
    }
    void **longer = realloc(q->array, 2 * q->length * sizeof longer[0]);
    if (longer == NULL)
        return false;
    q->array = longer;
    q->length *= 2;
    return true;
}

bool crawler_queue_put(struct crawler_queue *q, void *item)
{
    lock(&q->m);
    while (is_full(q) && !q->closed)
        pthread_cond_wait(&q->not_full, &q->m);

    if (q->closed || !make_place(q)) {
        unlock(&q->m);
        return false;
    }

    q->array[q->to++] = item;
    q->open_tasks++;
    unlock(&q->m);
    pthread_cond_signal(&q->not_empty);
    return true;
}

bool crawler_queue_get(struct crawler_queue *q, void **item)
{
    lock(&q->m);
    while (is_empty(q) && !q->closed)
        pthread_cond_wait(&q->not_empty, &q->m);

    if (is_empty(q)) {
        unlock(&q->m);
        return false;
    }

    *item = q->array[q->from++];
    unlock(&q->m);
    pthread_cond_signal(&q->not_full);
    return true;
}

void crawler_queue_task_done(struct crawler_queue *q)
{
    lock(&q->m);
    if (--q->open_tasks == 0) {
        q->round++;
        pthread_cond_broadcast(&q->finished);
    }
    unlock(&q->m);
}

void crawler_queue_join(struct crawler_queue *q)
{
    lock(&q->m);
    if (q->open_tasks > 0) {
        const unsigned long mine = q->round;
        do
            pthread_cond_wait(&q->finished, &q->m);
        while (q->round == mine);
    }
    unlock(&q->m);
}

void crawler_queue_close(struct crawler_queue *q)
{
    lock(&q->m);
    const bool was_closed = q->closed;
    q->closed = true;
    unlock(&q->m);
    if (was_closed)
        return;
    pthread_cond_broadcast(&q->not_full);
    pthread_cond_broadcast(&q->not_empty);
}

void crawler_queue_free(struct crawler_queue *q)
{
    if (q == NULL)
        return;
    pthread_cond_destroy(&q->finished);
    pthread_cond_destroy(&q->not_empty);
    pthread_cond_destroy(&q->not_full);
    pthread_mutex_destroy(&q->m);
    free(q->array);
    free(q);
}

/* Crawler: the numbers are atomics, only the set has a lock. */

struct job {
    struct crawler_queue *todo;
    const char *home;
    pthread_mutex_t seen_lock;
    struct seen *seen;
    atomic_ulong pages, redirects, errors, bytes;
    atomic_bool broken;
};

enum verdict { PAGE, REDIRECT, FAILURE, NO_MEMORY };

struct text {
    char *at;
    size_t used, room;
    atomic_bool *broken;
    CURL *curl;
};

static size_t add_text(char *data, size_t one, size_t n, void *user)
{
    struct text *text = user;
    long status = 0;
    n *= one;
    curl_easy_getinfo(text->curl, CURLINFO_RESPONSE_CODE, &status);
    if (status < 200 || status > 299)
        return 0; /* no page: no need to load it */
    if (text->room < text->used + n) {
        const size_t room = 2 * (text->used + n);
        char *at = realloc(text->at, room);
        if (at == NULL) {
            atomic_store(text->broken, true);
            return 0; /* less than n: libcurl gives up */
        }
        text->at = at;
        text->room = room;
    }
    if (n != 0)
        memcpy(text->at + text->used, data, n);
    text->used += n;
    return n;
}

/* True if the address is in the set only since now. */
static bool first_time(struct job *job, const char *url)
{
    lock(&job->seen_lock);
    const bool added = seen_add(job->seen, url);
    const bool there = job->seen->slots[seen_find(job->seen, url)] != NULL;
    unlock(&job->seen_lock);
    if (!there)
        atomic_store(&job->broken, true);
    return added;
}

static void enqueue(struct job *job, char *url)
{
    if (crawler_queue_put(job->todo, url))
        return;
    free(url);
    atomic_store(&job->broken, true);
}

static enum verdict get_page(CURL *curl, const char *url, struct text *text)
{
    CURLcode result = curl_easy_setopt(curl, CURLOPT_URL, url);
    if (result == CURLE_OUT_OF_MEMORY)
        return NO_MEMORY;
    if (result != CURLE_OK)
        return FAILURE;
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, text);

    result = curl_easy_perform(curl);
    if (result == CURLE_OUT_OF_MEMORY || atomic_load(text->broken))
        return NO_MEMORY;
    if (result != CURLE_OK)
        return FAILURE;

    long status = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    if (status < 200 || status >= 400)
        return FAILURE;
    return status < 300 ? PAGE : REDIRECT;
}

static void handle(struct job *job, CURL *curl, const char *url)
{
    struct text text = {NULL, 0, 0, &job->broken, curl};

    switch (get_page(curl, url, &text)) {
    case PAGE: {
        atomic_fetch_add(&job->pages, 1);
        atomic_fetch_add(&job->bytes, text.used);
        struct links links = links_find(url, text.at, text.used);
        for (size_t i = 0; i < links.count; i++) {
            if (!links_same_site(links.urls[i], job->home))
                continue;
            if (!first_time(job, links.urls[i]))
                continue;
            enqueue(job, links.urls[i]);
            links.urls[i] = NULL;
        }
        links_free(&links);
        break;
    }
    case REDIRECT: {
        atomic_fetch_add(&job->redirects, 1);
        char *location = NULL;
        if (curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &location) != CURLE_OK || location == NULL)
            break;
        char *target = links_resolve(url, location);
        if (target == NULL)
            break;
        if (links_same_site(target, job->home) && first_time(job, target))
            enqueue(job, target);
        else
            free(target);
        break;
    }
    case FAILURE:
        atomic_fetch_add(&job->errors, 1);
        break;
    case NO_MEMORY:
        atomic_store(&job->broken, true);
        break;
    }
    free(text.at);
}

static CURL *new_handle(void)
{
    CURL *curl = curl_easy_init();
    if (curl == NULL)
        return NULL;
    if (curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
        curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
        curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L) == CURLE_OK &&
        curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, 1L) == CURLE_OK &&
        curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, 1L) == CURLE_OK &&
        curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, add_text) == CURLE_OK)
        return curl;
    curl_easy_cleanup(curl);
    return NULL;
}

static void *run(void *p)
{
    struct job *job = p;
    CURL *curl = new_handle();
    if (curl == NULL)
        atomic_store(&job->broken, true);

    for (void *url; crawler_queue_get(job->todo, &url); crawler_queue_task_done(job->todo)) {
        if (!atomic_load(&job->broken))
            handle(job, curl, url);
        free(url);
    }

    curl_easy_cleanup(curl); /* NULL is allowed */
    return NULL;
}

static int crawl_with(struct job *job, pthread_t *threads, unsigned workers)
{
    char *first = strdup(job->home);
    if (first == NULL)
        return -1;
    if (!first_time(job, first) || !crawler_queue_put(job->todo, first)) {
        free(first);
        return -1;
    }

    unsigned running = 0;
    while (running < workers) {
        if (pthread_create(&threads[running], NULL, run, job) != 0)
            break;
        running++;
    }
    if (running == 0) {
        free(first); /* it still is in the queue, but no one will ever take it */
        return -1;
    }

    crawler_queue_join(job->todo);
    crawler_queue_close(job->todo);
    for (unsigned i = 0; i < running; i++)
        pthread_join(threads[i], NULL);
    return atomic_load(&job->broken) ? -1 : 0;
}

int crawler_crawl(const char *start_url, unsigned workers, struct crawler_result *result)
{
    struct job job = {.home = start_url};
    atomic_init(&job.pages, 0);
    atomic_init(&job.redirects, 0);
    atomic_init(&job.errors, 0);
    atomic_init(&job.bytes, 0);
    atomic_init(&job.broken, false);

    pthread_t *threads = calloc(workers, sizeof *threads);
    if (threads == NULL)
        return -1;
    if (!make_mutex(&job.seen_lock)) {
        free(threads);
        return -1;
    }

    int answer = -1;
    job.seen = seen_create();
    job.todo = crawler_queue_create(0);
    if (job.seen != NULL && job.todo != NULL)
        answer = crawl_with(&job, threads, workers);

    result->pages = atomic_load(&job.pages);
    result->redirects = atomic_load(&job.redirects);
    result->errors = atomic_load(&job.errors);
    result->bytes = atomic_load(&job.bytes);

    crawler_queue_free(job.todo);
    seen_free(job.seen);
    pthread_mutex_destroy(&job.seen_lock);
    free(threads);
    return answer;
}
