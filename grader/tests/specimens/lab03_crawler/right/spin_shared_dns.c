/* expect: right | A spinlock for a few instructions; who must sleep has a semaphore on the stack. Handles are lent from a stack of idle
 * ones and share the DNS cache through a CURLSH; Location is read from the header. */
#define _GNU_SOURCE
#include "crawler.h"

#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "links.h"
#include "seen.h"

struct sleeper {
    struct sleeper *next;
    sem_t wake;
};

struct bead {
    struct bead *next;
    void *item;
};

struct crawler_queue {
    pthread_spinlock_t spin;
    struct sleeper *putters, *getters, *joiners; /* lists of those asleep */
    struct bead *head, *tail;
    size_t capacity, length, undone;
    bool closed;
};

struct crawler_queue *crawler_queue_create(size_t capacity)
{
    struct crawler_queue *q = calloc(1, sizeof *q);
    if (q != NULL) {
        pthread_spin_init(&q->spin, PTHREAD_PROCESS_PRIVATE);
        q->capacity = capacity;
    }
    return q;
}

/* Called with the spinlock, which is free in between. */
static void doze(struct crawler_queue *q, struct sleeper **list)
{
    struct sleeper self = {.next = NULL};
    sem_init(&self.wake, 0, 0);
    while (*list != NULL)
        list = &(*list)->next;
    *list = &self;
    pthread_spin_unlock(&q->spin);
    while (sem_wait(&self.wake) != 0 && errno == EINTR)
        continue;
    sem_destroy(&self.wake);
    pthread_spin_lock(&q->spin);
}

static void rouse(struct sleeper **list)
{
    struct sleeper *sleeper = *list;
    if (sleeper == NULL)
        return;
    *list = sleeper->next;
    sem_post(&sleeper->wake);
}

static void rouse_all(struct sleeper **list)
{
    while (*list != NULL)
        rouse(list);
}

bool crawler_queue_put(struct crawler_queue *q, void *item)
{
    struct bead *bead = malloc(sizeof *bead);
    if (bead == NULL)
        return false;
    *bead = (struct bead){.item = item};
    pthread_spin_lock(&q->spin);
    while (!q->closed && q->capacity != 0 && q->length >= q->capacity)
        doze(q, &q->putters);
    const bool closed = q->closed;
    if (!closed) {
        if (q->tail != NULL)
            q->tail->next = bead;
        else
            q->head = bead;
        q->tail = bead;
        q->length++;
        q->undone++;
        rouse(&q->getters);
    }
    pthread_spin_unlock(&q->spin);
    if (closed)
        free(bead);
    return !closed;
}

bool crawler_queue_get(struct crawler_queue *q, void **item)
{
    pthread_spin_lock(&q->spin);
    while (!q->closed && q->length == 0)
        doze(q, &q->getters);
    struct bead *bead = q->head;
    if (bead != NULL) {
        q->head = bead->next;
        if (q->head == NULL)
            q->tail = NULL;
        q->length--;
        rouse(&q->putters);
    }
    pthread_spin_unlock(&q->spin);
    if (bead == NULL)
        return false;
    *item = bead->item;
    free(bead);
    return true;
}

void crawler_queue_task_done(struct crawler_queue *q)
{
    pthread_spin_lock(&q->spin);
    if (--q->undone == 0)
        rouse_all(&q->joiners);
    pthread_spin_unlock(&q->spin);
}

void crawler_queue_join(struct crawler_queue *q)
{
    pthread_spin_lock(&q->spin);
    while (q->undone != 0)
        doze(q, &q->joiners);
    pthread_spin_unlock(&q->spin);
}

void crawler_queue_close(struct crawler_queue *q)
{
    pthread_spin_lock(&q->spin);
    q->closed = true;
    rouse_all(&q->putters);
    rouse_all(&q->getters);
    pthread_spin_unlock(&q->spin);
}

void crawler_queue_free(struct crawler_queue *q)
{
    if (q == NULL)
        return;
    while (q->head != NULL) {
        struct bead *bead = q->head;
        q->head = bead->next;
        free(bead);
    }
    pthread_spin_destroy(&q->spin);
    free(q);
}

/* ---- the crawler ---- */

struct fetcher { /* a handle and what it needs; lent to one thread at a time */
    struct fetcher *next;
    CURL *curl;
    char *body, *location;
    size_t length, size;
    bool poor; /* memory ran out */
};

struct crawl {
    const char *start;
    struct crawler_queue *queue;
    CURLSH *share;
    pthread_mutex_t share_locks[CURL_LOCK_DATA_LAST];
    pthread_mutex_t lock; /* of all below */
    struct seen *seen;
    struct fetcher *idle;
    struct crawler_result sums;
    bool failed;
};

static void share_lock(CURL *curl, curl_lock_data data, curl_lock_access access, void *user)
{
    (void)curl, (void)access;
    struct crawl *crawl = user;
    pthread_mutex_lock(&crawl->share_locks[data]);
}

static void share_unlock(CURL *curl, curl_lock_data data, void *user)
{
    (void)curl;
    struct crawl *crawl = user;
    pthread_mutex_unlock(&crawl->share_locks[data]);
}

static size_t on_body(char *data, size_t one, size_t count, void *to)
{
    struct fetcher *f = to;
    const size_t more = one * count;
    if (f->size - f->length < more) {
        const size_t size = f->length + more + 8192;
        char *grown = realloc(f->body, size);
        if (grown == NULL) {
            f->poor = true;
            return 0;
        }
        f->body = grown;
        f->size = size;
    }
    memcpy(f->body + f->length, data, more);
    f->length += more;
    return more;
}

static size_t on_header(char *line, size_t one, size_t count, void *to)
{
    static const char name[] = "Location:";
    struct fetcher *f = to;
    size_t length = one * count, at = sizeof name - 1;
    if (length < at || strncasecmp(line, name, at) != 0)
        return one * count;
    while (at < length && (line[at] == ' ' || line[at] == '\t'))
        at++;
    while (length > at && strchr("\r\n \t", line[length - 1]) != NULL)
        length--;
    free(f->location);
    f->location = strndup(line + at, length - at);
    if (f->location == NULL)
        f->poor = true;
    return one * count;
}

static void fetcher_free(struct fetcher *f)
{
    if (f->curl != NULL)
        curl_easy_cleanup(f->curl);
    free(f->body);
    free(f->location);
    free(f);
}

static struct fetcher *borrow(struct crawl *crawl)
{
    pthread_mutex_lock(&crawl->lock);
    struct fetcher *f = crawl->idle;
    if (f != NULL)
        crawl->idle = f->next;
    pthread_mutex_unlock(&crawl->lock);
    if (f != NULL)
        return f;
    f = calloc(1, sizeof *f);
    if (f == NULL)
        return NULL;
    f->curl = curl_easy_init();
    if (f->curl == NULL || curl_easy_setopt(f->curl, CURLOPT_SHARE, crawl->share) != CURLE_OK) {
        fetcher_free(f);
        return NULL;
    }
    curl_easy_setopt(f->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(f->curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(f->curl, CURLOPT_WRITEDATA, f);
    curl_easy_setopt(f->curl, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(f->curl, CURLOPT_HEADERDATA, f);
    return f;
}

static void bring_back(struct crawl *crawl, struct fetcher *f)
{
    pthread_mutex_lock(&crawl->lock);
    f->next = crawl->idle;
    crawl->idle = f;
    pthread_mutex_unlock(&crawl->lock);
}

static void fail(struct crawl *crawl)
{
    pthread_mutex_lock(&crawl->lock);
    crawl->failed = true;
    pthread_mutex_unlock(&crawl->lock);
}

static void link_found(struct crawl *crawl, const char *url)
{
    if (!links_same_site(crawl->start, url))
        return;
    char *item = NULL;
    if (asprintf(&item, "%s", url) < 0) {
        fail(crawl);
        return;
    }
    pthread_mutex_lock(&crawl->lock);
    bool take = seen_add(crawl->seen, url);
    if (!take && crawl->seen->slots[seen_find(crawl->seen, url)] == NULL)
        crawl->failed = true;
    pthread_mutex_unlock(&crawl->lock);
    if (take && crawler_queue_put(crawl->queue, item))
        return;
    free(item);
    if (take)
        fail(crawl);
}

static void visit(struct crawl *crawl, const char *url)
{
    struct fetcher *f = borrow(crawl);
    if (f == NULL) {
        fail(crawl);
        return;
    }
    long status = 0;
    f->length = 0;
    free(f->location);
    f->location = NULL;
    CURLcode code = curl_easy_setopt(f->curl, CURLOPT_URL, url);
    if (code == CURLE_OK)
        code = curl_easy_perform(f->curl);
    curl_easy_getinfo(f->curl, CURLINFO_RESPONSE_CODE, &status);
    const bool poor = f->poor || code == CURLE_OUT_OF_MEMORY;
    const bool redirect = !poor && status >= 300 && status <= 399;
    const bool page = !poor && code == CURLE_OK && status >= 200 && status <= 299;
    if (redirect && f->location != NULL) {
        char *target = links_resolve(url, f->location);
        if (target != NULL)
            link_found(crawl, target);
        free(target);
    } else if (page) {
        struct links links = links_find(url, f->body, f->length);
        for (size_t i = 0; i < links.count; i++)
            link_found(crawl, links.urls[i]);
        links_free(&links);
    }
    pthread_mutex_lock(&crawl->lock);
    if (poor)
        crawl->failed = true;
    else if (redirect)
        crawl->sums.redirects++;
    else if (page)
        crawl->sums.pages++, crawl->sums.bytes += f->length;
    else
        crawl->sums.errors++;
    pthread_mutex_unlock(&crawl->lock);
    bring_back(crawl, f);
}

static void *work(void *argument)
{
    struct crawl *crawl = argument;
    void *url;
    while (crawler_queue_get(crawl->queue, &url)) {
        pthread_mutex_lock(&crawl->lock);
        const bool stop = crawl->failed;
        pthread_mutex_unlock(&crawl->lock);
        if (!stop)
            visit(crawl, url);
        free(url);
        crawler_queue_task_done(crawl->queue);
    }
    return NULL;
}

/* Starts a worker, then by recursion those after it; the handles stay in the frames. Returns how many it could start. */
static unsigned run(struct crawl *crawl, unsigned workers, unsigned before)
{
    pthread_t thread;
    if (before == workers || pthread_create(&thread, NULL, work, crawl) != 0) {
        if (before != 0) {
            link_found(crawl, crawl->start);
            crawler_queue_join(crawl->queue);
            crawler_queue_close(crawl->queue);
        }
        return before;
    }
    const unsigned all = run(crawl, workers, before + 1);
    pthread_join(thread, NULL);
    return all;
}

int crawler_crawl(const char *start_url, unsigned workers, struct crawler_result *result)
{
    *result = (struct crawler_result){0};
    struct crawl crawl = {.start = start_url, .lock = PTHREAD_MUTEX_INITIALIZER};
    for (int i = 0; i < CURL_LOCK_DATA_LAST; i++)
        pthread_mutex_init(&crawl.share_locks[i], NULL);
    crawl.share = curl_share_init();
    crawl.queue = crawler_queue_create(0);
    crawl.seen = seen_create();
    unsigned started = 0;
    if (crawl.share != NULL && crawl.queue != NULL && crawl.seen != NULL) {
        curl_share_setopt(crawl.share, CURLSHOPT_LOCKFUNC, share_lock);
        curl_share_setopt(crawl.share, CURLSHOPT_UNLOCKFUNC, share_unlock);
        curl_share_setopt(crawl.share, CURLSHOPT_USERDATA, &crawl);
        curl_share_setopt(crawl.share, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS);
        started = run(&crawl, workers, 0);
    }
    while (crawl.idle != NULL) {
        struct fetcher *next = crawl.idle->next;
        fetcher_free(crawl.idle);
        crawl.idle = next;
    }
    if (crawl.share != NULL)
        curl_share_cleanup(crawl.share);
    *result = crawl.sums;
    crawler_queue_free(crawl.queue);
    seen_free(crawl.seen);
    for (int i = 0; i < CURL_LOCK_DATA_LAST; i++)
        pthread_mutex_destroy(&crawl.share_locks[i]);
    pthread_mutex_destroy(&crawl.lock);
    return started != 0 && !crawl.failed ? 0 : -1;
}
