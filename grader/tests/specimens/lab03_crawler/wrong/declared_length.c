/* expect: tests bytes together | counts the Content-Length instead of what comes; not every answer has one */
// Lab 3 (web crawler): a list queue that recycles its nodes, and per-thread counters that are added at the end.
#define _GNU_SOURCE
#include "crawler.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "links.h"
#include "seen.h"

// ---------- queue ----------

typedef struct element {
    void *content;
    struct element *next;
} element_t;

struct crawler_queue {
    pthread_mutex_t guard;
    pthread_cond_t space_available;
    pthread_cond_t item_available;
    pthread_cond_t work_finished;
    element_t *oldest, *newest;
    element_t *unused; // elements for the next puts
    size_t length;
    size_t capacity;
    size_t work;
    bool open;
};

struct crawler_queue *crawler_queue_create(size_t capacity)
{
    struct crawler_queue *queue = malloc(sizeof(struct crawler_queue));
    if (queue == NULL)
        return NULL;
    *queue = (struct crawler_queue){.capacity = capacity, .open = true};
    pthread_mutex_init(&queue->guard, NULL);
    pthread_cond_init(&queue->space_available, NULL);
    pthread_cond_init(&queue->item_available, NULL);
    pthread_cond_init(&queue->work_finished, NULL);
    return queue;
}

// The four below: call with the guard held.

static element_t *element_new(struct crawler_queue *queue, void *content)
{
    element_t *e = queue->unused;
    if (e != NULL)
        queue->unused = e->next;
    else
        e = malloc(sizeof(element_t));
    if (e != NULL) {
        e->content = content;
        e->next = NULL;
    }
    return e;
}

static void *element_retire(struct crawler_queue *queue, element_t *e)
{
    void *content = e->content;
    e->next = queue->unused;
    queue->unused = e;
    return content;
}

static void link_newest(struct crawler_queue *queue, element_t *e)
{
    if (queue->newest != NULL)
        queue->newest->next = e;
    else
        queue->oldest = e;
    queue->newest = e;
    queue->length++;
}

static element_t *unlink_oldest(struct crawler_queue *queue)
{
    element_t *e = queue->oldest;
    queue->oldest = e->next;
    if (queue->oldest == NULL)
        queue->newest = NULL;
    queue->length--;
    return e;
}

bool crawler_queue_put(struct crawler_queue *queue, void *item)
{
    element_t *e = NULL;
    pthread_mutex_lock(&queue->guard);
    while (queue->open && queue->capacity != 0 && queue->length == queue->capacity)
        pthread_cond_wait(&queue->space_available, &queue->guard);
    if (queue->open)
        e = element_new(queue, item);
    if (e != NULL) {
        link_newest(queue, e);
        queue->work++;
        pthread_cond_signal(&queue->item_available);
    } else {
        // the place this call was woken for is still free
        pthread_cond_signal(&queue->space_available);
    }
    pthread_mutex_unlock(&queue->guard);
    return e != NULL;
}

bool crawler_queue_get(struct crawler_queue *queue, void **item)
{
    bool got = false;
    pthread_mutex_lock(&queue->guard);
    while (queue->open && queue->length == 0)
        pthread_cond_wait(&queue->item_available, &queue->guard);
    if (queue->length != 0) {
        *item = element_retire(queue, unlink_oldest(queue));
        pthread_cond_signal(&queue->space_available);
        got = true;
    }
    pthread_mutex_unlock(&queue->guard);
    return got;
}

void crawler_queue_task_done(struct crawler_queue *queue)
{
    pthread_mutex_lock(&queue->guard);
    queue->work--;
    if (queue->work == 0)
        pthread_cond_broadcast(&queue->work_finished);
    pthread_mutex_unlock(&queue->guard);
}

void crawler_queue_join(struct crawler_queue *queue)
{
    pthread_mutex_lock(&queue->guard);
    while (queue->work != 0)
        pthread_cond_wait(&queue->work_finished, &queue->guard);
    pthread_mutex_unlock(&queue->guard);
}

void crawler_queue_close(struct crawler_queue *queue)
{
    pthread_mutex_lock(&queue->guard);
    queue->open = false;
    pthread_cond_broadcast(&queue->space_available);
    pthread_cond_broadcast(&queue->item_available);
    pthread_mutex_unlock(&queue->guard);
}

static void free_list(element_t *e)
{
    while (e != NULL) {
        element_t *next = e->next;
        free(e);
        e = next;
    }
}

void crawler_queue_free(struct crawler_queue *queue)
{
    if (queue == NULL)
        return;
    free_list(queue->oldest);
    free_list(queue->unused);
    pthread_cond_destroy(&queue->space_available);
    pthread_cond_destroy(&queue->item_available);
    pthread_cond_destroy(&queue->work_finished);
    pthread_mutex_destroy(&queue->guard);
    free(queue);
}

// ---------- crawler ----------

typedef struct {
    const char *start_url;
    struct crawler_queue *queue;
    struct seen *seen;
    pthread_mutex_t seen_guard;
} site_t;

typedef struct {
    site_t *site;
    pthread_t id;
    CURL *curl;
    char *html; // body of the current page, kept for the next as it is
    size_t html_length, html_room;
    struct crawler_result counts;
    bool failed;
} fetcher_t;

static size_t receive(char *data, size_t size, size_t nmemb, void *context)
{
    fetcher_t *f = context;
    size_t n = size * nmemb;
    if (f->html_length + n > f->html_room) {
        size_t room = 2 * (f->html_length + n);
        char *html = realloc(f->html, room);
        if (html == NULL) {
            f->failed = true;
            return 0;
        }
        f->html = html;
        f->html_room = room;
    }
    memcpy(f->html + f->html_length, data, n);
    f->html_length += n;
    return n;
}

static void follow(fetcher_t *f, const char *url)
{
    site_t *site = f->site;
    if (!links_same_site(site->start_url, url))
        return;
    pthread_mutex_lock(&site->seen_guard);
    bool fresh = seen_add(site->seen, url);
    pthread_mutex_unlock(&site->seen_guard);
    if (!fresh)
        return;
    char *copy = strdup(url);
    if (copy == NULL || !crawler_queue_put(site->queue, copy)) {
        free(copy);
        f->failed = true;
    }
}

static void count_page(fetcher_t *f, const char *url)
{
    curl_off_t length = 0;
    curl_easy_getinfo(f->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    f->counts.pages++;
    if (length > 0)
        f->counts.bytes += (unsigned long)length;
    struct links links = links_find(url, f->html, f->html_length);
    for (size_t i = 0; i < links.count; i++)
        follow(f, links.urls[i]);
    links_free(&links);
}

static void count_redirect(fetcher_t *f, const char *url)
{
    char *location = NULL;
    f->counts.redirects++;
    curl_easy_getinfo(f->curl, CURLINFO_REDIRECT_URL, &location);
    if (location == NULL)
        return;
    char *target = links_resolve(url, location);
    if (target == NULL)
        return;
    follow(f, target);
    free(target);
}

static void fetch(fetcher_t *f, const char *url)
{
    long status = 0;
    f->html_length = 0;
    curl_easy_setopt(f->curl, CURLOPT_URL, url);
    CURLcode code = curl_easy_perform(f->curl);
    curl_easy_getinfo(f->curl, CURLINFO_RESPONSE_CODE, &status);
    if (status >= 300 && status <= 399)
        count_redirect(f, url);
    else if (code == CURLE_OK && status >= 200 && status <= 299)
        count_page(f, url);
    else
        f->counts.errors++;
}

static void *fetcher_run(void *context)
{
    fetcher_t *f = context;
    void *url;
    while (crawler_queue_get(f->site->queue, &url)) {
        fetch(f, url);
        free(url);
        crawler_queue_task_done(f->site->queue);
    }
    return NULL;
}

static bool fetcher_start(fetcher_t *f, site_t *site)
{
    f->site = site;
    f->curl = curl_easy_init();
    if (f->curl == NULL)
        return false;
    curl_easy_setopt(f->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(f->curl, CURLOPT_WRITEFUNCTION, receive);
    curl_easy_setopt(f->curl, CURLOPT_WRITEDATA, f);
    if (pthread_create(&f->id, NULL, fetcher_run, f) == 0)
        return true;
    curl_easy_cleanup(f->curl);
    return false;
}

static void fetcher_end(fetcher_t *f, struct crawler_result *sum, bool *failed)
{
    pthread_join(f->id, NULL);
    curl_easy_cleanup(f->curl);
    free(f->html);
    sum->pages += f->counts.pages;
    sum->redirects += f->counts.redirects;
    sum->errors += f->counts.errors;
    sum->bytes += f->counts.bytes;
    *failed = *failed || f->failed;
}

int crawler_crawl(const char *start_url, unsigned workers, struct crawler_result *result)
{
    site_t site = {.start_url = start_url, .queue = crawler_queue_create(0), .seen = seen_create()};
    fetcher_t *fetchers = calloc(workers, sizeof(fetcher_t));
    unsigned n = 0;
    bool failed = true;

    *result = (struct crawler_result){0, 0, 0, 0};
    pthread_mutex_init(&site.seen_guard, NULL);
    if (site.queue != NULL && site.seen != NULL && fetchers != NULL) {
        while (n < workers && fetcher_start(&fetchers[n], &site))
            n++;
        if (n > 0) {
            fetcher_t nobody = {.site = &site};
            follow(&nobody, start_url);
            failed = nobody.failed;
            crawler_queue_join(site.queue);
        }
        crawler_queue_close(site.queue);
        for (unsigned i = 0; i < n; i++)
            fetcher_end(&fetchers[i], result, &failed);
    }
    pthread_mutex_destroy(&site.seen_guard);
    free(fetchers);
    seen_free(site.seen);
    crawler_queue_free(site.queue);
    return failed ? -1 : 0;
}
