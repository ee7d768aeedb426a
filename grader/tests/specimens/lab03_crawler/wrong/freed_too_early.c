/* expect: tests counted; schedules use-after-free | the address is freed before its page is searched for links */
#include "crawler.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "links.h"
#include "seen.h"

/* Two eventfds count, as semaphores do: filled, and free empty. A closed queue has tokens without end in both. */
struct crawler_queue {
    int filled, empty;
    pthread_mutex_t lock;
    pthread_cond_t done;
    struct entry {
        void *item;
        struct entry *next;
    } *first, **end;
    unsigned long undone;
    bool closed;
};

#define MANY 1000000000u

struct crawler_queue *crawler_queue_create(size_t capacity)
{
    struct crawler_queue *q = malloc(sizeof *q);
    if (q == NULL)
        return NULL;
    q->filled = eventfd(0, EFD_SEMAPHORE);
    q->empty = eventfd(capacity == 0 ? MANY : (unsigned)capacity, EFD_SEMAPHORE);
    if (q->filled < 0 || q->empty < 0) {
        if (q->filled >= 0)
            close(q->filled);
        if (q->empty >= 0)
            close(q->empty);
        free(q);
        return NULL;
    }
    pthread_mutex_init(&q->lock, NULL);
    pthread_cond_init(&q->done, NULL);
    q->first = NULL;
    q->end = &q->first;
    q->undone = 0;
    q->closed = false;
    return q;
}

static void down(int fd)
{
    uint64_t one;
    while (read(fd, &one, sizeof one) != sizeof one)
        continue;
}

static void up(int fd, uint64_t by)
{
    while (write(fd, &by, sizeof by) != sizeof by)
        continue;
}

bool crawler_queue_put(struct crawler_queue *q, void *item)
{
    struct entry *entry = malloc(sizeof *entry);
    if (entry == NULL)
        return false;
    entry->item = item;
    entry->next = NULL;
    down(q->empty);
    pthread_mutex_lock(&q->lock);
    const bool closed = q->closed;
    if (!closed) {
        *q->end = entry;
        q->end = &entry->next;
        q->undone++;
    }
    pthread_mutex_unlock(&q->lock);
    if (closed)
        free(entry);
    else
        up(q->filled, 1);
    return !closed;
}

bool crawler_queue_get(struct crawler_queue *q, void **item)
{
    down(q->filled);
    pthread_mutex_lock(&q->lock);
    struct entry *entry = q->first;
    if (entry != NULL) {
        q->first = entry->next;
        if (q->first == NULL)
            q->end = &q->first;
    }
    pthread_mutex_unlock(&q->lock);
    if (entry == NULL)
        return false; /* only a closed queue has more tokens than filled */
    *item = entry->item;
    free(entry);
    up(q->empty, 1);
    return true;
}

void crawler_queue_task_done(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->lock);
    if (--q->undone == 0)
        pthread_cond_broadcast(&q->done);
    pthread_mutex_unlock(&q->lock);
}

void crawler_queue_join(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->lock);
    while (q->undone != 0)
        pthread_cond_wait(&q->done, &q->lock);
    pthread_mutex_unlock(&q->lock);
}

void crawler_queue_close(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->lock);
    const bool first_time = !q->closed;
    q->closed = true;
    pthread_mutex_unlock(&q->lock);
    if (first_time) {
        up(q->filled, MANY);
        up(q->empty, MANY);
    }
}

void crawler_queue_free(struct crawler_queue *q)
{
    if (q == NULL)
        return;
    while (q->first != NULL) {
        struct entry *next = q->first->next;
        free(q->first);
        q->first = next;
    }
    close(q->filled);
    close(q->empty);
    pthread_cond_destroy(&q->done);
    pthread_mutex_destroy(&q->lock);
    free(q);
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
    curl_easy_setopt(c, CURLOPT_URL, url); /* libcurl copies it */
    free(url);
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
