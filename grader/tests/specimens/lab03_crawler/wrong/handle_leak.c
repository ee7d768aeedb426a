/* expect: tests crawl_leaves_nothing_behind; schedules assertion | handles of pages that failed are never cleaned up */
// Queue = plain array. get() shifts everything one to the left, the lists are short anyway.
#include <curl/curl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "crawler.h"
#include "links.h"
#include "seen.h"

struct crawler_queue {
    pthread_mutex_t mtx;
    pthread_cond_t cv;
    void **arr;
    size_t len, space, max;
    size_t busy; // put, but not task_done yet
    bool shut;
};

struct crawler_queue *crawler_queue_create(size_t capacity)
{
    struct crawler_queue *self = calloc(1, sizeof *self);
    if (self) {
        self->max = capacity;
        pthread_mutex_init(&self->mtx, NULL);
        pthread_cond_init(&self->cv, NULL);
    }
    return self;
}

bool crawler_queue_put(struct crawler_queue *self, void *item)
{
    bool stored = false;
    pthread_mutex_lock(&self->mtx);
    while (self->max > 0 && self->len >= self->max && !self->shut) {
        pthread_cond_wait(&self->cv, &self->mtx);
    }
    if (!self->shut && self->len == self->space) {
        void **arr = realloc(self->arr, (self->space + 100) * sizeof *arr);
        if (arr) {
            self->arr = arr;
            self->space += 100;
        }
    }
    if (!self->shut && self->len < self->space) {
        self->arr[self->len] = item;
        self->len += 1;
        self->busy += 1;
        stored = true;
        pthread_cond_broadcast(&self->cv);
    }
    pthread_mutex_unlock(&self->mtx);
    return stored;
}

bool crawler_queue_get(struct crawler_queue *self, void **item)
{
    pthread_mutex_lock(&self->mtx);
    while (self->len == 0) {
        if (self->shut) {
            pthread_mutex_unlock(&self->mtx);
            return false;
        }
        pthread_cond_wait(&self->cv, &self->mtx);
    }
    *item = self->arr[0];
    self->len -= 1;
    memmove(&self->arr[0], &self->arr[1], self->len * sizeof(void *));
    pthread_cond_broadcast(&self->cv);
    pthread_mutex_unlock(&self->mtx);
    return true;
}

void crawler_queue_task_done(struct crawler_queue *self)
{
    pthread_mutex_lock(&self->mtx);
    if (--self->busy == 0) {
        pthread_cond_broadcast(&self->cv);
    }
    pthread_mutex_unlock(&self->mtx);
}

void crawler_queue_join(struct crawler_queue *self)
{
    pthread_mutex_lock(&self->mtx);
    while (self->busy) {
        pthread_cond_wait(&self->cv, &self->mtx);
    }
    pthread_mutex_unlock(&self->mtx);
}

void crawler_queue_close(struct crawler_queue *self)
{
    pthread_mutex_lock(&self->mtx);
    self->shut = true;
    pthread_cond_broadcast(&self->cv);
    pthread_mutex_unlock(&self->mtx);
}

void crawler_queue_free(struct crawler_queue *self)
{
    if (self) {
        pthread_cond_destroy(&self->cv);
        pthread_mutex_destroy(&self->mtx);
        free(self->arr);
        free(self);
    }
}

// ------------------------------------------------------------------ crawler

static pthread_mutex_t big_lock = PTHREAD_MUTEX_INITIALIZER; // for the three below
static struct seen *visited;
static struct crawler_result totals;
static struct crawler_queue *frontier;
static char *home;

struct download {
    char *text;
    size_t length;
};

static size_t receive(char *part, size_t unit, size_t units, void *user)
{
    struct download *d = user;
    size_t more = unit * units;
    d->text = realloc(d->text, d->length + more);
    memcpy(d->text + d->length, part, more);
    d->length += more;
    return more;
}

static void discovered(const char *url)
{
    pthread_mutex_lock(&big_lock);
    bool fresh = links_same_site(home, url) && seen_add(visited, url);
    pthread_mutex_unlock(&big_lock);
    if (fresh) {
        crawler_queue_put(frontier, strdup(url));
    }
}

static void handle_url(const char *url)
{
    struct download page = {0};
    long status;
    char *location;
    CURL *curl = curl_easy_init(); // a new one for every page, that is simplest

    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &page);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, receive);
    CURLcode rc = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);

    if (rc != CURLE_OK || status < 200 || status >= 400) {
        pthread_mutex_lock(&big_lock);
        totals.errors++;
        pthread_mutex_unlock(&big_lock);
        free(page.text);
        return;
    }
    if (status >= 300) {
        curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &location);
        char *target = location ? links_resolve(url, location) : NULL;
        if (target) {
            discovered(target);
            free(target);
        }
        pthread_mutex_lock(&big_lock);
        totals.redirects++;
        pthread_mutex_unlock(&big_lock);
    } else {
        struct links found = links_find(url, page.text, page.length);
        for (size_t i = 0; i < found.count; i++) {
            discovered(found.urls[i]);
        }
        links_free(&found);
        pthread_mutex_lock(&big_lock);
        totals.pages++;
        totals.bytes += page.length;
        pthread_mutex_unlock(&big_lock);
    }
    free(page.text);
    curl_easy_cleanup(curl);
}

static void *thread_main(void *unused)
{
    void *url;
    while (crawler_queue_get(frontier, &url)) {
        handle_url(url);
        free(url);
        crawler_queue_task_done(frontier);
    }
    return unused;
}

int crawler_crawl(const char *start_url, unsigned workers, struct crawler_result *result)
{
    pthread_t crew[workers];
    home = strdup(start_url);
    visited = seen_create();
    frontier = crawler_queue_create(0);
    memset(&totals, 0, sizeof totals);

    discovered(start_url);
    for (unsigned i = 0; i < workers; i++) {
        if (pthread_create(&crew[i], NULL, thread_main, NULL) != 0) {
            return -1;
        }
    }
    crawler_queue_join(frontier);
    crawler_queue_close(frontier);
    for (unsigned i = 0; i < workers; i++) {
        pthread_join(crew[i], NULL);
    }
    *result = totals;
    crawler_queue_free(frontier);
    seen_free(visited);
    free(home);
    return 0;
}
