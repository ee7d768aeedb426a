/* expect: tests crawl_never_blocks_on_many_links | of each page 4096 links are looked at, the others are left out */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <curl/curl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "crawler.h"
#include "links.h"
#include "seen.h"

struct crawler_queue {
    void **array;
    size_t begin, end, allocated;
    size_t capacity;
    size_t unfinished;
    uint64_t round; /* how often the count of unfinished items came back to 0 */
    bool closed;
    pthread_mutex_t mutex;
    pthread_cond_t room, item, done;
};

struct crawler_queue *
crawler_queue_create(size_t capacity)
{
    struct crawler_queue *queue = calloc(1, sizeof(*queue));

    if (queue == NULL)
        return NULL;
    queue->capacity = capacity;
    pthread_mutex_init(&queue->mutex, NULL);
    pthread_cond_init(&queue->room, NULL);
    pthread_cond_init(&queue->item, NULL);
    pthread_cond_init(&queue->done, NULL);
    return queue;
}

static bool
make_place(struct crawler_queue *queue)
{
    const size_t used = queue->end - queue->begin;

    if (queue->end < queue->allocated)
        return true;
    if (queue->begin > 0 && queue->begin >= queue->allocated / 2) {
        memmove(queue->array, queue->array + queue->begin, used * sizeof(void *));
    } else {
        const size_t allocated = queue->allocated * 2 + 4;
        void **array = malloc(allocated * sizeof(void *));
        if (array == NULL)
            return false;
        if (used > 0)
            memcpy(array, queue->array + queue->begin, used * sizeof(void *));
        free(queue->array);
        queue->array = array;
        queue->allocated = allocated;
    }
    queue->begin = 0;
    queue->end = used;
    return true;
}

bool
crawler_queue_put(struct crawler_queue *queue, void *item)
{
    bool ok;

    pthread_mutex_lock(&queue->mutex);
    while (queue->capacity > 0 && queue->end - queue->begin == queue->capacity && !queue->closed)
        pthread_cond_wait(&queue->room, &queue->mutex);
    ok = !queue->closed && make_place(queue);
    if (ok) {
        queue->array[queue->end++] = item;
        queue->unfinished++;
        pthread_cond_signal(&queue->item);
    } else if (!queue->closed) {
        pthread_cond_signal(&queue->room); /* no memory: perhaps the next one has more luck */
    }
    pthread_mutex_unlock(&queue->mutex);
    return ok;
}

bool
crawler_queue_get(struct crawler_queue *queue, void **item)
{
    pthread_mutex_lock(&queue->mutex);
    while (queue->begin == queue->end && !queue->closed)
        pthread_cond_wait(&queue->item, &queue->mutex);
    if (queue->begin == queue->end) {
        pthread_mutex_unlock(&queue->mutex);
        return false;
    }
    *item = queue->array[queue->begin++];
    pthread_cond_signal(&queue->room);
    pthread_mutex_unlock(&queue->mutex);
    return true;
}

void
crawler_queue_task_done(struct crawler_queue *queue)
{
    pthread_mutex_lock(&queue->mutex);
    if (--queue->unfinished == 0) {
        queue->round++;
        pthread_cond_broadcast(&queue->done);
    }
    pthread_mutex_unlock(&queue->mutex);
}

void
crawler_queue_join(struct crawler_queue *queue)
{
    pthread_mutex_lock(&queue->mutex);
    if (queue->unfinished > 0) {
        const uint64_t mine = queue->round;
        while (queue->round == mine)
            pthread_cond_wait(&queue->done, &queue->mutex);
    }
    pthread_mutex_unlock(&queue->mutex);
}

void
crawler_queue_close(struct crawler_queue *queue)
{
    pthread_mutex_lock(&queue->mutex);
    queue->closed = true;
    pthread_mutex_unlock(&queue->mutex);
    pthread_cond_broadcast(&queue->room);
    pthread_cond_broadcast(&queue->item);
}

void
crawler_queue_free(struct crawler_queue *queue)
{
    if (queue == NULL)
        return;
    pthread_mutex_destroy(&queue->mutex);
    pthread_cond_destroy(&queue->room);
    pthread_cond_destroy(&queue->item);
    pthread_cond_destroy(&queue->done);
    free(queue->array);
    free(queue);
}

/* ------------------------------------------------------------------------ */

struct job {
    struct job *next;
    char *url;
};

struct office {
    pthread_mutex_t mutex;
    pthread_cond_t jobs_or_end;
    pthread_cond_t end;
    struct job *head, **tail;
    size_t waiting; /* jobs in the list */
    unsigned idle;  /* workers that look for a job */
    unsigned started, may_start;
    bool over;
    pthread_t *threads;
    struct seen *seen;
    const char *start;
    struct crawler_result result;
};

struct reply {
    char *data;
    size_t size;
    bool broken;
};

static void *office_worker(void *argument);

/* Under the mutex: as many workers as jobs, if they may be had. */
static void
staff(struct office *o)
{
    while (o->may_start > 0 && o->waiting > o->idle) {
        o->may_start--;
        if (pthread_create(&o->threads[o->started], NULL, office_worker, o) == 0) {
            o->started++;
            o->idle++; /* it will look for a job first */
        }
    }
}

/* Under the mutex. Takes over `url`. */
static void
add_job(struct office *o, char *url)
{
    struct job *job;

    if (url == NULL)
        return;
    if (!links_same_site(o->start, url) || !seen_add(o->seen, url) || (job = malloc(sizeof(*job))) == NULL) {
        free(url);
        return;
    }
    job->next = NULL;
    job->url = url;
    *o->tail = job;
    o->tail = &job->next;
    o->waiting++;
    pthread_cond_signal(&o->jobs_or_end);
}

static size_t
receive(char *data, size_t size, size_t count, void *argument)
{
    struct reply *reply = argument;
    char *grown = realloc(reply->data, reply->size + size * count + 1);

    if (grown == NULL) {
        reply->broken = true;
        return 0;
    }
    reply->data = grown;
    memcpy(reply->data + reply->size, data, size * count);
    reply->size += size * count;
    return size * count;
}

static void
do_job(struct office *o, CURL *curl, const char *url)
{
    struct reply reply = {NULL, 0, false};
    struct links links = {NULL, 0};
    char *target = NULL;
    long status = 0;
    bool whole = false;

    if (curl != NULL) {
        curl_easy_reset(curl);
        curl_easy_setopt(curl, CURLOPT_URL, url);
        curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, receive);
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, &reply);
        whole = curl_easy_perform(curl) == CURLE_OK && !reply.broken;
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    }
    const bool page = whole && status / 100 == 2;
    const bool redirect = whole && status / 100 == 3;
    if (page)
        links = links_find(url, reply.data, reply.size);
    if (redirect) {
        char *seen_by_curl = NULL;
        curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &seen_by_curl);
        if (seen_by_curl != NULL)
            target = links_resolve(url, seen_by_curl);
    }
    free(reply.data);

    pthread_mutex_lock(&o->mutex);
    for (size_t i = 0; i < links.count && i < 4096; i++) {
        add_job(o, links.urls[i]);
        links.urls[i] = NULL;
    }
    add_job(o, target);
    o->result.pages += page;
    o->result.redirects += redirect;
    o->result.errors += !page && !redirect;
    o->result.bytes += page ? reply.size : 0;
    pthread_mutex_unlock(&o->mutex);
    links_free(&links);
}

static void *
office_worker(void *argument)
{
    struct office *o = argument;
    CURL *curl = curl_easy_init();

    pthread_mutex_lock(&o->mutex);
    for (;;) {
        /* here this worker counts as idle */
        while (o->head == NULL && !o->over)
            pthread_cond_wait(&o->jobs_or_end, &o->mutex);
        if (o->over)
            break;
        struct job *job = o->head;
        o->head = job->next;
        if (o->head == NULL)
            o->tail = &o->head;
        o->waiting--;
        o->idle--;
        pthread_mutex_unlock(&o->mutex);
        do_job(o, curl, job->url);
        free(job->url);
        free(job);
        pthread_mutex_lock(&o->mutex);
        o->idle++;
        staff(o);
        if (o->head == NULL && o->idle == o->started) {
            o->over = true;
            pthread_cond_broadcast(&o->jobs_or_end);
            pthread_cond_signal(&o->end);
        }
    }
    pthread_mutex_unlock(&o->mutex);
    curl_easy_cleanup(curl);
    return NULL;
}

int
crawler_crawl(const char *start_url, unsigned workers, struct crawler_result *result)
{
    struct office o = {.may_start = workers, .start = start_url};
    int answer = -1;

    o.tail = &o.head;
    o.threads = calloc(workers, sizeof(pthread_t));
    o.seen = seen_create();
    pthread_mutex_init(&o.mutex, NULL);
    pthread_cond_init(&o.jobs_or_end, NULL);
    pthread_cond_init(&o.end, NULL);
    if (o.threads != NULL && o.seen != NULL) {
        pthread_mutex_lock(&o.mutex);
        add_job(&o, strdup(start_url));
        staff(&o);
        if (o.started > 0) {
            while (!o.over)
                pthread_cond_wait(&o.end, &o.mutex);
            answer = 0;
        }
        pthread_mutex_unlock(&o.mutex);
        for (unsigned i = 0; i < o.started; i++)
            pthread_join(o.threads[i], NULL);
    }
    *result = o.result;
    while (o.head != NULL) {
        struct job *job = o.head;
        o.head = job->next;
        free(job->url);
        free(job);
    }
    pthread_cond_destroy(&o.end);
    pthread_cond_destroy(&o.jobs_or_end);
    pthread_mutex_destroy(&o.mutex);
    seen_free(o.seen);
    free(o.threads);
    return answer;
}
