/* expect: tests no_end_is_missed; schedules lost-wake-up | join sleeps under a mutex of its own, the counter is guarded by another */
#include <stdlib.h>
#include <string.h>
#include <pthread.h>
#include <stdatomic.h>
#include <curl/curl.h>
#include "crawler.h"
#include "links.h"
#include "seen.h"

/* q->mutex is for the items. Who waits in join shall not be in the way of the workers, so there is join_mutex. */
struct crawler_queue {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    struct record { void *item; struct record *next; } *head, *tail;
    size_t n, capacity;
    bool closed;

    atomic_uint tasks;
    pthread_mutex_t join_mutex;
    pthread_cond_t join_cond;
};

struct crawler_queue *crawler_queue_create(size_t capacity)
{
    struct crawler_queue *q = calloc(1, sizeof *q);
    if (q == NULL) return NULL;
    q->capacity = capacity;
    pthread_mutex_init(&q->mutex, NULL);
    pthread_mutex_init(&q->join_mutex, NULL);
    pthread_cond_init(&q->cond, NULL);
    pthread_cond_init(&q->join_cond, NULL);
    return q;
}

bool crawler_queue_put(struct crawler_queue *q, void *item)
{
    struct record *r = malloc(sizeof *r);
    if (r == NULL) return false;
    r->item = item;
    r->next = NULL;

    pthread_mutex_lock(&q->mutex);
    while (q->capacity > 0 && q->n == q->capacity && !q->closed)
        pthread_cond_wait(&q->cond, &q->mutex);
    if (q->closed) {
        pthread_mutex_unlock(&q->mutex);
        free(r);
        return false;
    }
    if (q->tail != NULL) q->tail->next = r; else q->head = r;
    q->tail = r;
    q->n++;
    q->tasks++;
    pthread_cond_broadcast(&q->cond);
    pthread_mutex_unlock(&q->mutex);
    return true;
}

bool crawler_queue_get(struct crawler_queue *q, void **item)
{
    struct record *r;

    pthread_mutex_lock(&q->mutex);
    while (q->n == 0 && !q->closed)
        pthread_cond_wait(&q->cond, &q->mutex);
    r = q->head;
    if (r != NULL) {
        q->head = r->next;
        if (q->head == NULL) q->tail = NULL;
        q->n--;
        pthread_cond_broadcast(&q->cond);
    }
    pthread_mutex_unlock(&q->mutex);
    if (r == NULL) return false;
    *item = r->item;
    free(r);
    return true;
}

void crawler_queue_task_done(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->mutex);
    if (--q->tasks == 0)
        pthread_cond_broadcast(&q->join_cond);
    pthread_mutex_unlock(&q->mutex);
}

void crawler_queue_join(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->join_mutex);
    while (q->tasks > 0)
        pthread_cond_wait(&q->join_cond, &q->join_mutex);
    pthread_mutex_unlock(&q->join_mutex);
}

void crawler_queue_close(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->mutex);
    q->closed = true;
    pthread_cond_broadcast(&q->cond);
    pthread_mutex_unlock(&q->mutex);
}

void crawler_queue_free(struct crawler_queue *q)
{
    if (q == NULL) return;
    while (q->head != NULL) {
        struct record *r = q->head;
        q->head = r->next;
        free(r);
    }
    pthread_cond_destroy(&q->cond);
    pthread_cond_destroy(&q->join_cond);
    pthread_mutex_destroy(&q->mutex);
    pthread_mutex_destroy(&q->join_mutex);
    free(q);
}

/* The crawler's threads are threads of a small "class" worker. It counts in atomics. */

typedef struct {
    atomic_ulong pages, redirects, errors, bytes;
    struct crawler_queue *q;
    struct seen *seen;
    pthread_mutex_t seen_mutex;
    const char *start_url;
} shared_t;

typedef struct {
    pthread_t thread;
    shared_t *shared;
    CURL *curl;
    char *data;
    size_t size;
} worker_t;

static size_t worker_write(char *ptr, size_t size, size_t nmemb, void *self_)
{
    worker_t *self = self_;
    self->data = realloc(self->data, self->size + size * nmemb);
    if (self->data == NULL) return 0;
    memcpy(self->data + self->size, ptr, size * nmemb);
    self->size += size * nmemb;
    return size * nmemb;
}

static void worker_add(worker_t *self, const char *url)
{
    shared_t *s = self->shared;
    bool add = links_same_site(s->start_url, url);
    if (add) {
        pthread_mutex_lock(&s->seen_mutex);
        add = seen_add(s->seen, url);
        pthread_mutex_unlock(&s->seen_mutex);
    }
    if (add) crawler_queue_put(s->q, strdup(url));
}

static void worker_fetch(worker_t *self, const char *url)
{
    long code = 0;
    char *location = NULL;

    self->size = 0;
    curl_easy_setopt(self->curl, CURLOPT_URL, url);
    CURLcode res = curl_easy_perform(self->curl);
    if (res == CURLE_OK) {
        curl_easy_getinfo(self->curl, CURLINFO_RESPONSE_CODE, &code);
        curl_easy_getinfo(self->curl, CURLINFO_REDIRECT_URL, &location);
    }
    if (code >= 200 && code < 300) {
        struct links found = links_find(url, self->data, self->size);
        for (size_t i = 0; i < found.count; i++)
            worker_add(self, found.urls[i]);
        links_free(&found);
        self->shared->pages++;
        self->shared->bytes += self->size;
    } else if (code >= 300 && code < 400) {
        char *absolute = location ? links_resolve(url, location) : NULL;
        if (absolute) worker_add(self, absolute);
        free(absolute);
        self->shared->redirects++;
    } else {
        self->shared->errors++;
    }
}

static void *worker_run(void *self_)
{
    worker_t *self = self_;
    void *url;

    self->curl = curl_easy_init();
    curl_easy_setopt(self->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(self->curl, CURLOPT_WRITEFUNCTION, worker_write);
    curl_easy_setopt(self->curl, CURLOPT_WRITEDATA, self);
    while (crawler_queue_get(self->shared->q, &url)) {
        worker_fetch(self, url);
        free(url);
        crawler_queue_task_done(self->shared->q);
    }
    curl_easy_cleanup(self->curl);
    free(self->data);
    return NULL;
}

int crawler_crawl(const char *start_url, unsigned workers, struct crawler_result *result)
{
    shared_t s = { .q = crawler_queue_create(0), .seen = seen_create(), .start_url = start_url };
    worker_t *w = calloc(workers, sizeof *w);
    unsigned i, n = 0;

    pthread_mutex_init(&s.seen_mutex, NULL);
    for (i = 0; i < workers; i++) {
        w[i].shared = &s;
        if (pthread_create(&w[i].thread, NULL, worker_run, &w[i]) != 0) break;
        n++;
    }
    if (n > 0) {
        worker_add(&w[0], start_url);
        crawler_queue_join(s.q);
    }
    crawler_queue_close(s.q);
    for (i = 0; i < n; i++)
        pthread_join(w[i].thread, NULL);
    result->pages = s.pages;
    result->redirects = s.redirects;
    result->errors = s.errors;
    result->bytes = s.bytes;
    pthread_mutex_destroy(&s.seen_mutex);
    seen_free(s.seen);
    crawler_queue_free(s.q);
    free(w);
    return n > 0 ? 0 : -1;
}
