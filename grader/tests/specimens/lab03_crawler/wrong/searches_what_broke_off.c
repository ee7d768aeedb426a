/* expect: tests no page links to | a page that breaks off is an error, but the part that came is searched for links */
/*
 * crawler.c
 *
 * The queue in the way Java does it: every function is "synchronized", there is a single condition, and
 * whoever changes something that somebody may be waiting for calls "notifyAll". With one condition for
 * all kinds of waiters a notify (signal) might wake the wrong one, so it is always the broadcast.
 */
#define _POSIX_C_SOURCE 200809L

#include "crawler.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "links.h"
#include "seen.h"

/* ======================================================================== */
/*  Monitor                                                                  */
/* ======================================================================== */

typedef struct Monitor {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
} Monitor;

static bool Monitor_init(Monitor *this)
{
    if (pthread_mutex_init(&this->mutex, NULL) != 0) {
        return false;
    }
    if (pthread_cond_init(&this->cond, NULL) != 0) {
        pthread_mutex_destroy(&this->mutex);
        return false;
    }
    return true;
}

static void Monitor_destroy(Monitor *this)
{
    pthread_cond_destroy(&this->cond);
    pthread_mutex_destroy(&this->mutex);
}

static void Monitor_enter(Monitor *this)
{
    pthread_mutex_lock(&this->mutex);
}

static void Monitor_exit(Monitor *this)
{
    pthread_mutex_unlock(&this->mutex);
}

static void Monitor_wait(Monitor *this)
{
    pthread_cond_wait(&this->cond, &this->mutex);
}

static void Monitor_notifyAll(Monitor *this)
{
    pthread_cond_broadcast(&this->cond);
}

/* ======================================================================== */
/*  Queue                                                                    */
/* ======================================================================== */

struct crawler_queue {
    Monitor monitor;
    bool isClosed;

    /* An array deque. It starts small and grows up to the capacity, or without end. */
    void **elements;
    size_t arrayLength;
    size_t takeIndex;
    size_t size;
    size_t capacity;

    size_t unfinishedTasks;
    unsigned long long timesFinished; /* how often unfinishedTasks came down to 0 */
};

struct crawler_queue *crawler_queue_create(size_t capacity)
{
    struct crawler_queue *this = calloc(1, sizeof(struct crawler_queue));
    if (this == NULL) {
        return NULL;
    }
    this->capacity = capacity;
    if (!Monitor_init(&this->monitor)) {
        free(this);
        return NULL;
    }
    return this;
}

static bool hasRoom(const struct crawler_queue *this)
{
    return this->capacity == 0 || this->size < this->capacity;
}

static bool ensureSpace(struct crawler_queue *this)
{
    if (this->size < this->arrayLength) {
        return true;
    }
    size_t newLength = this->arrayLength == 0 ? 8 : this->arrayLength * 2;
    void **newElements = malloc(newLength * sizeof(void *));
    if (newElements == NULL) {
        return false;
    }
    if (this->size > 0) {
        /* the part up to the end of the old array, and the part that had wrapped around */
        size_t upper = this->arrayLength - this->takeIndex;
        memcpy(newElements, this->elements + this->takeIndex, upper * sizeof(void *));
        memcpy(newElements + upper, this->elements, this->takeIndex * sizeof(void *));
    }
    free(this->elements);
    this->elements = newElements;
    this->arrayLength = newLength;
    this->takeIndex = 0;
    return true;
}

bool crawler_queue_put(struct crawler_queue *this, void *item)
{
    bool success = false;

    Monitor_enter(&this->monitor);
    while (!this->isClosed && !hasRoom(this)) {
        Monitor_wait(&this->monitor);
    }
    if (!this->isClosed && ensureSpace(this)) {
        size_t putIndex = this->takeIndex + this->size;
        if (putIndex >= this->arrayLength) {
            putIndex -= this->arrayLength;
        }
        this->elements[putIndex] = item;
        this->size++;
        this->unfinishedTasks++;
        Monitor_notifyAll(&this->monitor);
        success = true;
    }
    Monitor_exit(&this->monitor);

    return success;
}

bool crawler_queue_get(struct crawler_queue *this, void **item)
{
    bool success = false;

    Monitor_enter(&this->monitor);
    while (!this->isClosed && this->size == 0) {
        Monitor_wait(&this->monitor);
    }
    if (this->size > 0) {
        *item = this->elements[this->takeIndex];
        this->takeIndex++;
        if (this->takeIndex == this->arrayLength) {
            this->takeIndex = 0;
        }
        this->size--;
        Monitor_notifyAll(&this->monitor);
        success = true;
    }
    Monitor_exit(&this->monitor);

    return success;
}

void crawler_queue_task_done(struct crawler_queue *this)
{
    Monitor_enter(&this->monitor);
    this->unfinishedTasks--;
    if (this->unfinishedTasks == 0) {
        this->timesFinished++;
        Monitor_notifyAll(&this->monitor);
    }
    Monitor_exit(&this->monitor);
}

void crawler_queue_join(struct crawler_queue *this)
{
    Monitor_enter(&this->monitor);
    /*
     * Two reasons to return: nothing is unfinished, or that was so once since we came, and somebody has
     * put new items before we got to run.
     */
    unsigned long long before = this->timesFinished;
    while (this->unfinishedTasks > 0 && this->timesFinished == before) {
        Monitor_wait(&this->monitor);
    }
    Monitor_exit(&this->monitor);
}

void crawler_queue_close(struct crawler_queue *this)
{
    Monitor_enter(&this->monitor);
    this->isClosed = true;
    Monitor_notifyAll(&this->monitor);
    Monitor_exit(&this->monitor);
}

void crawler_queue_free(struct crawler_queue *this)
{
    if (this != NULL) {
        Monitor_destroy(&this->monitor);
        free(this->elements);
        free(this);
    }
}

/* ======================================================================== */
/*  ByteBuffer                                                               */
/* ======================================================================== */

typedef struct ByteBuffer {
    char *array;
    size_t length;
    size_t allocated;
    bool outOfMemory;
} ByteBuffer;

static size_t ByteBuffer_write(char *data, size_t size, size_t nmemb, void *userdata)
{
    ByteBuffer *this = userdata;
    size_t count = size * nmemb;

    if (count == 0) {
        return 0;
    }
    if (this->length + count > this->allocated) {
        size_t newSize = this->allocated == 0 ? 4096 : this->allocated;
        while (newSize < this->length + count) {
            newSize *= 2;
        }
        char *newArray = realloc(this->array, newSize);
        if (newArray == NULL) {
            this->outOfMemory = true;
            return 0; /* libcurl gives up */
        }
        this->array = newArray;
        this->allocated = newSize;
    }
    memcpy(this->array + this->length, data, count);
    this->length += count;
    return count;
}

/* ======================================================================== */
/*  Crawler                                                                  */
/* ======================================================================== */

typedef struct Crawler {
    const char *startUrl;
    struct crawler_queue *frontier;
    Monitor monitor; /* for all that follows */
    struct seen *visited;
    struct crawler_result statistics;
    bool outOfMemory;
} Crawler;

static void Crawler_throwOutOfMemory(Crawler *this)
{
    Monitor_enter(&this->monitor);
    this->outOfMemory = true;
    Monitor_exit(&this->monitor);
}

static bool Crawler_isOutOfMemory(Crawler *this)
{
    Monitor_enter(&this->monitor);
    bool result = this->outOfMemory;
    Monitor_exit(&this->monitor);
    return result;
}

static void Crawler_count(Crawler *this, const struct crawler_result *visit)
{
    Monitor_enter(&this->monitor);
    this->statistics.pages += visit->pages;
    this->statistics.redirects += visit->redirects;
    this->statistics.errors += visit->errors;
    this->statistics.bytes += visit->bytes;
    Monitor_exit(&this->monitor);
}

/* true exactly for the first who comes with this address */
static bool Crawler_isFirst(Crawler *this, const char *url)
{
    Monitor_enter(&this->monitor);
    bool known = this->visited->slots[seen_find(this->visited, url)] != NULL;
    bool first = !known && seen_add(this->visited, url);
    if (!known && !first) {
        this->outOfMemory = true;
    }
    Monitor_exit(&this->monitor);
    return first;
}

static void Crawler_offer(Crawler *this, const char *url)
{
    if (!links_same_site(this->startUrl, url) || !Crawler_isFirst(this, url)) {
        return;
    }
    char *copy = strdup(url);
    if (copy == NULL || !crawler_queue_put(this->frontier, copy)) {
        free(copy);
        Crawler_throwOutOfMemory(this);
    }
}

static void Crawler_visit(Crawler *this, CURL *curl, const char *url)
{
    ByteBuffer body = {0};
    struct crawler_result count = {0};
    long status = 0;

    if (curl_easy_setopt(curl, CURLOPT_URL, url) != CURLE_OK) {
        Crawler_throwOutOfMemory(this);
        return;
    }
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, ByteBuffer_write);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &body);

    CURLcode code = curl_easy_perform(curl);
    if (code == CURLE_OK) {
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    }

    if (body.outOfMemory || code == CURLE_OUT_OF_MEMORY) {
        Crawler_throwOutOfMemory(this);
    } else if (code != CURLE_OK) {
        count.errors = 1;
    } else if (200 <= status && status <= 299) {
        count.pages = 1;
        count.bytes = body.length;
    } else if (300 <= status && status <= 399) {
        count.redirects = 1;
        char *location = NULL;
        curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &location);
        if (location != NULL) {
            char *target = links_resolve(url, location);
            if (target != NULL) {
                Crawler_offer(this, target);
                free(target);
            }
        }
    } else {
        count.errors = 1;
    }

    /* whatever has come of a page, also when the connection broke */
    if (count.pages == 1 || code == CURLE_PARTIAL_FILE) {
        struct links links = links_find(url, body.array, body.length);
        for (size_t i = 0; i < links.count; i++) {
            Crawler_offer(this, links.urls[i]);
        }
        links_free(&links);
    }

    Crawler_count(this, &count);
    free(body.array);
}

static void *Crawler_run(void *argument)
{
    Crawler *this = argument;

    CURL *curl = curl_easy_init();
    if (curl == NULL) {
        /* Do not simply return: if all do, nobody empties the queue and join waits for ever. */
        Crawler_throwOutOfMemory(this);
    } else {
        curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
        /* Close the connection after each answer. If libcurl kept it and the server dropped it, libcurl
         * would send the next request twice. */
        curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, 1L);
    }

    void *url = NULL;
    while (crawler_queue_get(this->frontier, &url)) {
        if (!Crawler_isOutOfMemory(this)) {
            Crawler_visit(this, curl, url);
        }
        free(url);
        crawler_queue_task_done(this->frontier);
    }

    if (curl != NULL) {
        curl_easy_cleanup(curl);
    }
    return NULL;
}

static bool Crawler_init(Crawler *this, const char *startUrl)
{
    memset(this, 0, sizeof(Crawler));
    if (!Monitor_init(&this->monitor)) {
        return false;
    }
    this->startUrl = startUrl;
    this->frontier = crawler_queue_create(0);
    this->visited = seen_create();
    if (this->frontier == NULL || this->visited == NULL) {
        crawler_queue_free(this->frontier);
        seen_free(this->visited);
        Monitor_destroy(&this->monitor);
        return false;
    }
    return true;
}

static void Crawler_destroy(Crawler *this)
{
    crawler_queue_free(this->frontier);
    seen_free(this->visited);
    Monitor_destroy(&this->monitor);
}

int crawler_crawl(const char *start_url, unsigned workers, struct crawler_result *result)
{
    Crawler crawler;
    if (!Crawler_init(&crawler, start_url)) {
        return -1;
    }
    pthread_t *threads = calloc(workers, sizeof(pthread_t));
    if (threads == NULL) {
        Crawler_destroy(&crawler);
        return -1;
    }

    /* The start address goes in first, then the threads come; it is there waiting for them. */
    Crawler_offer(&crawler, start_url);

    unsigned running = 0;
    for (unsigned i = 0; i < workers; i++) {
        if (pthread_create(&threads[running], NULL, Crawler_run, &crawler) == 0) {
            running++;
        } else {
            break;
        }
    }

    if (running > 0) {
        crawler_queue_join(crawler.frontier);
    }
    crawler_queue_close(crawler.frontier);
    for (unsigned i = 0; i < running; i++) {
        pthread_join(threads[i], NULL);
    }
    if (running == 0) {
        void *left = NULL;
        while (crawler_queue_get(crawler.frontier, &left)) {
            free(left);
            crawler_queue_task_done(crawler.frontier);
        }
    }

    bool success = running > 0 && !crawler.outOfMemory;
    *result = crawler.statistics;
    free(threads);
    Crawler_destroy(&crawler);
    return success ? 0 : -1;
}
