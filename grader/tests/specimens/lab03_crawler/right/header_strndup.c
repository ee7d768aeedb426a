/* expect: right | a header line is copied whole with strndup, without a NUL of its own; Location in any case; two semaphores for the queue */
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

struct entry {
    void *item;
    struct entry *next;
};

struct crawler_queue {
    sem_t free_slots, full_slots;
    bool bounded;
    pthread_mutex_t mutex;
    pthread_cond_t idle;
    struct entry *first, **last;
    unsigned long not_done;
    bool closed;
};

static void down(sem_t *sem)
{
    while (sem_wait(sem) == -1 && errno == EINTR)
        ;
}

struct crawler_queue *crawler_queue_create(size_t capacity)
{
    struct crawler_queue *queue = calloc(1, sizeof(struct crawler_queue));
    if (queue == NULL)
        return NULL;
    queue->bounded = capacity > 0;
    queue->last = &queue->first;
    sem_init(&queue->free_slots, 0, (unsigned)capacity);
    sem_init(&queue->full_slots, 0, 0);
    pthread_mutex_init(&queue->mutex, NULL);
    pthread_cond_init(&queue->idle, NULL);
    return queue;
}

bool crawler_queue_put(struct crawler_queue *queue, void *item)
{
    struct entry *entry = malloc(sizeof(struct entry));
    if (entry == NULL)
        return false;
    *entry = (struct entry){item, NULL};
    if (queue->bounded)
        down(&queue->free_slots);
    pthread_mutex_lock(&queue->mutex);
    bool accepted = !queue->closed;
    if (accepted) {
        *queue->last = entry;
        queue->last = &entry->next;
        queue->not_done++;
    }
    pthread_mutex_unlock(&queue->mutex);
    if (accepted) {
        sem_post(&queue->full_slots);
    } else {
        free(entry);
        sem_post(&queue->free_slots); /* hand the bad news on to the next one who waits */
    }
    return accepted;
}

bool crawler_queue_get(struct crawler_queue *queue, void **item)
{
    down(&queue->full_slots);
    pthread_mutex_lock(&queue->mutex);
    struct entry *entry = queue->first;
    if (entry != NULL) {
        queue->first = entry->next;
        if (queue->first == NULL)
            queue->last = &queue->first;
    }
    pthread_mutex_unlock(&queue->mutex);
    if (entry == NULL) { /* only close posts without an item */
        sem_post(&queue->full_slots);
        return false;
    }
    *item = entry->item;
    free(entry);
    sem_post(&queue->free_slots);
    return true;
}

void crawler_queue_task_done(struct crawler_queue *queue)
{
    pthread_mutex_lock(&queue->mutex);
    queue->not_done -= 1;
    if (queue->not_done == 0)
        pthread_cond_broadcast(&queue->idle);
    pthread_mutex_unlock(&queue->mutex);
}

void crawler_queue_join(struct crawler_queue *queue)
{
    pthread_mutex_lock(&queue->mutex);
    while (queue->not_done > 0)
        pthread_cond_wait(&queue->idle, &queue->mutex);
    pthread_mutex_unlock(&queue->mutex);
}

void crawler_queue_close(struct crawler_queue *queue)
{
    pthread_mutex_lock(&queue->mutex);
    queue->closed = true;
    pthread_mutex_unlock(&queue->mutex);
    sem_post(&queue->free_slots);
    sem_post(&queue->full_slots);
}

void crawler_queue_free(struct crawler_queue *queue)
{
    if (queue == NULL)
        return;
    for (struct entry *next; queue->first != NULL; queue->first = next) {
        next = queue->first->next;
        free(queue->first);
    }
    sem_destroy(&queue->free_slots);
    sem_destroy(&queue->full_slots);
    pthread_mutex_destroy(&queue->mutex);
    pthread_cond_destroy(&queue->idle);
    free(queue);
}

struct site {
    const char *start;
    struct crawler_queue *queue;
    struct seen *seen;
    pthread_mutex_t seen_mutex;
};

struct spider {
    pthread_t thread;
    struct site *site;
    CURL *curl;
    struct crawler_result mine;
    char *buffer; /* kept from page to page */
    size_t used, room;
    char *location;
};

/* Keeps what the Location header says. */
static size_t on_header(char *line, size_t size, size_t count, void *context)
{
    struct spider *spider = context;
    const size_t length = size * count;
    char *copy = strndup(line, length), *value;
    if (copy == NULL)
        return 0;
    copy[strcspn(copy, "\r\n")] = '\0';
    value = copy + strcspn(copy, ":");
    if (*value == ':') {
        *value++ = '\0';
        value += strspn(value, " \t");
        if (strcasecmp(copy, "Location") == 0) {
            free(spider->location);
            spider->location = strdup(value);
        }
    }
    free(copy);
    return length;
}

static size_t on_data(char *data, size_t size, size_t count, void *context)
{
    struct spider *spider = context;
    size_t length = size * count;
    if (spider->used + length > spider->room) {
        spider->room = 2 * (spider->used + length);
        spider->buffer = realloc(spider->buffer, spider->room);
    }
    memcpy(spider->buffer + spider->used, data, length);
    spider->used += length;
    return length;
}

static void found(struct site *site, const char *url)
{
    bool fresh = false;
    if (links_same_site(url, site->start)) {
        pthread_mutex_lock(&site->seen_mutex);
        fresh = seen_add(site->seen, url);
        pthread_mutex_unlock(&site->seen_mutex);
    }
    if (fresh)
        crawler_queue_put(site->queue, strdup(url));
}

static void crawl_page(struct spider *spider, const char *url)
{
    long status = 0;
    spider->used = 0;
    free(spider->location);
    spider->location = NULL;
    curl_easy_setopt(spider->curl, CURLOPT_URL, url);
    if (curl_easy_perform(spider->curl) != CURLE_OK) {
        spider->mine.errors++;
        return;
    }
    curl_easy_getinfo(spider->curl, CURLINFO_RESPONSE_CODE, &status);
    switch (status / 100) {
    case 2: {
        struct links links = links_find(url, spider->buffer, spider->used);
        for (size_t i = 0; i < links.count; i++)
            found(spider->site, links.urls[i]);
        links_free(&links);
        spider->mine.pages++;
        spider->mine.bytes += spider->used;
        break;
    }
    case 3: {
        char *location = spider->location;
        if (location != NULL && (location = links_resolve(url, location)) != NULL) {
            found(spider->site, location);
            free(location);
        }
        spider->mine.redirects++;
        break;
    }
    default:
        spider->mine.errors++;
    }
}

static void *crawl_pages(void *context)
{
    struct spider *spider = context;
    void *url;
    while (crawler_queue_get(spider->site->queue, &url)) {
        crawl_page(spider, url);
        free(url);
        crawler_queue_task_done(spider->site->queue);
    }
    return NULL;
}

int crawler_crawl(const char *start_url, unsigned workers, struct crawler_result *result)
{
    struct site site = {start_url, crawler_queue_create(0), seen_create(), PTHREAD_MUTEX_INITIALIZER};
    struct spider *spiders = calloc(workers, sizeof(struct spider));
    unsigned started = 0;
    for (; started < workers; started++) {
        struct spider *spider = &spiders[started];
        spider->site = &site;
        spider->curl = curl_easy_init();
        curl_easy_setopt(spider->curl, CURLOPT_WRITEFUNCTION, on_data);
        curl_easy_setopt(spider->curl, CURLOPT_WRITEDATA, spider);
        curl_easy_setopt(spider->curl, CURLOPT_HEADERFUNCTION, on_header);
        curl_easy_setopt(spider->curl, CURLOPT_HEADERDATA, spider);
        curl_easy_setopt(spider->curl, CURLOPT_NOSIGNAL, 1L);
        if (pthread_create(&spider->thread, NULL, crawl_pages, spider) != 0) {
            curl_easy_cleanup(spider->curl);
            break;
        }
    }
    if (started > 0) {
        found(&site, start_url);
        crawler_queue_join(site.queue);
    }
    crawler_queue_close(site.queue);
    memset(result, 0, sizeof(*result));
    for (unsigned i = 0; i < started; i++) {
        pthread_join(spiders[i].thread, NULL);
        result->pages += spiders[i].mine.pages;
        result->redirects += spiders[i].mine.redirects;
        result->errors += spiders[i].mine.errors;
        result->bytes += spiders[i].mine.bytes;
        curl_easy_cleanup(spiders[i].curl);
        free(spiders[i].buffer);
        free(spiders[i].location);
    }
    free(spiders);
    seen_free(site.seen);
    crawler_queue_free(site.queue);
    return started > 0 ? 0 : -1;
}
