/* expect: right | the crawl: a pile of tasks for each worker, others steal its oldest; seen addresses in a trie. The queue is a list of its own */
#define _GNU_SOURCE
#include "crawler.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "links.h"

struct node {
    void *item;
    struct node *next;
};

struct crawler_queue {
    pthread_mutex_t mutex;
    pthread_cond_t not_full, not_empty, finished;
    struct node *head, *tail;
    size_t length, capacity, unfinished;
    bool closed;
};

struct crawler_queue *crawler_queue_create(size_t capacity)
{
    struct crawler_queue *q = calloc(1, sizeof *q);
    if (!q)
        return NULL;
    q->capacity = capacity;
    pthread_mutex_init(&q->mutex, NULL);
    pthread_cond_init(&q->not_full, NULL);
    pthread_cond_init(&q->not_empty, NULL);
    pthread_cond_init(&q->finished, NULL);
    return q;
}

bool crawler_queue_put(struct crawler_queue *q, void *item)
{
    struct node *n = malloc(sizeof *n);
    if (!n)
        return false;
    n->item = item;
    n->next = NULL;

    pthread_mutex_lock(&q->mutex);
    while (q->capacity != 0 && q->length >= q->capacity && !q->closed)
        pthread_cond_wait(&q->not_full, &q->mutex);
    if (q->closed) {
        pthread_mutex_unlock(&q->mutex);
        free(n);
        return false;
    }
    if (q->tail)
        q->tail->next = n;
    else
        q->head = n;
    q->tail = n;
    q->length++;
    q->unfinished++;
    pthread_cond_signal(&q->not_empty);
    pthread_mutex_unlock(&q->mutex);
    return true;
}

bool crawler_queue_get(struct crawler_queue *q, void **item)
{
    pthread_mutex_lock(&q->mutex);
    while (q->length == 0 && !q->closed)
        pthread_cond_wait(&q->not_empty, &q->mutex);
    if (q->length == 0) {
        pthread_mutex_unlock(&q->mutex);
        return false;
    }
    struct node *n = q->head;
    q->head = n->next;
    if (!q->head)
        q->tail = NULL;
    q->length--;
    pthread_cond_signal(&q->not_full);
    pthread_mutex_unlock(&q->mutex);
    *item = n->item;
    free(n);
    return true;
}

void crawler_queue_task_done(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->mutex);
    if (--q->unfinished == 0)
        pthread_cond_broadcast(&q->finished);
    pthread_mutex_unlock(&q->mutex);
}

void crawler_queue_join(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->mutex);
    while (q->unfinished != 0)
        pthread_cond_wait(&q->finished, &q->mutex);
    pthread_mutex_unlock(&q->mutex);
}

void crawler_queue_close(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->mutex);
    q->closed = true;
    pthread_cond_broadcast(&q->not_empty);
    pthread_cond_broadcast(&q->not_full);
    pthread_mutex_unlock(&q->mutex);
}

void crawler_queue_free(struct crawler_queue *q)
{
    if (!q)
        return;
    while (q->head) {
        struct node *n = q->head;
        q->head = n->next;
        free(n);
    }
    pthread_mutex_destroy(&q->mutex);
    pthread_cond_destroy(&q->not_full);
    pthread_cond_destroy(&q->not_empty);
    pthread_cond_destroy(&q->finished);
    free(q);
}

/* Addresses seen: a trie by half bytes. A node is kept for the whole crawl. */
struct trie {
    struct trie *next[16];
    bool ends_here;
};

struct task {
    struct task *newer, *older;
    char url[];
};

/* Each worker has a pile of its own: it takes the newest from it, and others steal the oldest. */
struct worker {
    struct crawl *crawl;
    pthread_t thread;
    CURL *curl;
    struct task *newest, *oldest;
    char *body;
    size_t length;
    struct crawler_result sums;
};

struct crawl {
    pthread_mutex_t mutex;
    pthread_cond_t change;
    const char *start;
    struct trie *root;
    struct worker *workers;
    unsigned started;
    size_t open; /* tasks that are not done */
    bool failed, over;
};

static bool is_new(struct trie *at, const char *url)
{
    for (; *url != '\0'; url++)
        for (int half = 0; half < 2; half++) {
            struct trie **to = &at->next[(unsigned char)*url >> (4 * half) & 15];
            if (*to == NULL && (*to = calloc(1, sizeof **to)) == NULL)
                return false;
            at = *to;
        }
    return !at->ends_here && (at->ends_here = true);
}

static void cut(struct trie *at)
{
    if (at != NULL)
        for (int i = 0; i < 16; i++)
            cut(at->next[i]);
    free(at);
}

/* With the mutex. */
static void push(struct worker *w, const char *url)
{
    struct crawl *c = w->crawl;
    if (!links_same_site(c->start, url) || !is_new(c->root, url))
        return;
    struct task *task = malloc(sizeof *task + strlen(url) + 1);
    if (task == NULL) {
        c->failed = true;
        return;
    }
    strcpy(task->url, url);
    task->newer = NULL;
    task->older = w->newest;
    *(w->newest != NULL ? &w->newest->newer : &w->oldest) = task;
    w->newest = task;
    c->open++;
    pthread_cond_signal(&c->change);
}

static struct task *pop(struct worker *w)
{
    struct task *task = w->newest;
    if (task != NULL) {
        w->newest = task->older;
        *(w->newest != NULL ? &w->newest->newer : &w->oldest) = NULL;
        return task;
    }
    for (unsigned i = 0; i < w->crawl->started; i++) {
        struct worker *other = &w->crawl->workers[i];
        if ((task = other->oldest) == NULL)
            continue;
        other->oldest = task->newer;
        *(other->oldest != NULL ? &other->oldest->older : &other->newest) = NULL;
        return task;
    }
    return NULL;
}

static size_t on_body(char *data, size_t one, size_t n, void *arg)
{
    struct worker *w = arg;
    char *grown = realloc(w->body, w->length + one * n + 1);
    if (grown == NULL)
        return 0;
    w->body = grown;
    memcpy(w->body + w->length, data, one * n);
    w->length += one * n;
    return one * n;
}

static void visit(struct worker *w, const char *url)
{
    struct links links = {NULL, 0};
    long status = 0;
    char *where = NULL;
    w->length = 0;
    curl_easy_setopt(w->curl, CURLOPT_URL, url);
    if (curl_easy_perform(w->curl) != CURLE_OK || curl_easy_getinfo(w->curl, CURLINFO_RESPONSE_CODE, &status) != CURLE_OK)
        status = 0;
    if (status / 100 == 2) {
        w->sums.pages++;
        w->sums.bytes += w->length;
        links = links_find(url, w->body, w->length);
    } else if (status / 100 == 3) {
        w->sums.redirects++;
        if (curl_easy_getinfo(w->curl, CURLINFO_REDIRECT_URL, &where) == CURLE_OK && where != NULL)
            where = links_resolve(url, where);
    } else
        w->sums.errors++;
    pthread_mutex_lock(&w->crawl->mutex);
    for (size_t i = 0; i < links.count; i++)
        push(w, links.urls[i]);
    if (where != NULL)
        push(w, where);
    pthread_mutex_unlock(&w->crawl->mutex);
    links_free(&links);
    free(where);
}

static void *work(void *arg)
{
    struct worker *w = arg;
    struct crawl *c = w->crawl;
    struct task *task;
    pthread_mutex_lock(&c->mutex);
    for (;;) {
        while ((task = pop(w)) == NULL && !c->over)
            pthread_cond_wait(&c->change, &c->mutex);
        if (task == NULL)
            break;
        pthread_mutex_unlock(&c->mutex);
        visit(w, task->url);
        free(task);
        pthread_mutex_lock(&c->mutex);
        if (--c->open == 0) {
            c->over = true;
            pthread_cond_broadcast(&c->change);
        }
    }
    pthread_mutex_unlock(&c->mutex);
    return NULL;
}

int crawler_crawl(const char *start_url, unsigned workers, struct crawler_result *result)
{
    struct crawl c = {.start = start_url, .mutex = PTHREAD_MUTEX_INITIALIZER, .change = PTHREAD_COND_INITIALIZER};
    c.root = calloc(1, sizeof *c.root);
    c.workers = calloc(workers, sizeof *c.workers);
    *result = (struct crawler_result){0};
    pthread_mutex_lock(&c.mutex); /* nobody looks at the piles before all is set up */
    for (unsigned i = 0; c.root != NULL && c.workers != NULL && i < workers; i++) {
        struct worker *w = &c.workers[c.started];
        *w = (struct worker){.crawl = &c, .curl = curl_easy_init()};
        if (w->curl == NULL) {
            c.failed = true;
            break;
        }
        curl_easy_setopt(w->curl, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(w->curl, CURLOPT_WRITEFUNCTION, on_body);
        curl_easy_setopt(w->curl, CURLOPT_WRITEDATA, w);
        if (pthread_create(&w->thread, NULL, work, w) == 0)
            c.started++;
        else
            curl_easy_cleanup(w->curl);
    }
    if (c.started > 0)
        push(&c.workers[0], start_url);
    c.over = c.open == 0;
    pthread_mutex_unlock(&c.mutex);
    for (unsigned i = 0; i < c.started; i++) {
        struct worker *w = &c.workers[i];
        pthread_join(w->thread, NULL);
        curl_easy_cleanup(w->curl);
        free(w->body);
        result->pages += w->sums.pages;
        result->redirects += w->sums.redirects;
        result->errors += w->sums.errors;
        result->bytes += w->sums.bytes;
    }
    cut(c.root);
    free(c.workers);
    pthread_cond_destroy(&c.change);
    pthread_mutex_destroy(&c.mutex);
    return c.started > 0 && !c.failed ? 0 : -1;
}
