/* expect: schedules data-race | join looks at an atomic task counter with a relaxed load and skips the lock: the work it waited for is not ordered before it returns */
#include "crawler.h"

#include <curl/curl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <threads.h>

#include "links.h"
#include "seen.h"

/* The task counter is atomic, so that task_done takes the lock only for the last task. */
struct crawler_queue {
    mtx_t mtx;
    cnd_t writers, readers, waiters;
    void **base, **end, **rd, **wr; /* ring: rd is the next to read, wr the next to write */
    size_t fill, capacity;
    atomic_long tasks;
    bool closed;
};

static void **after(struct crawler_queue *q, void **p)
{
    return p + 1 == q->end ? q->base : p + 1;
}

struct crawler_queue *crawler_queue_create(size_t capacity)
{
    struct crawler_queue *q = calloc(1, sizeof *q);
    const size_t n = capacity ? capacity : 50;
    if (q == NULL)
        return NULL;
    q->base = q->rd = q->wr = malloc(n * sizeof *q->base);
    if (q->base == NULL) {
        free(q);
        return NULL;
    }
    q->end = q->base + n;
    q->capacity = capacity;
    mtx_init(&q->mtx, mtx_plain);
    cnd_init(&q->writers);
    cnd_init(&q->readers);
    cnd_init(&q->waiters);
    return q;
}

static bool widen(struct crawler_queue *q)
{
    const size_t n = q->end - q->base;
    void **base = malloc(2 * n * sizeof *base), **to = base;
    if (base == NULL)
        return false;
    for (size_t i = 0; i < q->fill; i++, q->rd = after(q, q->rd))
        *to++ = *q->rd;
    free(q->base);
    q->base = q->rd = base;
    q->wr = to;
    q->end = base + 2 * n;
    return true;
}

bool crawler_queue_put(struct crawler_queue *q, void *item)
{
    bool done = false;
    mtx_lock(&q->mtx);
    while (!q->closed && q->capacity && q->fill == q->capacity)
        cnd_wait(&q->writers, &q->mtx);
    if (!q->closed && (q->fill < (size_t)(q->end - q->base) || widen(q))) {
        *q->wr = item;
        q->wr = after(q, q->wr);
        q->fill++;
        atomic_fetch_add(&q->tasks, 1);
        done = true;
    }
    mtx_unlock(&q->mtx);
    if (done)
        cnd_signal(&q->readers);
    return done;
}

bool crawler_queue_get(struct crawler_queue *q, void **item)
{
    bool done = false;
    mtx_lock(&q->mtx);
    while (!q->closed && !q->fill)
        cnd_wait(&q->readers, &q->mtx);
    if (q->fill) {
        *item = *q->rd;
        q->rd = after(q, q->rd);
        q->fill--;
        done = true;
    }
    mtx_unlock(&q->mtx);
    if (done)
        cnd_signal(&q->writers);
    return done;
}

void crawler_queue_task_done(struct crawler_queue *q)
{
    if (atomic_fetch_sub(&q->tasks, 1) > 1)
        return;
    mtx_lock(&q->mtx); /* nobody is between looking and sleeping now */
    cnd_broadcast(&q->waiters);
    mtx_unlock(&q->mtx);
}

void crawler_queue_join(struct crawler_queue *q)
{
    if (atomic_load_explicit(&q->tasks, memory_order_relaxed) == 0)
        return;
    mtx_lock(&q->mtx);
    while (atomic_load(&q->tasks) > 0)
        cnd_wait(&q->waiters, &q->mtx);
    mtx_unlock(&q->mtx);
}

void crawler_queue_close(struct crawler_queue *q)
{
    mtx_lock(&q->mtx);
    q->closed = true;
    cnd_broadcast(&q->writers);
    cnd_broadcast(&q->readers);
    mtx_unlock(&q->mtx);
}

void crawler_queue_free(struct crawler_queue *q)
{
    if (q == NULL)
        return;
    mtx_destroy(&q->mtx);
    cnd_destroy(&q->writers);
    cnd_destroy(&q->readers);
    cnd_destroy(&q->waiters);
    free(q->base);
    free(q);
}

struct mission {
    struct crawler_queue *addresses;
    struct seen *seen;
    mtx_t guard;
    const char *start;
    atomic_ulong counts[3]; /* by outcome */
    atomic_ulong bytes;
};

enum { GOOD, ELSEWHERE, BAD };

struct load {
    char *data;
    size_t size;
};

static size_t loaded(char *data, size_t size, size_t count, void *context)
{
    struct load *load = context;
    char *all = realloc(load->data, load->size + size * count);
    if (all == NULL)
        return 0;
    memcpy(all + load->size, data, size * count);
    load->data = all;
    load->size += size * count;
    return size * count;
}

static void note(struct mission *mission, const char *url)
{
    mtx_lock(&mission->guard);
    const bool is_new = links_same_site(mission->start, url) && seen_add(mission->seen, url);
    mtx_unlock(&mission->guard);
    if (is_new)
        crawler_queue_put(mission->addresses, strdup(url));
}

static int outcome_of(CURLcode code, long status)
{
    if (code != CURLE_OK || status < 200 || status > 399)
        return BAD;
    return status < 300 ? GOOD : ELSEWHERE;
}

static int agent(void *context)
{
    struct mission *mission = context;
    CURL *curl = curl_easy_init();
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, loaded);
    for (void *url = NULL; crawler_queue_get(mission->addresses, &url);) {
        struct load load = {NULL, 0};
        long status = 0;
        char *location = NULL;
        curl_easy_setopt(curl, CURLOPT_URL, url);
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, &load);
        const CURLcode code = curl_easy_perform(curl);
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
        curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &location);
        const int outcome = outcome_of(code, status);
        mission->counts[outcome]++;
        if (outcome == GOOD) {
            mission->bytes += load.size;
            struct links links = links_find(url, load.data, load.size);
            for (size_t i = 0; i < links.count; i++)
                note(mission, links.urls[i]);
            links_free(&links);
        }
        if (outcome == ELSEWHERE && location != NULL) {
            char *target = links_resolve(url, location);
            if (target != NULL)
                note(mission, target);
            free(target);
        }
        free(load.data);
        free(url);
        crawler_queue_task_done(mission->addresses);
    }
    curl_easy_cleanup(curl);
    return 0;
}

int crawler_crawl(const char *start_url, unsigned workers, struct crawler_result *result)
{
    struct mission mission = {.addresses = crawler_queue_create(0), .seen = seen_create(), .start = start_url};
    thrd_t *agents = calloc(workers, sizeof *agents);
    unsigned sent = 0;
    mtx_init(&mission.guard, mtx_plain);
    note(&mission, start_url);
    while (sent < workers && thrd_create(&agents[sent], agent, &mission) == thrd_success)
        sent++;
    if (sent > 0)
        crawler_queue_join(mission.addresses);
    crawler_queue_close(mission.addresses);
    for (unsigned i = 0; i < sent; i++)
        thrd_join(agents[i], NULL);
    result->pages = mission.counts[GOOD];
    result->redirects = mission.counts[ELSEWHERE];
    result->errors = mission.counts[BAD];
    result->bytes = mission.bytes;
    mtx_destroy(&mission.guard);
    seen_free(mission.seen);
    crawler_queue_free(mission.addresses);
    free(agents);
    return sent > 0 ? 0 : -1;
}
