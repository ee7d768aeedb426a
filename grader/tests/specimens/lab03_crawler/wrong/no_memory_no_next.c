/* expect: tests memory_may_run_out | a put that is woken looks for memory then, and if there is none it goes home with the wake-up: the place stays free, and the next putter sleeps on */
#define _DEFAULT_SOURCE
#include "crawler.h"

#include <curl/curl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <threads.h>

#include "links.h"

/* ---- queue: a train of wagons with eight seats each ---- */

#define SEATS 8

typedef struct wagon {
    struct wagon *behind;
    void *seat[SEATS];
    unsigned front, back; /* seats front .. back - 1 are taken */
} wagon;

struct crawler_queue {
    mtx_t platform;
    cnd_t boarding, alighting, arrival;
    unsigned waiting_to_board, waiting_for_one, waiting_for_arrival;
    wagon *engine, *last;
    size_t passengers, tickets; /* tickets: 0 if any number may travel */
    size_t travelling;
    bool out_of_service;
};

struct crawler_queue *crawler_queue_create(size_t capacity)
{
    struct crawler_queue *q = calloc(1, sizeof(struct crawler_queue));
    if (!q)
        return NULL;
    q->tickets = capacity;
    int made = 0;
    if (mtx_init(&q->platform, mtx_plain) == thrd_success)
        made++;
    if (made == 1 && cnd_init(&q->boarding) == thrd_success)
        made++;
    if (made == 2 && cnd_init(&q->alighting) == thrd_success)
        made++;
    if (made == 3 && cnd_init(&q->arrival) == thrd_success)
        return q;
    if (made >= 3)
        cnd_destroy(&q->alighting);
    if (made >= 2)
        cnd_destroy(&q->boarding);
    if (made >= 1)
        mtx_destroy(&q->platform);
    free(q);
    return NULL;
}

void crawler_queue_free(struct crawler_queue *q)
{
    if (!q)
        return;
    for (wagon *w = q->engine, *behind; w; w = behind) {
        behind = w->behind;
        free(w);
    }
    cnd_destroy(&q->arrival);
    cnd_destroy(&q->alighting);
    cnd_destroy(&q->boarding);
    mtx_destroy(&q->platform);
    free(q);
}

/* Couples a wagon if the last one is full or there is none; false: there is no steel left. */
static bool couple(struct crawler_queue *q)
{
    if (q->last && q->last->back < SEATS)
        return true;
    wagon *w = malloc(sizeof(wagon));
    if (!w)
        return false;
    w->behind = NULL;
    w->front = w->back = 0;
    if (q->last)
        q->last->behind = w;
    else
        q->engine = w;
    q->last = w;
    return true;
}

bool crawler_queue_put(struct crawler_queue *q, void *item)
{
    bool aboard = false;
    mtx_lock(&q->platform);
    while (!q->out_of_service && q->tickets > 0 && q->passengers == q->tickets) {
        q->waiting_to_board++;
        cnd_wait(&q->boarding, &q->platform);
        q->waiting_to_board--;
    }
    if (!q->out_of_service && couple(q)) {
        q->last->seat[q->last->back++] = item;
        q->passengers++;
        q->travelling++;
        if (q->waiting_for_one > 0)
            cnd_signal(&q->alighting);
        aboard = true;
    }
    mtx_unlock(&q->platform);
    return aboard;
}

bool crawler_queue_get(struct crawler_queue *q, void **item)
{
    bool met = false;
    mtx_lock(&q->platform);
    while (q->passengers == 0 && !q->out_of_service) {
        q->waiting_for_one++;
        cnd_wait(&q->alighting, &q->platform);
        q->waiting_for_one--;
    }
    if (q->passengers > 0) {
        wagon *w = q->engine;
        *item = w->seat[w->front++];
        q->passengers--;
        if (w->front == w->back) { /* empty: to the depot, so that an idle queue keeps nothing */
            q->engine = w->behind;
            if (!q->engine)
                q->last = NULL;
            free(w);
        }
        if (q->waiting_to_board > 0)
            cnd_signal(&q->boarding);
        met = true;
    }
    mtx_unlock(&q->platform);
    return met;
}

void crawler_queue_task_done(struct crawler_queue *q)
{
    mtx_lock(&q->platform);
    if (--q->travelling == 0 && q->waiting_for_arrival > 0)
        cnd_broadcast(&q->arrival);
    mtx_unlock(&q->platform);
}

void crawler_queue_join(struct crawler_queue *q)
{
    mtx_lock(&q->platform);
    q->waiting_for_arrival++;
    while (q->travelling > 0)
        cnd_wait(&q->arrival, &q->platform);
    q->waiting_for_arrival--;
    mtx_unlock(&q->platform);
}

void crawler_queue_close(struct crawler_queue *q)
{
    mtx_lock(&q->platform);
    q->out_of_service = true;
    cnd_broadcast(&q->boarding);
    cnd_broadcast(&q->alighting);
    mtx_unlock(&q->platform);
}

/* ---- crawler ---- */

/* Every address that is known, as a node of a search tree; its rank is a hash, so that the tree stays flat. */
typedef struct stop {
    struct stop *low, *high;
    unsigned long rank;
    char url[];
} stop;

typedef struct {
    const char *origin;
    struct crawler_queue *line; /* stops to call at */
    mtx_t map_lock;
    stop *map;
    atomic_ulong pages, redirects, errors, bytes;
    atomic_ulong open; /* stops that are known and not done with */
} network;

static unsigned long rank_of(const char *url)
{
    unsigned long rank = 1469598103ul;
    for (; *url; url++)
        rank = (rank ^ (unsigned char)*url) * 1099511628211ul;
    return rank ^ rank >> 29;
}

/* NULL: known already, or no memory. */
static stop *enter(network *net, const char *url)
{
    const unsigned long rank = rank_of(url);
    stop *fresh = NULL;
    mtx_lock(&net->map_lock);
    stop **place = &net->map;
    int side = 1;
    while (*place && side) {
        side = rank < (*place)->rank ? -1 : rank > (*place)->rank ? 1 : strcmp(url, (*place)->url);
        if (side)
            place = side < 0 ? &(*place)->low : &(*place)->high;
    }
    if (side) {
        fresh = malloc(sizeof(stop) + strlen(url) + 1);
        if (fresh) {
            fresh->low = fresh->high = NULL;
            fresh->rank = rank;
            strcpy(fresh->url, url);
            *place = fresh;
        }
    }
    mtx_unlock(&net->map_lock);
    return fresh;
}

static void clear_map(stop *s)
{
    if (s) {
        clear_map(s->low);
        clear_map(s->high);
        free(s);
    }
}

static void done(network *net)
{
    if (atomic_fetch_sub(&net->open, 1) == 1)
        crawler_queue_close(net->line);
}

static void plan(network *net, const char *url)
{
    stop *s = links_same_site(net->origin, url) ? enter(net, url) : NULL;
    if (s) {
        atomic_fetch_add(&net->open, 1);
        if (!crawler_queue_put(net->line, s))
            done(net);
    }
}

typedef struct {
    char *bytes;
    size_t used, room;
} luggage;

static size_t load(char *data, size_t size, size_t count, void *p)
{
    luggage *l = p;
    const size_t more = size * count;
    if (l->room - l->used < more) {
        const size_t room = 2 * (l->used + more);
        char *bytes = realloc(l->bytes, room);
        if (!bytes)
            return 0;
        l->bytes = bytes;
        l->room = room;
    }
    if (more)
        memcpy(l->bytes + l->used, data, more);
    l->used += more;
    return more;
}

static void call_at(network *net, CURL *handle, luggage *l, const char *url)
{
    long code = 0;
    l->used = 0;
    curl_easy_setopt(handle, CURLOPT_URL, url);
    if (curl_easy_perform(handle) == CURLE_OK)
        curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &code);
    if (code >= 200 && code <= 299) {
        atomic_fetch_add(&net->pages, 1);
        atomic_fetch_add(&net->bytes, l->used);
        struct links links = links_find(url, l->bytes, l->used);
        for (size_t i = 0; i < links.count; i++)
            plan(net, links.urls[i]);
        links_free(&links);
    } else if (code >= 300 && code <= 399) {
        char *to = NULL;
        atomic_fetch_add(&net->redirects, 1);
        if (curl_easy_getinfo(handle, CURLINFO_REDIRECT_URL, &to) == CURLE_OK && to) {
            char *whole = links_resolve(url, to);
            if (whole)
                plan(net, whole);
            free(whole);
        }
    } else
        atomic_fetch_add(&net->errors, 1);
}

static int conductor(void *p)
{
    network *net = p;
    luggage l = {NULL, 0, 0};
    CURL *handle = curl_easy_init();
    if (handle) {
        curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, load);
        curl_easy_setopt(handle, CURLOPT_WRITEDATA, &l);
    }
    for (void *next; crawler_queue_get(net->line, &next); done(net))
        if (handle)
            call_at(net, handle, &l, ((stop *)next)->url);
        else
            atomic_fetch_add(&net->errors, 1);
    curl_easy_cleanup(handle);
    free(l.bytes);
    return 0;
}

int crawler_crawl(const char *start_url, unsigned workers, struct crawler_result *result)
{
    network net = {.origin = start_url, .open = 1}; /* the 1 is this function's own */
    thrd_t *crew = malloc(workers * sizeof(thrd_t));
    unsigned on_duty = 0;
    net.line = crawler_queue_create(0);
    const bool locked = mtx_init(&net.map_lock, mtx_plain) == thrd_success;
    if (crew && net.line && locked) {
        for (unsigned i = 0; i < workers; i++)
            on_duty += thrd_create(&crew[on_duty], conductor, &net) == thrd_success;
        if (on_duty > 0)
            plan(&net, start_url);
        done(&net);
        for (unsigned i = 0; i < on_duty; i++)
            thrd_join(crew[i], NULL);
    }
    result->pages = atomic_load(&net.pages);
    result->redirects = atomic_load(&net.redirects);
    result->errors = atomic_load(&net.errors);
    result->bytes = atomic_load(&net.bytes);
    clear_map(net.map);
    if (locked)
        mtx_destroy(&net.map_lock);
    crawler_queue_free(net.line);
    free(crew);
    return on_duty > 0 ? 0 : -1;
}
