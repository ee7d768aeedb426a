/* expect: tests no page links to | the text of a 404 or 500 is searched for links as a page is */
/* Crawler, lab 3. Everything is in trees (search.h). */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <curl/curl.h>
#include <pthread.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include "crawler.h"
#include "links.h"

/* every item gets a ticket with a number, as in a shop; get takes the ticket with the number that is due */
struct ticket {
    unsigned long long number;
    void *item;
};

struct crawler_queue {
    pthread_mutex_t mu;
    pthread_cond_t changed; /* one for everybody, always broadcast */
    void *tickets;
    unsigned long long next_number, due;
    size_t capacity, undone;
    bool closed;
};

static int by_number(const void *a, const void *b)
{
    const struct ticket *x = a, *y = b;
    if (x->number == y->number) return 0;
    return x->number < y->number ? -1 : 1;
}

/* takes the ticket that is due out of the tree */
static struct ticket *tear_off(struct crawler_queue *q)
{
    struct ticket key = { .number = q->due };
    void *found = tfind(&key, &q->tickets, by_number);
    struct ticket *t = *(struct ticket **)found;
    tdelete(&key, &q->tickets, by_number);
    q->due++;
    return t;
}

struct crawler_queue *crawler_queue_create(size_t capacity)
{
    struct crawler_queue *q = malloc(sizeof *q);
    if (q == NULL) return NULL;
    *q = (struct crawler_queue){ .capacity = capacity };
    if (pthread_mutex_init(&q->mu, NULL) != 0) { free(q); return NULL; }
    if (pthread_cond_init(&q->changed, NULL) != 0) { pthread_mutex_destroy(&q->mu); free(q); return NULL; }
    return q;
}

bool crawler_queue_put(struct crawler_queue *q, void *item)
{
    struct ticket *t = malloc(sizeof *t);
    if (t == NULL) return false;
    t->item = item;
    pthread_mutex_lock(&q->mu);
    for (;;) {
        if (q->closed) break;
        if (q->capacity == 0 || q->next_number - q->due < q->capacity) {
            t->number = q->next_number;
            if (tsearch(t, &q->tickets, by_number) == NULL) break; /* no memory */
            q->next_number++;
            q->undone++;
            pthread_cond_broadcast(&q->changed);
            pthread_mutex_unlock(&q->mu);
            return true;
        }
        pthread_cond_wait(&q->changed, &q->mu);
    }
    pthread_mutex_unlock(&q->mu);
    free(t);
    return false;
}

bool crawler_queue_get(struct crawler_queue *q, void **item)
{
    pthread_mutex_lock(&q->mu);
    for (;;) {
        if (q->due != q->next_number) {
            struct ticket *t = tear_off(q);
            *item = t->item;
            free(t);
            pthread_cond_broadcast(&q->changed);
            pthread_mutex_unlock(&q->mu);
            return true;
        }
        if (q->closed) {
            pthread_mutex_unlock(&q->mu);
            return false;
        }
        pthread_cond_wait(&q->changed, &q->mu);
    }
}

void crawler_queue_task_done(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->mu);
    q->undone--;
    pthread_cond_broadcast(&q->changed);
    pthread_mutex_unlock(&q->mu);
}

void crawler_queue_join(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->mu);
    for (;;) {
        if (q->undone == 0) {
            pthread_mutex_unlock(&q->mu);
            return;
        }
        pthread_cond_wait(&q->changed, &q->mu);
    }
}

void crawler_queue_close(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->mu);
    q->closed = true;
    pthread_cond_broadcast(&q->changed);
    pthread_mutex_unlock(&q->mu);
}

void crawler_queue_free(struct crawler_queue *q)
{
    if (!q) return;
    while (q->due != q->next_number) free(tear_off(q));
    pthread_cond_destroy(&q->changed);
    pthread_mutex_destroy(&q->mu);
    free(q);
}

/* --- crawler --- */

struct stuff {
    struct crawler_queue *q;
    const char *start;
    pthread_mutex_t mu;
    void *known; /* tree of all addresses; the strings belong to the tree, the queue only points at them */
    struct crawler_result sum;
    int nomem;
};

struct bytes { char *p; size_t n, cap; int nomem; };

static int by_text(const void *a, const void *b) { return strcmp(a, b); }

static size_t keep(char *p, size_t a, size_t b, void *v)
{
    struct bytes *y = v;
    if (y->n + a * b > y->cap) {
        size_t cap = y->cap ? y->cap : 512;
        while (cap < y->n + a * b) cap *= 2;
        char *q = realloc(y->p, cap);
        if (!q) { y->nomem = 1; return 0; }
        y->p = q;
        y->cap = cap;
    }
    if (a * b > 0) memcpy(y->p + y->n, p, a * b);
    y->n += a * b;
    return a * b;
}

static void *everything(void *v)
{
    struct stuff *s = v;
    CURL *curl = NULL;
    void *item;

    while (crawler_queue_get(s->q, &item)) {
        const char *url = item;
        struct bytes body = { 0 };
        struct links l = { NULL, 0 };
        int kind = 0; /* 2 page, 3 redirect, 0 error, -1 no memory */
        CURLcode e;

        pthread_mutex_lock(&s->mu);
        int skip = s->nomem;
        pthread_mutex_unlock(&s->mu);
        if (skip) {
            crawler_queue_task_done(s->q);
            continue;
        }

        /* ask */
        if (curl == NULL && (curl = curl_easy_init()) == NULL) {
            kind = -1;
        } else {
            curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
            curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, 1L);
            curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, keep);
            curl_easy_setopt(curl, CURLOPT_WRITEDATA, &body);
            if ((e = curl_easy_setopt(curl, CURLOPT_URL, url)) == CURLE_OK) e = curl_easy_perform(curl);
            if (body.nomem || e == CURLE_OUT_OF_MEMORY) {
                kind = -1;
            } else if (e == CURLE_OK) {
                long status = 0;
                curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
                if (status < 300 || status >= 400) {
                    kind = status >= 200 && status < 300 ? 2 : 0;
                    l = links_find(url, body.p, body.n);
                } else if (status >= 300 && status < 400) {
                    char *loc = NULL;
                    kind = 3;
                    if (curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &loc) == CURLE_OK && loc != NULL) {
                        loc = links_resolve(url, loc);
                        if (loc != NULL && (l.urls = malloc(sizeof *l.urls)) != NULL) {
                            l.urls[0] = loc;
                            l.count = 1;
                        } else if (loc != NULL) {
                            free(loc);
                            kind = -1;
                        }
                    }
                }
            }
        }

        /* count, and find out what is new, with one lock */
        pthread_mutex_lock(&s->mu);
        if (kind == 2) { s->sum.pages++; s->sum.bytes += body.n; }
        if (kind == 3) s->sum.redirects++;
        if (kind == 0) s->sum.errors++;
        if (kind < 0) s->nomem = 1;
        for (size_t i = 0; i < l.count; i++) {
            if (!links_same_site(s->start, l.urls[i])) continue;
            void *node = tsearch(l.urls[i], &s->known, by_text);
            if (node == NULL) { s->nomem = 1; continue; }
            if (*(char **)node != l.urls[i]) continue; /* an older one */
            if (!crawler_queue_put(s->q, l.urls[i])) s->nomem = 1; /* does not block: no bound */
            l.urls[i] = NULL;
        }
        pthread_mutex_unlock(&s->mu);

        links_free(&l);
        free(body.p);
        crawler_queue_task_done(s->q);
    }
    if (curl != NULL) curl_easy_cleanup(curl);
    return NULL;
}

int crawler_crawl(const char *start_url, unsigned workers, struct crawler_result *result)
{
    struct stuff s = { .start = start_url };
    pthread_t *t = NULL;
    size_t n = 0;
    int r = -1;
    char *first;

    if (pthread_mutex_init(&s.mu, NULL) != 0) return -1;
    if ((s.q = crawler_queue_create(0)) != NULL) {
        if ((first = strdup(start_url)) != NULL) {
            if (tsearch(first, &s.known, by_text) == NULL) {
                free(first);
            } else if (crawler_queue_put(s.q, first)) {
                for (unsigned i = 0; i < workers; i++) {
                    /* the array grows with the threads: nothing is reserved for those that cannot be started */
                    pthread_t *more = realloc(t, (n + 1) * sizeof *t);
                    if (more == NULL) {
                        pthread_mutex_lock(&s.mu);
                        s.nomem = 1;
                        pthread_mutex_unlock(&s.mu);
                        break;
                    }
                    t = more;
                    if (pthread_create(&t[n], NULL, everything, &s) != 0) break;
                    n++;
                }
                if (n > 0) {
                    crawler_queue_join(s.q);
                    crawler_queue_close(s.q);
                    for (size_t i = 0; i < n; i++) pthread_join(t[i], NULL);
                    if (!s.nomem) {
                        *result = s.sum;
                        r = 0;
                    }
                }
            }
        }
        crawler_queue_free(s.q);
    }
    free(t);
    tdestroy(s.known, free);
    pthread_mutex_destroy(&s.mu);
    return r;
}
