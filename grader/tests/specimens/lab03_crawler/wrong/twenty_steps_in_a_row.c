/* expect: schedules assertion | a worker goes on at once where a redirect leads, in a loop of at most twenty steps; where the twentieth leads nobody goes */
#define _GNU_SOURCE
#include "crawler.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "links.h"
#include "seen.h"

/*
 * The queue is made of two stacks, as functional programmers do it: put lays an item on top of `in`; get takes from the
 * top of `out`, and if that is empty it first turns `in` over.
 */
struct plate {
    struct plate *under;
    void *item;
};

struct crawler_queue {
    struct plate *in, *out;
    size_t plates, most, at_work;
    bool shut;
    pthread_mutex_t kitchen;
    pthread_cond_t for_putters, for_getters, for_joiners;
};

struct crawler_queue *crawler_queue_create(size_t capacity)
{
    struct crawler_queue *queue = malloc(sizeof *queue);
    if (queue == NULL)
        return NULL;
    *queue = (struct crawler_queue){.most = capacity == 0 ? (size_t)-1 : capacity,
                                    .kitchen = PTHREAD_MUTEX_INITIALIZER,
                                    .for_putters = PTHREAD_COND_INITIALIZER,
                                    .for_getters = PTHREAD_COND_INITIALIZER,
                                    .for_joiners = PTHREAD_COND_INITIALIZER};
    return queue;
}

static void lay(struct plate **stack, struct plate *plate)
{
    plate->under = *stack;
    *stack = plate;
}

static struct plate *lift(struct plate **stack)
{
    struct plate *plate = *stack;
    if (plate != NULL)
        *stack = plate->under;
    return plate;
}

void crawler_queue_free(struct crawler_queue *queue)
{
    struct plate *plate;
    if (queue == NULL)
        return;
    while ((plate = lift(&queue->in)) != NULL || (plate = lift(&queue->out)) != NULL)
        free(plate);
    pthread_cond_destroy(&queue->for_joiners);
    pthread_cond_destroy(&queue->for_getters);
    pthread_cond_destroy(&queue->for_putters);
    pthread_mutex_destroy(&queue->kitchen);
    free(queue);
}

bool crawler_queue_put(struct crawler_queue *queue, void *item)
{
    struct plate *plate = malloc(sizeof *plate);
    if (plate == NULL)
        return false;
    plate->item = item;

    pthread_mutex_lock(&queue->kitchen);
    while (queue->plates >= queue->most && !queue->shut)
        pthread_cond_wait(&queue->for_putters, &queue->kitchen);
    const bool served = !queue->shut;
    if (served) {
        lay(&queue->in, plate);
        queue->plates++;
        queue->at_work++;
    }
    pthread_mutex_unlock(&queue->kitchen);

    if (served)
        pthread_cond_signal(&queue->for_getters);
    else
        free(plate);
    return served;
}

bool crawler_queue_get(struct crawler_queue *queue, void **item)
{
    pthread_mutex_lock(&queue->kitchen);
    while (queue->plates == 0 && !queue->shut)
        pthread_cond_wait(&queue->for_getters, &queue->kitchen);
    if (queue->out == NULL)
        for (struct plate *plate; (plate = lift(&queue->in)) != NULL;)
            lay(&queue->out, plate);
    struct plate *mine = lift(&queue->out);
    if (mine != NULL)
        queue->plates--;
    pthread_mutex_unlock(&queue->kitchen);

    if (mine == NULL)
        return false;
    pthread_cond_signal(&queue->for_putters);
    *item = mine->item;
    free(mine);
    return true;
}

void crawler_queue_task_done(struct crawler_queue *queue)
{
    pthread_mutex_lock(&queue->kitchen);
    queue->at_work--;
    if (queue->at_work == 0)
        pthread_cond_broadcast(&queue->for_joiners);
    pthread_mutex_unlock(&queue->kitchen);
}

void crawler_queue_join(struct crawler_queue *queue)
{
    pthread_mutex_lock(&queue->kitchen);
    while (queue->at_work != 0)
        pthread_cond_wait(&queue->for_joiners, &queue->kitchen);
    pthread_mutex_unlock(&queue->kitchen);
}

void crawler_queue_close(struct crawler_queue *queue)
{
    pthread_mutex_lock(&queue->kitchen);
    queue->shut = true;
    pthread_cond_broadcast(&queue->for_putters);
    pthread_cond_broadcast(&queue->for_getters);
    pthread_mutex_unlock(&queue->kitchen);
}

/* ------------------------------------------------------------------------------------------- the crawler */

enum { STEPS = 20 }; /* browsers, too, give up on a chain of redirects at about that many */

enum outcome { PAGE, REDIRECT, ERROR };

struct site {
    const char *home;
    struct crawler_queue *todo;
    pthread_mutex_t register_lock;
    struct seen *visited;
};

struct traveller {
    struct site *site;
    pthread_t thread;
    CURL *curl;
    char *text;
    size_t length;
    unsigned long count[3], bytes; /* added up when all have come home */
};

/* Whether this traveller is the first one to hear of the address. */
static bool is_news(struct site *site, const char *url)
{
    bool news = false;
    if (links_same_site(site->home, url)) {
        pthread_mutex_lock(&site->register_lock);
        news = seen_add(site->visited, url);
        pthread_mutex_unlock(&site->register_lock);
    }
    return news;
}

static size_t read_on(char *piece, size_t one, size_t n, void *reader)
{
    struct traveller *t = reader;
    char *longer = realloc(t->text, t->length + one * n);
    if (longer == NULL && one * n > 0)
        return 0;
    t->text = longer;
    if (one * n > 0)
        memcpy(t->text + t->length, piece, one * n);
    t->length += one * n;
    return one * n;
}

static enum outcome ask(struct traveller *t, const char *url)
{
    long status = 0;
    t->length = 0;
    if (t->curl == NULL || curl_easy_setopt(t->curl, CURLOPT_URL, url) != CURLE_OK ||
        curl_easy_perform(t->curl) != CURLE_OK ||
        curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status) != CURLE_OK)
        return ERROR;
    return status / 100 == 2 ? PAGE : status / 100 == 3 ? REDIRECT : ERROR;
}

static void note_links(struct traveller *t, const char *url)
{
    struct links found = links_find(url, t->text, t->length);
    for (size_t i = 0; i < found.count; i++)
        if (is_news(t->site, found.urls[i]) && crawler_queue_put(t->site->todo, found.urls[i]))
            found.urls[i] = NULL;
    links_free(&found);
}

/* Where the redirect that was just answered leads, if nobody has been there; the caller frees it. */
static char *next_stop(struct traveller *t, const char *url)
{
    const char *location = NULL;
    curl_easy_getinfo(t->curl, CURLINFO_REDIRECT_URL, &location);
    char *next = location != NULL ? links_resolve(url, location) : NULL;
    if (next != NULL && !is_news(t->site, next)) {
        free(next);
        next = NULL;
    }
    return next;
}

static void travel(struct traveller *t, char *url)
{
    for (int step = 0; step < STEPS && url != NULL; step++) {
        char *next = NULL;
        const enum outcome outcome = ask(t, url);
        t->count[outcome]++;
        if (outcome == PAGE) {
            t->bytes += t->length;
            note_links(t, url);
        } else if (outcome == REDIRECT)
            next = next_stop(t, url);
        free(url);
        url = next;
    }
    free(url);
}

static void *live(void *self)
{
    struct traveller *t = self;
    void *url;
    t->curl = curl_easy_init();
    if (t->curl != NULL) {
        curl_easy_setopt(t->curl, CURLOPT_WRITEFUNCTION, read_on);
        curl_easy_setopt(t->curl, CURLOPT_WRITEDATA, t);
        curl_easy_setopt(t->curl, CURLOPT_NOSIGNAL, 1L);
    }
    while (crawler_queue_get(t->site->todo, &url)) {
        travel(t, url);
        crawler_queue_task_done(t->site->todo);
    }
    curl_easy_cleanup(t->curl);
    free(t->text);
    return NULL;
}

int crawler_crawl(const char *start_url, unsigned workers, struct crawler_result *result)
{
    struct site site = {start_url, crawler_queue_create(0), PTHREAD_MUTEX_INITIALIZER, seen_create()};
    struct traveller *travellers = calloc(workers, sizeof *travellers);
    char *first = strdup(start_url);
    unsigned n = 0;

    memset(result, 0, sizeof *result);
    if (site.todo != NULL && site.visited != NULL && travellers != NULL && first != NULL)
        for (unsigned i = 0; i < workers; i++) {
            travellers[n].site = &site;
            if (pthread_create(&travellers[n].thread, NULL, live, &travellers[n]) == 0)
                n++;
        }
    if (n > 0) {
        if (is_news(&site, first) && crawler_queue_put(site.todo, first))
            first = NULL;
        crawler_queue_join(site.todo);
        crawler_queue_close(site.todo);
    }
    for (unsigned i = 0; i < n; i++) {
        pthread_join(travellers[i].thread, NULL);
        result->pages += travellers[i].count[PAGE];
        result->redirects += travellers[i].count[REDIRECT];
        result->errors += travellers[i].count[ERROR];
        result->bytes += travellers[i].bytes;
    }
    free(first);
    free(travellers);
    seen_free(site.visited);
    crawler_queue_free(site.todo);
    pthread_mutex_destroy(&site.register_lock);
    return n > 0 ? 0 : -1;
}
