/* expect: tests crawl_counts_a_mixed_site | only pages whose Content-Type is text/html are searched for links */
#define _POSIX_C_SOURCE 200809L
#include "crawler.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "links.h"
#include "seen.h"

enum { PER_BLOCK = 30 };

struct block {
    struct block *next;
    unsigned from, to;
    void *items[PER_BLOCK];
};

struct crawler_queue {
    pthread_mutex_t m;
    pthread_cond_t can_get, can_put, idle;
    struct block *first, *last;
    size_t capacity, size, open_tasks;
    unsigned getters, putters, joiners;
    bool closed;
};

struct crawler_queue *crawler_queue_create(size_t capacity)
{
    struct crawler_queue *q = malloc(sizeof(struct crawler_queue));
    if (!q)
        return NULL;
    memset(q, 0, sizeof *q);
    q->capacity = capacity;
    if (pthread_mutex_init(&q->m, NULL) != 0)
        goto no_mutex;
    if (pthread_cond_init(&q->can_get, NULL) != 0)
        goto no_get;
    if (pthread_cond_init(&q->can_put, NULL) != 0)
        goto no_put;
    if (pthread_cond_init(&q->idle, NULL) != 0)
        goto no_idle;
    return q;
no_idle:
    pthread_cond_destroy(&q->can_put);
no_put:
    pthread_cond_destroy(&q->can_get);
no_get:
    pthread_mutex_destroy(&q->m);
no_mutex:
    free(q);
    return NULL;
}

/* under the lock */
static bool append(struct crawler_queue *q, void *item)
{
    if (q->last == NULL || q->last->to == PER_BLOCK) {
        struct block *b = malloc(sizeof *b);
        if (!b)
            return false;
        b->next = NULL;
        b->from = b->to = 0;
        if (q->last)
            q->last->next = b;
        else
            q->first = b;
        q->last = b;
    }
    q->last->items[q->last->to++] = item;
    q->size++;
    return true;
}

static void *take(struct crawler_queue *q)
{
    struct block *b = q->first;
    void *item = b->items[b->from++];
    q->size--;
    if (b->from == b->to) { /* empty, whether full once or not */
        if (b->next == NULL && b->to < PER_BLOCK) {
            b->from = b->to = 0; /* the only one: use it again */
        } else {
            q->first = b->next;
            if (q->first == NULL)
                q->last = NULL;
            free(b);
        }
    }
    return item;
}

bool crawler_queue_put(struct crawler_queue *q, void *item)
{
    bool in = false;
    pthread_mutex_lock(&q->m);
    while (!q->closed && q->capacity && q->size >= q->capacity) {
        q->putters++;
        pthread_cond_wait(&q->can_put, &q->m);
        q->putters--;
    }
    if (!q->closed && append(q, item)) {
        in = true;
        q->open_tasks++;
    }
    /* a put that had no memory leaves its room to the next one who waits for it */
    if (in && q->getters > 0)
        pthread_cond_signal(&q->can_get);
    if (!in && !q->closed && q->putters > 0)
        pthread_cond_signal(&q->can_put);
    pthread_mutex_unlock(&q->m);
    return in;
}

bool crawler_queue_get(struct crawler_queue *q, void **item)
{
    bool got = false;
    pthread_mutex_lock(&q->m);
    while (q->size == 0 && !q->closed) {
        q->getters++;
        pthread_cond_wait(&q->can_get, &q->m);
        q->getters--;
    }
    if (q->size > 0) {
        *item = take(q);
        got = true;
        if (q->putters > 0)
            pthread_cond_signal(&q->can_put);
    }
    pthread_mutex_unlock(&q->m);
    return got;
}

void crawler_queue_task_done(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->m);
    q->open_tasks--;
    if (q->open_tasks == 0 && q->joiners > 0)
        pthread_cond_broadcast(&q->idle);
    pthread_mutex_unlock(&q->m);
}

void crawler_queue_join(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->m);
    q->joiners++;
    while (q->open_tasks > 0)
        pthread_cond_wait(&q->idle, &q->m);
    q->joiners--;
    pthread_mutex_unlock(&q->m);
}

void crawler_queue_close(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->m);
    if (!q->closed) {
        q->closed = true;
        if (q->getters > 0)
            pthread_cond_broadcast(&q->can_get);
        if (q->putters > 0)
            pthread_cond_broadcast(&q->can_put);
    }
    pthread_mutex_unlock(&q->m);
}

void crawler_queue_free(struct crawler_queue *q)
{
    if (!q)
        return;
    while (q->first) {
        struct block *b = q->first;
        q->first = b->next;
        free(b);
    }
    pthread_cond_destroy(&q->idle);
    pthread_cond_destroy(&q->can_put);
    pthread_cond_destroy(&q->can_get);
    pthread_mutex_destroy(&q->m);
    free(q);
}

/* ---------------- crawler ---------------- */

struct person {
    struct person *parent;
    atomic_uint alive; /* itself, and each of its children */
    char url[];
};

struct crawl {
    struct crawler_queue *queue;
    const char *start;
    pthread_mutex_t m; /* for the two below */
    struct seen *seen;
    struct crawler_result total;
};

static struct person *born(struct person *parent, const char *url)
{
    const size_t n = strlen(url) + 1;
    struct person *p = malloc(sizeof *p + n);
    if (!p)
        return NULL;
    p->parent = parent;
    atomic_init(&p->alive, 1);
    memcpy(p->url, url, n);
    if (parent)
        atomic_fetch_add(&parent->alive, 1);
    return p;
}

static void dies(struct crawl *c, struct person *p)
{
    while (p && atomic_fetch_sub(&p->alive, 1) == 1) {
        struct person *parent = p->parent;
        free(p);
        p = parent;
        if (!p)
            crawler_queue_close(c->queue); /* that was the root, and all who come from it */
    }
}

static void consider(struct crawl *c, struct person *from, const char *url)
{
    if (!links_same_site(c->start, url))
        return;
    pthread_mutex_lock(&c->m);
    const bool fresh = seen_add(c->seen, url);
    pthread_mutex_unlock(&c->m);
    if (!fresh)
        return;
    struct person *child = born(from, url);
    if (child && !crawler_queue_put(c->queue, child))
        dies(c, child);
}

struct text {
    char *p;
    size_t n;
};

static size_t more(char *p, size_t one, size_t n, void *to)
{
    struct text *t = to;
    if (n == 0)
        return 0;
    char *bigger = realloc(t->p, t->n + one * n);
    if (!bigger)
        return 0;
    t->p = bigger;
    memcpy(t->p + t->n, p, one * n);
    t->n += one * n;
    return one * n;
}

static void look_at(struct crawl *c, struct person *me)
{
    struct text body = {NULL, 0};
    struct crawler_result one = {0, 0, 0, 0};
    long status = 0;
    char *location = NULL;
    CURL *h = curl_easy_init();
    CURLcode rc = CURLE_FAILED_INIT;
    if (h) {
        curl_easy_setopt(h, CURLOPT_URL, &me->url[0]);
        curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(h, CURLOPT_FOLLOWLOCATION, 0L);
        curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, more);
        curl_easy_setopt(h, CURLOPT_WRITEDATA, &body);
        rc = curl_easy_perform(h);
    }
    if (rc == CURLE_OK)
        curl_easy_getinfo(h, CURLINFO_RESPONSE_CODE, &status);
    if (status >= 200 && status <= 299) {
        one.pages = 1;
        one.bytes = body.n;
        const char *type = NULL;
        struct links l = {NULL, 0};
        curl_easy_getinfo(h, CURLINFO_CONTENT_TYPE, &type);
        if (type && strncmp(type, "text/html", 9) == 0)
            l = links_find(me->url, body.p, body.n);
        for (size_t i = 0; i < l.count; i++)
            consider(c, me, l.urls[i]);
        links_free(&l);
    } else if (status >= 300 && status <= 399) {
        one.redirects = 1;
        if (curl_easy_getinfo(h, CURLINFO_REDIRECT_URL, &location) == CURLE_OK && location) {
            char *to = links_resolve(me->url, location);
            if (to)
                consider(c, me, to);
            free(to);
        }
    } else {
        one.errors = 1;
    }
    curl_easy_cleanup(h);
    free(body.p);
    pthread_mutex_lock(&c->m);
    c->total.pages += one.pages;
    c->total.redirects += one.redirects;
    c->total.errors += one.errors;
    c->total.bytes += one.bytes;
    pthread_mutex_unlock(&c->m);
}

static void *run(void *arg)
{
    struct crawl *c = arg;
    void *p;
    while (crawler_queue_get(c->queue, &p)) {
        look_at(c, p);
        crawler_queue_task_done(c->queue);
        dies(c, p);
    }
    return NULL;
}

int crawler_crawl(const char *start_url, unsigned workers, struct crawler_result *result)
{
    struct crawl c = {.start = start_url};
    int rc = -1;
    unsigned n = 0;
    pthread_t *threads = malloc(workers * sizeof *threads);
    struct person *root = born(NULL, start_url);
    c.queue = crawler_queue_create(0);
    c.seen = seen_create();
    pthread_mutex_init(&c.m, NULL);
    if (threads && root && c.queue && c.seen) {
        seen_add(c.seen, start_url);
        for (unsigned i = 0; i < workers; i++)
            if (pthread_create(&threads[n], NULL, run, &c) == 0)
                n++;
        if (n > 0) {
            if (crawler_queue_put(c.queue, root))
                rc = 0;
            else
                crawler_queue_close(c.queue);
        }
        for (unsigned i = 0; i < n; i++)
            pthread_join(threads[i], NULL);
    }
    if (rc != 0)
        free(root);
    *result = c.total;
    pthread_mutex_destroy(&c.m);
    seen_free(c.seen);
    crawler_queue_free(c.queue);
    free(threads);
    return rc;
}
