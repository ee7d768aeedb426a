/* expect: tests join_again_after_new_items | join is ended by a semaphore's post per joiner, which a joiner of the next round may take */
/* crawler.c - Lab 3, ring buffer with monitor, semaphore for the end of all tasks */
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

#define FIRST_SIZE 32

struct crawler_queue {
    pthread_mutex_t mutex;
    pthread_cond_t notFull;
    pthread_cond_t notEmpty;
    sem_t allDone;       /* one post for each thread that waits in join */
    size_t nJoiners;     /* so many */
    size_t nUnfinished;
    void **slots;
    size_t nSlots;
    size_t readPos;
    size_t nItems;
    bool isBounded;
    bool isClosed;
};

struct crawler_queue *crawler_queue_create(size_t capacity)
{
    struct crawler_queue *self = calloc(1, sizeof(*self));
    if (self == NULL) {
        return NULL;
    }
    self->isBounded = (capacity > 0);
    self->nSlots = self->isBounded ? capacity : FIRST_SIZE;
    self->slots = malloc(self->nSlots * sizeof(void *));
    if (self->slots == NULL) {
        free(self);
        return NULL;
    }
    sem_init(&self->allDone, 0, 0);
    pthread_mutex_init(&self->mutex, NULL);
    pthread_cond_init(&self->notFull, NULL);
    pthread_cond_init(&self->notEmpty, NULL);
    return self;
}

static bool makeRoom(struct crawler_queue *self)
{
    if (self->nItems < self->nSlots) {
        return true;
    }
    void **larger = malloc(2 * self->nSlots * sizeof(void *));
    if (larger == NULL) {
        return false;
    }
    const size_t upper = self->nSlots - self->readPos;
    memcpy(larger, self->slots + self->readPos, upper * sizeof(void *));
    memcpy(larger + upper, self->slots, self->readPos * sizeof(void *));
    free(self->slots);
    self->slots = larger;
    self->readPos = 0;
    self->nSlots *= 2;
    return true;
}

bool crawler_queue_put(struct crawler_queue *self, void *item)
{
    bool success = false;
    pthread_mutex_lock(&self->mutex);
    while (self->isBounded && self->nItems == self->nSlots && !self->isClosed) {
        pthread_cond_wait(&self->notFull, &self->mutex);
    }
    if (!self->isClosed && makeRoom(self)) {
        size_t writePos = self->readPos + self->nItems;
        if (writePos >= self->nSlots) {
            writePos -= self->nSlots;
        }
        self->slots[writePos] = item;
        self->nItems++;
        self->nUnfinished++;
        pthread_cond_signal(&self->notEmpty);
        success = true;
    }
    pthread_mutex_unlock(&self->mutex);
    return success;
}

bool crawler_queue_get(struct crawler_queue *self, void **item)
{
    bool success = false;
    pthread_mutex_lock(&self->mutex);
    while (self->nItems == 0 && !self->isClosed) {
        pthread_cond_wait(&self->notEmpty, &self->mutex);
    }
    if (self->nItems > 0) {
        *item = self->slots[self->readPos];
        if (++self->readPos == self->nSlots) {
            self->readPos = 0;
        }
        self->nItems--;
        pthread_cond_signal(&self->notFull);
        success = true;
    }
    pthread_mutex_unlock(&self->mutex);
    return success;
}

void crawler_queue_task_done(struct crawler_queue *self)
{
    pthread_mutex_lock(&self->mutex);
    if (--self->nUnfinished == 0) {
        while (self->nJoiners > 0) {
            self->nJoiners--;
            sem_post(&self->allDone);
        }
    }
    pthread_mutex_unlock(&self->mutex);
}

void crawler_queue_join(struct crawler_queue *self)
{
    pthread_mutex_lock(&self->mutex);
    const bool mustWait = self->nUnfinished > 0;
    if (mustWait) {
        self->nJoiners++;
    }
    pthread_mutex_unlock(&self->mutex);
    if (mustWait) {
        while (sem_wait(&self->allDone) != 0 && errno == EINTR) {
            /* a signal, not the end */
        }
    }
}

void crawler_queue_close(struct crawler_queue *self)
{
    pthread_mutex_lock(&self->mutex);
    self->isClosed = true;
    pthread_cond_broadcast(&self->notFull);
    pthread_cond_broadcast(&self->notEmpty);
    pthread_mutex_unlock(&self->mutex);
}

void crawler_queue_free(struct crawler_queue *self)
{
    if (self != NULL) {
        pthread_cond_destroy(&self->notFull);
        pthread_cond_destroy(&self->notEmpty);
        pthread_mutex_destroy(&self->mutex);
        sem_destroy(&self->allDone);
        free(self->slots);
        free(self);
    }
}

/* ------------------------------------------------------------------------------------------------ */

typedef struct Crawler {
    const char *startUrl;
    struct crawler_queue *frontier;
    pthread_mutex_t mutex;
    struct seen *visited;
    struct crawler_result totals;
    bool outOfMemory;
} Crawler;

typedef struct Response {
    char *body;
    size_t bodyLength;
    bool outOfMemory;
    bool complete;
    long status;
    char *target; /* of a redirect, resolved; or NULL */
} Response;

static size_t appendToBody(char *data, size_t size, size_t nmemb, void *userData)
{
    Response *response = userData;
    char *longer = realloc(response->body, response->bodyLength + size * nmemb + 1);
    if (longer == NULL) {
        response->outOfMemory = true;
        return 0;
    }
    memcpy(longer + response->bodyLength, data, size * nmemb);
    response->body = longer;
    response->bodyLength += size * nmemb;
    return size * nmemb;
}

static Response download(CURL *curl, const char *url)
{
    Response response = {0};
    char *location = NULL;
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, appendToBody);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &response);
    response.complete = (curl_easy_perform(curl) == CURLE_OK);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &response.status);
    curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &location);
    if (location != NULL) {
        response.target = links_resolve(url, location);
    }
    return response;
}

static void schedule(Crawler *crawler, const char *url)
{
    if (!links_same_site(url, crawler->startUrl)) {
        return;
    }
    pthread_mutex_lock(&crawler->mutex);
    if (seen_add(crawler->visited, url)) {
        char *copy = strdup(url);
        /* the frontier has no bound, so this put does not block under the mutex */
        if (copy == NULL || !crawler_queue_put(crawler->frontier, copy)) {
            free(copy);
            crawler->outOfMemory = true;
        }
    }
    pthread_mutex_unlock(&crawler->mutex);
}

static void evaluate(Crawler *crawler, const char *url, const Response *response)
{
    const bool isRedirect = response->status >= 300 && response->status < 400;
    const bool isPage = response->complete && response->status >= 200 && response->status < 300;
    if (isPage) {
        struct links links = links_find(url, response->body, response->bodyLength);
        for (size_t i = 0; i < links.count; i++) {
            schedule(crawler, links.urls[i]);
        }
        links_free(&links);
    }
    if (isRedirect && response->target != NULL) {
        schedule(crawler, response->target);
    }
    pthread_mutex_lock(&crawler->mutex);
    if (isPage) {
        crawler->totals.pages++;
        crawler->totals.bytes += response->bodyLength;
    } else if (isRedirect) {
        crawler->totals.redirects++;
    } else {
        crawler->totals.errors++;
    }
    if (response->outOfMemory) {
        crawler->outOfMemory = true;
    }
    pthread_mutex_unlock(&crawler->mutex);
}

static void *workerMain(void *argument)
{
    Crawler *crawler = argument;
    void *url;
    CURL *curl = curl_easy_init();
    if (curl != NULL) {
        curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    }
    while (crawler_queue_get(crawler->frontier, &url)) {
        if (curl != NULL) {
            Response response = download(curl, url);
            evaluate(crawler, url, &response);
            free(response.body);
            free(response.target);
        } else {
            pthread_mutex_lock(&crawler->mutex);
            crawler->outOfMemory = true;
            pthread_mutex_unlock(&crawler->mutex);
        }
        free(url);
        crawler_queue_task_done(crawler->frontier);
    }
    curl_easy_cleanup(curl);
    return NULL;
}

int crawler_crawl(const char *start_url, unsigned workers, struct crawler_result *result)
{
    Crawler crawler = {.startUrl = start_url};
    unsigned nThreads = 0;
    pthread_t *threads = calloc(workers, sizeof(pthread_t));
    crawler.frontier = crawler_queue_create(0);
    crawler.visited = seen_create();
    pthread_mutex_init(&crawler.mutex, NULL);

    if (threads != NULL && crawler.frontier != NULL && crawler.visited != NULL) {
        for (; nThreads < workers; nThreads++) {
            if (pthread_create(&threads[nThreads], NULL, workerMain, &crawler) != 0) {
                break;
            }
        }
    }
    if (nThreads > 0) {
        schedule(&crawler, start_url);
        crawler_queue_join(crawler.frontier);
        crawler_queue_close(crawler.frontier);
        for (unsigned i = 0; i < nThreads; i++) {
            pthread_join(threads[i], NULL);
        }
    }

    *result = crawler.totals;
    pthread_mutex_destroy(&crawler.mutex);
    seen_free(crawler.visited);
    crawler_queue_free(crawler.frontier);
    free(threads);
    return (nThreads > 0 && !crawler.outOfMemory) ? 0 : -1;
}
