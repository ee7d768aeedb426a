/* expect: tests crawl_goes_on_with_fewer_threads | the crawl fails if one of its threads could not be started */
#define _GNU_SOURCE
#include "crawler.h"

#include <curl/curl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <threads.h>

#include "links.h"
#include "seen.h"

#define LOCKED(mutex, statement) \
    do {                         \
        mtx_lock(mutex);         \
        statement;               \
        mtx_unlock(mutex);       \
    } while (0)

struct crawler_queue {
    mtx_t m;
    cnd_t put_cnd, get_cnd, join_cnd;
    size_t max;
    size_t mask;             /* slots - 1; slots is a power of two */
    size_t in, out;          /* ever growing, and may go round SIZE_MAX: their difference is the length */
    size_t promised, kept;   /* items put, tasks done */
    int closed;
    void **slot;
};

struct crawler_queue *crawler_queue_create(size_t capacity)
{
    size_t slots = 8;
    while (slots < capacity) {
        if (slots > SIZE_MAX / 4 / sizeof(void *))
            return NULL; /* so much memory there is not */
        slots *= 2;
    }
    struct crawler_queue *q = malloc(sizeof *q);
    void **slot = malloc(slots * sizeof *slot);
    int inits = 0;
    if (q != NULL && slot != NULL) {
        inits += mtx_init(&q->m, mtx_plain) == thrd_success;
        inits += inits == 1 && cnd_init(&q->put_cnd) == thrd_success;
        inits += inits == 2 && cnd_init(&q->get_cnd) == thrd_success;
        inits += inits == 3 && cnd_init(&q->join_cnd) == thrd_success;
    }
    if (inits == 4) {
        q->max = capacity != 0 ? capacity : SIZE_MAX;
        q->mask = slots - 1;
        q->in = q->out = q->promised = q->kept = 0;
        q->closed = 0;
        q->slot = slot;
        return q;
    }
    switch (inits) {
    case 3:
        cnd_destroy(&q->get_cnd); /* fall through */
    case 2:
        cnd_destroy(&q->put_cnd); /* fall through */
    case 1:
        mtx_destroy(&q->m);
    }
    free(slot);
    free(q);
    return NULL;
}

/* Makes sure that there is a slot for one more. Never needed with a bound. */
static bool room_for_one(struct crawler_queue *q)
{
    const size_t slots = q->mask + 1;
    if (q->in - q->out < slots)
        return true;
    if (slots > SIZE_MAX / 4 / sizeof(void *))
        return false;
    void **slot = malloc(2 * slots * sizeof *slot);
    if (slot == NULL)
        return false;
    for (size_t i = q->out; i != q->in; i++)
        slot[i & (2 * slots - 1)] = q->slot[i & q->mask];
    free(q->slot);
    q->slot = slot;
    q->mask = 2 * slots - 1;
    return true;
}

bool crawler_queue_put(struct crawler_queue *q, void *item)
{
    mtx_lock(&q->m);
    while (!q->closed && q->in - q->out >= q->max)
        cnd_wait(&q->put_cnd, &q->m);
    if (q->closed || !room_for_one(q)) {
        mtx_unlock(&q->m);
        return false;
    }
    q->slot[q->in++ & q->mask] = item;
    q->promised++;
    cnd_signal(&q->get_cnd);
    mtx_unlock(&q->m);
    return true;
}

bool crawler_queue_get(struct crawler_queue *q, void **item)
{
    mtx_lock(&q->m);
    for (;;) {
        if (q->in != q->out) {
            *item = q->slot[q->out++ & q->mask];
            cnd_signal(&q->put_cnd);
            mtx_unlock(&q->m);
            return true;
        }
        if (q->closed) {
            mtx_unlock(&q->m);
            return false;
        }
        cnd_wait(&q->get_cnd, &q->m);
    }
}

void crawler_queue_task_done(struct crawler_queue *q)
{
    LOCKED(&q->m, if (++q->kept == q->promised) cnd_broadcast(&q->join_cnd));
}

void crawler_queue_join(struct crawler_queue *q)
{
    LOCKED(&q->m, while (q->kept != q->promised) cnd_wait(&q->join_cnd, &q->m));
}

void crawler_queue_close(struct crawler_queue *q)
{
    LOCKED(&q->m, q->closed = 1; cnd_broadcast(&q->get_cnd); cnd_broadcast(&q->put_cnd));
}

void crawler_queue_free(struct crawler_queue *q)
{
    if (q == NULL)
        return;
    cnd_destroy(&q->join_cnd);
    cnd_destroy(&q->get_cnd);
    cnd_destroy(&q->put_cnd);
    mtx_destroy(&q->m);
    free(q->slot);
    free(q);
}

/* "Not to be called by two threads at once": so one crawl at a time, and its state may live here. */
static struct {
    mtx_t m;
    const char *start;
    struct crawler_queue *q;
    struct seen *seen;
    struct crawler_result sum;
    bool oom;
} now;

struct hand { /* what one worker has in its hands */
    thrd_t thread;
    CURL *curl;
    char *body;
    size_t length;
    bool oom;
};

static size_t write_body(char *data, size_t size, size_t nmemb, void *to)
{
    struct hand *h = to;
    char *longer = realloc(h->body, h->length + size * nmemb + 1);
    if (longer == NULL) {
        h->oom = true;
        return CURL_WRITEFUNC_PAUSE - 1; /* not the size of the piece: an error */
    }
    h->body = longer;
    memcpy(h->body + h->length, data, size * nmemb);
    h->length += size * nmemb;
    h->body[h->length] = '\0';
    return size * nmemb;
}

static void out_of_memory(void)
{
    LOCKED(&now.m, now.oom = true);
}

static void enqueue_if_new(const char *url)
{
    if (url == NULL || !links_same_site(now.start, url))
        return;
    char *copy = strdup(url);
    if (copy == NULL) {
        out_of_memory();
        return;
    }
    mtx_lock(&now.m);
    bool mine = seen_add(now.seen, url);
    if (!mine && now.seen->slots[seen_find(now.seen, url)] == NULL)
        now.oom = true;
    mtx_unlock(&now.m);
    if (!mine) {
        free(copy);
    } else if (!crawler_queue_put(now.q, copy)) {
        free(copy);
        out_of_memory();
    }
}

static void handle(struct hand *h, const char *url)
{
    long status = 0;
    h->length = 0;
    h->oom = false;
    CURLcode rc = curl_easy_setopt(h->curl, CURLOPT_URL, url);
    if (rc == CURLE_OK)
        rc = curl_easy_perform(h->curl);
    if (rc == CURLE_OK)
        curl_easy_getinfo(h->curl, CURLINFO_RESPONSE_CODE, &status);
    if (rc == CURLE_OUT_OF_MEMORY || h->oom) {
        out_of_memory();
        return;
    }
    switch (status / 100) {
    case 2: {
        LOCKED(&now.m, now.sum.pages++; now.sum.bytes += h->length);
        struct links l = links_find(url, h->body, h->length);
        for (size_t i = 0; i < l.count; i++)
            enqueue_if_new(l.urls[i]);
        links_free(&l);
        break;
    }
    case 3: {
        LOCKED(&now.m, now.sum.redirects++);
        char *to = NULL;
        curl_easy_getinfo(h->curl, CURLINFO_REDIRECT_URL, &to);
        to = to != NULL ? links_resolve(url, to) : NULL;
        enqueue_if_new(to);
        free(to);
        break;
    }
    default:
        LOCKED(&now.m, now.sum.errors++);
    }
}

static int run(void *arg)
{
    struct hand *h = arg;
    void *url;
    curl_easy_setopt(h->curl, CURLOPT_WRITEDATA, h);
    while (crawler_queue_get(now.q, &url)) {
        bool stop;
        LOCKED(&now.m, stop = now.oom);
        if (!stop)
            handle(h, url);
        free(url);
        crawler_queue_task_done(now.q);
    }
    return 0;
}

static int crawl_with(struct hand *hands, unsigned workers, CURL *template)
{
    unsigned n = 0;
    for (unsigned i = 0; i < workers; i++) {
        hands[i].curl = curl_easy_duphandle(template);
        if (hands[i].curl == NULL)
            return -1;
    }
    while (n < workers && thrd_create(&hands[n].thread, run, &hands[n]) == thrd_success)
        n++;
    if (n < workers) {
        crawler_queue_close(now.q);
        while (n > 0)
            thrd_join(hands[--n].thread, NULL);
        return -1;
    }
    enqueue_if_new(now.start);
    crawler_queue_join(now.q);
    crawler_queue_close(now.q);
    while (n > 0)
        thrd_join(hands[--n].thread, NULL);
    return now.oom ? -1 : 0;
}

int crawler_crawl(const char *start_url, unsigned workers, struct crawler_result *result)
{
    int rc = -1;
    if (mtx_init(&now.m, mtx_plain) != thrd_success)
        return -1;
    now.start = start_url;
    now.oom = false;
    now.sum = (struct crawler_result){0};
    now.q = crawler_queue_create(0);
    now.seen = seen_create();
    struct hand *hands = calloc(workers, sizeof *hands);
    CURL *template = curl_easy_init();
    if (template != NULL) {
        curl_easy_setopt(template, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(template, CURLOPT_FORBID_REUSE, 1L);
        curl_easy_setopt(template, CURLOPT_WRITEFUNCTION, write_body);
    }
    if (now.q != NULL && now.seen != NULL && hands != NULL && template != NULL)
        rc = crawl_with(hands, workers, template);
    if (rc == 0)
        *result = now.sum;
    for (unsigned i = 0; hands != NULL && i < workers; i++) {
        curl_easy_cleanup(hands[i].curl);
        free(hands[i].body);
    }
    free(hands);
    curl_easy_cleanup(template);
    seen_free(now.seen);
    crawler_queue_free(now.q);
    mtx_destroy(&now.m);
    return rc;
}
