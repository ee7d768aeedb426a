/* expect: tests came home; schedules lost-wake-up | close wakes one blocked putter with signal instead of all with broadcast */
#define _GNU_SOURCE
#include "crawler.h"
#include <pthread.h>
#include "links.h"
#include "seen.h"

struct crawler_queue {
    pthread_mutex_t mutex;
    pthread_cond_t can_put, can_get, can_leave;
    size_t capacity, length, in_work;
    bool closed;
    struct elem { struct elem *next; void *item; } *elems; /* the last one; its next is the first */
};

struct crawler_queue *crawler_queue_create(size_t capacity)
{
    struct crawler_queue *new = malloc(sizeof *new);
    if (new)
        *new = (struct crawler_queue){PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, PTHREAD_COND_INITIALIZER,
                                      PTHREAD_COND_INITIALIZER, capacity, 0, 0, false, NULL};
    return new;
}

bool crawler_queue_put(struct crawler_queue *q, void *item)
{
    struct elem *elem = malloc(sizeof *elem);
    pthread_mutex_lock(&q->mutex);
    while (q->capacity != 0 && q->length == q->capacity && !q->closed)
        pthread_cond_wait(&q->can_put, &q->mutex);
    bool accepted = elem != NULL && !q->closed;
    if (accepted) {
        elem->item = item;
        if (q->elems == NULL) {
            elem->next = elem;
        } else {
            elem->next = q->elems->next;
            q->elems->next = elem;
        }
        q->elems = elem;
        q->length++;
        q->in_work++;
        pthread_cond_signal(&q->can_get);
    }
    pthread_mutex_unlock(&q->mutex);
    if (!accepted)
        free(elem);
    return accepted;
}

bool crawler_queue_get(struct crawler_queue *q, void **item)
{
    struct elem *elem = NULL;
    pthread_mutex_lock(&q->mutex);
    while (q->length == 0 && !q->closed)
        pthread_cond_wait(&q->can_get, &q->mutex);
    if (q->length > 0) {
        elem = q->elems->next;
        if (--q->length == 0)
            q->elems = NULL;
        else
            q->elems->next = elem->next;
        *item = elem->item;
        pthread_cond_signal(&q->can_put);
    }
    pthread_mutex_unlock(&q->mutex);
    bool got = elem != NULL;
    free(elem);
    return got;
}

void crawler_queue_task_done(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->mutex);
    if (--q->in_work == 0)
        pthread_cond_broadcast(&q->can_leave);
    pthread_mutex_unlock(&q->mutex);
}

void crawler_queue_join(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->mutex);
    while (q->in_work > 0)
        pthread_cond_wait(&q->can_leave, &q->mutex);
    pthread_mutex_unlock(&q->mutex);
}

void crawler_queue_close(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->mutex);
    q->closed = true;
    pthread_cond_broadcast(&q->can_get); /* there may be many workers */
    pthread_cond_signal(&q->can_put);    /* and the one who puts */
    pthread_mutex_unlock(&q->mutex);
}

void crawler_queue_free(struct crawler_queue *q)
{
    if (q == NULL)
        return;
    for (struct elem *elem = q->elems; q->length > 0; q->length--) {
        struct elem *next = elem->next;
        free(elem);
        elem = next;
    }
    pthread_mutex_destroy(&q->mutex);
    pthread_cond_destroy(&q->can_put);
    pthread_cond_destroy(&q->can_get);
    pthread_cond_destroy(&q->can_leave);
    free(q);
}

/* The crawler. What a worker found out about an address goes into a struct visit, which is then added up. */

struct visit {
    char *url, *html, *location;
    size_t length;
    long status; /* 0: none */
};

struct crawl {
    char const *root;
    struct crawler_queue *visits;
    struct seen *seen;
    struct crawler_result *result;
    pthread_mutex_t mutex;
};

static void plan(struct crawl *crawl, char *url) /* takes over url */
{
    struct visit *visit = calloc(1, sizeof *visit);
    pthread_mutex_lock(&crawl->mutex);
    bool wanted = links_same_site(crawl->root, url) && seen_add(crawl->seen, url);
    pthread_mutex_unlock(&crawl->mutex);
    visit->url = url;
    if (!wanted || !crawler_queue_put(crawl->visits, visit)) {
        free(url);
        free(visit);
    }
}

static size_t write_html(char *data, size_t size, size_t count, void *context)
{
    struct visit *visit = context;
    visit->html = realloc(visit->html, visit->length + size * count);
    memcpy(visit->html + visit->length, data, size * count);
    visit->length += size * count;
    return size * count;
}

static void perform(struct visit *visit, CURL *curl)
{
    char *location = NULL;
    curl_easy_setopt(curl, CURLOPT_URL, visit->url);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, visit);
    if (curl_easy_perform(curl) != CURLE_OK)
        return;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &visit->status);
    curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &location);
    if (location != NULL)
        visit->location = strdup(location);
}

static void finish(struct crawl *crawl, struct visit *visit)
{
    bool page = visit->status >= 200 && visit->status <= 299;
    bool redirect = visit->status >= 300 && visit->status <= 399;
    if (page) {
        struct links links = links_find(visit->url, visit->html, visit->length);
        for (size_t i = 0; i < links.count; i++) {
            plan(crawl, links.urls[i]);
            links.urls[i] = NULL;
        }
        links_free(&links);
    }
    if (redirect && visit->location != NULL) {
        char *target = links_resolve(visit->url, visit->location);
        if (target != NULL)
            plan(crawl, target);
    }
    pthread_mutex_lock(&crawl->mutex);
    *(page ? &crawl->result->pages : redirect ? &crawl->result->redirects : &crawl->result->errors) += 1;
    if (page)
        crawl->result->bytes += visit->length;
    pthread_mutex_unlock(&crawl->mutex);
    free(visit->url);
    free(visit->html);
    free(visit->location);
    free(visit);
}

static void *visitor(void *context)
{
    struct crawl *crawl = context;
    CURL *curl = curl_easy_init();
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, write_html);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    for (void *visit; crawler_queue_get(crawl->visits, &visit); crawler_queue_task_done(crawl->visits)) {
        perform(visit, curl);
        finish(crawl, visit);
    }
    curl_easy_cleanup(curl);
    return NULL;
}

int crawler_crawl(const char *start_url, unsigned workers, struct crawler_result *result)
{
    struct crawl crawl = {start_url, crawler_queue_create(0), seen_create(), result, PTHREAD_MUTEX_INITIALIZER};
    pthread_t visitors[workers];
    unsigned n = 0;
    *result = (struct crawler_result){0, 0, 0, 0};
    plan(&crawl, strdup(start_url));
    while (n < workers && pthread_create(&visitors[n], NULL, visitor, &crawl) == 0)
        n++;
    if (n > 0)
        crawler_queue_join(crawl.visits);
    crawler_queue_close(crawl.visits);
    while (n > 0)
        pthread_join(visitors[--n], NULL);
    crawler_queue_free(crawl.visits);
    seen_free(crawl.seen);
    return 0;
}
