/* expect: tests put_blocks_when_full | a put does not wait for room while a get counts as waiting, though it was woken for another item already */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "crawler.h"
#include "links.h"
#include "seen.h"
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <threads.h>

typedef struct item_node {
    void *data;
    struct item_node *next;
} item_node;

struct crawler_queue {
    mtx_t m;
    cnd_t space, data, done;
    item_node *head, *tail;
    size_t n, cap, tasks;
    unsigned takers; // threads in get that found nothing
    bool closed;
};

struct crawler_queue *crawler_queue_create(size_t capacity)
{
    struct crawler_queue *q = calloc(1, sizeof *q);
    if (!q)
        return NULL;
    q->cap = capacity;
    mtx_init(&q->m, mtx_plain);
    cnd_init(&q->space);
    cnd_init(&q->data);
    cnd_init(&q->done);
    return q;
}

bool crawler_queue_put(struct crawler_queue *q, void *item)
{
    item_node *n = malloc(sizeof *n);
    if (!n)
        return false;
    n->data = item;
    n->next = NULL;
    mtx_lock(&q->m);
    // if somebody waits in get the item goes straight through and needs no space
    while (q->cap && q->n >= q->cap && q->takers == 0 && !q->closed)
        cnd_wait(&q->space, &q->m);
    if (q->closed) {
        mtx_unlock(&q->m);
        free(n);
        return false;
    }
    if (q->tail)
        q->tail->next = n;
    else
        q->head = n;
    q->tail = n;
    q->n++;
    q->tasks++;
    cnd_signal(&q->data);
    mtx_unlock(&q->m);
    return true;
}

bool crawler_queue_get(struct crawler_queue *q, void **item)
{
    mtx_lock(&q->m);
    while (!q->head && !q->closed) {
        q->takers++;
        cnd_wait(&q->data, &q->m);
        q->takers--;
    }
    item_node *n = q->head;
    if (n) {
        *item = n->data;
        q->head = n->next;
        if (!q->head)
            q->tail = NULL;
        q->n--;
        cnd_signal(&q->space);
    }
    mtx_unlock(&q->m);
    free(n);
    return n != NULL;
}

void crawler_queue_task_done(struct crawler_queue *q)
{
    mtx_lock(&q->m);
    if (--q->tasks == 0)
        cnd_broadcast(&q->done);
    mtx_unlock(&q->m);
}

void crawler_queue_join(struct crawler_queue *q)
{
    mtx_lock(&q->m);
    while (q->tasks)
        cnd_wait(&q->done, &q->m);
    mtx_unlock(&q->m);
}

void crawler_queue_close(struct crawler_queue *q)
{
    mtx_lock(&q->m);
    q->closed = true;
    cnd_broadcast(&q->space);
    cnd_broadcast(&q->data);
    mtx_unlock(&q->m);
}

void crawler_queue_free(struct crawler_queue *q)
{
    if (!q)
        return;
    while (q->head) {
        item_node *n = q->head;
        q->head = n->next;
        free(n);
    }
    cnd_destroy(&q->space);
    cnd_destroy(&q->data);
    cnd_destroy(&q->done);
    mtx_destroy(&q->m);
    free(q);
}

struct state {
    mtx_t m;
    struct seen *seen;
    struct crawler_queue *q;
    struct crawler_result r;
    const char *start;
};

struct mem {
    char *p;
    size_t n;
};

static size_t save(char *p, size_t s, size_t n, void *u)
{
    struct mem *m = u;
    char *np = realloc(m->p, m->n + s * n + 1);
    if (!np)
        return 0;
    m->p = np;
    memcpy(np + m->n, p, s * n);
    m->n += s * n;
    return s * n;
}

static void add(struct state *st, const char *url)
{
    if (!url || !links_same_site(st->start, url))
        return;
    mtx_lock(&st->m);
    bool is_new = seen_add(st->seen, url);
    mtx_unlock(&st->m);
    char *dup = is_new ? strdup(url) : NULL;
    if (dup && !crawler_queue_put(st->q, dup))
        free(dup);
}

static int worker(void *arg)
{
    struct state *st = arg;
    void *v;
    while (crawler_queue_get(st->q, &v)) {
        char *url = v;
        struct mem body = {NULL, 0};
        long code = 0;
        unsigned long *counter = NULL;
        CURL *c = curl_easy_init();
        curl_easy_setopt(c, CURLOPT_URL, url);
        curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, save);
        curl_easy_setopt(c, CURLOPT_WRITEDATA, &body);
        if (curl_easy_perform(c) == CURLE_OK)
            curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &code);
        if (code >= 200 && code < 300) {
            counter = &st->r.pages;
            struct links l = links_find(url, body.p, body.n);
            for (size_t i = 0; i < l.count; i++)
                add(st, l.urls[i]);
            links_free(&l);
        } else if (code >= 300 && code < 400) {
            char *to = NULL;
            counter = &st->r.redirects;
            curl_easy_getinfo(c, CURLINFO_REDIRECT_URL, &to);
            if (to) {
                char *abs = links_resolve(url, to);
                add(st, abs);
                free(abs);
            }
        } else {
            counter = &st->r.errors;
        }
        mtx_lock(&st->m);
        ++*counter;
        if (counter == &st->r.pages)
            st->r.bytes += body.n;
        mtx_unlock(&st->m);
        curl_easy_cleanup(c);
        free(body.p);
        free(url);
        crawler_queue_task_done(st->q);
    }
    return 0;
}

int crawler_crawl(const char *start_url, unsigned workers, struct crawler_result *result)
{
    struct state st = {.start = start_url};
    mtx_init(&st.m, mtx_plain);
    st.q = crawler_queue_create(0);
    st.seen = seen_create();
    thrd_t *t = malloc(sizeof *t * workers);
    unsigned n = 0;
    if (st.q && st.seen && t)
        while (n < workers && thrd_create(&t[n], worker, &st) == thrd_success)
            n++;
    if (n) {
        add(&st, start_url);
        crawler_queue_join(st.q);
        crawler_queue_close(st.q);
    }
    for (unsigned i = 0; i < n; i++)
        thrd_join(t[i], NULL);
    free(t);
    seen_free(st.seen);
    crawler_queue_free(st.q);
    mtx_destroy(&st.m);
    *result = st.r;
    return n ? 0 : -1;
}
