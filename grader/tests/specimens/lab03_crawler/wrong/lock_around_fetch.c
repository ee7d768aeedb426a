/* expect: tests crawl_uses_all_workers; schedules deadlock | one lock held while a page is fetched: the workers take turns */
#include "crawler.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "links.h"
#include "seen.h"

/* --- the queue: a monitor in the style of Hoare, everything in one struct --- */

struct monitor {
    pthread_mutex_t entry;
    pthread_cond_t not_full, not_empty, quiet;
};

struct store {
    void **place;
    size_t places, oldest, taken;
};

struct crawler_queue {
    struct monitor monitor;
    struct store store;
    size_t capacity, to_do;
    enum { OPEN, CLOSED } state;
};

static bool store_init(struct store *store, size_t places)
{
    *store = (struct store){.places = places, .place = malloc(places * sizeof(void *))};
    return store->place != NULL;
}

static void *store_take(struct store *store)
{
    void *what = store->place[store->oldest];
    store->oldest = (store->oldest + 1) % store->places;
    store->taken--;
    return what;
}

static bool store_add(struct store *store, void *what)
{
    if (store->taken == store->places) {
        struct store larger;
        if (!store_init(&larger, 2 * store->places))
            return false;
        while (store->taken > 0)
            store_add(&larger, store_take(store));
        free(store->place);
        *store = larger;
    }
    store->place[(store->oldest + store->taken++) % store->places] = what;
    return true;
}

struct crawler_queue *crawler_queue_create(size_t capacity)
{
    struct crawler_queue *queue = malloc(sizeof *queue);
    if (queue == NULL || !store_init(&queue->store, capacity > 0 ? capacity : 128)) {
        free(queue);
        return NULL;
    }
    queue->capacity = capacity;
    queue->to_do = 0;
    queue->state = OPEN;
    pthread_mutex_init(&queue->monitor.entry, NULL);
    pthread_cond_init(&queue->monitor.not_full, NULL);
    pthread_cond_init(&queue->monitor.not_empty, NULL);
    pthread_cond_init(&queue->monitor.quiet, NULL);
    return queue;
}

bool crawler_queue_put(struct crawler_queue *queue, void *item)
{
    struct monitor *monitor = &queue->monitor;
    pthread_mutex_lock(&monitor->entry);
    while (queue->state == OPEN && queue->capacity > 0 && queue->store.taken == queue->capacity)
        pthread_cond_wait(&monitor->not_full, &monitor->entry);
    const bool added = queue->state == OPEN && store_add(&queue->store, item);
    if (added) {
        queue->to_do++;
        pthread_cond_signal(&monitor->not_empty);
    }
    pthread_mutex_unlock(&monitor->entry);
    return added;
}

bool crawler_queue_get(struct crawler_queue *queue, void **item)
{
    struct monitor *monitor = &queue->monitor;
    pthread_mutex_lock(&monitor->entry);
    while (queue->state == OPEN && queue->store.taken == 0)
        pthread_cond_wait(&monitor->not_empty, &monitor->entry);
    const bool taken = queue->store.taken > 0;
    if (taken) {
        *item = store_take(&queue->store);
        pthread_cond_signal(&monitor->not_full);
    }
    pthread_mutex_unlock(&monitor->entry);
    return taken;
}

void crawler_queue_task_done(struct crawler_queue *queue)
{
    pthread_mutex_lock(&queue->monitor.entry);
    if (--queue->to_do == 0)
        pthread_cond_broadcast(&queue->monitor.quiet);
    pthread_mutex_unlock(&queue->monitor.entry);
}

void crawler_queue_join(struct crawler_queue *queue)
{
    pthread_mutex_lock(&queue->monitor.entry);
    while (queue->to_do > 0)
        pthread_cond_wait(&queue->monitor.quiet, &queue->monitor.entry);
    pthread_mutex_unlock(&queue->monitor.entry);
}

void crawler_queue_close(struct crawler_queue *queue)
{
    pthread_mutex_lock(&queue->monitor.entry);
    queue->state = CLOSED;
    pthread_cond_broadcast(&queue->monitor.not_full);
    pthread_cond_broadcast(&queue->monitor.not_empty);
    pthread_mutex_unlock(&queue->monitor.entry);
}

void crawler_queue_free(struct crawler_queue *queue)
{
    if (queue == NULL)
        return;
    pthread_mutex_destroy(&queue->monitor.entry);
    pthread_cond_destroy(&queue->monitor.not_full);
    pthread_cond_destroy(&queue->monitor.not_empty);
    pthread_cond_destroy(&queue->monitor.quiet);
    free(queue->store.place);
    free(queue);
}

/* --- the crawler --- */

struct crawler {
    pthread_mutex_t lock; /* seen and result, and the connection to the site */
    struct crawler_queue *queue;
    struct seen *seen;
    struct crawler_result result;
    const char *start;
    CURL *curl; /* one for all: it keeps its connection open */
    char *body;
    size_t length;
};

static size_t on_body(char *data, size_t size, size_t count, void *context)
{
    struct crawler *crawler = context;
    char *body = realloc(crawler->body, crawler->length + size * count);
    if (body == NULL)
        return 0;
    memcpy(body + crawler->length, data, size * count);
    crawler->body = body;
    crawler->length += size * count;
    return size * count;
}

static void found(struct crawler *crawler, const char *url)
{
    pthread_mutex_lock(&crawler->lock);
    const bool unknown = links_same_site(crawler->start, url) && seen_add(crawler->seen, url);
    pthread_mutex_unlock(&crawler->lock);
    if (unknown)
        crawler_queue_put(crawler->queue, strdup(url));
}

/* The body of the page goes to *page, the target of a redirect to *target. */
static void fetch(struct crawler *crawler, const char *url, char **page, size_t *length, char **target)
{
    long status = 0;
    char *location = NULL;
    pthread_mutex_lock(&crawler->lock);
    crawler->body = NULL;
    crawler->length = 0;
    curl_easy_setopt(crawler->curl, CURLOPT_URL, url);
    const CURLcode code = curl_easy_perform(crawler->curl);
    curl_easy_getinfo(crawler->curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(crawler->curl, CURLINFO_REDIRECT_URL, &location);
    if (code == CURLE_OK && status >= 200 && status < 300) {
        crawler->result.pages++;
        crawler->result.bytes += crawler->length;
        *page = crawler->body;
        *length = crawler->length;
    } else {
        free(crawler->body);
        if (code == CURLE_OK && status >= 300 && status < 400) {
            crawler->result.redirects++;
            *target = location != NULL ? links_resolve(url, location) : NULL;
        } else {
            crawler->result.errors++;
        }
    }
    pthread_mutex_unlock(&crawler->lock);
}

static void *work(void *context)
{
    struct crawler *crawler = context;
    void *url;
    while (crawler_queue_get(crawler->queue, &url)) {
        char *page = NULL, *target = NULL;
        size_t length = 0;
        fetch(crawler, url, &page, &length, &target);
        if (target != NULL)
            found(crawler, target);
        struct links links = links_find(url, page, length);
        for (size_t i = 0; i < links.count; i++)
            found(crawler, links.urls[i]);
        links_free(&links);
        free(page);
        free(target);
        free(url);
        crawler_queue_task_done(crawler->queue);
    }
    return NULL;
}

int crawler_crawl(const char *start_url, unsigned workers, struct crawler_result *result)
{
    struct crawler crawler = {.start = start_url, .curl = curl_easy_init(), .seen = seen_create()};
    pthread_t threads[workers];
    pthread_mutex_init(&crawler.lock, NULL);
    crawler.queue = crawler_queue_create(0);
    curl_easy_setopt(crawler.curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(crawler.curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(crawler.curl, CURLOPT_WRITEDATA, &crawler);
    found(&crawler, start_url);
    for (unsigned i = 0; i < workers; i++)
        pthread_create(&threads[i], NULL, work, &crawler);
    crawler_queue_join(crawler.queue);
    crawler_queue_close(crawler.queue);
    for (unsigned i = 0; i < workers; i++)
        pthread_join(threads[i], NULL);
    *result = crawler.result;
    curl_easy_cleanup(crawler.curl);
    seen_free(crawler.seen);
    crawler_queue_free(crawler.queue);
    pthread_mutex_destroy(&crawler.lock);
    return 0;
}
