/* expect: tests memory_may_run_out | put does not look whether malloc gave it a node */
#include "crawler.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "links.h"
#include "seen.h"

struct node {
    void *item;
    struct node *next;
};

struct crawler_queue {
    pthread_mutex_t mutex;
    pthread_cond_t not_full, not_empty, finished;
    struct node *head, *tail;
    size_t length, capacity, unfinished;
    bool closed;
};

struct crawler_queue *crawler_queue_create(size_t capacity)
{
    struct crawler_queue *q = calloc(1, sizeof *q);
    if (!q)
        return NULL;
    q->capacity = capacity;
    pthread_mutex_init(&q->mutex, NULL);
    pthread_cond_init(&q->not_full, NULL);
    pthread_cond_init(&q->not_empty, NULL);
    pthread_cond_init(&q->finished, NULL);
    return q;
}

bool crawler_queue_put(struct crawler_queue *q, void *item)
{
    struct node *n = malloc(sizeof *n);
    n->item = item;
    n->next = NULL;

    pthread_mutex_lock(&q->mutex);
    while (q->capacity != 0 && q->length >= q->capacity && !q->closed)
        pthread_cond_wait(&q->not_full, &q->mutex);
    if (q->closed) {
        pthread_mutex_unlock(&q->mutex);
        free(n);
        return false;
    }
    if (q->tail)
        q->tail->next = n;
    else
        q->head = n;
    q->tail = n;
    q->length++;
    q->unfinished++;
    pthread_cond_signal(&q->not_empty);
    pthread_mutex_unlock(&q->mutex);
    return true;
}

bool crawler_queue_get(struct crawler_queue *q, void **item)
{
    pthread_mutex_lock(&q->mutex);
    while (q->length == 0 && !q->closed)
        pthread_cond_wait(&q->not_empty, &q->mutex);
    if (q->length == 0) {
        pthread_mutex_unlock(&q->mutex);
        return false;
    }
    struct node *n = q->head;
    q->head = n->next;
    if (!q->head)
        q->tail = NULL;
    q->length--;
    pthread_cond_signal(&q->not_full);
    pthread_mutex_unlock(&q->mutex);
    *item = n->item;
    free(n);
    return true;
}

void crawler_queue_task_done(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->mutex);
    if (--q->unfinished == 0)
        pthread_cond_broadcast(&q->finished);
    pthread_mutex_unlock(&q->mutex);
}

void crawler_queue_join(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->mutex);
    while (q->unfinished != 0)
        pthread_cond_wait(&q->finished, &q->mutex);
    pthread_mutex_unlock(&q->mutex);
}

void crawler_queue_close(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->mutex);
    q->closed = true;
    pthread_cond_broadcast(&q->not_empty);
    pthread_cond_broadcast(&q->not_full);
    pthread_mutex_unlock(&q->mutex);
}

void crawler_queue_free(struct crawler_queue *q)
{
    if (!q)
        return;
    while (q->head) {
        struct node *n = q->head;
        q->head = n->next;
        free(n);
    }
    pthread_mutex_destroy(&q->mutex);
    pthread_cond_destroy(&q->not_full);
    pthread_cond_destroy(&q->not_empty);
    pthread_cond_destroy(&q->finished);
    free(q);
}

struct shared {
    struct crawler_queue *queue;
    const char *start;
    pthread_mutex_t seen_lock;
    struct seen *seen;
    pthread_mutex_t result_lock;
    struct crawler_result result;
};

struct body {
    char *data;
    size_t length;
};

static size_t collect(char *data, size_t size, size_t n, void *p)
{
    struct body *body = p;
    char *bigger = realloc(body->data, body->length + size * n);
    if (!bigger)
        return 0;
    memcpy(bigger + body->length, data, size * n);
    body->data = bigger;
    body->length += size * n;
    return size * n;
}

static void add_url(struct shared *s, const char *url)
{
    if (!links_same_site(url, s->start))
        return;
    pthread_mutex_lock(&s->seen_lock);
    bool is_new = seen_add(s->seen, url);
    pthread_mutex_unlock(&s->seen_lock);
    if (is_new) {
        char *copy = strdup(url);
        if (!crawler_queue_put(s->queue, copy))
            free(copy);
    }
}

static void fetch(struct shared *s, CURL *curl, const char *url)
{
    struct body body = {NULL, 0};
    long code = 0;
    char *redirect = NULL;
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &body);
    CURLcode rc = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &code);
    curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &redirect);

    if (rc == CURLE_OK && code >= 200 && code <= 299) {
        struct links links = links_find(url, body.data, body.length);
        for (size_t i = 0; i < links.count; i++)
            add_url(s, links.urls[i]);
        links_free(&links);
        pthread_mutex_lock(&s->result_lock);
        s->result.pages++;
        s->result.bytes += body.length;
        pthread_mutex_unlock(&s->result_lock);
    } else if (rc == CURLE_OK && code >= 300 && code <= 399) {
        char *target = redirect ? links_resolve(url, redirect) : NULL;
        if (target)
            add_url(s, target);
        free(target);
        pthread_mutex_lock(&s->result_lock);
        s->result.redirects++;
        pthread_mutex_unlock(&s->result_lock);
    } else {
        pthread_mutex_lock(&s->result_lock);
        s->result.errors++;
        pthread_mutex_unlock(&s->result_lock);
    }
    free(body.data);
}

static void *worker(void *p)
{
    struct shared *s = p;
    CURL *curl = curl_easy_init();
    void *url;
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, collect);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    while (crawler_queue_get(s->queue, &url)) {
        fetch(s, curl, url);
        free(url);
        crawler_queue_task_done(s->queue);
    }
    curl_easy_cleanup(curl);
    return NULL;
}

int crawler_crawl(const char *start_url, unsigned workers, struct crawler_result *result)
{
    struct shared s = {.start = start_url};
    pthread_t threads[workers];
    unsigned started = 0;
    s.queue = crawler_queue_create(0);
    s.seen = seen_create();
    pthread_mutex_init(&s.seen_lock, NULL);
    pthread_mutex_init(&s.result_lock, NULL);

    while (started < workers && pthread_create(&threads[started], NULL, worker, &s) == 0)
        started++;
    if (started > 0) {
        add_url(&s, start_url);
        crawler_queue_join(s.queue);
    }
    crawler_queue_close(s.queue);
    for (unsigned i = 0; i < started; i++)
        pthread_join(threads[i], NULL);

    *result = s.result;
    pthread_mutex_destroy(&s.seen_lock);
    pthread_mutex_destroy(&s.result_lock);
    seen_free(s.seen);
    crawler_queue_free(s.queue);
    return started > 0 ? 0 : -1;
}
