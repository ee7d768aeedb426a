/* expect: schedules crawl_takes_what_comes | a redirect without a Location is counted as an error */
#include "crawler.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "links.h"
#include "seen.h"

/* Who must wait stands in a line with a condition of its own, and is called by name. */
struct waiter {
    pthread_cond_t called;
    bool go;
    struct waiter *behind;
};

struct line {
    struct waiter *front, **back;
};

struct crawler_queue {
    pthread_mutex_t door;
    struct line getters, putters, joiners;
    void **data;
    size_t head, count, allocated, capacity, tasks;
    bool closed;
};

static void line_up(struct line *line, pthread_mutex_t *door)
{
    struct waiter me = {.called = PTHREAD_COND_INITIALIZER};
    *line->back = &me;
    line->back = &me.behind;
    while (!me.go)
        pthread_cond_wait(&me.called, door);
    pthread_cond_destroy(&me.called);
}

static void call_next(struct line *line)
{
    struct waiter *w = line->front;
    if (w == NULL)
        return;
    line->front = w->behind;
    if (line->front == NULL)
        line->back = &line->front;
    w->go = true;
    pthread_cond_signal(&w->called);
}

static void call_all(struct line *line)
{
    while (line->front != NULL)
        call_next(line);
}

struct crawler_queue *crawler_queue_create(size_t capacity)
{
    struct crawler_queue *q = calloc(1, sizeof(struct crawler_queue));
    if (q == NULL)
        return NULL;
    pthread_mutex_init(&q->door, NULL);
    q->getters.back = &q->getters.front;
    q->putters.back = &q->putters.front;
    q->joiners.back = &q->joiners.front;
    q->capacity = capacity;
    return q;
}

void crawler_queue_free(struct crawler_queue *q)
{
    if (q == NULL)
        return;
    pthread_mutex_destroy(&q->door);
    free(q->data);
    free(q);
}

/* Items lie in data[head] to data[head + count - 1]; when the end is reached they are moved to the front. */
static bool append(struct crawler_queue *q, void *item)
{
    if (q->head + q->count == q->allocated) {
        if (q->head >= q->count + 16) {
            memcpy(q->data, q->data + q->head, q->count * sizeof(void *));
            q->head = 0;
        } else {
            void **data = realloc(q->data, (q->allocated * 2 + 16) * sizeof(void *));
            if (data == NULL)
                return false;
            q->data = data;
            q->allocated = q->allocated * 2 + 16;
        }
    }
    q->data[q->head + q->count++] = item;
    return true;
}

bool crawler_queue_put(struct crawler_queue *q, void *item)
{
    pthread_mutex_lock(&q->door);
    while (q->capacity > 0 && q->count >= q->capacity && !q->closed)
        line_up(&q->putters, &q->door);
    bool done = !q->closed && append(q, item);
    if (done) {
        q->tasks++;
        call_next(&q->getters);
    }
    pthread_mutex_unlock(&q->door);
    return done;
}

bool crawler_queue_get(struct crawler_queue *q, void **item)
{
    pthread_mutex_lock(&q->door);
    while (q->count == 0 && !q->closed)
        line_up(&q->getters, &q->door);
    bool done = q->count > 0;
    if (done) {
        *item = q->data[q->head++];
        q->count--;
        call_next(&q->putters);
    }
    pthread_mutex_unlock(&q->door);
    return done;
}

void crawler_queue_task_done(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->door);
    q->tasks--;
    if (q->tasks == 0)
        call_all(&q->joiners);
    pthread_mutex_unlock(&q->door);
}

void crawler_queue_join(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->door);
    while (q->tasks > 0)
        line_up(&q->joiners, &q->door);
    pthread_mutex_unlock(&q->door);
}

void crawler_queue_close(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->door);
    q->closed = true;
    call_all(&q->getters);
    call_all(&q->putters);
    pthread_mutex_unlock(&q->door);
}

struct crawl {
    struct crawler_queue *todo;
    const char *start;
    pthread_mutex_t lock;
    struct seen *seen; /* guarded by lock */
};

struct worker {
    struct crawl *crawl;
    CURL *curl;
    char *body;
    size_t length, room;
    struct crawler_result own; /* added up when it has ended */
    pthread_t thread;
};

static size_t on_body(char *data, size_t size, size_t count, void *argument)
{
    struct worker *w = argument;
    const size_t more = size * count;
    if (w->length + more > w->room) {
        const size_t room = 2 * (w->length + more);
        char *bigger = realloc(w->body, room);
        if (bigger == NULL)
            return 0;
        w->body = bigger;
        w->room = room;
    }
    memcpy(w->body + w->length, data, more);
    w->length += more;
    return more;
}

static void discover(struct crawl *crawl, const char *url)
{
    if (!links_same_site(url, crawl->start))
        return;
    pthread_mutex_lock(&crawl->lock);
    const bool unseen = seen_add(crawl->seen, url);
    pthread_mutex_unlock(&crawl->lock);
    char *copy = unseen ? strdup(url) : NULL;
    if (copy != NULL && !crawler_queue_put(crawl->todo, copy))
        free(copy);
}

static void fetch(struct worker *w, const char *url)
{
    long status = 0;
    char *location = NULL;
    w->length = 0;
    curl_easy_setopt(w->curl, CURLOPT_URL, url);
    const CURLcode code = curl_easy_perform(w->curl);
    curl_easy_getinfo(w->curl, CURLINFO_RESPONSE_CODE, &status);
    if (code != CURLE_OK || status < 200 || status > 399) {
        w->own.errors++;
    } else if (status < 300) {
        w->own.pages++;
        w->own.bytes += w->length;
        struct links links = links_find(url, w->body, w->length);
        for (size_t i = 0; i < links.count; i++)
            discover(w->crawl, links.urls[i]);
        links_free(&links);
    } else {
        curl_easy_getinfo(w->curl, CURLINFO_REDIRECT_URL, &location);
        if (location == NULL) {
            w->own.errors++; /* leads nowhere */
            return;
        }
        char *target = links_resolve(url, location);
        if (target != NULL)
            discover(w->crawl, target);
        free(target);
        w->own.redirects++;
    }
}

static void *work(void *argument)
{
    struct worker *w = argument;
    void *url;
    while (crawler_queue_get(w->crawl->todo, &url)) {
        fetch(w, url);
        free(url);
        crawler_queue_task_done(w->crawl->todo);
    }
    curl_easy_cleanup(w->curl);
    free(w->body);
    return NULL;
}

static bool start(struct worker *w, struct crawl *crawl)
{
    *w = (struct worker){.crawl = crawl, .curl = curl_easy_init()};
    if (w->curl == NULL)
        return false;
    curl_easy_setopt(w->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(w->curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(w->curl, CURLOPT_WRITEDATA, w);
    if (pthread_create(&w->thread, NULL, work, w) == 0)
        return true;
    curl_easy_cleanup(w->curl);
    return false;
}

int crawler_crawl(const char *start_url, unsigned workers, struct crawler_result *result)
{
    struct crawl crawl = {.todo = crawler_queue_create(0), .start = start_url, .seen = seen_create()};
    struct worker *crew = calloc(workers, sizeof *crew);
    unsigned started = 0;
    memset(result, 0, sizeof *result);
    pthread_mutex_init(&crawl.lock, NULL);
    if (crawl.todo != NULL && crawl.seen != NULL && crew != NULL) {
        discover(&crawl, start_url);
        while (started < workers && start(&crew[started], &crawl))
            started++;
        if (started > 0)
            crawler_queue_join(crawl.todo);
        crawler_queue_close(crawl.todo);
    }
    for (unsigned i = 0; i < started; i++) {
        pthread_join(crew[i].thread, NULL);
        result->pages += crew[i].own.pages;
        result->redirects += crew[i].own.redirects;
        result->errors += crew[i].own.errors;
        result->bytes += crew[i].own.bytes;
    }
    void *left;
    if (started == 0 && crawl.todo != NULL)
        while (crawler_queue_get(crawl.todo, &left))
            free(left);
    pthread_mutex_destroy(&crawl.lock);
    seen_free(crawl.seen);
    crawler_queue_free(crawl.todo);
    free(crew);
    return started > 0 ? 0 : -1;
}
