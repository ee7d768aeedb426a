/* expect: tests crawl_; schedules assertion | says task_done before the links of the page are in the queue */
#include "crawler.h"

#include <linux/futex.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <pthread.h>

#include "links.h"
#include "seen.h"

/* An eventcount: a number that goes up at each change, and sleepers that compare it with what they saw. */
struct crawler_queue {
    pthread_mutex_t lock;
    _Atomic uint32_t changes;
    void **ring;
    size_t first, count, room, capacity, unfinished;
    bool closed;
};

/* Gives the lock back, sleeps until something has changed, takes the lock again. */
static void await_change(struct crawler_queue *q)
{
    const uint32_t seen = atomic_load(&q->changes);
    pthread_mutex_unlock(&q->lock);
    syscall(SYS_futex, &q->changes, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0);
    pthread_mutex_lock(&q->lock);
}

static void tell_change(struct crawler_queue *q)
{
    atomic_fetch_add(&q->changes, 1);
    syscall(SYS_futex, &q->changes, FUTEX_WAKE_PRIVATE, 1 << 30, NULL, NULL, 0);
}

struct crawler_queue *crawler_queue_create(size_t capacity)
{
    struct crawler_queue *q = calloc(1, sizeof *q);
    if (q != NULL) {
        q->capacity = capacity;
        pthread_mutex_init(&q->lock, NULL);
    }
    return q;
}

static bool has_place(struct crawler_queue *q)
{
    if (q->count < q->room)
        return true;
    const size_t room = q->room + q->room / 2 + 10;
    void **ring = calloc(room, sizeof *ring);
    for (size_t i = 0; ring != NULL && i < q->count; i++)
        ring[i] = q->ring[(q->first + i) % q->room];
    if (ring != NULL) {
        free(q->ring);
        q->ring = ring;
        q->room = room;
        q->first = 0;
    }
    return ring != NULL;
}

bool crawler_queue_put(struct crawler_queue *q, void *item)
{
    pthread_mutex_lock(&q->lock);
    while (!q->closed && q->capacity != 0 && q->count == q->capacity)
        await_change(q);
    const bool ok = !q->closed && has_place(q);
    if (ok) {
        q->ring[(q->first + q->count) % q->room] = item;
        q->count++;
        q->unfinished++;
        tell_change(q);
    }
    pthread_mutex_unlock(&q->lock);
    return ok;
}

bool crawler_queue_get(struct crawler_queue *q, void **item)
{
    pthread_mutex_lock(&q->lock);
    while (!q->closed && q->count == 0)
        await_change(q);
    const bool ok = q->count != 0;
    if (ok) {
        *item = q->ring[q->first];
        q->first = (q->first + 1) % q->room;
        q->count--;
        tell_change(q);
    }
    pthread_mutex_unlock(&q->lock);
    return ok;
}

void crawler_queue_task_done(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->lock);
    q->unfinished--;
    tell_change(q);
    pthread_mutex_unlock(&q->lock);
}

void crawler_queue_join(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->lock);
    while (q->unfinished != 0)
        await_change(q);
    pthread_mutex_unlock(&q->lock);
}

void crawler_queue_close(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->lock);
    q->closed = true;
    tell_change(q);
    pthread_mutex_unlock(&q->lock);
}

void crawler_queue_free(struct crawler_queue *q)
{
    if (q != NULL) {
        pthread_mutex_destroy(&q->lock);
        free(q->ring);
    }
    free(q);
}

/* ---- the crawler ---- */

struct spider {
    struct crawler_queue *web;
    struct seen *seen;
    const char *origin;
    pthread_mutex_t seen_lock;
    _Atomic unsigned long pages, redirects, errors, bytes;
};

struct answer {
    char *text;
    size_t length, room;
};

static size_t take(char *data, size_t size, size_t count, void *context)
{
    struct answer *answer = context;
    if (answer->length + size * count > answer->room) {
        answer->room = (answer->length + size * count) * 2;
        answer->text = realloc(answer->text, answer->room);
    }
    memcpy(answer->text + answer->length, data, size * count);
    answer->length += size * count;
    return size * count;
}

static void spin_thread_to(struct spider *s, const char *url)
{
    if (!links_same_site(s->origin, url))
        return;
    pthread_mutex_lock(&s->seen_lock);
    const bool is_new = seen_add(s->seen, url);
    pthread_mutex_unlock(&s->seen_lock);
    char *mine = is_new ? strdup(url) : NULL;
    if (mine != NULL && !crawler_queue_put(s->web, mine))
        free(mine);
}

static void *leg(void *context)
{
    struct spider *s = context;
    struct answer answer = {0};
    CURL *curl = curl_easy_init();
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    void *url;
    while (crawler_queue_get(s->web, &url)) {
        long status = 0;
        char *location = NULL;
        answer.length = 0;
        curl_easy_setopt(curl, CURLOPT_URL, url);
        const CURLcode code = curl_easy_perform(curl);
        crawler_queue_task_done(s->web); /* this one is fetched */
        if (code == CURLE_OK)
            curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
        if (status >= 200 && status < 300) {
            struct links links = links_find(url, answer.text, answer.length);
            for (size_t i = 0; i < links.count; i++)
                spin_thread_to(s, links.urls[i]);
            links_free(&links);
            s->pages++;
            s->bytes += answer.length;
        } else if (status >= 300 && status < 400) {
            curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &location);
            char *target = location != NULL ? links_resolve(url, location) : NULL;
            if (target != NULL)
                spin_thread_to(s, target);
            free(target);
            s->redirects++;
        } else {
            s->errors++;
        }
        free(url);
    }
    free(answer.text);
    curl_easy_cleanup(curl);
    return NULL;
}

int crawler_crawl(const char *start_url, unsigned workers, struct crawler_result *result)
{
    struct spider s = {.web = crawler_queue_create(0), .seen = seen_create(), .origin = start_url};
    pthread_t legs[workers];
    unsigned n = 0;
    pthread_mutex_init(&s.seen_lock, NULL);
    spin_thread_to(&s, start_url);
    while (n < workers && pthread_create(&legs[n], NULL, leg, &s) == 0)
        n++;
    if (n > 0)
        crawler_queue_join(s.web);
    crawler_queue_close(s.web);
    for (unsigned i = 0; i < n; i++)
        pthread_join(legs[i], NULL);
    *result = (struct crawler_result){s.pages, s.redirects, s.errors, s.bytes};
    pthread_mutex_destroy(&s.seen_lock);
    seen_free(s.seen);
    crawler_queue_free(s.web);
    return n > 0 ? 0 : -1;
}
