/* expect: schedules misuse | the workers are detached and counted out before their last touch of what is freed then */
#include "crawler.h"
#include "links.h"
#include "seen.h"
#include <pthread.h>

struct crawler_queue {
    pthread_mutex_t lock;
    pthread_cond_t nonfull, nonempty, alldone;
    struct slot { void *item; struct slot *next; } *ring; /* all slots, in a circle; ring is the last one filled */
    size_t slots, filled, limit, undone;
    int closed;
};

static struct slot *slot_after(struct slot *s)
{
    struct slot *fresh = malloc(sizeof *fresh);
    if (fresh != NULL && s != NULL) {
        fresh->next = s->next;
        s->next = fresh;
    } else if (fresh != NULL) {
        fresh->next = fresh;
    }
    return fresh;
}

struct crawler_queue *crawler_queue_create(size_t capacity)
{
    struct crawler_queue *q = calloc(1, sizeof *q);
    if (q == NULL || (q->ring = slot_after(NULL)) == NULL)
        return free(q), NULL;
    q->slots = 1;
    q->limit = capacity;
    pthread_mutex_init(&q->lock, NULL);
    pthread_cond_init(&q->nonfull, NULL);
    pthread_cond_init(&q->nonempty, NULL);
    pthread_cond_init(&q->alldone, NULL);
    return q;
}

/* The oldest of the filled slots. */
static struct slot *oldest(struct crawler_queue *q)
{
    struct slot *s = q->ring->next;
    for (size_t skip = q->slots - q->filled; skip > 0; skip--)
        s = s->next;
    return s;
}

bool crawler_queue_put(struct crawler_queue *q, void *item)
{
    bool ok = false;
    pthread_mutex_lock(&q->lock);
    while (q->limit > 0 && q->filled == q->limit && !q->closed)
        pthread_cond_wait(&q->nonfull, &q->lock);
    if (!q->closed && (q->filled < q->slots || (slot_after(q->ring) != NULL && ++q->slots))) {
        q->ring = q->ring->next;
        q->ring->item = item;
        q->filled++;
        q->undone++;
        ok = true;
        pthread_cond_signal(&q->nonempty);
    }
    pthread_mutex_unlock(&q->lock);
    return ok;
}

bool crawler_queue_get(struct crawler_queue *q, void **item)
{
    bool ok = false;
    pthread_mutex_lock(&q->lock);
    while (q->filled == 0 && !q->closed)
        pthread_cond_wait(&q->nonempty, &q->lock);
    if (q->filled > 0) {
        *item = oldest(q)->item;
        q->filled--;
        ok = true;
        pthread_cond_signal(&q->nonfull);
    }
    pthread_mutex_unlock(&q->lock);
    return ok;
}

void crawler_queue_task_done(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->lock);
    if (--q->undone == 0)
        pthread_cond_broadcast(&q->alldone);
    pthread_mutex_unlock(&q->lock);
}

void crawler_queue_join(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->lock);
    while (q->undone > 0)
        pthread_cond_wait(&q->alldone, &q->lock);
    pthread_mutex_unlock(&q->lock);
}

void crawler_queue_close(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->lock);
    q->closed = 1;
    pthread_cond_broadcast(&q->nonfull);
    pthread_cond_broadcast(&q->nonempty);
    pthread_mutex_unlock(&q->lock);
}

void crawler_queue_free(struct crawler_queue *q)
{
    if (q == NULL)
        return;
    while (q->slots-- > 1) {
        struct slot *s = q->ring->next;
        q->ring->next = s->next;
        free(s);
    }
    free(q->ring);
    pthread_cond_destroy(&q->nonfull);
    pthread_cond_destroy(&q->nonempty);
    pthread_cond_destroy(&q->alldone);
    pthread_mutex_destroy(&q->lock);
    free(q);
}

/* crawl: on the heap, the last worker says so and the caller frees it */
struct crawl {
    struct crawler_queue *queue;
    struct seen *seen;
    char *root;
    struct crawler_result result;
    unsigned working;
    pthread_mutex_t mutex;
    pthread_cond_t ended;
};

struct content { char *bytes; size_t length; };

static size_t collect(char *bytes, size_t size, size_t count, void *content_)
{
    struct content *content = content_;
    char *longer = realloc(content->bytes, content->length + size * count);
    if (longer == NULL)
        return 0;
    content->bytes = longer;
    memcpy(longer + content->length, bytes, size * count);
    content->length += size * count;
    return size * count;
}

static void propose(struct crawl *crawl, const char *url)
{
    pthread_mutex_lock(&crawl->mutex);
    const bool taken = links_same_site(crawl->root, url) && seen_add(crawl->seen, url);
    pthread_mutex_unlock(&crawl->mutex);
    if (taken)
        crawler_queue_put(crawl->queue, strdup(url));
}

static void go_to(struct crawl *crawl, CURL *curl, const char *url)
{
    struct content content = {NULL, 0};
    struct crawler_result found = {0};
    char *next = NULL;
    long status = 0;
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &content);
    if (curl_easy_perform(curl) == CURLE_OK)
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    if (status >= 200 && status <= 299) {
        struct links links = links_find(url, content.bytes, content.length);
        for (size_t i = 0; i < links.count; i++)
            propose(crawl, links.urls[i]);
        links_free(&links);
        found.pages = 1;
        found.bytes = content.length;
    } else if (status >= 300 && status <= 399) {
        curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &next);
        if (next != NULL && (next = links_resolve(url, next)) != NULL)
            propose(crawl, next);
        free(next);
        found.redirects = 1;
    } else {
        found.errors = 1;
    }
    free(content.bytes);
    pthread_mutex_lock(&crawl->mutex);
    crawl->result.pages += found.pages;
    crawl->result.redirects += found.redirects;
    crawl->result.errors += found.errors;
    crawl->result.bytes += found.bytes;
    pthread_mutex_unlock(&crawl->mutex);
}

static void *hiker(void *crawl_)
{
    struct crawl *crawl = crawl_;
    CURL *curl = curl_easy_init();
    void *url;
    pthread_detach(pthread_self());
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, collect);
    while (crawler_queue_get(crawl->queue, &url)) {
        go_to(crawl, curl, url);
        free(url);
        crawler_queue_task_done(crawl->queue);
    }
    curl_easy_cleanup(curl);
    pthread_mutex_lock(&crawl->mutex);
    const bool last = --crawl->working == 0;
    pthread_mutex_unlock(&crawl->mutex);
    if (last)
        pthread_cond_signal(&crawl->ended);
    return NULL;
}

int crawler_crawl(const char *start_url, unsigned workers, struct crawler_result *result)
{
    struct crawl *crawl = calloc(1, sizeof *crawl);
    pthread_t hiker_id;
    crawl->queue = crawler_queue_create(0);
    crawl->seen = seen_create();
    crawl->root = strdup(start_url);
    pthread_mutex_init(&crawl->mutex, NULL);
    pthread_cond_init(&crawl->ended, NULL);
    propose(crawl, start_url);
    crawl->working = workers;
    for (unsigned i = 0; i < workers; i++)
        if (pthread_create(&hiker_id, NULL, hiker, crawl) != 0) {
            pthread_mutex_lock(&crawl->mutex);
            crawl->working--;
            pthread_mutex_unlock(&crawl->mutex);
        }
    crawler_queue_join(crawl->queue);
    crawler_queue_close(crawl->queue);
    pthread_mutex_lock(&crawl->mutex);
    while (crawl->working > 0)
        pthread_cond_wait(&crawl->ended, &crawl->mutex);
    pthread_mutex_unlock(&crawl->mutex);
    *result = crawl->result;
    crawler_queue_free(crawl->queue);
    seen_free(crawl->seen);
    pthread_cond_destroy(&crawl->ended);
    pthread_mutex_destroy(&crawl->mutex);
    free(crawl->root);
    free(crawl);
    return 0;
}
