/* expect: tests waiting_costs_nothing; schedules livelock | get and put look again every millisecond instead of sleeping */
#define _DEFAULT_SOURCE
#include <curl/curl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "crawler.h"
#include "seen.h"
#include "links.h"

struct Item
{
    void* data;
    struct Item* next;
};

struct crawler_queue
{
    struct Item* head;
    struct Item* tail;
    size_t count;
    size_t capacity;
    size_t unfinished;
    bool closed;
    pthread_mutex_t mutex;
    pthread_cond_t done;
};

struct crawler_queue* crawler_queue_create(size_t capacity)
{
    struct crawler_queue* queue = calloc(1, sizeof(struct crawler_queue));
    if (queue == NULL)
        return NULL;
    queue->capacity = capacity;
    pthread_mutex_init(&queue->mutex, NULL);
    pthread_cond_init(&queue->done, NULL);
    return queue;
}

/* 1: done, 0: closed, -1: not now */
static int TryPut(struct crawler_queue* queue, struct Item* item)
{
    int answer = -1;
    pthread_mutex_lock(&queue->mutex);
    if (queue->closed)
    {
        answer = 0;
    }
    else if (queue->capacity == 0 || queue->count < queue->capacity)
    {
        if (queue->tail == NULL)
            queue->head = item;
        else
            queue->tail->next = item;
        queue->tail = item;
        queue->count++;
        queue->unfinished++;
        answer = 1;
    }
    pthread_mutex_unlock(&queue->mutex);
    return answer;
}

static int TryGet(struct crawler_queue* queue, struct Item** item)
{
    int answer = -1;
    pthread_mutex_lock(&queue->mutex);
    *item = queue->head;
    if (queue->head != NULL)
    {
        queue->head = queue->head->next;
        if (queue->head == NULL)
            queue->tail = NULL;
        queue->count--;
        answer = 1;
    }
    else if (queue->closed)
    {
        answer = 0;
    }
    pthread_mutex_unlock(&queue->mutex);
    return answer;
}

bool crawler_queue_put(struct crawler_queue* queue, void* data)
{
    struct Item* item = calloc(1, sizeof(struct Item));
    int answer;
    item->data = data;
    while ((answer = TryPut(queue, item)) < 0)
        usleep(1000);
    if (answer == 0)
        free(item);
    return answer == 1;
}

bool crawler_queue_get(struct crawler_queue* queue, void** data)
{
    struct Item* item;
    int answer;
    while ((answer = TryGet(queue, &item)) < 0)
        usleep(1000);
    if (answer == 0)
        return false;
    *data = item->data;
    free(item);
    return true;
}

void crawler_queue_task_done(struct crawler_queue* queue)
{
    pthread_mutex_lock(&queue->mutex);
    queue->unfinished--;
    if (queue->unfinished == 0)
        pthread_cond_broadcast(&queue->done);
    pthread_mutex_unlock(&queue->mutex);
}

void crawler_queue_join(struct crawler_queue* queue)
{
    pthread_mutex_lock(&queue->mutex);
    while (queue->unfinished != 0)
        pthread_cond_wait(&queue->done, &queue->mutex);
    pthread_mutex_unlock(&queue->mutex);
}

void crawler_queue_close(struct crawler_queue* queue)
{
    pthread_mutex_lock(&queue->mutex);
    queue->closed = true;
    pthread_mutex_unlock(&queue->mutex);
}

void crawler_queue_free(struct crawler_queue* queue)
{
    if (queue == NULL)
        return;
    while (queue->head != NULL)
    {
        struct Item* next = queue->head->next;
        free(queue->head);
        queue->head = next;
    }
    pthread_cond_destroy(&queue->done);
    pthread_mutex_destroy(&queue->mutex);
    free(queue);
}

/* ------------------------------ Crawler ------------------------------ */

struct Crawl
{
    const char* startUrl;
    struct crawler_queue* queue;
    struct seen* seen;
    pthread_mutex_t seenMutex;
    pthread_mutex_t resultMutex;
    struct crawler_result result;
};

struct Body
{
    size_t length;
    size_t room;
    char* bytes;
};

static size_t OnBody(char* data, size_t size, size_t count, void* userData)
{
    struct Body* body = userData;
    size_t length = size * count;
    if (body->length + length > body->room)
    {
        body->room = 2 * (body->length + length);
        body->bytes = realloc(body->bytes, body->room);
    }
    memcpy(&body->bytes[body->length], data, length);
    body->length += length;
    return length;
}

static void Discover(struct Crawl* crawl, const char* url)
{
    if (!links_same_site(crawl->startUrl, url))
        return;
    pthread_mutex_lock(&crawl->seenMutex);
    bool isNew = seen_add(crawl->seen, url);
    pthread_mutex_unlock(&crawl->seenMutex);
    if (isNew)
        crawler_queue_put(crawl->queue, strdup(url));
}

static void HandlePage(struct Crawl* crawl, const char* url, const struct Body* body)
{
    struct links links = links_find(url, body->bytes, body->length);
    for (size_t i = 0; i < links.count; i++)
        Discover(crawl, links.urls[i]);
    links_free(&links);
    pthread_mutex_lock(&crawl->resultMutex);
    crawl->result.pages++;
    crawl->result.bytes += body->length;
    pthread_mutex_unlock(&crawl->resultMutex);
}

static void HandleRedirect(struct Crawl* crawl, const char* url, const char* location)
{
    char* target = links_resolve(url, location == NULL ? "" : location);
    if (target != NULL)
        Discover(crawl, target);
    free(target);
    pthread_mutex_lock(&crawl->resultMutex);
    crawl->result.redirects++;
    pthread_mutex_unlock(&crawl->resultMutex);
}

static void HandleError(struct Crawl* crawl)
{
    pthread_mutex_lock(&crawl->resultMutex);
    crawl->result.errors++;
    pthread_mutex_unlock(&crawl->resultMutex);
}

static void* WorkerMain(void* argument)
{
    struct Crawl* crawl = argument;
    struct Body body = { 0, 0, NULL };
    CURL* curl = curl_easy_init();
    void* url;
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, OnBody);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &body);
    while (crawler_queue_get(crawl->queue, &url))
    {
        long code = 0;
        char* location = NULL;
        body.length = 0;
        curl_easy_setopt(curl, CURLOPT_URL, url);
        CURLcode outcome = curl_easy_perform(curl);
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &code);
        curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &location);
        if (outcome == CURLE_OK && code >= 200 && code < 300)
            HandlePage(crawl, url, &body);
        else if (outcome == CURLE_OK && code >= 300 && code < 400)
            HandleRedirect(crawl, url, location);
        else
            HandleError(crawl);
        free(url);
        crawler_queue_task_done(crawl->queue);
    }
    curl_easy_cleanup(curl);
    free(body.bytes);
    return NULL;
}

int crawler_crawl(const char* startUrl, unsigned workers, struct crawler_result* result)
{
    struct Crawl crawl = { .startUrl = startUrl };
    pthread_t* threads = malloc(workers * sizeof(pthread_t));
    unsigned started = 0;
    crawl.queue = crawler_queue_create(0);
    crawl.seen = seen_create();
    pthread_mutex_init(&crawl.seenMutex, NULL);
    pthread_mutex_init(&crawl.resultMutex, NULL);
    Discover(&crawl, startUrl);
    while (started < workers && pthread_create(&threads[started], NULL, WorkerMain, &crawl) == 0)
        started++;
    if (started > 0)
        crawler_queue_join(crawl.queue);
    crawler_queue_close(crawl.queue);
    for (unsigned i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    *result = crawl.result;
    pthread_mutex_destroy(&crawl.seenMutex);
    pthread_mutex_destroy(&crawl.resultMutex);
    seen_free(crawl.seen);
    crawler_queue_free(crawl.queue);
    free(threads);
    return started > 0 ? 0 : -1;
}
