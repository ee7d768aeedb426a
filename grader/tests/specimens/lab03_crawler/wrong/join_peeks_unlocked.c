/* expect: schedules data-race; races data race | join reads the counter without the lock first */
#include <curl/curl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "crawler.h"
#include "links.h"
#include "seen.h"

/* One lock, one condition per reason to wait, nodes that are kept for later instead of freed. */
struct link {
    void *item;
    struct link *towards_tail;
};

struct line {
    struct link *head, *tail;
    size_t length;
};

struct crawler_queue {
    struct line full, spare;
    size_t capacity;
    unsigned long tasks;
    bool closed;
    pthread_mutex_t lock;
    pthread_cond_t room, work, idle;
};

static void line_push(struct line *line, struct link *link)
{
    link->towards_tail = NULL;
    if (line->length++ == 0)
        line->head = link;
    else
        line->tail->towards_tail = link;
    line->tail = link;
}

static struct link *line_pop(struct line *line)
{
    struct link *link = line->head;
    if (line->length > 0) {
        line->length--;
        line->head = link->towards_tail;
        return link;
    }
    return NULL;
}

static void line_free(struct line *line)
{
    for (struct link *link; (link = line_pop(line)) != NULL;)
        free(link);
}

struct crawler_queue *crawler_queue_create(size_t capacity)
{
    struct crawler_queue *queue = calloc(1, sizeof *queue);
    if (queue != NULL) {
        queue->capacity = capacity;
        pthread_mutex_init(&queue->lock, NULL);
        pthread_cond_init(&queue->room, NULL);
        pthread_cond_init(&queue->work, NULL);
        pthread_cond_init(&queue->idle, NULL);
    }
    return queue;
}

void crawler_queue_free(struct crawler_queue *queue)
{
    if (queue == NULL)
        return;
    line_free(&queue->full);
    line_free(&queue->spare);
    pthread_mutex_destroy(&queue->lock);
    pthread_cond_destroy(&queue->room);
    pthread_cond_destroy(&queue->work);
    pthread_cond_destroy(&queue->idle);
    free(queue);
}

bool crawler_queue_put(struct crawler_queue *queue, void *item)
{
    struct link *link = NULL;
    pthread_mutex_lock(&queue->lock);
    while (queue->capacity > 0 && queue->full.length == queue->capacity && !queue->closed)
        pthread_cond_wait(&queue->room, &queue->lock);
    if (!queue->closed) {
        link = line_pop(&queue->spare);
        if (link == NULL)
            link = malloc(sizeof *link);
    }
    if (link != NULL) {
        link->item = item;
        line_push(&queue->full, link);
        queue->tasks++;
        pthread_cond_signal(&queue->work);
    }
    pthread_mutex_unlock(&queue->lock);
    return link != NULL;
}

bool crawler_queue_get(struct crawler_queue *queue, void **item)
{
    pthread_mutex_lock(&queue->lock);
    while (queue->full.length == 0 && !queue->closed)
        pthread_cond_wait(&queue->work, &queue->lock);
    struct link *link = line_pop(&queue->full);
    if (link != NULL) {
        *item = link->item;
        line_push(&queue->spare, link);
        pthread_cond_signal(&queue->room);
    }
    pthread_mutex_unlock(&queue->lock);
    return link != NULL;
}

void crawler_queue_task_done(struct crawler_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->tasks--;
    if (queue->tasks == 0)
        pthread_cond_broadcast(&queue->idle);
    pthread_mutex_unlock(&queue->lock);
}

void crawler_queue_join(struct crawler_queue *queue)
{
    /* Most of the time there is nothing to wait for: save the lock. */
    if (queue->tasks == 0)
        return;
    pthread_mutex_lock(&queue->lock);
    while (queue->tasks != 0)
        pthread_cond_wait(&queue->idle, &queue->lock);
    pthread_mutex_unlock(&queue->lock);
}

void crawler_queue_close(struct crawler_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->closed = true;
    pthread_mutex_unlock(&queue->lock);
    pthread_cond_broadcast(&queue->room);
    pthread_cond_broadcast(&queue->work);
}

/* Crawler: the results are kept per worker, and only the set is shared. */

struct team {
    struct crawler_queue *queue;
    const char *start;
    struct seen *seen;
    pthread_spinlock_t seen_lock;
};

struct one {
    struct team *team;
    pthread_t thread;
    struct crawler_result result;
};

static size_t to_string(char *data, size_t size, size_t count, void *string)
{
    struct { char *text; size_t length; } *s = string;
    char *text = realloc(s->text, s->length + size * count + 1);
    if (text == NULL)
        return 0;
    memcpy(text + s->length, data, size * count);
    s->text = text;
    s->length += size * count;
    return size * count;
}

static void see(struct team *team, const char *url)
{
    if (!links_same_site(team->start, url))
        return;
    pthread_spin_lock(&team->seen_lock);
    const bool is_new = seen_add(team->seen, url);
    pthread_spin_unlock(&team->seen_lock);
    if (is_new)
        crawler_queue_put(team->queue, strdup(url));
}

static void ask(struct one *one, CURL *curl, char *url)
{
    struct { char *text; size_t length; } body = {NULL, 0};
    long status = 0;
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &body);
    const CURLcode code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    if (code == CURLE_OK && status / 100 == 2) {
        struct links links = links_find(url, body.text, body.length);
        for (char **next = links.urls; next != links.urls + links.count; next++)
            see(one->team, *next);
        links_free(&links);
        one->result.pages++;
        one->result.bytes += body.length;
    } else if (code == CURLE_OK && status / 100 == 3) {
        char *location = NULL;
        curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &location);
        if (location != NULL && (location = links_resolve(url, location)) != NULL) {
            see(one->team, location);
            free(location);
        }
        one->result.redirects++;
    } else {
        one->result.errors++;
    }
    free(body.text);
}

static void *run(void *context)
{
    struct one *one = context;
    CURL *curl = curl_easy_init();
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, to_string);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    for (void *url; crawler_queue_get(one->team->queue, &url); crawler_queue_task_done(one->team->queue)) {
        ask(one, curl, url);
        free(url);
    }
    curl_easy_cleanup(curl);
    return NULL;
}

int crawler_crawl(const char *start_url, unsigned workers, struct crawler_result *result)
{
    struct team team = {crawler_queue_create(0), start_url, seen_create(), 0};
    struct one *all = calloc(workers, sizeof *all);
    unsigned n = 0;
    pthread_spin_init(&team.seen_lock, PTHREAD_PROCESS_PRIVATE);
    see(&team, start_url);
    for (; n < workers; n++) {
        all[n].team = &team;
        if (pthread_create(&all[n].thread, NULL, run, &all[n]) != 0)
            break;
    }
    if (n > 0)
        crawler_queue_join(team.queue);
    crawler_queue_close(team.queue);
    memset(result, 0, sizeof *result);
    for (struct one *one = all; one < all + n; one++) {
        pthread_join(one->thread, NULL);
        result->pages += one->result.pages;
        result->redirects += one->result.redirects;
        result->errors += one->result.errors;
        result->bytes += one->result.bytes;
    }
    pthread_spin_destroy(&team.seen_lock);
    seen_free(team.seen);
    crawler_queue_free(team.queue);
    free(all);
    return n > 0 ? 0 : -1;
}
