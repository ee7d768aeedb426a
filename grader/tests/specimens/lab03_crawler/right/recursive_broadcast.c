/* expect: right | recursive mutex with nested little functions, broadcast always */
#include "crawler.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "links.h"
#include "seen.h"

struct crawler_queue {
    pthread_mutex_t mutex;
    pthread_cond_t put_ok, get_ok, idle;
    void **buffer;
    size_t first, size, space;
    size_t limit; /* 0: grows as needed */
    size_t unfinished;
    bool closed;
};

struct crawler_queue *crawler_queue_create(size_t capacity)
{
    struct crawler_queue *self = calloc(1, sizeof *self);
    if (self == NULL)
        return NULL;
    self->limit = capacity;
    self->space = capacity > 0 ? capacity : 8;
    self->buffer = malloc(self->space * sizeof *self->buffer);
    if (self->buffer == NULL) {
        free(self);
        return NULL;
    }
    pthread_mutexattr_t attr;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&self->mutex, &attr);
    pthread_mutexattr_destroy(&attr);
    pthread_cond_init(&self->put_ok, NULL);
    pthread_cond_init(&self->get_ok, NULL);
    pthread_cond_init(&self->idle, NULL);
    return self;
}

static bool is_full(struct crawler_queue *self)
{
    pthread_mutex_lock(&self->mutex);
    const bool full = self->limit > 0 && self->size == self->limit;
    pthread_mutex_unlock(&self->mutex);
    return full;
}

static bool is_closed(struct crawler_queue *self)
{
    pthread_mutex_lock(&self->mutex);
    const bool closed = self->closed;
    pthread_mutex_unlock(&self->mutex);
    return closed;
}

/* Twice as many buffer; what had run over the end goes behind the rest. */
static bool grow(struct crawler_queue *self)
{
    const size_t over = self->first + self->size > self->space ? self->first + self->size - self->space : 0;
    void **bigger = realloc(self->buffer, 2 * self->space * sizeof *bigger);
    if (bigger == NULL)
        return false;
    memcpy(bigger + self->space, bigger, over * sizeof *bigger);
    self->buffer = bigger;
    self->space *= 2;
    return true;
}

bool crawler_queue_put(struct crawler_queue *self, void *item)
{
    bool ok;
    pthread_mutex_lock(&self->mutex);
    while (is_full(self) && !is_closed(self))
        pthread_cond_wait(&self->put_ok, &self->mutex);
    ok = !is_closed(self) && (self->size < self->space || grow(self));
    if (ok) {
        self->buffer[(self->first + self->size++) % self->space] = item;
        self->unfinished++;
        pthread_cond_broadcast(&self->get_ok);
    }
    pthread_mutex_unlock(&self->mutex);
    return ok;
}

bool crawler_queue_get(struct crawler_queue *self, void **item)
{
    bool ok;
    pthread_mutex_lock(&self->mutex);
    while (self->size == 0 && !is_closed(self))
        pthread_cond_wait(&self->get_ok, &self->mutex);
    ok = self->size > 0;
    if (ok) {
        *item = self->buffer[self->first];
        self->first = (self->first + 1) % self->space;
        self->size--;
        pthread_cond_broadcast(&self->put_ok);
    }
    pthread_mutex_unlock(&self->mutex);
    return ok;
}

void crawler_queue_task_done(struct crawler_queue *self)
{
    pthread_mutex_lock(&self->mutex);
    if (--self->unfinished == 0)
        pthread_cond_broadcast(&self->idle);
    pthread_mutex_unlock(&self->mutex);
}

void crawler_queue_join(struct crawler_queue *self)
{
    pthread_mutex_lock(&self->mutex);
    while (self->unfinished > 0)
        pthread_cond_wait(&self->idle, &self->mutex);
    pthread_mutex_unlock(&self->mutex);
}

void crawler_queue_close(struct crawler_queue *self)
{
    pthread_mutex_lock(&self->mutex);
    self->closed = true;
    pthread_mutex_unlock(&self->mutex);
    pthread_cond_broadcast(&self->put_ok);
    pthread_cond_broadcast(&self->get_ok);
}

void crawler_queue_free(struct crawler_queue *self)
{
    if (self == NULL)
        return;
    pthread_mutex_destroy(&self->mutex);
    pthread_cond_destroy(&self->put_ok);
    pthread_cond_destroy(&self->get_ok);
    pthread_cond_destroy(&self->idle);
    free(self->buffer);
    free(self);
}

/* ---------- the crawler ---------- */

static struct {
    struct crawler_queue *queue;
    const char *site;
    struct seen *seen;
    struct crawler_result sum;
    pthread_mutex_t mutex; /* for seen and sum */
} job = {.mutex = PTHREAD_MUTEX_INITIALIZER};

typedef struct { char *p; size_t n; } text;

static size_t on_data(char *data, size_t one, size_t n, void *t_)
{
    text *t = t_;
    char *p = realloc(t->p, t->n + n * one + 1);
    if (!p) return 0;
    t->p = p;
    memcpy(t->p + t->n, data, n * one);
    t->n += n * one;
    return n * one;
}

static void enqueue(const char *url)
{
    bool is_new = false;
    if (links_same_site(job.site, url)) {
        pthread_mutex_lock(&job.mutex);
        is_new = seen_add(job.seen, url);
        pthread_mutex_unlock(&job.mutex);
    }
    if (is_new)
        crawler_queue_put(job.queue, strdup(url));
}

static void count(unsigned long *which, size_t bytes)
{
    pthread_mutex_lock(&job.mutex);
    ++*which;
    job.sum.bytes += bytes;
    pthread_mutex_unlock(&job.mutex);
}

static void crawl_one(CURL *c, char *url)
{
    text body = { NULL, 0 };
    long http = 0;
    char *to = NULL, *absolute;
    int ok;

    curl_easy_reset(c);
    curl_easy_setopt(c, CURLOPT_URL, url);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_data);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, &body);
    ok = curl_easy_perform(c) == CURLE_OK;
    curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &http);
    switch (ok ? http / 100 : 0) {
    case 2: {
        struct links l = links_find(url, body.p, body.n);
        for (size_t i = 0; i < l.count; i++)
            enqueue(l.urls[i]);
        links_free(&l);
        count(&job.sum.pages, body.n);
        break;
    }
    case 3:
        curl_easy_getinfo(c, CURLINFO_REDIRECT_URL, &to);
        if (to && (absolute = links_resolve(url, to))) {
            enqueue(absolute);
            free(absolute);
        }
        count(&job.sum.redirects, 0);
        break;
    default:
        count(&job.sum.errors, 0);
    }
    free(body.p);
}

static void *crawl_loop(void *c)
{
    void *url;
    while (crawler_queue_get(job.queue, &url)) {
        crawl_one(c, url);
        free(url);
        crawler_queue_task_done(job.queue);
    }
    return NULL;
}

int crawler_crawl(const char *start_url, unsigned workers, struct crawler_result *result)
{
    pthread_t *t = malloc(workers * sizeof *t);
    CURL **c = calloc(workers, sizeof *c);
    unsigned n = 0, i;

    job.queue = crawler_queue_create(0);
    job.seen = seen_create();
    job.site = start_url;
    memset(&job.sum, 0, sizeof job.sum);
    if (t && c && job.queue && job.seen) {
        enqueue(start_url);
        for (; n < workers; n++)
            if (!(c[n] = curl_easy_init()) || pthread_create(&t[n], NULL, crawl_loop, c[n]))
                break;
        if (n)
            crawler_queue_join(job.queue);
        crawler_queue_close(job.queue);
        for (i = 0; i < n; i++)
            pthread_join(t[i], NULL);
        for (i = 0; i < workers; i++)
            if (c[i])
                curl_easy_cleanup(c[i]);
        void *left;
        while (crawler_queue_get(job.queue, &left))
            free(left);
    }
    *result = job.sum;
    crawler_queue_free(job.queue);
    seen_free(job.seen);
    free(t);
    free(c);
    return n ? 0 : -1;
}
