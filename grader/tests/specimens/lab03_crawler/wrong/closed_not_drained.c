/* expect: tests drained; schedules assertion | get fails as soon as the queue is closed, items left or not */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <curl/curl.h>
#include "crawler.h"
#include "links.h"
#include "seen.h"

typedef struct crawler_queue queue_t;

struct crawler_queue {
    pthread_mutex_t lock;
    pthread_cond_t putters, getters, joiners;
    void **items;
    size_t head, tail; /* count without end, taken modulo room */
    size_t room, capacity;
    size_t pending;
    bool closed;
};

queue_t *crawler_queue_create(size_t capacity)
{
    queue_t *q = calloc(1, sizeof(queue_t));
    if (!q)
        return NULL;
    q->capacity = capacity;
    q->room = capacity ? capacity : 8;
    q->items = calloc(q->room, sizeof(void *));
    if (!q->items) {
        free(q);
        return NULL;
    }
    pthread_mutex_init(&q->lock, 0);
    pthread_cond_init(&q->putters, 0);
    pthread_cond_init(&q->getters, 0);
    pthread_cond_init(&q->joiners, 0);
    return q;
}

bool crawler_queue_put(queue_t *q, void *item)
{
    pthread_mutex_lock(&q->lock);
    for (;;) {
        if (q->closed) {
            pthread_mutex_unlock(&q->lock);
            return false;
        }
        if (q->tail - q->head < q->room)
            break;
        if (q->capacity == 0) {
            void **wider = malloc(2 * q->room * sizeof(void *));
            if (!wider) {
                pthread_mutex_unlock(&q->lock);
                return false;
            }
            for (size_t i = q->head; i != q->tail; i++)
                wider[i - q->head] = q->items[i % q->room];
            free(q->items);
            q->items = wider;
            q->tail -= q->head;
            q->head = 0;
            q->room *= 2;
            break;
        }
        pthread_cond_wait(&q->putters, &q->lock);
    }
    q->items[q->tail++ % q->room] = item;
    q->pending++;
    pthread_mutex_unlock(&q->lock);
    pthread_cond_signal(&q->getters); /* after the unlock: just as good */
    return true;
}

bool crawler_queue_get(queue_t *q, void **item)
{
    pthread_mutex_lock(&q->lock);
    while (q->head == q->tail && !q->closed)
        pthread_cond_wait(&q->getters, &q->lock);
    if (q->closed) {
        pthread_mutex_unlock(&q->lock);
        return false;
    }
    *item = q->items[q->head++ % q->room];
    pthread_mutex_unlock(&q->lock);
    pthread_cond_signal(&q->putters);
    return true;
}

void crawler_queue_task_done(queue_t *q)
{
    pthread_mutex_lock(&q->lock);
    q->pending--;
    if (q->pending == 0)
        pthread_cond_broadcast(&q->joiners);
    pthread_mutex_unlock(&q->lock);
}

void crawler_queue_join(queue_t *q)
{
    pthread_mutex_lock(&q->lock);
    while (q->pending)
        pthread_cond_wait(&q->joiners, &q->lock);
    pthread_mutex_unlock(&q->lock);
}

void crawler_queue_close(queue_t *q)
{
    pthread_mutex_lock(&q->lock);
    q->closed = true;
    pthread_mutex_unlock(&q->lock);
    pthread_cond_broadcast(&q->putters);
    pthread_cond_broadcast(&q->getters);
}

void crawler_queue_free(queue_t *q)
{
    if (!q)
        return;
    pthread_mutex_destroy(&q->lock);
    pthread_cond_destroy(&q->putters);
    pthread_cond_destroy(&q->getters);
    pthread_cond_destroy(&q->joiners);
    free(q->items);
    free(q);
}

/* A page on its way: the coordinator sends it out with an address, a worker sends it back filled in. */
typedef struct {
    char *url, *body, *redirect;
    size_t length;
    long status;
    CURLcode code;
} page_t;

typedef struct {
    queue_t *out, *back;
} lines_t;

static size_t append(char *p, size_t size, size_t n, void *v)
{
    page_t *page = v;
    char *more = realloc(page->body, page->length + size * n);
    if (more == NULL)
        return 0;
    page->body = more;
    memcpy(page->body + page->length, p, size * n);
    page->length += size * n;
    return size * n;
}

static void *worker(void *v)
{
    lines_t *lines = v;
    CURL *curl = curl_easy_init();
    for (void *p; crawler_queue_get(lines->out, &p);) {
        page_t *page = p;
        char *redirect = NULL;
        curl_easy_reset(curl);
        curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(curl, CURLOPT_URL, page->url);
        curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, append);
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, page);
        page->code = curl_easy_perform(curl);
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &page->status);
        curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &redirect);
        if (redirect)
            page->redirect = links_resolve(page->url, redirect);
        crawler_queue_put(lines->back, page);
    }
    curl_easy_cleanup(curl);
    return NULL;
}

/* Returns 1 if a page was sent out for this address. */
static int send_out(queue_t *out, struct seen *seen, const char *start, const char *url)
{
    if (!links_same_site(start, url) || !seen_add(seen, url))
        return 0;
    page_t *page = calloc(1, sizeof(page_t));
    page->url = strdup(url);
    crawler_queue_put(out, page);
    return 1;
}

static int take_in(page_t *page, queue_t *out, struct seen *seen, const char *start, struct crawler_result *r)
{
    int sent = 0;
    if (page->code != CURLE_OK || page->status < 200 || page->status > 399) {
        r->errors++;
    } else if (page->status > 299) {
        r->redirects++;
        if (page->redirect)
            sent += send_out(out, seen, start, page->redirect);
    } else {
        struct links links = links_find(page->url, page->body, page->length);
        r->pages++;
        r->bytes += page->length;
        for (size_t i = 0; i < links.count; i++)
            sent += send_out(out, seen, start, links.urls[i]);
        links_free(&links);
    }
    free(page->url);
    free(page->body);
    free(page->redirect);
    free(page);
    return sent;
}

int crawler_crawl(const char *start_url, unsigned workers, struct crawler_result *result)
{
    lines_t lines = {crawler_queue_create(0), crawler_queue_create(4)};
    struct seen *seen = seen_create();
    pthread_t *threads = calloc(workers, sizeof(pthread_t));
    unsigned n = 0;
    memset(result, 0, sizeof(*result));
    while (n < workers && pthread_create(&threads[n], NULL, worker, &lines) == 0)
        n++;
    int away = n > 0 ? send_out(lines.out, seen, start_url, start_url) : 0;
    while (away > 0) {
        void *page;
        crawler_queue_get(lines.back, &page);
        away += take_in(page, lines.out, seen, start_url, result) - 1;
    }
    crawler_queue_close(lines.out);
    for (unsigned i = 0; i < n; i++)
        pthread_join(threads[i], NULL);
    crawler_queue_free(lines.out);
    crawler_queue_free(lines.back);
    seen_free(seen);
    free(threads);
    return n > 0 ? 0 : -1;
}
