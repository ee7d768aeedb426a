/* expect: tests fifo_order; schedules queue_keeps_the_order | two lists in turn for less contention: a get that finds one empty goes on to the next, and from then on takes from the wrong one */
#include "crawler.h"

#include <curl/curl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "links.h"
#include "seen.h"

enum { STRIPES = 2 };

struct piece {
    struct piece *next;
    void *item;
};

struct stripe {
    pthread_mutex_t lock;
    struct piece *head, *tail;
};

struct crawler_queue {
    struct stripe stripes[STRIPES];
    sem_t items, places;
    bool bounded;
    atomic_bool closed;
    atomic_size_t left; /* in all stripes */
    atomic_uint put_turn, get_turn;
    pthread_mutex_t done_lock;
    pthread_cond_t done;
    size_t unfinished;
};

struct crawler_queue *crawler_queue_create(size_t capacity)
{
    struct crawler_queue *queue = calloc(1, sizeof *queue);
    if (queue == NULL)
        return NULL;
    for (int i = 0; i < STRIPES; i++)
        pthread_mutex_init(&queue->stripes[i].lock, NULL);
    sem_init(&queue->items, 0, 0);
    sem_init(&queue->places, 0, (unsigned)capacity);
    queue->bounded = capacity > 0;
    pthread_mutex_init(&queue->done_lock, NULL);
    pthread_cond_init(&queue->done, NULL);
    return queue;
}

/* The stripe whose turn it is, locked: both are used alternately, in put as in get, so the order is kept. */
static struct stripe *lock_next(struct crawler_queue *queue, atomic_uint *turn)
{
    struct stripe *stripe = &queue->stripes[(*turn)++ % STRIPES];
    pthread_mutex_lock(&stripe->lock);
    return stripe;
}

bool crawler_queue_put(struct crawler_queue *queue, void *item)
{
    struct piece *piece = calloc(1, sizeof *piece);
    if (piece == NULL)
        return false;
    piece->item = item;
    while (queue->bounded && sem_wait(&queue->places) != 0)
        continue;
    struct stripe *stripe = lock_next(queue, &queue->put_turn);
    const bool open = !queue->closed;
    if (open) {
        pthread_mutex_lock(&queue->done_lock);
        queue->unfinished++;
        pthread_mutex_unlock(&queue->done_lock);
        if (stripe->head == NULL)
            stripe->head = piece;
        else
            stripe->tail->next = piece;
        stripe->tail = piece;
        queue->left++;
    }
    pthread_mutex_unlock(&stripe->lock);
    sem_post(open ? &queue->items : &queue->places);
    if (!open)
        free(piece);
    return open;
}

/* The first piece of the next stripe that has one; NULL if there is none. */
static struct piece *take_any(struct crawler_queue *queue)
{
    struct piece *piece = NULL;
    for (int i = 0; i < STRIPES && piece == NULL; i++) {
        struct stripe *stripe = lock_next(queue, &queue->get_turn);
        piece = stripe->head;
        if (piece != NULL) {
            stripe->head = piece->next;
            queue->left--;
        }
        pthread_mutex_unlock(&stripe->lock);
    }
    return piece;
}

bool crawler_queue_get(struct crawler_queue *queue, void **item)
{
    struct piece *piece;
    while (sem_wait(&queue->items) != 0)
        continue;
    while ((piece = take_any(queue)) == NULL)
        if (queue->closed && queue->left == 0) {
            sem_post(&queue->items); /* for the next one */
            return false;
        }
    *item = piece->item;
    free(piece);
    if (queue->bounded)
        sem_post(&queue->places);
    return true;
}

void crawler_queue_task_done(struct crawler_queue *queue)
{
    pthread_mutex_lock(&queue->done_lock);
    if (--queue->unfinished == 0)
        pthread_cond_broadcast(&queue->done);
    pthread_mutex_unlock(&queue->done_lock);
}

void crawler_queue_join(struct crawler_queue *queue)
{
    pthread_mutex_lock(&queue->done_lock);
    while (queue->unfinished > 0)
        pthread_cond_wait(&queue->done, &queue->done_lock);
    pthread_mutex_unlock(&queue->done_lock);
}

void crawler_queue_close(struct crawler_queue *queue)
{
    for (int i = 0; i < STRIPES; i++)
        pthread_mutex_lock(&queue->stripes[i].lock);
    queue->closed = true;
    for (int i = 0; i < STRIPES; i++)
        pthread_mutex_unlock(&queue->stripes[i].lock);
    sem_post(&queue->items);
    sem_post(&queue->places);
}

void crawler_queue_free(struct crawler_queue *queue)
{
    if (queue == NULL)
        return;
    for (struct piece *piece; (piece = take_any(queue)) != NULL;)
        free(piece);
    for (int i = 0; i < STRIPES; i++)
        pthread_mutex_destroy(&queue->stripes[i].lock);
    sem_destroy(&queue->items);
    sem_destroy(&queue->places);
    pthread_mutex_destroy(&queue->done_lock);
    pthread_cond_destroy(&queue->done);
    free(queue);
}

/* ---- crawler ---- */

struct expedition {
    const char *base_camp;
    struct crawler_queue *queue;
    struct seen *seen;
    pthread_rwlock_t seen_lock;
    atomic_ulong pages, redirects, errors, bytes;
};

struct luggage {
    char *content;
    size_t weight, room;
};

static size_t pack(char *content, size_t size, size_t count, void *context)
{
    struct luggage *luggage = context;
    const size_t weight = size * count;
    while (luggage->room - luggage->weight < weight) {
        char *larger = realloc(luggage->content, luggage->room * 2 + 512);
        if (larger == NULL)
            return 0;
        luggage->content = larger;
        luggage->room = luggage->room * 2 + 512;
    }
    memcpy(luggage->content + luggage->weight, content, weight);
    luggage->weight += weight;
    return weight;
}

static void spot(struct expedition *expedition, const char *url)
{
    if (!links_same_site(expedition->base_camp, url))
        return;
    pthread_rwlock_wrlock(&expedition->seen_lock);
    const bool is_new = seen_add(expedition->seen, url);
    pthread_rwlock_unlock(&expedition->seen_lock);
    if (is_new)
        crawler_queue_put(expedition->queue, strdup(url));
}

static void *explore(void *context)
{
    struct expedition *expedition = context;
    struct luggage luggage = {NULL, 0, 0};
    CURL *curl = curl_easy_init();
    void *url;
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, pack);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &luggage);
    while (crawler_queue_get(expedition->queue, &url)) {
        long status = 0;
        char *location = NULL;
        luggage.weight = 0;
        curl_easy_setopt(curl, CURLOPT_URL, url);
        const CURLcode code = curl_easy_perform(curl);
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
        if (code != CURLE_OK || status < 200 || status > 399) {
            expedition->errors++;
        } else if (status > 299) {
            expedition->redirects++;
            curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &location);
            char *target = location != NULL ? links_resolve(url, location) : NULL;
            if (target != NULL)
                spot(expedition, target);
            free(target);
        } else {
            expedition->pages++;
            expedition->bytes += luggage.weight;
            struct links links = links_find(url, luggage.content, luggage.weight);
            for (size_t i = 0; i < links.count; i++)
                spot(expedition, links.urls[i]);
            links_free(&links);
        }
        free(url);
        crawler_queue_task_done(expedition->queue);
    }
    curl_easy_cleanup(curl);
    free(luggage.content);
    return NULL;
}

int crawler_crawl(const char *start_url, unsigned workers, struct crawler_result *result)
{
    struct expedition expedition = {.base_camp = start_url, .queue = crawler_queue_create(0), .seen = seen_create()};
    pthread_t *explorers = calloc(workers, sizeof *explorers);
    unsigned count = 0;
    pthread_rwlock_init(&expedition.seen_lock, NULL);
    spot(&expedition, start_url);
    while (count < workers && pthread_create(&explorers[count], NULL, explore, &expedition) == 0)
        count++;
    if (count > 0)
        crawler_queue_join(expedition.queue);
    crawler_queue_close(expedition.queue);
    for (unsigned i = 0; i < count; i++)
        pthread_join(explorers[i], NULL);
    *result = (struct crawler_result){expedition.pages, expedition.redirects, expedition.errors, expedition.bytes};
    pthread_rwlock_destroy(&expedition.seen_lock);
    seen_free(expedition.seen);
    crawler_queue_free(expedition.queue);
    free(explorers);
    return count > 0 ? 0 : -1;
}
