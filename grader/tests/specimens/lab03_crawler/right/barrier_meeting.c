/* expect: right | who must wait stands in a line with a barrier for two on its stack; who calls it meets it there. Pages are lists of requests to a shared result, folded by a tree of threads */
#define _GNU_SOURCE
#include "crawler.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "links.h"
#include "seen.h"

struct waiter {
    struct waiter *next;
    pthread_barrier_t meeting; /* of the one who waits and the one who calls */
    void *item;                /* to put, or got */
    bool served;               /* false: called because of close */
};

struct line {
    struct waiter *first, **end;
};

struct cell {
    struct cell *next;
    void *item;
};

struct crawler_queue {
    pthread_mutex_t lock;
    struct cell *first, **end;
    struct line putters, getters, joiners;
    size_t capacity, count, unfinished;
    bool closed;
};

static void line_up(struct line *line, struct waiter *w)
{
    w->next = NULL;
    *line->end = w;
    line->end = &w->next;
}

static struct waiter *step_out(struct line *line)
{
    struct waiter *w = line->first;
    if (w != NULL && (line->first = w->next) == NULL)
        line->end = &line->first;
    return w;
}

static struct waiter *all_out(struct line *line)
{
    struct waiter *w = line->first;
    line->first = NULL;
    line->end = &line->first;
    return w;
}

static void meet(struct waiter *w)
{
    pthread_barrier_wait(&w->meeting);
}

static void call(struct waiter *w, bool served)
{
    w->served = served;
    meet(w); /* w may be gone now */
}

static void call_each(struct waiter *w, bool served)
{
    while (w != NULL) {
        struct waiter *next = w->next;
        call(w, served);
        w = next;
    }
}

/* With the lock held; gives it back, and returns when called. */
static bool stand_in(struct crawler_queue *q, struct line *line, struct waiter *w)
{
    if (pthread_barrier_init(&w->meeting, NULL, 2) != 0)
        abort();
    line_up(line, w);
    pthread_mutex_unlock(&q->lock);
    meet(w);
    pthread_barrier_destroy(&w->meeting);
    return w->served;
}

static bool append(struct crawler_queue *q, void *item, struct cell *cell)
{
    cell->next = NULL;
    cell->item = item;
    *q->end = cell;
    q->end = &cell->next;
    q->count++;
    return true;
}

struct crawler_queue *crawler_queue_create(size_t capacity)
{
    struct crawler_queue *q = calloc(1, sizeof *q);
    if (q == NULL)
        return NULL;
    if (pthread_mutex_init(&q->lock, NULL) != 0) {
        free(q);
        return NULL;
    }
    q->end = &q->first;
    q->putters.end = &q->putters.first;
    q->getters.end = &q->getters.first;
    q->joiners.end = &q->joiners.first;
    q->capacity = capacity;
    return q;
}

bool crawler_queue_put(struct crawler_queue *q, void *item)
{
    struct cell *cell = malloc(sizeof *cell);
    if (cell == NULL)
        return false;
    pthread_mutex_lock(&q->lock);
    if (q->closed) {
        pthread_mutex_unlock(&q->lock);
        free(cell);
        return false;
    }
    struct waiter *getter = step_out(&q->getters);
    if (getter != NULL) { /* then the queue is empty */
        q->unfinished++;
        getter->item = item;
        pthread_mutex_unlock(&q->lock);
        call(getter, true);
        free(cell);
        return true;
    }
    if (q->capacity == 0 || q->count < q->capacity) {
        q->unfinished++;
        append(q, item, cell);
        pthread_mutex_unlock(&q->lock);
        return true;
    }
    /* Full. Whoever makes room takes the cell with the item into the queue. */
    cell->item = item;
    struct waiter me = {.item = cell};
    if (stand_in(q, &q->putters, &me))
        return true;
    free(cell);
    return false;
}

bool crawler_queue_get(struct crawler_queue *q, void **item)
{
    pthread_mutex_lock(&q->lock);
    struct cell *cell = q->first;
    if (cell != NULL) {
        struct waiter *putter;
        if ((q->first = cell->next) == NULL)
            q->end = &q->first;
        q->count--;
        if ((putter = step_out(&q->putters)) != NULL) {
            struct cell *moved = putter->item;
            append(q, moved->item, moved);
            q->unfinished++;
        }
        pthread_mutex_unlock(&q->lock);
        if (putter != NULL)
            call(putter, true);
        *item = cell->item;
        free(cell);
        return true;
    }
    if (q->closed) {
        pthread_mutex_unlock(&q->lock);
        return false;
    }
    struct waiter me = {.item = NULL};
    if (!stand_in(q, &q->getters, &me))
        return false;
    *item = me.item;
    return true;
}

void crawler_queue_task_done(struct crawler_queue *q)
{
    struct waiter *w = NULL;
    pthread_mutex_lock(&q->lock);
    if (--q->unfinished == 0)
        w = all_out(&q->joiners);
    pthread_mutex_unlock(&q->lock);
    call_each(w, true);
}

void crawler_queue_join(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->lock);
    if (q->unfinished == 0) {
        pthread_mutex_unlock(&q->lock);
        return;
    }
    struct waiter me = {.item = NULL};
    stand_in(q, &q->joiners, &me);
}

void crawler_queue_close(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->lock);
    q->closed = true;
    struct waiter *p = all_out(&q->putters), *g = all_out(&q->getters);
    pthread_mutex_unlock(&q->lock);
    call_each(p, false);
    call_each(g, false);
}

void crawler_queue_free(struct crawler_queue *q)
{
    if (q == NULL)
        return;
    for (struct cell *c = q->first, *next; c != NULL; c = next) {
        next = c->next;
        free(c);
    }
    pthread_mutex_destroy(&q->lock);
    free(q);
}

/* ---- the crawler: threads form a binary tree; each starts two more, joins them and adds their counts to its own ---- */

struct crawl {
    const char *start;
    struct crawler_queue *queue;
    pthread_mutex_t lock;
    struct seen *seen;
    atomic_bool failed;
    unsigned workers;
};

struct member {
    struct crawl *crawl;
    unsigned number; /* its children: 2n, 2n+1 */
    struct crawler_result sum;
    CURL *curl;
    char *body;
    size_t length;
};

static size_t keep(char *data, size_t size, size_t n, void *arg)
{
    struct member *m = arg;
    char *more = realloc(m->body, m->length + size * n);
    if (more == NULL) {
        if (size * n != 0)
            atomic_store(&m->crawl->failed, true);
        return 0;
    }
    m->body = more;
    memcpy(m->body + m->length, data, size * n);
    m->length += size * n;
    return size * n;
}

static void offer(struct crawl *c, const char *url)
{
    if (!links_same_site(c->start, url))
        return;
    pthread_mutex_lock(&c->lock);
    const bool fresh = seen_add(c->seen, url);
    const bool lost = !fresh && c->seen->slots[seen_find(c->seen, url)] == NULL;
    pthread_mutex_unlock(&c->lock);
    char *copy = fresh ? strdup(url) : NULL;
    if (lost || (fresh && (copy == NULL || !crawler_queue_put(c->queue, copy)))) {
        free(copy);
        atomic_store(&c->failed, true);
    }
}

static void visit(struct member *m, const char *url)
{
    long status = 0;
    char *to = NULL;
    m->length = 0;
    curl_easy_setopt(m->curl, CURLOPT_URL, url);
    const CURLcode code = curl_easy_perform(m->curl);
    curl_easy_getinfo(m->curl, CURLINFO_RESPONSE_CODE, &status);
    if (code == CURLE_OUT_OF_MEMORY)
        atomic_store(&m->crawl->failed, true);
    if (status / 100 == 3) {
        m->sum.redirects++;
        curl_easy_getinfo(m->curl, CURLINFO_REDIRECT_URL, &to);
        to = to == NULL ? NULL : links_resolve(url, to);
        if (to != NULL)
            offer(m->crawl, to);
        free(to);
    } else if (status / 100 == 2 && code == CURLE_OK) {
        m->sum.pages++;
        m->sum.bytes += m->length;
        struct links links = links_find(url, m->body, m->length);
        for (size_t i = 0; i < links.count; i++)
            offer(m->crawl, links.urls[i]);
        links_free(&links);
    } else {
        m->sum.errors++;
    }
}

static void *member_main(void *arg);

static bool start(struct member *child, struct crawl *crawl, unsigned number, pthread_t *id)
{
    *child = (struct member){.crawl = crawl, .number = number};
    return number <= crawl->workers && pthread_create(id, NULL, member_main, child) == 0;
}

static void add(struct member *m, const struct member *child, pthread_t id)
{
    pthread_join(id, NULL);
    m->sum.pages += child->sum.pages;
    m->sum.redirects += child->sum.redirects;
    m->sum.errors += child->sum.errors;
    m->sum.bytes += child->sum.bytes;
}

static void *member_main(void *arg)
{
    struct member *m = arg, left, right;
    pthread_t left_id, right_id;
    const bool has_left = start(&left, m->crawl, 2 * m->number, &left_id);
    const bool has_right = start(&right, m->crawl, 2 * m->number + 1, &right_id);
    void *url;
    m->curl = curl_easy_init();
    if (m->curl != NULL) {
        curl_easy_setopt(m->curl, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(m->curl, CURLOPT_WRITEFUNCTION, keep);
        curl_easy_setopt(m->curl, CURLOPT_WRITEDATA, m);
    } else {
        atomic_store(&m->crawl->failed, true);
    }
    while (crawler_queue_get(m->crawl->queue, &url)) {
        if (m->curl != NULL)
            visit(m, url);
        free(url);
        crawler_queue_task_done(m->crawl->queue);
    }
    curl_easy_cleanup(m->curl);
    free(m->body);
    if (has_left)
        add(m, &left, left_id);
    if (has_right)
        add(m, &right, right_id);
    return NULL;
}

int crawler_crawl(const char *start_url, unsigned workers, struct crawler_result *result)
{
    struct crawl c = {.start = start_url,
                      .queue = crawler_queue_create(0),
                      .lock = PTHREAD_MUTEX_INITIALIZER,
                      .seen = seen_create(),
                      .workers = workers};
    struct member root;
    pthread_t id;
    int answer = -1;
    *result = (struct crawler_result){0};
    if (c.queue != NULL && c.seen != NULL && start(&root, &c, 1, &id)) {
        offer(&c, start_url);
        crawler_queue_join(c.queue);
        crawler_queue_close(c.queue);
        pthread_join(id, NULL);
        *result = root.sum;
        answer = atomic_load(&c.failed) ? -1 : 0;
    }
    crawler_queue_free(c.queue);
    seen_free(c.seen);
    pthread_mutex_destroy(&c.lock);
    return answer;
}
