/* expect: right | bodies are never kept: each piece is searched as it comes, only an unfinished tag stays; the links found are held back until the page is whole. Queue: a ring of doubly linked cells around a sentinel */
#define _XOPEN_SOURCE 700
#include "crawler.h"

#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "links.h"
#include "seen.h"

typedef struct cell cell;
struct cell {
    cell *prev, *next;
    void *value;
};

struct crawler_queue {
    cell ring; /* ring.next is the oldest, ring.prev the newest */
    cell *spare; /* cells to use again, singly linked by next */
    size_t length, limit, tasks;
    int shut;
    pthread_mutex_t guard;
    pthread_cond_t nonempty, nonfull, finished;
};

#define LOCK(q) (void)pthread_mutex_lock(&(q)->guard)
#define UNLOCK(q) (void)pthread_mutex_unlock(&(q)->guard)

struct crawler_queue *crawler_queue_create(size_t capacity)
{
    struct crawler_queue *q = malloc(sizeof *q);
    if (q) {
        q->ring.prev = q->ring.next = &q->ring;
        q->ring.value = NULL;
        q->spare = NULL;
        q->length = q->tasks = 0;
        q->limit = capacity ? capacity : (size_t)-1;
        q->shut = 0;
        pthread_mutex_init(&q->guard, NULL);
        pthread_cond_init(&q->nonempty, NULL);
        pthread_cond_init(&q->nonfull, NULL);
        pthread_cond_init(&q->finished, NULL);
    }
    return q;
}

bool crawler_queue_put(struct crawler_queue *q, void *item)
{
    cell *c = NULL;
    LOCK(q);
    for (;;) {
        if (q->shut)
            break;
        if (q->length < q->limit) {
            if (q->spare) {
                c = q->spare;
                q->spare = c->next;
            } else {
                c = malloc(sizeof *c);
            }
            if (!c)
                pthread_cond_signal(&q->nonfull);
            break;
        }
        pthread_cond_wait(&q->nonfull, &q->guard);
    }
    if (c) {
        c->value = item;
        c->next = &q->ring;
        c->prev = q->ring.prev;
        c->prev->next = c;
        q->ring.prev = c;
        q->length++;
        q->tasks++;
        pthread_cond_signal(&q->nonempty);
    }
    UNLOCK(q);
    return c != NULL;
}

bool crawler_queue_get(struct crawler_queue *q, void **item)
{
    cell *c;
    LOCK(q);
    while ((c = q->ring.next) == &q->ring) {
        if (q->shut) {
            UNLOCK(q);
            return false;
        }
        pthread_cond_wait(&q->nonempty, &q->guard);
    }
    q->ring.next = c->next;
    c->next->prev = &q->ring;
    q->length--;
    *item = c->value;
    c->next = q->spare;
    q->spare = c;
    UNLOCK(q);
    pthread_cond_signal(&q->nonfull);
    return true;
}

void crawler_queue_task_done(struct crawler_queue *q)
{
    LOCK(q);
    q->tasks--;
    if (!q->tasks)
        pthread_cond_broadcast(&q->finished);
    UNLOCK(q);
}

void crawler_queue_join(struct crawler_queue *q)
{
    LOCK(q);
    while (q->tasks)
        pthread_cond_wait(&q->finished, &q->guard);
    UNLOCK(q);
}

void crawler_queue_close(struct crawler_queue *q)
{
    LOCK(q);
    q->shut = 1;
    pthread_cond_broadcast(&q->nonfull);
    pthread_cond_broadcast(&q->nonempty);
    UNLOCK(q);
}

void crawler_queue_free(struct crawler_queue *q)
{
    if (!q)
        return;
    cell *c = q->ring.next;
    while (c != &q->ring) {
        cell *n = c->next;
        free(c);
        c = n;
    }
    for (c = q->spare; c;) {
        cell *n = c->next;
        free(c);
        c = n;
    }
    pthread_mutex_destroy(&q->guard);
    pthread_cond_destroy(&q->nonempty);
    pthread_cond_destroy(&q->nonfull);
    pthread_cond_destroy(&q->finished);
    free(q);
}

/* ------------------------------------------------------------------ the stream */

struct found {
    struct found *next;
    struct links links;
};

struct stream {
    const char *base;
    char *rest; /* what begins with the '<' of a tag that has no '>' yet; else nothing */
    size_t rest_length;
    unsigned long bytes;
    struct found *found;
    int broken;
};

static size_t on_piece(char *piece, size_t size, size_t count, void *user)
{
    struct stream *s = user;
    const size_t fresh = size * count, whole = s->rest_length + fresh;
    if (fresh == 0)
        return 0;
    char *text = realloc(s->rest, whole);
    if (!text) {
        s->broken = 1;
        return 0;
    }
    s->rest = text;
    memcpy(text + s->rest_length, piece, fresh);
    /* how far do whole tags go? */
    size_t done = 0, keep = whole;
    while (done < whole) {
        const char *open = memchr(text + done, '<', whole - done);
        if (!open)
            break;
        const char *shut = memchr(open, '>', whole - (size_t)(open - text));
        if (!shut) {
            keep = (size_t)(open - text);
            break;
        }
        done = (size_t)(shut - text) + 1;
    }
    if (done > 0) {
        struct links links = links_find(s->base, text, done);
        if (links.count > 0) {
            struct found *f = malloc(sizeof *f);
            if (!f) {
                links_free(&links);
                s->broken = 1;
                return 0;
            }
            f->links = links;
            f->next = s->found;
            s->found = f;
        } else {
            links_free(&links);
        }
    }
    memmove(text, text + keep, whole - keep);
    s->rest_length = whole - keep;
    s->bytes += fresh;
    return fresh;
}

struct crawl {
    struct crawler_queue *todo;
    const char *start;
    struct seen *seen;
    pthread_mutex_t seen_guard;
    struct crawler_result sum;
    pthread_mutex_t sum_guard;
};

static void enqueue_if_new(struct crawl *c, char *url)
{
    if (!url)
        return;
    bool wanted = links_same_site(c->start, url);
    if (wanted) {
        pthread_mutex_lock(&c->seen_guard);
        wanted = seen_add(c->seen, url);
        pthread_mutex_unlock(&c->seen_guard);
    }
    if (!wanted || !crawler_queue_put(c->todo, url))
        free(url);
}

static void *crawl_worker(void *user)
{
    struct crawl *c = user;
    void *got;
    CURL *easy = curl_easy_init();
    if (easy) {
        curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
        curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_piece);
    }
    while (crawler_queue_get(c->todo, &got)) {
        char *url = got;
        struct stream s = {.base = url};
        struct crawler_result one = {0};
        long code = 0;
        if (easy) {
            curl_easy_setopt(easy, CURLOPT_URL, url);
            curl_easy_setopt(easy, CURLOPT_WRITEDATA, &s);
            if (curl_easy_perform(easy) == CURLE_OK && !s.broken)
                curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &code);
        }
        switch (code / 100) {
        case 2:
            one.pages = 1;
            one.bytes = s.bytes;
            for (struct found *f = s.found; f; f = f->next)
                for (size_t i = 0; i < f->links.count; i++) {
                    enqueue_if_new(c, f->links.urls[i]);
                    f->links.urls[i] = NULL;
                }
            break;
        case 3: {
            const char *to = NULL;
            one.redirects = 1;
            curl_easy_getinfo(easy, CURLINFO_REDIRECT_URL, &to);
            if (to)
                enqueue_if_new(c, links_resolve(url, to));
            break;
        }
        default:
            one.errors = 1;
        }
        while (s.found) {
            struct found *f = s.found;
            s.found = f->next;
            links_free(&f->links);
            free(f);
        }
        free(s.rest);
        free(url);
        pthread_mutex_lock(&c->sum_guard);
        c->sum.pages += one.pages;
        c->sum.redirects += one.redirects;
        c->sum.errors += one.errors;
        c->sum.bytes += one.bytes;
        pthread_mutex_unlock(&c->sum_guard);
        crawler_queue_task_done(c->todo);
    }
    if (easy)
        curl_easy_cleanup(easy);
    return NULL;
}

int crawler_crawl(const char *start_url, unsigned workers, struct crawler_result *result)
{
    struct crawl c = {.start = start_url, .todo = crawler_queue_create(0), .seen = seen_create()};
    pthread_t *id = malloc(sizeof *id * workers);
    unsigned alive = 0;
    pthread_mutex_init(&c.seen_guard, NULL);
    pthread_mutex_init(&c.sum_guard, NULL);
    if (c.todo && c.seen && id) {
        for (unsigned i = 0; i < workers; i++)
            alive += pthread_create(id + alive, NULL, crawl_worker, &c) == 0;
        if (alive > 0) {
            enqueue_if_new(&c, strdup(start_url));
            crawler_queue_join(c.todo);
        }
        crawler_queue_close(c.todo);
        for (unsigned i = 0; i < alive; i++)
            pthread_join(id[i], NULL);
    }
    *result = c.sum;
    pthread_mutex_destroy(&c.sum_guard);
    pthread_mutex_destroy(&c.seen_guard);
    free(id);
    seen_free(c.seen);
    crawler_queue_free(c.todo);
    return alive ? 0 : -1;
}
