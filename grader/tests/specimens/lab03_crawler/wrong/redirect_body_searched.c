/* expect: tests no page links to; schedules crawl_counts_redirects | the body of a redirect is searched for links, too */
#define _GNU_SOURCE
#include "crawler.h"
#include "links.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct crawler_queue {
    pthread_mutex_t m;
    pthread_cond_t changed; /* anything at all */
    void **ring;
    size_t size, start, used, limit;
    long open_tasks;
    int is_closed;
};

struct crawler_queue *crawler_queue_create(size_t capacity)
{
    struct crawler_queue *queue = malloc(sizeof(struct crawler_queue));
    if (queue == NULL)
        return NULL;
    memset(queue, 0, sizeof(*queue));
    queue->limit = capacity;
    queue->size = capacity ? capacity : 16;
    queue->ring = malloc(queue->size * sizeof(void *));
    if (queue->ring == NULL) {
        free(queue);
        return NULL;
    }
    pthread_mutex_init(&queue->m, NULL);
    pthread_cond_init(&queue->changed, NULL);
    return queue;
}

static int make_room(struct crawler_queue *queue)
{
    if (queue->used < queue->size)
        return 1;
    void **bigger = malloc(queue->size * 2 * sizeof(void *));
    if (bigger == NULL)
        return 0;
    for (size_t i = 0; i < queue->used; i++)
        bigger[i] = queue->ring[(queue->start + i) % queue->size];
    free(queue->ring);
    queue->ring = bigger;
    queue->start = 0;
    queue->size *= 2;
    return 1;
}

bool crawler_queue_put(struct crawler_queue *queue, void *item)
{
    bool ok = false;
    pthread_mutex_lock(&queue->m);
    while (!queue->is_closed && queue->limit && queue->used == queue->limit)
        pthread_cond_wait(&queue->changed, &queue->m);
    if (!queue->is_closed && make_room(queue)) {
        queue->ring[(queue->start + queue->used++) % queue->size] = item;
        queue->open_tasks++;
        ok = true;
        pthread_cond_broadcast(&queue->changed);
    }
    pthread_mutex_unlock(&queue->m);
    return ok;
}

bool crawler_queue_get(struct crawler_queue *queue, void **item)
{
    bool ok = false;
    pthread_mutex_lock(&queue->m);
    while (!queue->is_closed && queue->used == 0)
        pthread_cond_wait(&queue->changed, &queue->m);
    if (queue->used > 0) {
        *item = queue->ring[queue->start];
        queue->start = (queue->start + 1) % queue->size;
        queue->used--;
        ok = true;
        pthread_cond_broadcast(&queue->changed);
    }
    pthread_mutex_unlock(&queue->m);
    return ok;
}

void crawler_queue_task_done(struct crawler_queue *queue)
{
    pthread_mutex_lock(&queue->m);
    queue->open_tasks--;
    pthread_cond_broadcast(&queue->changed);
    pthread_mutex_unlock(&queue->m);
}

void crawler_queue_join(struct crawler_queue *queue)
{
    pthread_mutex_lock(&queue->m);
    while (queue->open_tasks > 0)
        pthread_cond_wait(&queue->changed, &queue->m);
    pthread_mutex_unlock(&queue->m);
}

void crawler_queue_close(struct crawler_queue *queue)
{
    pthread_mutex_lock(&queue->m);
    queue->is_closed = 1;
    pthread_cond_broadcast(&queue->changed);
    pthread_mutex_unlock(&queue->m);
}

void crawler_queue_free(struct crawler_queue *queue)
{
    if (queue != NULL) {
        pthread_cond_destroy(&queue->changed);
        pthread_mutex_destroy(&queue->m);
        free(queue->ring);
        free(queue);
    }
}

/* everything below belongs to one crawl; m guards list and result */
struct crawler {
    pthread_mutex_t m;
    struct crawler_queue *todo;
    char **visited;
    size_t n_visited;
    char *root;
    struct crawler_result result;
};

static void visit_later(struct crawler *c, const char *url)
{
    char *mine = NULL;
    if (!links_same_site(c->root, url))
        return;
    pthread_mutex_lock(&c->m);
    size_t i = 0;
    while (i < c->n_visited && strcmp(c->visited[i], url) != 0)
        i++;
    if (i == c->n_visited) {
        c->visited = realloc(c->visited, (c->n_visited + 1) * sizeof(char *));
        mine = c->visited[c->n_visited++] = strdup(url);
    }
    pthread_mutex_unlock(&c->m);
    if (mine)
        crawler_queue_put(c->todo, mine); /* stays owned by the list */
}

static size_t to_stream(char *p, size_t size, size_t n, void *stream)
{
    return fwrite(p, size, n, stream);
}

static void visit_now(struct crawler *c, const char *url)
{
    char *text = NULL, *where = NULL;
    size_t length = 0;
    long status = 0;
    FILE *stream = open_memstream(&text, &length);
    CURL *curl = curl_easy_init();
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, to_stream);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, stream);
    int failed = curl_easy_perform(curl) != CURLE_OK;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &where);
    fclose(stream);

    if (failed || status < 200 || status >= 400) {
        pthread_mutex_lock(&c->m);
        c->result.errors++;
        pthread_mutex_unlock(&c->m);
    } else if (status >= 300) {
        char *target = where ? links_resolve(url, where) : NULL;
        if (target)
            visit_later(c, target);
        free(target);
        struct links more = links_find(url, text, length); /* "moved to <a href=...>here</a>" */
        for (size_t i = 0; i < more.count; i++)
            visit_later(c, more.urls[i]);
        links_free(&more);
        pthread_mutex_lock(&c->m);
        c->result.redirects++;
        pthread_mutex_unlock(&c->m);
    } else {
        struct links found = links_find(url, text, length);
        for (size_t i = 0; i < found.count; i++)
            visit_later(c, found.urls[i]);
        links_free(&found);
        pthread_mutex_lock(&c->m);
        c->result.pages++;
        c->result.bytes += length;
        pthread_mutex_unlock(&c->m);
    }
    curl_easy_cleanup(curl);
    free(text);
}

static void *run(void *arg)
{
    struct crawler *c = arg;
    void *url;
    while (crawler_queue_get(c->todo, &url)) {
        visit_now(c, (char *)url);
        crawler_queue_task_done(c->todo);
    }
    return NULL;
}

int crawler_crawl(const char *start_url, unsigned workers, struct crawler_result *result)
{
    struct crawler c;
    memset(&c, 0, sizeof(c));
    c.root = strdup(start_url);
    c.todo = crawler_queue_create(0);
    pthread_mutex_init(&c.m, NULL);
    pthread_t *t = malloc(workers * sizeof(pthread_t));
    for (unsigned i = 0; i < workers; i++) {
        if (pthread_create(&t[i], NULL, run, &c) != 0)
            workers = i;
    }
    visit_later(&c, c.root);
    if (workers > 0)
        crawler_queue_join(c.todo);
    crawler_queue_close(c.todo);
    for (unsigned i = 0; i < workers; i++)
        pthread_join(t[i], NULL);
    *result = c.result;
    for (size_t i = 0; i < c.n_visited; i++)
        free(c.visited[i]);
    free(c.visited);
    free(c.root);
    free(t);
    pthread_mutex_destroy(&c.m);
    crawler_queue_free(c.todo);
    return workers > 0 ? 0 : -1;
}
