/* expect: schedules queue_closed_is_drained | a getter that slept and finds the queue closed goes home without a look at what is left */
#define _GNU_SOURCE
#include "crawler.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "links.h"
#include "seen.h"

enum { CHUNK = 32 };

struct chunk {
    struct chunk *next;
    void *items[CHUNK];
};

struct crawler_queue {
    pthread_mutex_t mutex;
    pthread_cond_t may_put, may_get, may_leave;
    struct chunk *read_chunk, *write_chunk; /* there is always one at least */
    unsigned read_at, write_at;             /* 0 to CHUNK */
    struct chunk *spare;
    struct chunk *block; /* with a bound: all chunks, in one piece */
    size_t block_used;
    size_t capacity, count, not_done;
    bool is_closed;
};

static void free_chunks(struct chunk *chunk)
{
    while (chunk != NULL) {
        struct chunk *next = chunk->next;
        free(chunk);
        chunk = next;
    }
}

struct crawler_queue *crawler_queue_create(size_t capacity)
{
    struct crawler_queue *queue = calloc(1, sizeof *queue);
    if (queue == NULL)
        return NULL;
    queue->capacity = capacity;
    /* `capacity` items that begin in the last place of a chunk lie in at most 1 + (capacity - 1 + CHUNK - 1) / CHUNK
     * chunks, and one before them may be read to its end and not be given back yet */
    struct chunk *first = calloc(capacity != 0 ? capacity / CHUNK + 3 : 1, sizeof *first);
    if (first == NULL) {
        free(queue);
        return NULL;
    }
    queue->read_chunk = queue->write_chunk = first;
    if (capacity != 0) {
        queue->block = first;
        queue->block_used = 1;
    }
    if (pthread_mutex_init(&queue->mutex, NULL) == 0) {
        if (pthread_cond_init(&queue->may_put, NULL) == 0) {
            if (pthread_cond_init(&queue->may_get, NULL) == 0) {
                if (pthread_cond_init(&queue->may_leave, NULL) == 0)
                    return queue;
                pthread_cond_destroy(&queue->may_get);
            }
            pthread_cond_destroy(&queue->may_put);
        }
        pthread_mutex_destroy(&queue->mutex);
    }
    free(first);
    free(queue);
    return NULL;
}

bool crawler_queue_put(struct crawler_queue *queue, void *item)
{
    pthread_mutex_lock(&queue->mutex);
    while (queue->capacity != 0 && queue->count == queue->capacity && !queue->is_closed)
        pthread_cond_wait(&queue->may_put, &queue->mutex);
    if (queue->is_closed) {
        pthread_mutex_unlock(&queue->mutex);
        return false;
    }
    if (queue->write_at == CHUNK) {
        struct chunk *chunk = queue->spare;
        if (chunk != NULL)
            queue->spare = chunk->next;
        else if (queue->block != NULL)
            chunk = &queue->block[queue->block_used++];
        else
            chunk = malloc(sizeof *chunk);
        if (chunk == NULL) {
            pthread_mutex_unlock(&queue->mutex);
            return false;
        }
        chunk->next = NULL;
        queue->write_chunk->next = chunk;
        queue->write_chunk = chunk;
        queue->write_at = 0;
    }
    queue->write_chunk->items[queue->write_at++] = item;
    queue->count++;
    queue->not_done++;
    pthread_mutex_unlock(&queue->mutex);
    pthread_cond_signal(&queue->may_get);
    return true;
}

bool crawler_queue_get(struct crawler_queue *queue, void **item)
{
    struct chunk *surplus = NULL;
    pthread_mutex_lock(&queue->mutex);
    while (queue->count == 0 && !queue->is_closed)
    {
        pthread_cond_wait(&queue->may_get, &queue->mutex);
        if (queue->is_closed) { /* closed while we slept */
            pthread_mutex_unlock(&queue->mutex);
            return false;
        }
    }
    if (queue->count == 0) {
        pthread_mutex_unlock(&queue->mutex);
        return false;
    }
    if (queue->read_at == CHUNK) {
        struct chunk *used = queue->read_chunk;
        queue->read_chunk = used->next;
        queue->read_at = 0;
        if (queue->capacity == 0 && queue->spare != NULL) {
            surplus = used;
        } else {
            used->next = queue->spare;
            queue->spare = used;
        }
    }
    *item = queue->read_chunk->items[queue->read_at++];
    queue->count--;
    pthread_mutex_unlock(&queue->mutex);
    pthread_cond_signal(&queue->may_put);
    free(surplus);
    return true;
}

void crawler_queue_task_done(struct crawler_queue *queue)
{
    pthread_mutex_lock(&queue->mutex);
    if (--queue->not_done == 0)
        pthread_cond_broadcast(&queue->may_leave);
    pthread_mutex_unlock(&queue->mutex);
}

void crawler_queue_join(struct crawler_queue *queue)
{
    pthread_mutex_lock(&queue->mutex);
    while (queue->not_done > 0)
        pthread_cond_wait(&queue->may_leave, &queue->mutex);
    pthread_mutex_unlock(&queue->mutex);
}

void crawler_queue_close(struct crawler_queue *queue)
{
    pthread_mutex_lock(&queue->mutex);
    queue->is_closed = true;
    pthread_mutex_unlock(&queue->mutex);
    pthread_cond_broadcast(&queue->may_get);
    pthread_cond_broadcast(&queue->may_put);
}

void crawler_queue_free(struct crawler_queue *queue)
{
    if (queue == NULL)
        return;
    pthread_cond_destroy(&queue->may_put);
    pthread_cond_destroy(&queue->may_get);
    pthread_cond_destroy(&queue->may_leave);
    pthread_mutex_destroy(&queue->mutex);
    if (queue->block != NULL) {
        free(queue->block);
    } else {
        free_chunks(queue->read_chunk);
        free_chunks(queue->spare);
    }
    free(queue);
}

struct team {
    struct crawler_queue *queue;
    const char *start;
    pthread_mutex_t mutex;
    struct seen *seen; /* guarded; but the strings in it never move or change, and live until the end */
};

struct member {
    pthread_t thread;
    struct team *team;
    struct crawler_result result;
    bool out_of_memory;
};

/* The set's own copy of `url` if it was not in there before, else NULL. */
static char *seen_intern(struct member *me, const char *url)
{
    struct team *team = me->team;
    char *own = NULL;
    pthread_mutex_lock(&team->mutex);
    const bool added = seen_add(team->seen, url);
    char *there = team->seen->slots[seen_find(team->seen, url)];
    pthread_mutex_unlock(&team->mutex);
    if (added)
        own = there;
    else if (there == NULL)
        me->out_of_memory = true;
    return own;
}

static void propose(struct member *me, const char *url)
{
    if (!links_same_site(url, me->team->start))
        return;
    char *own = seen_intern(me, url);
    if (own != NULL && !crawler_queue_put(me->team->queue, own))
        me->out_of_memory = true;
}

static size_t to_stream(char *data, size_t size, size_t count, void *stream)
{
    return size * count == 0 ? 0 : fwrite(data, 1, size * count, stream);
}

static void visit(struct member *me, CURL *curl, const char *url)
{
    char *body = NULL;
    size_t length = 0;
    FILE *stream = open_memstream(&body, &length);
    if (stream == NULL) {
        me->out_of_memory = true;
        return;
    }
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, stream);
    CURLcode code = curl_easy_setopt(curl, CURLOPT_URL, url);
    if (code == CURLE_OK)
        code = curl_easy_perform(curl);
    const bool wrong = ferror(stream) != 0;
    if (fclose(stream) != 0 || wrong || code == CURLE_OUT_OF_MEMORY) {
        me->out_of_memory = true;
        free(body);
        return;
    }
    long status = 0;
    if (code == CURLE_OK)
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    if (status >= 200 && status <= 299) {
        me->result.pages++;
        me->result.bytes += length;
        struct links links = links_find(url, body, length);
        for (size_t i = 0; i < links.count; i++)
            propose(me, links.urls[i]);
        links_free(&links);
    } else if (status >= 300 && status <= 399) {
        const char *redirect = NULL;
        me->result.redirects++;
        curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &redirect);
        char *target = redirect != NULL ? links_resolve(url, redirect) : NULL;
        if (target != NULL)
            propose(me, target);
        free(target);
    } else {
        me->result.errors++;
    }
    free(body);
}

static void *member_main(void *argument)
{
    struct member *me = argument;
    CURL *curl = curl_easy_init();
    if (curl == NULL) {
        me->out_of_memory = true;
    } else {
        curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, 1L);
        curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, 1L);
        curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, to_stream);
    }
    void *url;
    while (crawler_queue_get(me->team->queue, &url)) {
        if (!me->out_of_memory)
            visit(me, curl, url);
        crawler_queue_task_done(me->team->queue);
    }
    curl_easy_cleanup(curl);
    return me;
}

int crawler_crawl(const char *start_url, unsigned workers, struct crawler_result *result)
{
    struct team team = {.start = start_url, .mutex = PTHREAD_MUTEX_INITIALIZER};
    struct member *members = calloc(workers, sizeof *members);
    struct member caller = {.team = &team};
    unsigned count = 0;
    team.queue = crawler_queue_create(0);
    team.seen = seen_create();
    if (members == NULL || team.queue == NULL || team.seen == NULL) {
        caller.out_of_memory = true;
    } else {
        propose(&caller, start_url);
        for (; count < workers; count++) {
            members[count].team = &team;
            if (pthread_create(&members[count].thread, NULL, member_main, &members[count]) != 0)
                break;
        }
        if (count > 0)
            crawler_queue_join(team.queue);
        crawler_queue_close(team.queue);
    }
    struct crawler_result sum = {0};
    bool failed = count == 0 || caller.out_of_memory;
    for (unsigned i = 0; i < count; i++) {
        void *back;
        pthread_join(members[i].thread, &back);
        const struct member *member = back;
        sum.pages += member->result.pages;
        sum.redirects += member->result.redirects;
        sum.errors += member->result.errors;
        sum.bytes += member->result.bytes;
        failed = failed || member->out_of_memory;
    }
    if (!failed)
        *result = sum;
    free(members);
    seen_free(team.seen);
    crawler_queue_free(team.queue);
    pthread_mutex_destroy(&team.mutex);
    return failed ? -1 : 0;
}
