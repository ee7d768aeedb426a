/* expect: tests woken_putter; schedules assertion | put waits in an if: the room may be gone when it wakes up */
#include <threads.h>
#include <stdlib.h>
#include <string.h>
#include <curl/curl.h>
#include "crawler.h"
#include "links.h"
#include "seen.h"

typedef struct cell { void *val; struct cell *nxt; } cell;

/* singly linked, `back` points to the link where the next cell goes */
struct crawler_queue {
    mtx_t mu;
    cnd_t nonfull, nonempty, idle;
    cell *front, **back;
    size_t n, cap, open;
    int over;
};

struct crawler_queue *crawler_queue_create(size_t capacity)
{
    struct crawler_queue *q = malloc(sizeof *q);
    if (!q) return NULL;
    mtx_init(&q->mu, mtx_plain);
    cnd_init(&q->nonfull); cnd_init(&q->nonempty); cnd_init(&q->idle);
    q->front = NULL;
    q->back = &q->front;
    q->n = q->open = 0;
    q->cap = capacity;
    q->over = 0;
    return q;
}

bool crawler_queue_put(struct crawler_queue *q, void *item)
{
    cell *c = malloc(sizeof *c);
    if (!c) return false;
    c->val = item; c->nxt = NULL;

    mtx_lock(&q->mu);
    if (q->cap && q->n == q->cap && !q->over)
        cnd_wait(&q->nonfull, &q->mu);
    if (q->over) {
        mtx_unlock(&q->mu);
        free(c);
        return false;
    }
    *q->back = c;
    q->back = &c->nxt;
    q->n++; q->open++;
    cnd_signal(&q->nonempty);
    mtx_unlock(&q->mu);
    return true;
}

bool crawler_queue_get(struct crawler_queue *q, void **item)
{
    cell *c;
    mtx_lock(&q->mu);
    while (!(c = q->front) && !q->over)
        cnd_wait(&q->nonempty, &q->mu);
    if (c) {
        if (!(q->front = c->nxt))
            q->back = &q->front;
        q->n--;
        cnd_signal(&q->nonfull);
    }
    mtx_unlock(&q->mu);
    if (!c) return false;
    *item = c->val;
    free(c);
    return true;
}

void crawler_queue_task_done(struct crawler_queue *q)
{
    mtx_lock(&q->mu);
    q->open--;
    if (!q->open) cnd_broadcast(&q->idle);
    mtx_unlock(&q->mu);
}

void crawler_queue_join(struct crawler_queue *q)
{
    mtx_lock(&q->mu);
    while (q->open) cnd_wait(&q->idle, &q->mu);
    mtx_unlock(&q->mu);
}

void crawler_queue_close(struct crawler_queue *q)
{
    mtx_lock(&q->mu);
    q->over = 1;
    mtx_unlock(&q->mu);
    cnd_broadcast(&q->nonfull);
    cnd_broadcast(&q->nonempty);
}

void crawler_queue_free(struct crawler_queue *q)
{
    if (!q) return;
    for (cell *c = q->front, *next; c; c = next) { next = c->nxt; free(c); }
    cnd_destroy(&q->nonfull); cnd_destroy(&q->nonempty); cnd_destroy(&q->idle);
    mtx_destroy(&q->mu);
    free(q);
}

/* === crawler: every worker keeps its own sums === */

struct trip {
    struct crawler_queue *q;
    struct seen *seen;
    mtx_t seen_mu;
    const char *start;
};

struct member {
    struct trip *trip;
    struct crawler_result sum;
    char *buf; size_t used, size; /* kept from page to page */
};

static size_t fill(char *p, size_t s, size_t n, void *arg)
{
    struct member *m = arg;
    while (m->used + s * n > m->size) {
        m->size = m->size ? 2 * m->size : 4096;
        m->buf = realloc(m->buf, m->size);
    }
    memcpy(m->buf + m->used, p, s * n);
    m->used += s * n;
    return s * n;
}

static void found(struct trip *t, const char *url)
{
    if (!links_same_site(t->start, url)) return;
    mtx_lock(&t->seen_mu);
    int news = seen_add(t->seen, url);
    mtx_unlock(&t->seen_mu);
    if (news) crawler_queue_put(t->q, strdup(url));
}

static int walk_site(void *arg)
{
    struct member *m = arg;
    CURL *h = curl_easy_init();
    void *u;
    curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, fill);
    curl_easy_setopt(h, CURLOPT_WRITEDATA, m);
    for (; crawler_queue_get(m->trip->q, &u); free(u), crawler_queue_task_done(m->trip->q)) {
        long st = 0;
        char *to = NULL;
        m->used = 0;
        curl_easy_setopt(h, CURLOPT_URL, u);
        if (curl_easy_perform(h)) { m->sum.errors++; continue; }
        curl_easy_getinfo(h, CURLINFO_RESPONSE_CODE, &st);
        curl_easy_getinfo(h, CURLINFO_REDIRECT_URL, &to);
        if (st / 100 == 2) {
            struct links ls = links_find(u, m->buf, m->used);
            for (size_t k = 0; k != ls.count; k++) found(m->trip, ls.urls[k]);
            links_free(&ls);
            m->sum.pages++;
            m->sum.bytes += m->used;
        } else if (st / 100 == 3) {
            m->sum.redirects++;
            if (to && (to = links_resolve(u, to))) { found(m->trip, to); free(to); }
        } else
            m->sum.errors++;
    }
    curl_easy_cleanup(h);
    free(m->buf);
    return 0;
}

int crawler_crawl(const char *start_url, unsigned workers, struct crawler_result *result)
{
    struct trip t = { .q = crawler_queue_create(0), .seen = seen_create(), .start = start_url };
    struct member *ms = calloc(workers, sizeof *ms);
    thrd_t *ids = calloc(workers, sizeof *ids);
    unsigned up;
    mtx_init(&t.seen_mu, mtx_plain);
    for (up = 0; up < workers; up++) {
        ms[up].trip = &t;
        if (thrd_create(&ids[up], walk_site, &ms[up]) != thrd_success) break;
    }
    if (up) { found(&t, start_url); crawler_queue_join(t.q); }
    crawler_queue_close(t.q);
    *result = (struct crawler_result){ 0 };
    for (unsigned i = 0; i < up; i++) {
        thrd_join(ids[i], NULL);
        result->pages += ms[i].sum.pages;
        result->redirects += ms[i].sum.redirects;
        result->errors += ms[i].sum.errors;
        result->bytes += ms[i].sum.bytes;
    }
    free(ms); free(ids);
    mtx_destroy(&t.seen_mu);
    seen_free(t.seen);
    crawler_queue_free(t.q);
    return up ? 0 : -1;
}
