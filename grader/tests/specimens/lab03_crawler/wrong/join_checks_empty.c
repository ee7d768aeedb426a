/* expect: tests join_waits; schedules assertion | join waits until the queue is empty, not until the work is done */
#define _GNU_SOURCE
#include "crawler.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "links.h"

/* The queue: a doubly linked ring with a sentinel. sentinel.next is the oldest, sentinel.prev the newest. */
struct entry {
    struct entry *next, *prev;
    void *payload;
};

struct crawler_queue {
    struct entry sentinel;
    size_t entries, bound;
    bool closed;
    pthread_mutex_t guard;
    pthread_cond_t gained, lost, drained;
};

static void insert_before(struct entry *where, struct entry *e)
{
    e->prev = where->prev;
    e->next = where;
    where->prev->next = e;
    where->prev = e;
}

static void unlink_entry(struct entry *e)
{
    e->prev->next = e->next;
    e->next->prev = e->prev;
}

struct crawler_queue *crawler_queue_create(size_t capacity)
{
    struct crawler_queue *queue = malloc(sizeof(struct crawler_queue));
    if (queue == NULL) {
        return NULL;
    }
    queue->sentinel.next = queue->sentinel.prev = &queue->sentinel;
    queue->entries = 0;
    queue->bound = capacity == 0 ? (size_t)-1 : capacity;
    queue->closed = false;
    pthread_mutex_init(&queue->guard, NULL);
    pthread_cond_init(&queue->gained, NULL);
    pthread_cond_init(&queue->lost, NULL);
    pthread_cond_init(&queue->drained, NULL);
    return queue;
}

bool crawler_queue_put(struct crawler_queue *queue, void *item)
{
    struct entry *e = malloc(sizeof(struct entry));
    if (e == NULL) {
        return false;
    }
    e->payload = item;
    pthread_mutex_lock(&queue->guard);
    while (!queue->closed && queue->entries == queue->bound) {
        pthread_cond_wait(&queue->lost, &queue->guard);
    }
    if (queue->closed) {
        pthread_mutex_unlock(&queue->guard);
        free(e);
        return false;
    }
    insert_before(&queue->sentinel, e);
    queue->entries++;
    pthread_cond_signal(&queue->gained);
    pthread_mutex_unlock(&queue->guard);
    return true;
}

bool crawler_queue_get(struct crawler_queue *queue, void **item)
{
    pthread_mutex_lock(&queue->guard);
    while (!queue->closed && queue->entries == 0) {
        pthread_cond_wait(&queue->gained, &queue->guard);
    }
    if (queue->entries == 0) {
        pthread_mutex_unlock(&queue->guard);
        return false;
    }
    struct entry *oldest = queue->sentinel.next;
    unlink_entry(oldest);
    queue->entries--;
    pthread_cond_signal(&queue->lost);
    pthread_mutex_unlock(&queue->guard);
    *item = oldest->payload;
    free(oldest);
    return true;
}

void crawler_queue_task_done(struct crawler_queue *queue)
{
    /* One piece of work is over: if it was the last, tell those in join. */
    pthread_mutex_lock(&queue->guard);
    if (queue->entries == 0) {
        pthread_cond_broadcast(&queue->drained);
    }
    pthread_mutex_unlock(&queue->guard);
}

void crawler_queue_join(struct crawler_queue *queue)
{
    pthread_mutex_lock(&queue->guard);
    while (queue->entries > 0) {
        pthread_cond_wait(&queue->drained, &queue->guard);
    }
    pthread_mutex_unlock(&queue->guard);
}

void crawler_queue_close(struct crawler_queue *queue)
{
    pthread_mutex_lock(&queue->guard);
    queue->closed = true;
    pthread_cond_broadcast(&queue->gained);
    pthread_cond_broadcast(&queue->lost);
    pthread_mutex_unlock(&queue->guard);
}

void crawler_queue_free(struct crawler_queue *queue)
{
    if (queue == NULL) {
        return;
    }
    while (queue->sentinel.next != &queue->sentinel) {
        struct entry *e = queue->sentinel.next;
        unlink_entry(e);
        free(e);
    }
    pthread_cond_destroy(&queue->gained);
    pthread_cond_destroy(&queue->lost);
    pthread_cond_destroy(&queue->drained);
    pthread_mutex_destroy(&queue->guard);
    free(queue);
}

/*
 * The crawler. It counts by itself how many addresses are not finished (`left`), under its own lock, and the
 * main thread waits for 0: so the crawl ends at the right time whatever join does.
 */
struct address {
    char *text;
    struct address *older;
};

static struct {
    pthread_mutex_t lock;
    pthread_cond_t finished;
    struct crawler_queue *queue;
    struct address *known;
    unsigned long left;
    struct crawler_result count;
} site = {.lock = PTHREAD_MUTEX_INITIALIZER, .finished = PTHREAD_COND_INITIALIZER};

static const char *site_start;

static void learn(const char *url)
{
    struct address *a;
    if (!links_same_site(site_start, url)) {
        return;
    }
    pthread_mutex_lock(&site.lock);
    for (a = site.known; a != NULL; a = a->older) {
        if (strcmp(a->text, url) == 0) {
            pthread_mutex_unlock(&site.lock);
            return;
        }
    }
    a = malloc(sizeof(struct address));
    a->text = strdup(url);
    a->older = site.known;
    site.known = a;
    site.left++;
    pthread_mutex_unlock(&site.lock);
    crawler_queue_put(site.queue, a->text);
}

static void download(CURL *curl, const char *url)
{
    char *html = NULL, *target = NULL;
    size_t size = 0;
    long status = 0;
    FILE *memory = open_memstream(&html, &size);

    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, memory); /* libcurl calls fwrite by itself */
    CURLcode code = curl_easy_perform(curl);
    fclose(memory);
    if (code == CURLE_OK) {
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    }
    if (status >= 200 && status < 300) {
        struct links links = links_find(url, html, size);
        for (size_t i = 0; i < links.count; i++) {
            learn(links.urls[i]);
        }
        links_free(&links);
    }
    if (status >= 300 && status < 400) {
        curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &target);
        char *resolved = target != NULL ? links_resolve(url, target) : NULL;
        if (resolved != NULL) {
            learn(resolved);
        }
        free(resolved);
    }
    free(html);

    pthread_mutex_lock(&site.lock);
    if (status >= 200 && status < 300) {
        site.count.pages++;
        site.count.bytes += size;
    } else if (status >= 300 && status < 400) {
        site.count.redirects++;
    } else {
        site.count.errors++;
    }
    if (--site.left == 0) {
        pthread_cond_signal(&site.finished);
    }
    pthread_mutex_unlock(&site.lock);
}

static void *crawl_thread(void *curl)
{
    void *url;
    while (crawler_queue_get(site.queue, &url)) {
        download(curl, url);
        crawler_queue_task_done(site.queue);
    }
    return NULL;
}

int crawler_crawl(const char *start_url, unsigned workers, struct crawler_result *result)
{
    pthread_t threads[workers];
    CURL *curls[workers];
    memset(&site.count, 0, sizeof site.count);
    site.queue = crawler_queue_create(0);
    site_start = start_url;
    site.left = 0;
    site.known = NULL;
    learn(start_url);
    for (unsigned i = 0; i < workers; i++) {
        curls[i] = curl_easy_init();
        curl_easy_setopt(curls[i], CURLOPT_NOSIGNAL, 1L);
        pthread_create(&threads[i], NULL, crawl_thread, curls[i]);
    }
    pthread_mutex_lock(&site.lock);
    while (site.left > 0) {
        pthread_cond_wait(&site.finished, &site.lock);
    }
    pthread_mutex_unlock(&site.lock);
    crawler_queue_close(site.queue);
    for (unsigned i = 0; i < workers; i++) {
        pthread_join(threads[i], NULL);
        curl_easy_cleanup(curls[i]);
    }
    *result = site.count;
    while (site.known != NULL) {
        struct address *a = site.known;
        site.known = a->older;
        free(a->text);
        free(a);
    }
    crawler_queue_free(site.queue);
    return 0;
}
