/* expect: tests not joined; schedules thread-never-joined | waits for the workers to say goodbye, but never joins them */
#include "crawler.h"

#include <curl/curl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

#include "links.h"
#include "seen.h"

/* A queue for each side: putters and getters have a lock of their own (Michael and Scott), semaphores count. */
struct knot {
    struct knot *next;
    void *item;
};

struct crawler_queue {
    sem_t room, filled;
    pthread_mutex_t head_lock, tail_lock, task_lock;
    struct knot *head, *tail; /* head is empty, its next holds the oldest item */
    pthread_cond_t no_tasks;
    unsigned long tasks;
    bool unbounded, closed; /* closed: changed under all three locks, read under any */
};

struct crawler_queue *crawler_queue_create(size_t capacity)
{
    struct crawler_queue *q = calloc(1, sizeof *q);
    struct knot *empty = calloc(1, sizeof *empty);
    if (q == NULL || empty == NULL) {
        free(q);
        free(empty);
        return NULL;
    }
    q->head = q->tail = empty;
    q->unbounded = capacity == 0;
    sem_init(&q->room, 0, (unsigned)capacity);
    sem_init(&q->filled, 0, 0);
    pthread_mutex_init(&q->head_lock, NULL);
    pthread_mutex_init(&q->tail_lock, NULL);
    pthread_mutex_init(&q->task_lock, NULL);
    pthread_cond_init(&q->no_tasks, NULL);
    return q;
}

static void take_token(sem_t *sem)
{
    while (sem_wait(sem) == -1)
        continue;
}

bool crawler_queue_put(struct crawler_queue *q, void *item)
{
    struct knot *knot = malloc(sizeof *knot);
    if (knot == NULL)
        return false;
    *knot = (struct knot){NULL, item};
    if (!q->unbounded)
        take_token(&q->room);
    pthread_mutex_lock(&q->tail_lock);
    const bool closed = q->closed;
    if (!closed) {
        pthread_mutex_lock(&q->task_lock);
        q->tasks++;
        pthread_mutex_unlock(&q->task_lock);
        pthread_mutex_lock(&q->head_lock); /* only because next of an empty queue is looked at there */
        q->tail->next = knot;
        pthread_mutex_unlock(&q->head_lock);
        q->tail = knot;
    }
    pthread_mutex_unlock(&q->tail_lock);
    sem_post(closed ? &q->room : &q->filled); /* closed: the next one may find out, too */
    if (closed)
        free(knot);
    return !closed;
}

bool crawler_queue_get(struct crawler_queue *q, void **item)
{
    take_token(&q->filled);
    pthread_mutex_lock(&q->head_lock);
    struct knot *old = q->head, *first = old->next;
    if (first != NULL) {
        q->head = first;
        *item = first->item;
    }
    pthread_mutex_unlock(&q->head_lock);
    if (first == NULL) {
        sem_post(&q->filled);
        return false;
    }
    free(old);
    if (!q->unbounded)
        sem_post(&q->room);
    return true;
}

void crawler_queue_task_done(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->task_lock);
    if (--q->tasks == 0)
        pthread_cond_broadcast(&q->no_tasks);
    pthread_mutex_unlock(&q->task_lock);
}

void crawler_queue_join(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->task_lock);
    while (q->tasks > 0)
        pthread_cond_wait(&q->no_tasks, &q->task_lock);
    pthread_mutex_unlock(&q->task_lock);
}

void crawler_queue_close(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->tail_lock);
    const bool first = !q->closed;
    q->closed = true;
    pthread_mutex_unlock(&q->tail_lock);
    if (first) {
        sem_post(&q->filled);
        sem_post(&q->room);
    }
}

void crawler_queue_free(struct crawler_queue *q)
{
    if (q == NULL)
        return;
    while (q->head != NULL) {
        struct knot *next = q->head->next;
        free(q->head);
        q->head = next;
    }
    sem_destroy(&q->room);
    sem_destroy(&q->filled);
    pthread_mutex_destroy(&q->head_lock);
    pthread_mutex_destroy(&q->tail_lock);
    pthread_mutex_destroy(&q->task_lock);
    pthread_cond_destroy(&q->no_tasks);
    free(q);
}

struct tour {
    struct crawler_queue *queue;
    struct seen *seen;
    const char *start;
    pthread_mutex_t lock;
    struct crawler_result result;
    sem_t goodbye; /* posted by each worker at its end */
};

struct html {
    char *bytes;
    size_t count;
};

static size_t store(char *bytes, size_t size, size_t count, void *context)
{
    struct html *html = context;
    char *more = realloc(html->bytes, html->count + size * count);
    if (more == NULL)
        return 0;
    memcpy(more + html->count, bytes, size * count);
    html->bytes = more;
    html->count += size * count;
    return size * count;
}

static void suggest(struct tour *tour, const char *url)
{
    if (!links_same_site(tour->start, url))
        return;
    pthread_mutex_lock(&tour->lock);
    const bool is_new = seen_add(tour->seen, url);
    pthread_mutex_unlock(&tour->lock);
    if (is_new)
        crawler_queue_put(tour->queue, strdup(url));
}

static void look_at(struct tour *tour, CURL *curl, const char *url)
{
    struct html html = {NULL, 0};
    char *location = NULL;
    long status = 0;
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &html);
    const bool whole = curl_easy_perform(curl) == CURLE_OK;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &location);
    const bool page = whole && status >= 200 && status < 300;
    const bool redirect = whole && status >= 300 && status < 400;
    struct links links = page ? links_find(url, html.bytes, html.count) : (struct links){NULL, 0};
    for (size_t i = 0; i < links.count; i++)
        suggest(tour, links.urls[i]);
    links_free(&links);
    if (redirect && location != NULL && (location = links_resolve(url, location)) != NULL) {
        suggest(tour, location);
        free(location);
    }
    pthread_mutex_lock(&tour->lock);
    tour->result.pages += page;
    tour->result.bytes += page ? html.count : 0;
    tour->result.redirects += redirect;
    tour->result.errors += !page && !redirect;
    pthread_mutex_unlock(&tour->lock);
    free(html.bytes);
}

static void *guide(void *context)
{
    struct tour *tour = context;
    CURL *curl = curl_easy_init();
    void *url;
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, store);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    while (crawler_queue_get(tour->queue, &url)) {
        look_at(tour, curl, url);
        free(url);
        crawler_queue_task_done(tour->queue);
    }
    curl_easy_cleanup(curl);
    sem_post(&tour->goodbye);
    return NULL;
}

int crawler_crawl(const char *start_url, unsigned workers, struct crawler_result *result)
{
    struct tour *tour = calloc(1, sizeof *tour);
    unsigned guides = 0;
    tour->queue = crawler_queue_create(0);
    tour->seen = seen_create();
    tour->start = start_url;
    pthread_mutex_init(&tour->lock, NULL);
    sem_init(&tour->goodbye, 0, 0);
    suggest(tour, start_url);
    for (pthread_t thread; guides < workers && pthread_create(&thread, NULL, guide, tour) == 0;)
        guides++;
    if (guides > 0)
        crawler_queue_join(tour->queue);
    crawler_queue_close(tour->queue);
    for (unsigned i = 0; i < guides; i++)
        take_token(&tour->goodbye);
    *result = tour->result;
    crawler_queue_free(tour->queue);
    seen_free(tour->seen);
    pthread_mutex_destroy(&tour->lock);
    sem_destroy(&tour->goodbye);
    free(tour);
    return guides > 0 ? 0 : -1;
}
