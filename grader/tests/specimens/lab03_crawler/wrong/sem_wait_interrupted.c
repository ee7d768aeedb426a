/* expect: tests signals_do_not_end_a_wait | sem_wait ends early when a signal comes, and the thread goes on without the lock or the item */
#define _GNU_SOURCE
#include "crawler.h"

#include <curl/curl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

#include "links.h"
#include "seen.h"

/*
 * At any moment at most one of `entry` and the gates is 1, the others are 0: whoever took that 1 owns the
 * structure. When `entry` is 1 nobody waits at a gate for what is already so. A waiter that comes through
 * its gate owns the structure already, and what it waited for still holds.
 */
struct crawler_queue {
    sem_t entry, get_gate, put_gate, join_gate;
    size_t getters, putters, joiners; /* how many wait at the gates */
    struct cell *head, *tail;         /* without a bound */
    void **ring;                      /* with one */
    size_t capacity, count, first, unfinished;
    bool closed;
};

struct cell {
    struct cell *next;
    void *item;
};

static void down(sem_t *s)
{
    sem_wait(s);
}

static bool may_get(const struct crawler_queue *q)
{
    return q->count > 0 || q->closed;
}

static bool may_put(const struct crawler_queue *q)
{
    return q->closed || q->capacity == 0 || q->count < q->capacity;
}

static void pass_on(struct crawler_queue *q)
{
    if (q->getters > 0 && may_get(q)) {
        q->getters--;
        sem_post(&q->get_gate);
    } else if (q->putters > 0 && may_put(q)) {
        q->putters--;
        sem_post(&q->put_gate);
    } else if (q->joiners > 0 && q->unfinished == 0) {
        q->joiners--;
        sem_post(&q->join_gate);
    } else {
        sem_post(&q->entry);
    }
}

struct crawler_queue *crawler_queue_create(size_t capacity)
{
    struct crawler_queue *q = calloc(1, sizeof *q);
    if (q == NULL)
        return NULL;
    if (capacity != 0) {
        q->ring = calloc(capacity, sizeof(void *));
        if (q->ring == NULL) {
            free(q);
            return NULL;
        }
    }
    q->capacity = capacity;
    sem_init(&q->entry, 0, 1); /* these fail for values above SEM_VALUE_MAX, or shared ones, only */
    sem_init(&q->get_gate, 0, 0);
    sem_init(&q->put_gate, 0, 0);
    sem_init(&q->join_gate, 0, 0);
    return q;
}

bool crawler_queue_put(struct crawler_queue *q, void *item)
{
    struct cell *cell = NULL;
    if (q->capacity == 0) { /* never changes: may be read by all */
        cell = malloc(sizeof *cell);
        if (cell == NULL)
            return false;
        cell->item = item;
        cell->next = NULL;
    }
    down(&q->entry);
    if (!may_put(q)) {
        q->putters++;
        pass_on(q);
        down(&q->put_gate);
    }
    const bool ok = !q->closed;
    if (ok) {
        if (cell == NULL)
            q->ring[q->count < q->capacity - q->first ? q->first + q->count : q->count - (q->capacity - q->first)] = item;
        else if (q->head == NULL)
            q->head = q->tail = cell;
        else
            q->tail = q->tail->next = cell;
        q->count++;
        q->unfinished++;
    }
    pass_on(q);
    if (!ok)
        free(cell);
    return ok;
}

bool crawler_queue_get(struct crawler_queue *q, void **item)
{
    struct cell *cell = NULL;
    down(&q->entry);
    if (!may_get(q)) {
        q->getters++;
        pass_on(q);
        down(&q->get_gate);
    }
    const bool ok = q->count > 0;
    if (ok) {
        if (q->capacity == 0) {
            cell = q->head;
            q->head = cell->next;
            *item = cell->item;
        } else {
            *item = q->ring[q->first];
            if (++q->first == q->capacity)
                q->first = 0;
        }
        q->count--;
    }
    pass_on(q);
    free(cell);
    return ok;
}

void crawler_queue_task_done(struct crawler_queue *q)
{
    down(&q->entry);
    q->unfinished--;
    pass_on(q);
}

void crawler_queue_join(struct crawler_queue *q)
{
    down(&q->entry);
    if (q->unfinished != 0) {
        q->joiners++;
        pass_on(q);
        down(&q->join_gate);
    }
    pass_on(q);
}

void crawler_queue_close(struct crawler_queue *q)
{
    down(&q->entry);
    q->closed = true;
    pass_on(q);
}

void crawler_queue_free(struct crawler_queue *q)
{
    if (q == NULL)
        return;
    while (q->head != NULL) {
        struct cell *next = q->head->next;
        free(q->head);
        q->head = next;
    }
    free(q->ring);
    sem_destroy(&q->entry);
    sem_destroy(&q->get_gate);
    sem_destroy(&q->put_gate);
    sem_destroy(&q->join_gate);
    free(q);
}

/* ---------------------------------------------------------------- crawler */

struct crawl {
    struct crawler_queue *queue;
    const char *start;
    sem_t guard; /* of all that follows */
    struct seen *seen;
    size_t to_visit; /* addresses that are marked and not finished */
    bool no_memory;
    struct crawler_result total;
};

struct text {
    char *bytes;
    size_t length, room;
    bool no_memory;
};

static size_t receive(char *data, size_t size, size_t nmemb, void *userdata)
{
    struct text *t = userdata;
    const size_t n = size * nmemb;
    if (t->length + n > t->room) {
        size_t room = t->room + t->room / 2 + n + 1024;
        char *bytes = realloc(t->bytes, room);
        if (bytes == NULL) {
            t->no_memory = true;
            return n == 0 ? 1 : 0;
        }
        t->bytes = bytes;
        t->room = room;
    }
    if (n > 0)
        memcpy(t->bytes + t->length, data, n);
    t->length += n;
    return n;
}

static bool stopped(struct crawl *c)
{
    down(&c->guard);
    bool answer = c->no_memory;
    sem_post(&c->guard);
    return answer;
}

/* Takes over `url`, which is on the site. */
static void discover(struct crawl *c, char *url)
{
    down(&c->guard);
    const bool fresh = seen_add(c->seen, url);
    if (fresh)
        c->to_visit++;
    else if (c->seen->slots[seen_find(c->seen, url)] == NULL)
        c->no_memory = true;
    sem_post(&c->guard);

    if (!fresh) {
        free(url);
    } else if (!crawler_queue_put(c->queue, url)) {
        free(url);
        down(&c->guard);
        c->no_memory = true;
        c->to_visit--; /* not the last: the page with the link is counted still, or crawler_crawl looks itself */
        sem_post(&c->guard);
    }
}

static void finish(struct crawl *c)
{
    down(&c->guard);
    const bool last = --c->to_visit == 0;
    sem_post(&c->guard);
    if (last)
        crawler_queue_close(c->queue);
}

static void visit(struct crawl *c, CURL *curl, const char *url, struct text *t)
{
    struct crawler_result one = {0, 0, 0, 0};
    struct links links = {NULL, 0};
    char *redirect = NULL;
    long code = 0;

    t->length = 0;
    CURLcode rc = curl_easy_setopt(curl, CURLOPT_URL, url);
    if (rc == CURLE_OK)
        rc = curl_easy_perform(curl);
    if (rc == CURLE_OK)
        rc = curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &code);
    if (rc != CURLE_OK || code < 200 || code >= 400) {
        one.errors = 1;
    } else if (code >= 300) {
        one.redirects = 1;
        char *raw = NULL;
        if (curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &raw) == CURLE_OK && raw != NULL)
            redirect = links_resolve(url, raw);
    } else {
        one.pages = 1;
        one.bytes = t->length;
        links = links_find(url, t->length > 0 ? t->bytes : NULL, t->length);
    }

    down(&c->guard);
    c->total.pages += one.pages;
    c->total.redirects += one.redirects;
    c->total.errors += one.errors;
    c->total.bytes += one.bytes;
    if (rc == CURLE_OUT_OF_MEMORY || t->no_memory)
        c->no_memory = true;
    sem_post(&c->guard);

    for (size_t i = 0; i < links.count; i++)
        if (links_same_site(c->start, links.urls[i])) {
            discover(c, links.urls[i]);
            links.urls[i] = NULL;
        }
    links_free(&links);
    if (redirect != NULL && links_same_site(c->start, redirect))
        discover(c, redirect);
    else
        free(redirect);
}

static void *work(void *argument)
{
    struct crawl *c = argument;
    struct text t = {NULL, 0, 0, false};
    void *url;
    CURL *curl = curl_easy_init();
    if (curl == NULL) {
        down(&c->guard);
        c->no_memory = true;
        sem_post(&c->guard);
    } else {
        curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, 1L);
        curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, 1L);
        curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, receive);
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, &t);
    }
    while (crawler_queue_get(c->queue, &url)) {
        if (!stopped(c)) /* with no handle it is */
            visit(c, curl, url, &t);
        free(url);
        crawler_queue_task_done(c->queue);
        finish(c);
    }
    if (curl != NULL)
        curl_easy_cleanup(curl);
    free(t.bytes);
    return NULL;
}

static int start_and_join(struct crawl *c, unsigned workers)
{
    pthread_t *threads = calloc(workers, sizeof *threads);
    char *first = strdup(c->start);
    unsigned n = 0;
    if (threads == NULL || first == NULL) {
        free(threads);
        free(first);
        return -1;
    }
    while (n < workers) {
        if (pthread_create(&threads[n], NULL, work, c) != 0)
            break;
        n++;
    }
    if (n == 0) {
        free(first);
    } else {
        discover(c, first);
        down(&c->guard);
        const bool nothing_to_do = c->to_visit == 0; /* memory ran out at once, or they are through already */
        sem_post(&c->guard);
        if (nothing_to_do)
            crawler_queue_close(c->queue);
        for (unsigned i = 0; i < n; i++)
            pthread_join(threads[i], NULL);
    }
    free(threads);
    return n > 0 && !c->no_memory ? 0 : -1;
}

int crawler_crawl(const char *start_url, unsigned workers, struct crawler_result *result)
{
    struct crawl c = {.start = start_url};
    int rc = -1;
    if (sem_init(&c.guard, 0, 1) != 0)
        return -1;
    if ((c.queue = crawler_queue_create(0)) != NULL && (c.seen = seen_create()) != NULL)
        rc = start_and_join(&c, workers);
    if (rc == 0)
        *result = c.total;
    seen_free(c.seen);
    crawler_queue_free(c.queue);
    sem_destroy(&c.guard);
    return rc;
}
