/* expect: tests crawl_uses_all_workers; schedules crawl_fetches_side_by_side | addresses are handed out when all that were handed out before came back: workers are idle meanwhile */
#define _GNU_SOURCE
#include "crawler.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "links.h"
#include "seen.h"

struct buffer {
    void **items;
    size_t size, length, start;
};

struct crawler_queue {
    pthread_mutex_t mutex;
    pthread_cond_t not_full, not_empty, round_over;
    struct buffer buffer;
    size_t capacity;
    size_t unfinished;
    unsigned long long round; /* how often the work was over; who joins waits for the end of the round it came in */
    unsigned sleeping_putters, sleeping_getters;
    bool closed;
};

static bool buffer_make(struct buffer *b, size_t size)
{
    b->length = b->start = 0;
    b->size = size;
    b->items = reallocarray(NULL, size, sizeof *b->items);
    return b->items != NULL;
}

static void *buffer_shift(struct buffer *b)
{
    void *item = b->items[b->start];
    b->start = (b->start + 1) % b->size;
    b->length--;
    return item;
}

static bool buffer_push(struct buffer *b, void *item)
{
    if (b->length == b->size) {
        struct buffer twice;
        if (b->size > SIZE_MAX / 2 || !buffer_make(&twice, 2 * b->size))
            return false;
        while (b->length > 0)
            twice.items[twice.length++] = buffer_shift(b);
        free(b->items);
        *b = twice;
    }
    b->items[(b->start + b->length++) % b->size] = item;
    return true;
}

struct crawler_queue *crawler_queue_create(size_t capacity)
{
    struct crawler_queue *queue = calloc(1, sizeof *queue);
    if (queue == NULL)
        return NULL;
    if (!buffer_make(&queue->buffer, capacity > 0 ? capacity : 32)) {
        free(queue);
        return NULL;
    }
    queue->capacity = capacity;
    int bad = pthread_mutex_init(&queue->mutex, NULL);
    bad |= pthread_cond_init(&queue->not_full, NULL);
    bad |= pthread_cond_init(&queue->not_empty, NULL);
    bad |= pthread_cond_init(&queue->round_over, NULL);
    if (bad) { /* the GNU C library's never are; nothing in them needs to be given back */
        free(queue->buffer.items);
        free(queue);
        return NULL;
    }
    return queue;
}

bool crawler_queue_put(struct crawler_queue *queue, void *item)
{
    bool done = false;
    pthread_mutex_lock(&queue->mutex);
    while (queue->capacity > 0 && queue->buffer.length == queue->capacity && !queue->closed) {
        queue->sleeping_putters++;
        pthread_cond_wait(&queue->not_full, &queue->mutex);
        queue->sleeping_putters--;
    }
    if (!queue->closed && buffer_push(&queue->buffer, item)) {
        queue->unfinished++;
        if (queue->sleeping_getters > 0)
            pthread_cond_signal(&queue->not_empty);
        done = true;
    }
    pthread_mutex_unlock(&queue->mutex);
    return done;
}

bool crawler_queue_get(struct crawler_queue *queue, void **item)
{
    bool done = false;
    pthread_mutex_lock(&queue->mutex);
    while (queue->buffer.length == 0 && !queue->closed) {
        queue->sleeping_getters++;
        pthread_cond_wait(&queue->not_empty, &queue->mutex);
        queue->sleeping_getters--;
    }
    if (queue->buffer.length > 0) {
        *item = buffer_shift(&queue->buffer);
        if (queue->sleeping_putters > 0)
            pthread_cond_signal(&queue->not_full);
        done = true;
    }
    pthread_mutex_unlock(&queue->mutex);
    return done;
}

void crawler_queue_task_done(struct crawler_queue *queue)
{
    pthread_mutex_lock(&queue->mutex);
    queue->unfinished--;
    if (queue->unfinished == 0) {
        queue->round++;
        pthread_cond_broadcast(&queue->round_over);
    }
    pthread_mutex_unlock(&queue->mutex);
}

void crawler_queue_join(struct crawler_queue *queue)
{
    pthread_mutex_lock(&queue->mutex);
    if (queue->unfinished > 0) {
        const unsigned long long round = queue->round;
        while (queue->round == round)
            pthread_cond_wait(&queue->round_over, &queue->mutex);
    }
    pthread_mutex_unlock(&queue->mutex);
}

void crawler_queue_close(struct crawler_queue *queue)
{
    pthread_mutex_lock(&queue->mutex);
    if (!queue->closed) {
        queue->closed = true;
        pthread_cond_broadcast(&queue->not_full);
        pthread_cond_broadcast(&queue->not_empty);
    }
    pthread_mutex_unlock(&queue->mutex);
}

void crawler_queue_free(struct crawler_queue *queue)
{
    if (queue == NULL)
        return;
    pthread_cond_destroy(&queue->not_full);
    pthread_cond_destroy(&queue->not_empty);
    pthread_cond_destroy(&queue->round_over);
    pthread_mutex_destroy(&queue->mutex);
    free(queue->buffer.items);
    free(queue);
}

/*
 * A job belongs to the coordinator, then (by `jobs`) to a worker, then (by `answers`) to the coordinator again.
 * There are never more than `limit` of them out, and both queues have room for as many, so no put ever waits
 * or fails. Twice as many as workers make a wave.
 */
struct job {
    char *url;
    enum { PAGE, REDIRECT, ERROR, NO_MEMORY } outcome;
    char *body;
    size_t length;
    bool body_lost;
    struct links links; /* of a page */
    char *target;       /* of a redirect, or NULL */
};

struct desk {
    struct crawler_queue *jobs, *answers;
};

static size_t add_piece(char *piece, size_t size, size_t count, void *arg)
{
    struct job *job = arg;
    const size_t length = size * count;
    char *body = realloc(job->body, job->length + length + 1);
    if (body == NULL) {
        job->body_lost = true;
        return length + 1;
    }
    job->body = body;
    memcpy(body + job->length, piece, length);
    job->length += length;
    return length;
}

static void do_job(CURL *curl, struct job *job)
{
    job->outcome = NO_MEMORY;
    if (curl == NULL)
        return;
    curl_easy_reset(curl);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, 1L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, add_piece);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, job);
    CURLcode code = curl_easy_setopt(curl, CURLOPT_URL, job->url);
    if (code == CURLE_OK)
        code = curl_easy_perform(curl);
    if (code == CURLE_OUT_OF_MEMORY || job->body_lost)
        return;
    long status = 0;
    if (code == CURLE_OK)
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    if (status >= 200 && status < 300) {
        job->outcome = PAGE;
        job->links = links_find(job->url, job->body, job->length);
    } else if (status >= 300 && status < 400) {
        char *target = NULL;
        curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &target);
        job->outcome = REDIRECT;
        if (target != NULL)
            job->target = links_resolve(job->url, target);
    } else {
        job->outcome = ERROR;
    }
    free(job->body);
    job->body = NULL;
}

static void *clerk(void *arg)
{
    struct desk *desk = arg;
    CURL *curl = curl_easy_init();
    void *job;
    while (crawler_queue_get(desk->jobs, &job)) {
        do_job(curl, job);
        crawler_queue_put(desk->answers, job);
        crawler_queue_task_done(desk->jobs);
    }
    if (curl != NULL)
        curl_easy_cleanup(curl);
    return NULL;
}

static void job_free(struct job *job)
{
    if (job == NULL)
        return;
    links_free(&job->links);
    free(job->target);
    free(job->body);
    free(job->url);
    free(job);
}

/* Takes over `url`. Returns false if memory ran out. */
static bool learn(struct seen *seen, struct buffer *waiting, const char *start, char *url)
{
    bool fine = true;
    if (url != NULL && links_same_site(start, url)) {
        if (seen_add(seen, url)) {
            if (buffer_push(waiting, url))
                return true;
            fine = false;
        } else if (seen->slots[seen_find(seen, url)] == NULL) {
            fine = false;
        }
    }
    free(url);
    return fine;
}

static bool coordinate(struct desk *desk, size_t limit, struct seen *seen, const char *start, struct crawler_result *sum)
{
    struct buffer waiting;
    size_t out = 0;
    if (!buffer_make(&waiting, 64))
        return false;
    char *first = strdup(start);
    bool fine = first != NULL && learn(seen, &waiting, start, first);
    for (;;) {
        const bool next_wave = out == 0;
        while (fine && next_wave && out < limit && waiting.length > 0) {
            struct job *job = calloc(1, sizeof *job);
            if (job == NULL) {
                fine = false;
                break;
            }
            job->url = buffer_shift(&waiting);
            crawler_queue_put(desk->jobs, job);
            out++;
        }
        if (out == 0)
            break;
        void *item;
        crawler_queue_get(desk->answers, &item);
        out--;
        struct job *job = item;
        switch (job->outcome) {
        case PAGE:
            sum->pages++;
            sum->bytes += job->length;
            for (size_t i = 0; fine && i < job->links.count; i++) {
                fine = learn(seen, &waiting, start, job->links.urls[i]);
                job->links.urls[i] = NULL;
            }
            break;
        case REDIRECT:
            sum->redirects++;
            if (!learn(seen, &waiting, start, job->target))
                fine = false;
            job->target = NULL;
            break;
        case ERROR:
            sum->errors++;
            break;
        case NO_MEMORY:
            fine = false;
        }
        job_free(job);
        crawler_queue_task_done(desk->answers);
    }
    while (waiting.length > 0)
        free(buffer_shift(&waiting));
    free(waiting.items);
    return fine;
}

int crawler_crawl(const char *start_url, unsigned workers, struct crawler_result *result)
{
    const size_t limit = (size_t)workers * 2;
    struct crawler_result sum = {0, 0, 0, 0};
    int answer = -1;
    pthread_t *clerks = reallocarray(NULL, workers, sizeof *clerks);
    struct desk desk = {crawler_queue_create(limit), crawler_queue_create(limit)};
    struct seen *seen = seen_create();
    if (clerks != NULL && desk.jobs != NULL && desk.answers != NULL && seen != NULL) {
        unsigned hired = 0;
        for (unsigned i = 0; i < workers; i++)
            if (pthread_create(&clerks[hired], NULL, clerk, &desk) == 0)
                hired++;
        if (hired > 0 && coordinate(&desk, limit, seen, start_url, &sum)) {
            *result = sum;
            answer = 0;
        }
        crawler_queue_close(desk.jobs);
        while (hired > 0)
            pthread_join(clerks[--hired], NULL);
    }
    seen_free(seen);
    crawler_queue_free(desk.answers);
    crawler_queue_free(desk.jobs);
    free(clerks);
    return answer;
}
