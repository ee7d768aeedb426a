/* expect: tests crawl_stays_on_the_site; schedules assertion | follows links to other sites on the same host: compares without the port */
#include "crawler.h"
#include "links.h"
#include "seen.h"
#include <assert.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

/* -------- queue -------- */

/* Blocks of 64 items in a chain: no copying when it grows, and little malloc. */
enum { BLOCK = 64 };
struct block {
    struct block *next;
    void *items[BLOCK];
};

struct crawler_queue {
    struct block *first, *last;
    size_t r, w;           /* position in first, in last */
    size_t size, limit, tasks;
    bool closed;
    pthread_mutex_t m;
    pthread_cond_t c_put, c_get, c_join;
};

struct crawler_queue *crawler_queue_create(size_t capacity) {
    struct crawler_queue *q = calloc(1, sizeof(*q));
    if (q == NULL) return NULL;
    q->first = q->last = malloc(sizeof(struct block));
    if (q->first == NULL) { free(q); return NULL; }
    q->first->next = NULL;
    q->limit = capacity;
    pthread_mutex_init(&q->m, NULL);
    pthread_cond_init(&q->c_put, NULL);
    pthread_cond_init(&q->c_get, NULL);
    pthread_cond_init(&q->c_join, NULL);
    return q;
}

void crawler_queue_free(struct crawler_queue *q) {
    if (q == NULL) return;
    for (struct block *b = q->first; b != NULL;) {
        struct block *dead = b;
        b = b->next;
        free(dead);
    }
    pthread_mutex_destroy(&q->m);
    pthread_cond_destroy(&q->c_put);
    pthread_cond_destroy(&q->c_get);
    pthread_cond_destroy(&q->c_join);
    free(q);
}

void crawler_queue_close(struct crawler_queue *q) {
    pthread_mutex_lock(&q->m);
    q->closed = true;
    pthread_cond_broadcast(&q->c_put);
    pthread_cond_broadcast(&q->c_get);
    pthread_mutex_unlock(&q->m);
}

bool crawler_queue_put(struct crawler_queue *q, void *item) {
    bool ok = false;
    pthread_mutex_lock(&q->m);
    while (q->limit != 0 && q->size == q->limit && !q->closed)
        pthread_cond_wait(&q->c_put, &q->m);
    if (q->closed) goto out;
    if (q->w == BLOCK) {
        struct block *b = malloc(sizeof(*b));
        if (b == NULL) goto out;
        b->next = NULL;
        q->last->next = b;
        q->last = b;
        q->w = 0;
    }
    q->last->items[q->w++] = item;
    q->size++;
    q->tasks++;
    pthread_cond_signal(&q->c_get);
    ok = true;
out:
    pthread_mutex_unlock(&q->m);
    return ok;
}

bool crawler_queue_get(struct crawler_queue *q, void **item) {
    bool ok = false;
    pthread_mutex_lock(&q->m);
    while (q->size == 0 && !q->closed)
        pthread_cond_wait(&q->c_get, &q->m);
    if (q->size == 0) goto out;
    if (q->r == BLOCK) {
        struct block *empty = q->first;
        q->first = empty->next;
        q->r = 0;
        free(empty);
    }
    *item = q->first->items[q->r++];
    q->size--;
    pthread_cond_signal(&q->c_put);
    ok = true;
out:
    pthread_mutex_unlock(&q->m);
    return ok;
}

void crawler_queue_task_done(struct crawler_queue *q) {
    pthread_mutex_lock(&q->m);
    if (q->tasks-- == 1)
        pthread_cond_broadcast(&q->c_join);
    pthread_mutex_unlock(&q->m);
}

void crawler_queue_join(struct crawler_queue *q) {
    pthread_mutex_lock(&q->m);
    while (q->tasks != 0)
        pthread_cond_wait(&q->c_join, &q->m);
    pthread_mutex_unlock(&q->m);
}

/* -------- crawler -------- */

struct ctx {
    struct crawler_queue *q;
    char *host; /* "http://host", what all addresses of the site begin with */
    struct seen *seen;
    sem_t seen_sem;
    atomic_ulong n[4]; /* pages, redirects, errors, bytes */
};

static void consider(struct ctx *ctx, const char *url) {
    if (strncmp(url, ctx->host, strlen(ctx->host)) != 0)
        return; /* another site */
    sem_wait(&ctx->seen_sem);
    bool add = seen_add(ctx->seen, url);
    sem_post(&ctx->seen_sem);
    if (add) {
        char *own = strdup(url);
        assert(own != NULL);
        crawler_queue_put(ctx->q, own);
    }
}

struct page { char *s; size_t n; };

static size_t on_write(char *s, size_t m, size_t n, void *arg) {
    struct page *p = arg;
    n *= m;
    p->s = realloc(p->s, p->n + n);
    memcpy(p->s + p->n, s, n);
    p->n += n;
    return n;
}

static void *run(void *arg) {
    struct ctx *ctx = arg;
    CURL *c = curl_easy_init();
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_write);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    void *item;
    while (crawler_queue_get(ctx->q, &item)) {
        char *url = item, *loc = NULL;
        struct page p = {NULL, 0};
        long code = 0;
        curl_easy_setopt(c, CURLOPT_URL, url);
        curl_easy_setopt(c, CURLOPT_WRITEDATA, &p);
        if (curl_easy_perform(c) == CURLE_OK)
            curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &code);
        if (200 <= code && code < 300) {
            atomic_fetch_add(&ctx->n[0], 1);
            atomic_fetch_add(&ctx->n[3], p.n);
            struct links l = links_find(url, p.s, p.n);
            for (size_t i = 0; i < l.count; i++)
                consider(ctx, l.urls[i]);
            links_free(&l);
        } else if (300 <= code && code < 400) {
            atomic_fetch_add(&ctx->n[1], 1);
            curl_easy_getinfo(c, CURLINFO_REDIRECT_URL, &loc);
            if (loc != NULL && (loc = links_resolve(url, loc)) != NULL) {
                consider(ctx, loc);
                free(loc);
            }
        } else {
            atomic_fetch_add(&ctx->n[2], 1);
        }
        free(p.s);
        free(url);
        crawler_queue_task_done(ctx->q);
    }
    curl_easy_cleanup(c);
    return NULL;
}

int crawler_crawl(const char *start_url, unsigned workers, struct crawler_result *result) {
    struct ctx ctx = {.q = crawler_queue_create(0), .seen = seen_create()};
    const char *end = strchr(start_url + strlen("http://"), ':');
    ctx.host = strndup(start_url, end != NULL ? (size_t)(end - start_url) : strlen(start_url));
    sem_init(&ctx.seen_sem, 0, 1);
    consider(&ctx, start_url);

    pthread_t *tid = malloc(workers * sizeof(pthread_t));
    unsigned running = 0;
    while (running < workers && !pthread_create(tid + running, NULL, run, &ctx))
        running++;
    if (running > 0)
        crawler_queue_join(ctx.q);
    crawler_queue_close(ctx.q);
    for (unsigned i = 0; i < running; i++)
        pthread_join(tid[i], NULL);

    result->pages = ctx.n[0];
    result->redirects = ctx.n[1];
    result->errors = ctx.n[2];
    result->bytes = ctx.n[3];
    free(tid);
    free(ctx.host);
    sem_destroy(&ctx.seen_sem);
    seen_free(ctx.seen);
    crawler_queue_free(ctx.q);
    return running > 0 ? 0 : -1;
}
