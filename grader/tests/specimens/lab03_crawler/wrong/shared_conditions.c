/* expect: tests get_blocks_when_empty | one set of conditions for all queues: the signal goes to a waiter of another queue */
#define _GNU_SOURCE
#include "crawler.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "links.h"
#include "seen.h"

static pthread_cond_t has_room = PTHREAD_COND_INITIALIZER, has_item = PTHREAD_COND_INITIALIZER, all_done = PTHREAD_COND_INITIALIZER;

struct crawler_queue {
    pthread_mutex_t lock;
    void **ring;
    size_t slots, head, count, capacity, unfinished;
    bool closed;
};

struct crawler_queue *crawler_queue_create(size_t capacity)
{
    struct crawler_queue *q = calloc(1, sizeof *q);
    if (q == NULL)
        return NULL;
    q->capacity = capacity;
    q->slots = capacity != 0 ? capacity : 16;
    q->ring = calloc(q->slots, sizeof *q->ring);
    if (q->ring == NULL)
        goto no_ring;
    if (pthread_mutex_init(&q->lock, NULL) != 0)
        goto no_lock;
    return q;
no_lock:
    free(q->ring);
no_ring:
    free(q);
    return NULL;
}

bool crawler_queue_put(struct crawler_queue *q, void *item)
{
    bool ok = false;
    pthread_mutex_lock(&q->lock);
    while (!q->closed && q->capacity != 0 && q->count == q->capacity)
        pthread_cond_wait(&has_room, &q->lock);
    if (q->closed)
        goto out;
    if (q->count == q->slots) { /* only without a bound */
        if (q->slots > (size_t)-1 / 2 / sizeof *q->ring)
            goto out;
        void **bigger = malloc(2 * q->slots * sizeof *bigger);
        if (bigger == NULL)
            goto out;
        for (size_t i = 0; i < q->count; i++)
            bigger[i] = q->ring[(q->head + i) % q->slots];
        free(q->ring);
        q->ring = bigger;
        q->head = 0;
        q->slots *= 2;
    }
    /* no sum head + count that might overflow: both are at most `slots`, which is at most SIZE_MAX / 8 */
    q->ring[(q->head + q->count) % q->slots] = item;
    q->count++;
    q->unfinished++;
    pthread_cond_signal(&has_item);
    ok = true;
out:
    pthread_mutex_unlock(&q->lock);
    return ok;
}

bool crawler_queue_get(struct crawler_queue *q, void **item)
{
    bool ok = false;
    pthread_mutex_lock(&q->lock);
    while (q->count == 0 && !q->closed)
        pthread_cond_wait(&has_item, &q->lock);
    if (q->count == 0)
        goto out;
    *item = q->ring[q->head];
    q->head = (q->head + 1) % q->slots;
    q->count--;
    pthread_cond_signal(&has_room);
    ok = true;
out:
    pthread_mutex_unlock(&q->lock);
    return ok;
}

void crawler_queue_task_done(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->lock);
    if (--q->unfinished == 0)
        pthread_cond_broadcast(&all_done);
    pthread_mutex_unlock(&q->lock);
}

void crawler_queue_join(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->lock);
    while (q->unfinished != 0)
        pthread_cond_wait(&all_done, &q->lock);
    pthread_mutex_unlock(&q->lock);
}

void crawler_queue_close(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->lock);
    q->closed = true;
    pthread_cond_broadcast(&has_item);
    pthread_cond_broadcast(&has_room);
    pthread_mutex_unlock(&q->lock);
}

void crawler_queue_free(struct crawler_queue *q)
{
    if (q == NULL)
        return;
    pthread_mutex_destroy(&q->lock);
    free(q->ring);
    free(q);
}

struct shared {
    const char *start;
    struct crawler_queue *queue;
    struct seen *seen;
    struct crawler_result sum;
    bool failed;
    pthread_mutex_t lock; /* guards seen, sum, failed */
};

struct body {
    char *data;
    size_t length, room;
    bool no_memory;
};

static size_t collect(char *piece, size_t size, size_t n, void *arg)
{
    struct body *body = arg;
    const size_t more = size * n;
    if (more > body->room - body->length) {
        size_t room = body->room != 0 ? body->room : 4096;
        while (room - body->length < more)
            room *= 2;
        char *data = realloc(body->data, room);
        if (data == NULL) {
            body->no_memory = true;
            return more + 1; /* anything but `more` ends the transfer */
        }
        body->data = data;
        body->room = room;
    }
    if (more != 0)
        memcpy(body->data + body->length, piece, more);
    body->length += more;
    return more;
}

static void fail(struct shared *s)
{
    pthread_mutex_lock(&s->lock);
    s->failed = true;
    pthread_mutex_unlock(&s->lock);
}

/* Takes over `url`. */
static void offer(struct shared *s, char *url)
{
    if (url == NULL)
        return;
    bool fresh = false;
    if (links_same_site(s->start, url)) {
        pthread_mutex_lock(&s->lock);
        fresh = seen_add(s->seen, url);
        if (!fresh && s->seen->slots[seen_find(s->seen, url)] == NULL)
            s->failed = true; /* not added, and not there: no memory */
        pthread_mutex_unlock(&s->lock);
    }
    if (fresh && crawler_queue_put(s->queue, url))
        return;
    if (fresh)
        fail(s);
    free(url);
}

static void *work(void *arg)
{
    struct shared *s = arg;
    struct body body = {NULL, 0, 0, false};
    void *item;
    CURL *curl = curl_easy_init();
    if (curl == NULL)
        fail(s);
    else {
        curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, 1L); /* libcurl repeats a request on a connection that died in its cache */
        curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, collect);
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, &body);
    }
    while (crawler_queue_get(s->queue, &item)) {
        char *url = item;
        pthread_mutex_lock(&s->lock);
        const bool stop = s->failed;
        pthread_mutex_unlock(&s->lock);
        if (stop || curl == NULL)
            goto done;
        body.length = 0;
        CURLcode code = curl_easy_setopt(curl, CURLOPT_URL, url);
        if (code == CURLE_OK)
            code = curl_easy_perform(curl);
        if (code == CURLE_OUT_OF_MEMORY || body.no_memory) {
            fail(s);
            goto done;
        }
        long status = 0;
        if (code == CURLE_OK)
            curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
        pthread_mutex_lock(&s->lock);
        if (status >= 200 && status <= 299) {
            s->sum.pages++;
            s->sum.bytes += body.length;
        } else if (status >= 300 && status <= 399)
            s->sum.redirects++;
        else
            s->sum.errors++;
        pthread_mutex_unlock(&s->lock);
        if (status >= 200 && status <= 299 && body.length != 0) {
            struct links links = links_find(url, body.data, body.length);
            for (size_t i = 0; i < links.count; i++) {
                offer(s, links.urls[i]);
                links.urls[i] = NULL;
            }
            links_free(&links);
        } else if (status >= 300 && status <= 399) {
            char *target = NULL;
            curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &target);
            if (target != NULL)
                offer(s, links_resolve(url, target));
        }
done:
        free(url);
        crawler_queue_task_done(s->queue);
    }
    free(body.data);
    if (curl != NULL)
        curl_easy_cleanup(curl);
    return NULL;
}

int crawler_crawl(const char *start_url, unsigned workers, struct crawler_result *result)
{
    int answer = -1;
    unsigned started = 0;
    struct shared s = {.start = start_url};
    pthread_t *threads = calloc(workers, sizeof *threads);
    if (threads == NULL)
        return -1;
    if (pthread_mutex_init(&s.lock, NULL) != 0)
        goto no_lock;
    s.seen = seen_create();
    if (s.seen == NULL)
        goto no_seen;
    s.queue = crawler_queue_create(0);
    if (s.queue == NULL)
        goto no_queue;
    while (started < workers && pthread_create(&threads[started], NULL, work, &s) == 0)
        started++;
    if (started != 0) {
        char *first = strdup(start_url);
        if (first == NULL)
            fail(&s);
        offer(&s, first);
        crawler_queue_join(s.queue);
        crawler_queue_close(s.queue);
        for (unsigned i = 0; i < started; i++)
            pthread_join(threads[i], NULL);
        if (!s.failed) {
            *result = s.sum;
            answer = 0;
        }
    }
    crawler_queue_free(s.queue);
no_queue:
    seen_free(s.seen);
no_seen:
    pthread_mutex_destroy(&s.lock);
no_lock:
    free(threads);
    return answer;
}
