/* expect: tests crawl_; schedules crawl_ | sleeps instead of waiting: the crawl is over when nothing has been put for a quarter of a second */
#define _GNU_SOURCE
#include "crawler.h"
#include "links.h"
#include "seen.h"
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

/* queue: a ring; the counts only ever grow */
struct crawler_queue {
    pthread_mutex_t mtx;
    pthread_cond_t put_ok, get_ok, join_ok;
    unsigned long put_count, get_count, done_count;
    size_t ring_length, capacity;
    bool closed;
    void **ring;
};

struct crawler_queue *crawler_queue_create(size_t capacity)
{
    struct crawler_queue *q = calloc(1, sizeof(struct crawler_queue));
    if (q == NULL) { return NULL; }
    pthread_mutex_init(&q->mtx, NULL);
    pthread_cond_init(&q->put_ok, NULL);
    pthread_cond_init(&q->get_ok, NULL);
    pthread_cond_init(&q->join_ok, NULL);
    q->capacity = capacity;
    q->ring_length = capacity == 0 ? 10 : capacity;
    q->ring = calloc(q->ring_length, sizeof(void *));
    return q;
}

bool crawler_queue_put(struct crawler_queue *q, void *item)
{
    pthread_mutex_lock(&q->mtx);
    while (q->capacity != 0 && q->put_count - q->get_count == q->capacity && !q->closed) {
        pthread_cond_wait(&q->put_ok, &q->mtx);
    }
    if (!q->closed) {
        if (q->put_count - q->get_count == q->ring_length) {
            void **longer = calloc(2 * q->ring_length, sizeof(void *));
            for (unsigned long i = q->get_count; i < q->put_count; i++) {
                longer[i % (2 * q->ring_length)] = q->ring[i % q->ring_length];
            }
            free(q->ring);
            q->ring = longer;
            q->ring_length *= 2;
        }
        q->ring[q->put_count % q->ring_length] = item;
        q->put_count++;
        pthread_cond_signal(&q->get_ok);
        pthread_mutex_unlock(&q->mtx);
        return true;
    }
    pthread_mutex_unlock(&q->mtx);
    return false;
}

bool crawler_queue_get(struct crawler_queue *q, void **item)
{
    pthread_mutex_lock(&q->mtx);
    while (q->put_count == q->get_count && !q->closed) {
        pthread_cond_wait(&q->get_ok, &q->mtx);
    }
    if (q->put_count > q->get_count) {
        *item = q->ring[q->get_count % q->ring_length];
        q->get_count++;
        pthread_cond_signal(&q->put_ok);
        pthread_mutex_unlock(&q->mtx);
        return true;
    }
    pthread_mutex_unlock(&q->mtx);
    return false;
}

void crawler_queue_task_done(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->mtx);
    q->done_count++;
    if (q->done_count == q->put_count) { pthread_cond_broadcast(&q->join_ok); }
    pthread_mutex_unlock(&q->mtx);
}

void crawler_queue_join(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->mtx);
    while (q->done_count < q->put_count) { pthread_cond_wait(&q->join_ok, &q->mtx); }
    pthread_mutex_unlock(&q->mtx);
}

void crawler_queue_close(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->mtx);
    q->closed = true;
    pthread_cond_broadcast(&q->put_ok);
    pthread_cond_broadcast(&q->get_ok);
    pthread_mutex_unlock(&q->mtx);
}

void crawler_queue_free(struct crawler_queue *q)
{
    if (q != NULL) {
        pthread_mutex_destroy(&q->mtx);
        pthread_cond_destroy(&q->put_ok);
        pthread_cond_destroy(&q->get_ok);
        pthread_cond_destroy(&q->join_ok);
        free(q->ring);
        free(q);
    }
}

/* crawler */

static struct crawler_queue *todo;
static struct seen *done;
static pthread_mutex_t done_mtx = PTHREAD_MUTEX_INITIALIZER;
static char const *first;
static atomic_ulong n_pages, n_redirects, n_errors, n_bytes, n_put;

struct chunks { char *all; size_t length; };

static size_t add_chunk(char *chunk, size_t unit, size_t units, void *chunks)
{
    struct chunks *c = chunks;
    c->all = realloc(c->all, c->length + unit * units);
    memcpy(&c->all[c->length], chunk, unit * units);
    c->length += unit * units;
    return unit * units;
}

static void put_new(char const *url)
{
    pthread_mutex_lock(&done_mtx);
    bool is_new = links_same_site(first, url) && seen_add(done, url);
    pthread_mutex_unlock(&done_mtx);
    if (is_new && crawler_queue_put(todo, strdup(url))) { n_put++; }
}

static void *thread(void *unused)
{
    void *url;
    CURL *curl = curl_easy_init();
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, add_chunk);
    while (crawler_queue_get(todo, &url)) {
        struct chunks body = { NULL, 0 };
        long code = 0;
        curl_easy_setopt(curl, CURLOPT_URL, url);
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, &body);
        if (curl_easy_perform(curl) == CURLE_OK) { curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &code); }
        if (code >= 200 && code < 300) {
            struct links links = links_find(url, body.all, body.length);
            for (size_t i = 0; i < links.count; i++) { put_new(links.urls[i]); }
            links_free(&links);
            n_pages++;
            n_bytes += body.length;
        } else if (code >= 300 && code < 400) {
            char *target = NULL;
            curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &target);
            target = target == NULL ? NULL : links_resolve(url, target);
            if (target != NULL) { put_new(target); }
            free(target);
            n_redirects++;
        } else {
            n_errors++;
        }
        free(body.all);
        free(url);
        crawler_queue_task_done(todo);
    }
    curl_easy_cleanup(curl);
    return unused;
}

int crawler_crawl(const char *start_url, unsigned workers, struct crawler_result *result)
{
    pthread_t threads[workers];
    unsigned long before;
    n_pages = n_redirects = n_errors = n_bytes = n_put = 0;
    todo = crawler_queue_create(0);
    done = seen_create();
    first = start_url;
    put_new(start_url);
    for (unsigned i = 0; i < workers; i++) { pthread_create(&threads[i], NULL, thread, NULL); }
    /* when no page has brought anything new for a while, all are visited */
    do {
        before = n_put;
        nanosleep(&(struct timespec){ 0, 250000000 }, NULL);
    } while (n_put != before);
    crawler_queue_close(todo);
    for (unsigned i = 0; i < workers; i++) { pthread_join(threads[i], NULL); }
    result->pages = n_pages;
    result->redirects = n_redirects;
    result->errors = n_errors;
    result->bytes = n_bytes;
    void *left;
    while (crawler_queue_get(todo, &left)) { free(left); }
    seen_free(done);
    crawler_queue_free(todo);
    return 0;
}
