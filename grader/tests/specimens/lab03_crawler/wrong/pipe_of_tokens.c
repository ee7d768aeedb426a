/* expect: tests capacity_0_has_no_bound | a pipe holds a byte for each waiting item, and put blocks when it is full, at 65,536 bytes or at 4,096 */
/* Lab 03. The items are in a list; a pipe holds one byte for each of them, and get sleeps in read(). */
#define _GNU_SOURCE
#include "crawler.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "links.h"
#include "seen.h"


struct entry {
    void *item;
    struct entry *next;
};

struct crawler_queue {
    int out, in; /* ends of the pipe: get reads from `out`, put writes to `in` */
    pthread_mutex_t lock;
    pthread_cond_t room, done;
    struct entry *front, *back;
    size_t size, capacity, todo;
    bool closed;
};

struct crawler_queue *crawler_queue_create(size_t capacity)
{
    int ends[2];
    struct crawler_queue *queue = malloc(sizeof *queue);
    if (queue == NULL)
        return NULL;
    if (pipe2(ends, O_CLOEXEC) != 0) {
        free(queue);
        return NULL;
    }
    *queue = (struct crawler_queue){.out = ends[0], .in = ends[1], .capacity = capacity};
    pthread_mutex_init(&queue->lock, NULL);
    pthread_cond_init(&queue->room, NULL);
    pthread_cond_init(&queue->done, NULL);
    return queue;
}

static void token_in(int in)
{
    while (write(in, "+", 1) == -1 && errno == EINTR)
        ;
}

/* False at the end of the pipe: closed, and every token taken. */
static bool token_out(int out)
{
    char token;
    ssize_t n;
    do
        n = read(out, &token, 1);
    while (n == -1 && errno == EINTR);
    return n == 1;
}

bool crawler_queue_put(struct crawler_queue *queue, void *item)
{
    struct entry *entry = malloc(sizeof *entry);
    if (entry == NULL)
        return false;
    *entry = (struct entry){item, NULL};

    pthread_mutex_lock(&queue->lock);
    while (queue->capacity > 0 && queue->size >= queue->capacity && !queue->closed)
        pthread_cond_wait(&queue->room, &queue->lock);
    const bool open = !queue->closed;
    if (open) {
        if (queue->front == NULL)
            queue->front = entry;
        else
            queue->back->next = entry;
        queue->back = entry;
        queue->size++;
        queue->todo++;
        token_in(queue->in);
    }
    pthread_mutex_unlock(&queue->lock);

    if (!open)
        free(entry);
    return open;
}

bool crawler_queue_get(struct crawler_queue *queue, void **item)
{
    if (!token_out(queue->out))
        return false;
    pthread_mutex_lock(&queue->lock);
    struct entry *entry = queue->front; /* there is one: we have its token */
    queue->front = entry->next;
    queue->size--;
    pthread_cond_signal(&queue->room);
    pthread_mutex_unlock(&queue->lock);
    *item = entry->item;
    free(entry);
    return true;
}

void crawler_queue_task_done(struct crawler_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->todo--;
    if (queue->todo == 0)
        pthread_cond_broadcast(&queue->done);
    pthread_mutex_unlock(&queue->lock);
}

void crawler_queue_join(struct crawler_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    while (queue->todo > 0)
        pthread_cond_wait(&queue->done, &queue->lock);
    pthread_mutex_unlock(&queue->lock);
}

void crawler_queue_close(struct crawler_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    if (!queue->closed) {
        queue->closed = true;
        close(queue->in);
        pthread_cond_broadcast(&queue->room);
    }
    pthread_mutex_unlock(&queue->lock);
}

void crawler_queue_free(struct crawler_queue *queue)
{
    if (queue == NULL)
        return;
    while (queue->front != NULL) {
        struct entry *entry = queue->front;
        queue->front = entry->next;
        free(entry);
    }
    if (!queue->closed)
        close(queue->in);
    close(queue->out);
    pthread_cond_destroy(&queue->room);
    pthread_cond_destroy(&queue->done);
    pthread_mutex_destroy(&queue->lock);
    free(queue);
}

/* ==== crawler ==== */

struct task_force {
    const char *start;
    struct crawler_queue *queue;
    pthread_mutex_t lock;
    struct seen *seen;
    struct crawler_result *result;
    bool memory_out;
};

struct download {
    char *body;
    size_t length;
    size_t allocated;
    bool memory_out;
};

static size_t write_body(char *ptr, size_t size, size_t nmemb, void *userdata)
{
    struct download *d = userdata;
    const size_t n = size * nmemb;
    if (d->length + n > d->allocated) {
        const size_t allocated = (d->length + n) * 3 / 2 + 64;
        char *body = realloc(d->body, allocated);
        if (body == NULL) {
            d->memory_out = true;
            return 0;
        }
        d->body = body;
        d->allocated = allocated;
    }
    memcpy(d->body + d->length, ptr, n);
    d->length += n;
    return n;
}

/* With the lock held. */
static void enter(struct task_force *f, const char *url)
{
    if (!links_same_site(f->start, url) || !seen_add(f->seen, url))
        return;
    char *copy = strdup(url);
    if (copy == NULL || !crawler_queue_put(f->queue, copy)) {
        f->memory_out = true;
        free(copy);
    }
}

static void process(struct task_force *f, CURL *curl, const char *url)
{
    struct download d = {0};
    struct links links = {0};
    char *location = NULL, *target = NULL;
    long status = 0;

    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &d);
    const CURLcode rc = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    const bool redirect = status >= 300 && status < 400;
    const bool page = status >= 200 && status < 300 && rc == CURLE_OK;
    if (page)
        links = links_find(url, d.body, d.length);
    if (redirect && curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &location) == CURLE_OK && location != NULL)
        target = links_resolve(url, location);

    pthread_mutex_lock(&f->lock);
    for (size_t i = 0; i < links.count; i++)
        enter(f, links.urls[i]);
    if (target != NULL)
        enter(f, target);
    if (page) {
        f->result->pages++;
        f->result->bytes += d.length;
    } else if (redirect) {
        f->result->redirects++;
    } else {
        f->result->errors++;
    }
    f->memory_out |= d.memory_out;
    pthread_mutex_unlock(&f->lock);

    links_free(&links);
    free(target);
    free(d.body);
}

static void *member(void *context)
{
    struct task_force *f = context;
    CURL *curl = curl_easy_init();
    void *url;
    if (curl != NULL) {
        curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, write_body);
    } else {
        pthread_mutex_lock(&f->lock);
        f->memory_out = true;
        pthread_mutex_unlock(&f->lock);
    }
    while (crawler_queue_get(f->queue, &url)) {
        if (curl != NULL)
            process(f, curl, url);
        free(url);
        crawler_queue_task_done(f->queue);
    }
    curl_easy_cleanup(curl);
    return NULL;
}

int crawler_crawl(const char *start_url, unsigned workers, struct crawler_result *result)
{
    struct task_force f = {.start = start_url, .result = result};
    unsigned members = 0;

    *result = (struct crawler_result){0};
    f.queue = crawler_queue_create(0);
    f.seen = seen_create();
    pthread_t *threads = calloc(workers, sizeof *threads);
    pthread_mutex_init(&f.lock, NULL);
    if (f.queue != NULL && f.seen != NULL && threads != NULL) {
        while (members < workers && pthread_create(threads + members, NULL, member, &f) == 0)
            members++;
        if (members > 0) {
            pthread_mutex_lock(&f.lock);
            enter(&f, start_url);
            pthread_mutex_unlock(&f.lock);
            crawler_queue_join(f.queue);
        }
        crawler_queue_close(f.queue);
        for (unsigned i = 0; i < members; i++)
            pthread_join(threads[i], NULL);
    }
    pthread_mutex_destroy(&f.lock);
    free(threads);
    seen_free(f.seen);
    crawler_queue_free(f.queue);
    return members > 0 && !f.memory_out ? 0 : -1;
}
