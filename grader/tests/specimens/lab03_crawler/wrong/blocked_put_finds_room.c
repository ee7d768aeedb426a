/* expect: tests closed_queue_is_drained | a put that slept and finds room puts its item in, though the queue has been closed meanwhile (and a get has said already that it is closed and empty) */
#define _POSIX_C_SOURCE 200809L
#include "crawler.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "links.h"

/* ---- queue: a ring that grows by parts ---- */

struct crawler_queue {
    pthread_mutex_t big;
    pthread_cond_t not_empty, not_full;
    void **slot;
    size_t slots, head, used, capacity;
    bool closed;
    atomic_size_t open_tasks;
    pthread_mutex_t join_mutex;
    pthread_cond_t join_cond;
};

struct crawler_queue *crawler_queue_create(size_t capacity)
{
    struct crawler_queue *q = calloc(1, sizeof *q);
    if (!q) return NULL;
    q->capacity = capacity;
    q->slots = capacity && capacity < 16 ? capacity : 16;
    q->slot = malloc(q->slots * sizeof *q->slot);
    if (!q->slot) { free(q); return NULL; }
    atomic_init(&q->open_tasks, 0);
    pthread_mutex_init(&q->big, NULL);
    pthread_mutex_init(&q->join_mutex, NULL);
    pthread_cond_init(&q->not_empty, NULL);
    pthread_cond_init(&q->not_full, NULL);
    pthread_cond_init(&q->join_cond, NULL);
    return q;
}

static bool grow(struct crawler_queue *q)
{
    size_t slots = q->slots + q->slots / 2 + 8;
    void **slot = malloc(slots * sizeof *slot);
    if (!slot) return false;
    for (size_t i = 0; i < q->used; i++)
        slot[i] = q->slot[(q->head + i) % q->slots];
    free(q->slot);
    q->slot = slot;
    q->slots = slots;
    q->head = 0;
    return true;
}

bool crawler_queue_put(struct crawler_queue *q, void *item)
{
    pthread_mutex_lock(&q->big);
    if (q->closed) { pthread_mutex_unlock(&q->big); return false; }
    while (!q->closed && q->capacity && q->used == q->capacity)
        pthread_cond_wait(&q->not_full, &q->big);
    bool full = q->capacity && q->used == q->capacity; /* then it was closed */
    bool ok = !full && (q->used < q->slots || grow(q));
    if (ok) {
        atomic_fetch_add(&q->open_tasks, 1);
        q->slot[(q->head + q->used++) % q->slots] = item;
        pthread_cond_signal(&q->not_empty);
    } else {
        pthread_cond_signal(&q->not_full);
    }
    pthread_mutex_unlock(&q->big);
    return ok;
}

bool crawler_queue_get(struct crawler_queue *q, void **item)
{
    pthread_mutex_lock(&q->big);
    while (!q->used && !q->closed)
        pthread_cond_wait(&q->not_empty, &q->big);
    bool ok = q->used > 0;
    if (ok) {
        *item = q->slot[q->head];
        q->head = (q->head + 1) % q->slots;
        q->used--;
        pthread_cond_signal(&q->not_full);
    }
    pthread_mutex_unlock(&q->big);
    return ok;
}

void crawler_queue_task_done(struct crawler_queue *q)
{
    if (atomic_fetch_sub(&q->open_tasks, 1) == 1) {
        pthread_mutex_lock(&q->join_mutex);
        pthread_cond_broadcast(&q->join_cond);
        pthread_mutex_unlock(&q->join_mutex);
    }
}

void crawler_queue_join(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->join_mutex);
    while (atomic_load(&q->open_tasks) != 0)
        pthread_cond_wait(&q->join_cond, &q->join_mutex);
    pthread_mutex_unlock(&q->join_mutex);
}

void crawler_queue_close(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->big);
    q->closed = true;
    pthread_cond_broadcast(&q->not_full);
    pthread_cond_broadcast(&q->not_empty);
    pthread_mutex_unlock(&q->big);
}

void crawler_queue_free(struct crawler_queue *q)
{
    if (!q) return;
    pthread_cond_destroy(&q->join_cond);
    pthread_cond_destroy(&q->not_full);
    pthread_cond_destroy(&q->not_empty);
    pthread_mutex_destroy(&q->join_mutex);
    pthread_mutex_destroy(&q->big);
    free(q->slot);
    free(q);
}

/* ---- skip list of addresses ---- */

enum { LEVELS = 12 };

struct tower {
    char *url;
    int height;
    struct tower *next[]; /* one for each level */
};

struct skiplist {
    struct tower *first[LEVELS];
    uint32_t dice;
};

static bool skip_insert(struct skiplist *s, const char *url)
{
    struct tower **before[LEVELS], **at = s->first;
    for (int l = LEVELS - 1; l >= 0; l--) {
        while (at[l] && strcmp(at[l]->url, url) < 0)
            at = at[l]->next;
        before[l] = &at[l];
    }
    if (*before[0] && strcmp((*before[0])->url, url) == 0)
        return false;
    int height = 1;
    while (height < LEVELS) {
        s->dice = s->dice * 1664525u + 1013904223u;
        if (s->dice >> 30) break; /* one in four goes up */
        height++;
    }
    struct tower *t = malloc(sizeof *t + (size_t)height * sizeof t->next[0]);
    if (!t) return false;
    t->url = strdup(url);
    t->height = height;
    if (!t->url) { free(t); return false; }
    for (int l = 0; l < height; l++) {
        t->next[l] = *before[l];
        *before[l] = t;
    }
    return true;
}

static void skip_clear(struct skiplist *s)
{
    for (struct tower *t = s->first[0], *n; t; t = n) {
        n = t->next[0];
        free(t->url);
        free(t);
    }
}

/* ---- crawler ---- */

static pthread_mutex_t share_locks[CURL_LOCK_DATA_LAST];

static void share_lock(CURL *h, curl_lock_data data, curl_lock_access access, void *user)
{
    (void)h; (void)access; (void)user;
    pthread_mutex_lock(&share_locks[data]);
}

static void share_unlock(CURL *h, curl_lock_data data, void *user)
{
    (void)h; (void)user;
    pthread_mutex_unlock(&share_locks[data]);
}

struct everything {
    struct crawler_queue *q;
    const char *start;
    CURLSH *share;
    pthread_mutex_t mu;
    struct skiplist known;
    struct crawler_result r;
};

struct buffer { char *at; size_t len; };

static size_t fill(char *p, size_t s, size_t n, void *u)
{
    struct buffer *b = u;
    char *at = realloc(b->at, b->len + s * n + 1);
    if (!at) return 0;
    memcpy(at + b->len, p, s * n);
    b->at = at;
    b->len += s * n;
    return s * n;
}

static void found(struct everything *e, char *url)
{
    if (!url) return;
    bool go = links_same_site(url, e->start);
    if (go) {
        pthread_mutex_lock(&e->mu);
        go = skip_insert(&e->known, url);
        pthread_mutex_unlock(&e->mu);
    }
    if (!(go && crawler_queue_put(e->q, url)))
        free(url);
}

static void one_page(struct everything *e, const char *url)
{
    enum { ERROR, PAGE, REDIRECT } what = ERROR;
    struct buffer b = {0};
    CURL *h = curl_easy_init();
    if (h) {
        long status = 0;
        curl_easy_setopt(h, CURLOPT_SHARE, e->share);
        curl_easy_setopt(h, CURLOPT_URL, url);
        curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, fill);
        curl_easy_setopt(h, CURLOPT_WRITEDATA, &b);
        CURLcode rc = curl_easy_perform(h);
        curl_easy_getinfo(h, CURLINFO_RESPONSE_CODE, &status);
        if (rc == CURLE_OK && status >= 200 && status <= 299) what = PAGE;
        if (rc == CURLE_OK && status >= 300 && status <= 399) what = REDIRECT;
    }
    if (what == PAGE) {
        struct links l = links_find(url, b.at, b.len);
        for (size_t i = 0; i < l.count; i++) {
            found(e, l.urls[i]);
            l.urls[i] = NULL;
        }
        links_free(&l);
    } else if (what == REDIRECT) {
        char *to = NULL;
        curl_easy_getinfo(h, CURLINFO_REDIRECT_URL, &to);
        if (to) found(e, links_resolve(url, to));
    }
    curl_easy_cleanup(h);
    free(b.at);
    pthread_mutex_lock(&e->mu);
    if (what == PAGE) { e->r.pages++; e->r.bytes += b.len; }
    else if (what == REDIRECT) e->r.redirects++;
    else e->r.errors++;
    pthread_mutex_unlock(&e->mu);
}

static void *slave(void *arg)
{
    struct everything *e = arg;
    void *url;
    bool home = false;
    while (!home && crawler_queue_get(e->q, &url)) {
        if (url)
            one_page(e, url);
        else
            home = true;
        free(url);
        crawler_queue_task_done(e->q);
    }
    return NULL;
}

int crawler_crawl(const char *start_url, unsigned workers, struct crawler_result *result)
{
    struct everything e = {.start = start_url, .known = {.dice = 2463534242u}};
    pthread_t *t = malloc(workers * sizeof *t);
    unsigned n = 0;
    for (int i = 0; i < CURL_LOCK_DATA_LAST; i++)
        pthread_mutex_init(&share_locks[i], NULL);
    pthread_mutex_init(&e.mu, NULL);
    e.q = crawler_queue_create(0);
    e.share = curl_share_init();
    if (t && e.q && e.share) {
        curl_share_setopt(e.share, CURLSHOPT_LOCKFUNC, share_lock);
        curl_share_setopt(e.share, CURLSHOPT_UNLOCKFUNC, share_unlock);
        curl_share_setopt(e.share, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS);
        for (unsigned i = 0; i < workers; i++)
            if (pthread_create(&t[n], NULL, slave, &e) == 0)
                n++;
    }
    if (n) {
        found(&e, strdup(start_url));
        crawler_queue_join(e.q);
        for (unsigned i = 0; i < n; i++)
            if (!crawler_queue_put(e.q, NULL))
                crawler_queue_close(e.q);
        for (unsigned i = 0; i < n; i++)
            pthread_join(t[i], NULL);
    }
    *result = e.r;
    if (e.share) curl_share_cleanup(e.share);
    crawler_queue_free(e.q);
    skip_clear(&e.known);
    pthread_mutex_destroy(&e.mu);
    for (int i = 0; i < CURL_LOCK_DATA_LAST; i++)
        pthread_mutex_destroy(&share_locks[i]);
    free(t);
    return n ? 0 : -1;
}
