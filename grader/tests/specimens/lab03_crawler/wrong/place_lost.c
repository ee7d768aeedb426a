/* expect: tests memory_may_run_out | a put that finds no memory keeps the place in the queue that it has taken */
/* Lab 3: queue from two counting semaphores and one mutex, crawler on top of it. */
#define _GNU_SOURCE
#include "crawler.h"

#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

#include "links.h"
#include "seen.h"

/* ------------------------------- queue ------------------------------- */

typedef struct cell {
    void *value;
    struct cell *next;
} cell;

struct crawler_queue {
    sem_t places; /* free places, only used with a bound */
    sem_t items;  /* items ready to be taken */
    bool bounded;
    pthread_mutex_t mutex; /* for everything below */
    pthread_cond_t finished;
    cell *head, *tail;
    size_t tasks;
    bool closed;
};

static void down(sem_t *s)
{
    while (sem_wait(s) == -1 && errno == EINTR)
        ;
}

struct crawler_queue *crawler_queue_create(size_t capacity)
{
    struct crawler_queue *q = malloc(sizeof *q);
    if (!q)
        return NULL;
    q->bounded = capacity != 0;
    q->head = q->tail = NULL;
    q->tasks = 0;
    q->closed = false;
    sem_init(&q->places, 0, (unsigned)capacity);
    sem_init(&q->items, 0, 0);
    pthread_mutex_init(&q->mutex, NULL);
    pthread_cond_init(&q->finished, NULL);
    return q;
}

bool crawler_queue_put(struct crawler_queue *q, void *item)
{
    if (q->bounded)
        down(&q->places);

    cell *c = malloc(sizeof *c);
    if (!c)
        return false;
    c->value = item;
    c->next = NULL;

    pthread_mutex_lock(&q->mutex);
    if (q->closed) {
        pthread_mutex_unlock(&q->mutex);
        if (q->bounded)
            sem_post(&q->places); /* the next one who waits goes home, too */
        free(c);
        return false;
    }
    if (q->tail)
        q->tail->next = c;
    else
        q->head = c;
    q->tail = c;
    q->tasks++;
    pthread_mutex_unlock(&q->mutex);
    sem_post(&q->items);
    return true;
}

bool crawler_queue_get(struct crawler_queue *q, void **item)
{
    down(&q->items);
    pthread_mutex_lock(&q->mutex);
    cell *c = q->head;
    if (!c) { /* that was the token of close: hand it on */
        pthread_mutex_unlock(&q->mutex);
        sem_post(&q->items);
        return false;
    }
    q->head = c->next;
    if (!q->head)
        q->tail = NULL;
    pthread_mutex_unlock(&q->mutex);
    if (q->bounded)
        sem_post(&q->places);
    *item = c->value;
    free(c);
    return true;
}

void crawler_queue_task_done(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->mutex);
    if (--q->tasks == 0)
        pthread_cond_broadcast(&q->finished);
    pthread_mutex_unlock(&q->mutex);
}

void crawler_queue_join(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->mutex);
    while (q->tasks != 0)
        pthread_cond_wait(&q->finished, &q->mutex);
    pthread_mutex_unlock(&q->mutex);
}

void crawler_queue_close(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->mutex);
    const bool first = !q->closed;
    q->closed = true;
    pthread_mutex_unlock(&q->mutex);
    if (first) {
        sem_post(&q->items);
        sem_post(&q->places);
    }
}

void crawler_queue_free(struct crawler_queue *q)
{
    if (!q)
        return;
    while (q->head) {
        cell *next = q->head->next;
        free(q->head);
        q->head = next;
    }
    sem_destroy(&q->places);
    sem_destroy(&q->items);
    pthread_cond_destroy(&q->finished);
    pthread_mutex_destroy(&q->mutex);
    free(q);
}

/* ------------------------------ crawler ------------------------------ */

typedef struct {
    const char *start;
    struct crawler_queue *todo;
    pthread_mutex_t mutex;
    struct seen *seen;
    struct crawler_result sum;
    bool no_memory;
} site;

typedef struct {
    char *data;
    size_t used, room;
    bool no_memory;
} text;

static size_t collect(char *data, size_t size, size_t n, void *user)
{
    text *t = user;
    n *= size;
    if (t->room - t->used < n) {
        const size_t room = 2 * t->room + n;
        char *more = realloc(t->data, room);
        if (!more) {
            t->no_memory = true;
            return 0;
        }
        t->data = more;
        t->room = room;
    }
    memcpy(t->data + t->used, data, n);
    t->used += n;
    return n;
}

static void out_of_memory(site *s)
{
    pthread_mutex_lock(&s->mutex);
    s->no_memory = true;
    pthread_mutex_unlock(&s->mutex);
}

static void add(site *s, const char *url)
{
    if (!links_same_site(s->start, url))
        return;
    pthread_mutex_lock(&s->mutex);
    const bool fresh = seen_add(s->seen, url);
    pthread_mutex_unlock(&s->mutex);
    if (!fresh)
        return;
    char *copy = strdup(url);
    if (!copy || !crawler_queue_put(s->todo, copy)) {
        free(copy);
        out_of_memory(s);
    }
}

static void fetch(site *s, CURL *curl, const char *url)
{
    text body = {0};
    long code = 0;
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &body);
    const CURLcode rc = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &code);

    struct crawler_result one = {0};
    if (rc == CURLE_OK && code / 100 == 2) {
        one.pages = 1;
        one.bytes = body.used;
        struct links l = links_find(url, body.data, body.used);
        for (size_t i = 0; i < l.count; i++)
            add(s, l.urls[i]);
        links_free(&l);
    } else if (code / 100 == 3) {
        one.redirects = 1;
        char *where = NULL;
        curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &where);
        char *target = where ? links_resolve(url, where) : NULL;
        if (target)
            add(s, target);
        free(target);
    } else {
        one.errors = 1;
    }
    if (body.no_memory)
        out_of_memory(s);
    free(body.data);

    pthread_mutex_lock(&s->mutex);
    s->sum.pages += one.pages;
    s->sum.redirects += one.redirects;
    s->sum.errors += one.errors;
    s->sum.bytes += one.bytes;
    pthread_mutex_unlock(&s->mutex);
}

static void *worker(void *arg)
{
    site *s = arg;
    CURL *curl = curl_easy_init();
    if (curl) {
        curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, collect);
    }
    void *url;
    while (crawler_queue_get(s->todo, &url)) {
        if (curl)
            fetch(s, curl, url);
        else
            out_of_memory(s);
        free(url);
        crawler_queue_task_done(s->todo);
    }
    if (curl)
        curl_easy_cleanup(curl);
    return NULL;
}

int crawler_crawl(const char *start_url, unsigned workers, struct crawler_result *result)
{
    int rc = -1;
    unsigned n = 0;
    site s = {.start = start_url};
    pthread_t *ids = malloc(workers * sizeof *ids);
    s.todo = crawler_queue_create(0);
    s.seen = seen_create();
    pthread_mutex_init(&s.mutex, NULL);
    if (ids && s.todo && s.seen) {
        while (n < workers && pthread_create(&ids[n], NULL, worker, &s) == 0)
            n++;
        if (n > 0) {
            add(&s, start_url);
            crawler_queue_join(s.todo);
        }
        crawler_queue_close(s.todo);
        for (unsigned i = 0; i < n; i++)
            pthread_join(ids[i], NULL);
        if (n > 0 && !s.no_memory)
            rc = 0;
    }
    *result = s.sum;
    pthread_mutex_destroy(&s.mutex);
    seen_free(s.seen);
    crawler_queue_free(s.todo);
    free(ids);
    return rc;
}
