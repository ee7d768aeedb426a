/* expect: speedup crawl | right, but each worker pauses after every page */
#include "crawler.h"
#include "links.h"
#include "seen.h"
#include <pthread.h>
#include <time.h>

/* Every getter that waits stands in a line and is given its item directly; putters share one condition. */
struct getter { pthread_cond_t called; void *item; bool served; struct getter *behind; };
struct item { void *value; struct item *behind; };

struct crawler_queue {
    pthread_mutex_t lock;
    pthread_cond_t room, done;
    struct getter *getters, **last_getter;
    struct item *items, **last_item;
    size_t count, capacity, unfinished;
    bool closed;
};

struct crawler_queue *crawler_queue_create(size_t capacity)
{
    struct crawler_queue *q = malloc(sizeof *q);
    if (q == NULL)
        return NULL;
    pthread_mutex_init(&q->lock, NULL);
    pthread_cond_init(&q->room, NULL);
    pthread_cond_init(&q->done, NULL);
    q->getters = NULL;
    q->last_getter = &q->getters;
    q->items = NULL;
    q->last_item = &q->items;
    q->count = q->unfinished = 0;
    q->capacity = capacity;
    q->closed = false;
    return q;
}

bool crawler_queue_put(struct crawler_queue *q, void *value)
{
    bool ok = true;
    pthread_mutex_lock(&q->lock);
    while (!q->closed && q->capacity > 0 && q->count >= q->capacity)
        pthread_cond_wait(&q->room, &q->lock);
    if (q->closed) {
        ok = false;
    } else if (q->getters != NULL) {
        struct getter *first = q->getters;
        q->getters = first->behind;
        if (q->getters == NULL)
            q->last_getter = &q->getters;
        first->item = value;
        first->served = true;
        pthread_cond_signal(&first->called);
        pthread_cond_signal(&q->room); /* none was used up */
    } else {
        struct item *item = malloc(sizeof *item);
        ok = item != NULL;
        if (ok) {
            *item = (struct item){value, NULL};
            *q->last_item = item;
            q->last_item = &item->behind;
            q->count++;
        } else {
            pthread_cond_signal(&q->room);
        }
    }
    q->unfinished += ok;
    pthread_mutex_unlock(&q->lock);
    return ok;
}

bool crawler_queue_get(struct crawler_queue *q, void **value)
{
    struct getter me = {.served = false};
    pthread_mutex_lock(&q->lock);
    if (q->items != NULL) {
        struct item *item = q->items;
        q->items = item->behind;
        if (q->items == NULL)
            q->last_item = &q->items;
        q->count--;
        me.item = item->value;
        me.served = true;
        free(item);
        pthread_cond_signal(&q->room);
    } else if (!q->closed) {
        pthread_cond_init(&me.called, NULL);
        *q->last_getter = &me;
        q->last_getter = &me.behind;
        while (!me.served && !q->closed)
            pthread_cond_wait(&me.called, &q->lock);
        pthread_cond_destroy(&me.called);
    }
    pthread_mutex_unlock(&q->lock);
    if (me.served)
        *value = me.item;
    return me.served;
}

void crawler_queue_task_done(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->lock);
    if (--q->unfinished == 0)
        pthread_cond_broadcast(&q->done);
    pthread_mutex_unlock(&q->lock);
}

void crawler_queue_join(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->lock);
    while (q->unfinished > 0)
        pthread_cond_wait(&q->done, &q->lock);
    pthread_mutex_unlock(&q->lock);
}

void crawler_queue_close(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->lock);
    q->closed = true;
    for (struct getter *g = q->getters; g != NULL; g = g->behind)
        pthread_cond_signal(&g->called);
    q->getters = NULL;
    q->last_getter = &q->getters;
    pthread_cond_broadcast(&q->room);
    pthread_mutex_unlock(&q->lock);
}

void crawler_queue_free(struct crawler_queue *q)
{
    for (struct item *item; q != NULL && (item = q->items) != NULL; free(item))
        q->items = item->behind;
    if (q != NULL) {
        pthread_cond_destroy(&q->room);
        pthread_cond_destroy(&q->done);
        pthread_mutex_destroy(&q->lock);
    }
    free(q);
}

struct job {
    struct crawler_queue *q;
    struct seen *seen;
    pthread_mutex_t seen_lock, sum_lock;
    struct crawler_result sum;
    const char *home;
};

struct body { char *text; size_t n; };

static size_t add_to_body(char *text, size_t size, size_t n, void *p)
{
    struct body *body = p;
    char *longer = realloc(body->text, body->n + size * n);
    if (longer == NULL)
        return 0;
    memcpy(longer + body->n, text, size * n);
    body->text = longer;
    body->n += size * n;
    return size * n;
}

/* A moment between two requests: the site is not ours. */
static void be_polite(void)
{
    const struct timespec pause = {0, 15 * 1000 * 1000};
    nanosleep(&pause, NULL);
}

static void remember(struct job *job, const char *url)
{
    if (links_same_site(job->home, url)) {
        pthread_mutex_lock(&job->seen_lock);
        bool is_new = seen_add(job->seen, url);
        pthread_mutex_unlock(&job->seen_lock);
        if (is_new)
            crawler_queue_put(job->q, strdup(url));
    }
}

static void *fetcher(void *p)
{
    struct job *job = p;
    CURL *curl = curl_easy_init();
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, add_to_body);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    for (void *url; crawler_queue_get(job->q, &url);) {
        struct crawler_result one = {0};
        struct body body = {0};
        char *to = NULL;
        long code = 0;
        curl_easy_setopt(curl, CURLOPT_URL, (char *)url);
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, &body);
        if (curl_easy_perform(curl) != CURLE_OK)
            code = -1;
        else
            curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &code);
        if (code >= 200 && code < 300) {
            one = (struct crawler_result){.pages = 1, .bytes = body.n};
            struct links links = links_find(url, body.text, body.n);
            for (size_t i = 0; i < links.count; i++)
                remember(job, links.urls[i]);
            links_free(&links);
        } else if (code >= 300 && code < 400) {
            one.redirects = 1;
            curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &to);
            char *absolute = to == NULL ? NULL : links_resolve(url, to);
            if (absolute != NULL)
                remember(job, absolute);
            free(absolute);
        } else {
            one.errors = 1;
        }
        pthread_mutex_lock(&job->sum_lock);
        job->sum.pages += one.pages;
        job->sum.redirects += one.redirects;
        job->sum.errors += one.errors;
        job->sum.bytes += one.bytes;
        pthread_mutex_unlock(&job->sum_lock);
        free(body.text);
        free(url);
        be_polite();
        crawler_queue_task_done(job->q);
    }
    curl_easy_cleanup(curl);
    return NULL;
}

int crawler_crawl(const char *start_url, unsigned workers, struct crawler_result *result)
{
    struct job job = {.q = crawler_queue_create(0), .seen = seen_create(), .home = start_url};
    pthread_t ids[workers];
    unsigned n = 0;
    pthread_mutex_init(&job.seen_lock, NULL);
    pthread_mutex_init(&job.sum_lock, NULL);
    while (n < workers && pthread_create(&ids[n], NULL, fetcher, &job) == 0)
        n++;
    if (n > 0) {
        remember(&job, start_url);
        crawler_queue_join(job.q);
    }
    crawler_queue_close(job.q);
    for (unsigned i = 0; i < n; i++)
        pthread_join(ids[i], NULL);
    *result = job.sum;
    pthread_mutex_destroy(&job.seen_lock);
    pthread_mutex_destroy(&job.sum_lock);
    seen_free(job.seen);
    crawler_queue_free(job.q);
    return n > 0 ? 0 : -1;
}
