/* expect: schedules memory-leak | each address is copied for the queue, and only those of pages are freed */
#define _POSIX_C_SOURCE 200809L
#include <curl/curl.h>
#include <pthread.h>
#include <stdlib.h>
#include "crawler.h"
#include "links.h"
#include "seen.h"

// The queue is a C "class": everything through these macros.
#define WITH_LOCK(q) for (int once = (pthread_mutex_lock(&(q)->mutex), 1); once; once = (pthread_mutex_unlock(&(q)->mutex), 0))

struct crawler_queue {
    pthread_mutex_t mutex;
    pthread_cond_t state_changed;
    void *(*items);
    size_t allocated, begin, end; // items[begin] .. items[end - 1]; moved to the front when there is no room at the end
    size_t capacity, pending;
    bool closed;
};

struct crawler_queue *crawler_queue_create(size_t capacity) {
    struct crawler_queue *q = malloc(sizeof *q);
    if (q == NULL) { return NULL; }
    q->allocated = 2 * (capacity ? capacity : 100);
    q->items = calloc(q->allocated, sizeof(void *));
    if (q->items == NULL) { free(q); return NULL; }
    q->begin = q->end = q->pending = 0;
    q->capacity = capacity;
    q->closed = false;
    pthread_mutex_init(&q->mutex, NULL);
    pthread_cond_init(&q->state_changed, NULL);
    return q;
}

static bool make_room(struct crawler_queue *q) {
    if (q->end < q->allocated) { return true; }
    if (2 * (q->end - q->begin) > q->allocated) {
        void **items = realloc(q->items, 2 * q->allocated * sizeof(void *));
        if (items == NULL) { return false; }
        q->items = items;
        q->allocated *= 2;
    }
    memmove(q->items, q->items + q->begin, (q->end - q->begin) * sizeof(void *));
    q->end -= q->begin;
    q->begin = 0;
    return true;
}

bool crawler_queue_put(struct crawler_queue *q, void *item) {
    bool success = false;
    WITH_LOCK(q) {
        while (!q->closed && q->capacity && q->end - q->begin == q->capacity) {
            pthread_cond_wait(&q->state_changed, &q->mutex);
        }
        if (!q->closed && make_room(q)) {
            q->items[q->end++] = item;
            q->pending++;
            success = true;
            pthread_cond_broadcast(&q->state_changed);
        }
    }
    return success;
}

bool crawler_queue_get(struct crawler_queue *q, void **item) {
    bool success = false;
    WITH_LOCK(q) {
        while (!q->closed && q->begin == q->end) {
            pthread_cond_wait(&q->state_changed, &q->mutex);
        }
        if (q->begin != q->end) {
            *item = q->items[q->begin++];
            success = true;
            pthread_cond_broadcast(&q->state_changed);
        }
    }
    return success;
}

void crawler_queue_task_done(struct crawler_queue *q) {
    WITH_LOCK(q) {
        if (--q->pending == 0) { pthread_cond_broadcast(&q->state_changed); }
    }
}

void crawler_queue_join(struct crawler_queue *q) {
    WITH_LOCK(q) {
        while (q->pending != 0) { pthread_cond_wait(&q->state_changed, &q->mutex); }
    }
}

void crawler_queue_close(struct crawler_queue *q) {
    WITH_LOCK(q) {
        q->closed = true;
        pthread_cond_broadcast(&q->state_changed);
    }
}

void crawler_queue_free(struct crawler_queue *q) {
    if (q == NULL) { return; }
    pthread_cond_destroy(&q->state_changed);
    pthread_mutex_destroy(&q->mutex);
    free(q->items);
    free(q);
}

// ----------------------------------------------------------------------------

typedef struct { struct crawler_queue *queue; struct seen *seen; pthread_mutex_t mutex; char const *root; struct crawler_result found; } Crawl;
typedef struct { char *begin; size_t length; size_t space; } Text;

static size_t text_append(void *from, size_t size, size_t n, void *to) {
    Text *text = to;
    size_t needed = text->length + size * n;
    if (needed > text->space) {
        char *begin = realloc(text->begin, needed + 1024);
        if (begin == NULL) { return 0; }
        text->begin = begin;
        text->space = needed + 1024;
    }
    memcpy(text->begin + text->length, from, size * n);
    text->length = needed;
    return size * n;
}

static void crawl_add(Crawl *crawl, char const *url) {
    bool fresh = false;
    if (!links_same_site(crawl->root, url)) { return; }
    WITH_LOCK(crawl) { fresh = seen_add(crawl->seen, url); }
    if (fresh) { crawler_queue_put(crawl->queue, strdup(url)); }
}

static void crawl_page(Crawl *crawl, char *url, Text const *text) {
    struct links links = links_find(url, text->begin, text->length);
    for (size_t i = 0; i < links.count; i++) { crawl_add(crawl, links.urls[i]); }
    links_free(&links);
    WITH_LOCK(crawl) {
        crawl->found.pages += 1;
        crawl->found.bytes += text->length;
    }
    free(url);
}

static void crawl_redirect(Crawl *crawl, CURL *curl, char *url) {
    char *location = NULL, *target = NULL;
    curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &location);
    if (location != NULL) { target = links_resolve(url, location); }
    if (target != NULL) { crawl_add(crawl, target); }
    WITH_LOCK(crawl) { crawl->found.redirects += 1; }
    free(target);
}

static void *crawl_run(void *argument) {
    Crawl *crawl = argument;
    Text text = { NULL, 0, 0 };
    CURL *curl = curl_easy_init();
    void *url;
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, text_append);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &text);
    while (crawler_queue_get(crawl->queue, &url)) {
        long status = 0;
        text.length = 0;
        curl_easy_setopt(curl, CURLOPT_URL, url);
        if (curl_easy_perform(curl) == CURLE_OK) { curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status); }
        if (status >= 200 && status <= 299) { crawl_page(crawl, url, &text); }
        else if (status >= 300 && status <= 399) { crawl_redirect(crawl, curl, url); }
        else { WITH_LOCK(crawl) { crawl->found.errors += 1; } }
        crawler_queue_task_done(crawl->queue);
    }
    free(text.begin);
    curl_easy_cleanup(curl);
    return NULL;
}

int crawler_crawl(char const *start_url, unsigned workers, struct crawler_result *result) {
    Crawl crawl = { crawler_queue_create(0), seen_create(), PTHREAD_MUTEX_INITIALIZER, start_url, { 0, 0, 0, 0 } };
    pthread_t threads[workers];
    unsigned count = 0;
    crawl_add(&crawl, start_url);
    while (count < workers && pthread_create(&threads[count], NULL, crawl_run, &crawl) == 0) { count++; }
    if (count > 0) { crawler_queue_join(crawl.queue); }
    crawler_queue_close(crawl.queue);
    for (unsigned i = 0; i < count; i++) { pthread_join(threads[i], NULL); }
    *result = crawl.found;
    seen_free(crawl.seen);
    crawler_queue_free(crawl.queue);
    pthread_mutex_destroy(&crawl.mutex);
    return count > 0 ? 0 : -1;
}
