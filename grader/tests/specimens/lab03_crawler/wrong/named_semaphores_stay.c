/* expect: tests /dev/shm | the semaphores of a queue have names, which are never taken away */
/* lab03 with nothing but semaphores, those of the queue as sem_open makes them: sem_init is missing on my Mac. */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <curl/curl.h>

#include "crawler.h"
#include "links.h"
#include "seen.h"

/* P and V, as Dijkstra named them. A signal handler can interrupt sem_wait. */
static void P(sem_t *s)
{
    while (sem_wait(s) == -1 && errno == EINTR)
        continue;
}

static void V(sem_t *s)
{
    sem_post(s);
}

struct cell {
    void *item;
    struct cell *next;
};

/* Everyone who joins waits for a semaphore of his own, so that nobody can take away what was meant for another. */
struct joiner {
    sem_t go;
    struct joiner *next;
};

/*
 * items counts what can be taken, room what can be added. Closing adds one to each that is never used up:
 * who gets in by it and sees that the queue is closed (and empty) puts it back for the next one.
 */
struct crawler_queue {
    sem_t *guard; /* 1 or 0: a mutex for all that follows `room` */
    sem_t *items;
    sem_t *room; /* only when bounded */
    bool bounded;
    bool closed;
    struct cell *head;
    struct cell **end;
    size_t todo;
    struct joiner *joiners;
};

/* A semaphore of its own name. */
static sem_t *make(unsigned value)
{
    static atomic_uint number;
    sem_t *semaphore;
    do {
        char name[64];
        snprintf(name, sizeof name, "/lab03-%ld-%u", (long)getpid(), atomic_fetch_add(&number, 1));
        semaphore = sem_open(name, O_CREAT | O_EXCL, 0600, value);
    } while (semaphore == SEM_FAILED && (errno == EEXIST || errno == EINTR));
    return semaphore;
}

static void let_go(sem_t *semaphore)
{
    if (semaphore != SEM_FAILED)
        sem_close(semaphore);
}

struct crawler_queue *crawler_queue_create(size_t capacity)
{
    struct crawler_queue *queue = malloc(sizeof(struct crawler_queue));
    if (!queue)
        return NULL;
    queue->bounded = capacity > 0;
    queue->closed = false;
    queue->head = NULL;
    queue->end = &queue->head;
    queue->todo = 0;
    queue->joiners = NULL;
    queue->guard = make(1);
    queue->items = make(0);
    queue->room = make((unsigned)capacity);
    if (queue->guard == SEM_FAILED || queue->items == SEM_FAILED || queue->room == SEM_FAILED) {
        let_go(queue->guard);
        let_go(queue->items);
        let_go(queue->room);
        free(queue);
        return NULL;
    }
    return queue;
}

bool crawler_queue_put(struct crawler_queue *queue, void *item)
{
    struct cell *cell = malloc(sizeof(struct cell));
    if (!cell)
        return false;
    cell->item = item;
    cell->next = NULL;
    if (queue->bounded)
        P(queue->room);
    P(queue->guard);
    if (queue->closed) {
        V(queue->guard);
        if (queue->bounded)
            V(queue->room);
        free(cell);
        return false;
    }
    *queue->end = cell;
    queue->end = &cell->next;
    queue->todo++;
    V(queue->guard);
    V(queue->items);
    return true;
}

bool crawler_queue_get(struct crawler_queue *queue, void **item)
{
    struct cell *cell;
    P(queue->items);
    P(queue->guard);
    cell = queue->head;
    if (!cell) { /* then it is closed */
        V(queue->guard);
        V(queue->items);
        return false;
    }
    queue->head = cell->next;
    if (!queue->head)
        queue->end = &queue->head;
    V(queue->guard);
    if (queue->bounded)
        V(queue->room);
    *item = cell->item;
    free(cell);
    return true;
}

void crawler_queue_task_done(struct crawler_queue *queue)
{
    P(queue->guard);
    queue->todo--;
    if (queue->todo == 0) {
        while (queue->joiners) {
            struct joiner *joiner = queue->joiners;
            queue->joiners = joiner->next;
            V(&joiner->go);
        }
    }
    V(queue->guard);
}

void crawler_queue_join(struct crawler_queue *queue)
{
    struct joiner me;
    P(queue->guard);
    if (queue->todo == 0) {
        V(queue->guard);
        return;
    }
    sem_init(&me.go, 0, 0); /* fails only for values that are too large */
    me.next = queue->joiners;
    queue->joiners = &me;
    V(queue->guard);

    P(&me.go);
    /* task_done posts it with the guard held: after this it is out of sem_post, and `me` may vanish. */
    P(queue->guard);
    V(queue->guard);
    sem_destroy(&me.go);
}

void crawler_queue_close(struct crawler_queue *queue)
{
    bool first;
    P(queue->guard);
    first = !queue->closed;
    queue->closed = true;
    V(queue->guard);
    if (first) {
        V(queue->items);
        V(queue->room);
    }
}

void crawler_queue_free(struct crawler_queue *queue)
{
    if (!queue)
        return;
    while (queue->head) {
        struct cell *cell = queue->head;
        queue->head = cell->next;
        free(cell);
    }
    let_go(queue->room);
    let_go(queue->items);
    let_go(queue->guard);
    free(queue);
}

/* crawler */

struct site {
    sem_t guard; /* for all but queue and start */
    struct crawler_queue *queue;
    const char *start;
    struct seen *seen;
    struct crawler_result counts;
    bool no_memory;
};

struct piece {
    struct piece *next;
    size_t length;
    char bytes[];
};

/* The pieces of a body as they come, put together at the end. */
struct body {
    struct piece *first;
    struct piece **end;
    size_t total;
    bool no_memory;
};

static size_t take_piece(char *bytes, size_t size, size_t number, void *where)
{
    struct body *body = where;
    size_t length = size * number;
    struct piece *piece = malloc(sizeof(struct piece) + length);
    if (!piece) {
        body->no_memory = true;
        return length == 0 ? 1 : 0;
    }
    if (length > 0)
        memcpy(piece->bytes, bytes, length);
    piece->length = length;
    piece->next = NULL;
    *body->end = piece;
    body->end = &piece->next;
    body->total += length;
    return length;
}

static void drop(struct body *body)
{
    while (body->first) {
        struct piece *piece = body->first;
        body->first = piece->next;
        free(piece);
    }
}

static void no_memory(struct site *site)
{
    P(&site->guard);
    site->no_memory = true;
    V(&site->guard);
}

/* Finds out which of the n addresses are to be visited, all with one time in the guard, then puts those. */
static void follow(struct site *site, char **urls, size_t n)
{
    size_t i;
    P(&site->guard);
    for (i = 0; i < n; i++) {
        bool wanted = links_same_site(site->start, urls[i]);
        if (wanted && !seen_add(site->seen, urls[i])) {
            wanted = false;
            if (!site->seen->slots[seen_find(site->seen, urls[i])])
                site->no_memory = true;
        }
        if (!wanted) {
            free(urls[i]);
            urls[i] = NULL;
        }
    }
    V(&site->guard);
    for (i = 0; i < n; i++) {
        if (!urls[i])
            continue;
        if (crawler_queue_put(site->queue, urls[i]))
            urls[i] = NULL;
        else
            no_memory(site); /* the caller frees it */
    }
}

static void search(struct site *site, const char *url, struct body *body)
{
    char *text, *to;
    struct piece *piece;
    struct links links;
    if (body->total == 0)
        return;
    text = to = malloc(body->total);
    if (!text) {
        no_memory(site);
        return;
    }
    for (piece = body->first; piece; piece = piece->next) {
        memcpy(to, piece->bytes, piece->length);
        to += piece->length;
    }
    links = links_find(url, text, body->total);
    free(text);
    follow(site, links.urls, links.count);
    links_free(&links);
}

static void look_at(struct site *site, CURL *curl, const char *url)
{
    struct body body = {NULL, NULL, 0, false};
    long status = 0;
    char *location = NULL;
    CURLcode outcome;

    body.end = &body.first;
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &body);
    outcome = curl_easy_setopt(curl, CURLOPT_URL, url);
    if (outcome == CURLE_OK)
        outcome = curl_easy_perform(curl);
    if (body.no_memory)
        outcome = CURLE_OUT_OF_MEMORY;
    if (outcome == CURLE_OK) {
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
        curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &location);
    }

    P(&site->guard);
    if (outcome == CURLE_OUT_OF_MEMORY)
        site->no_memory = true;
    else if (status >= 200 && status < 300) {
        site->counts.pages++;
        site->counts.bytes += body.total;
    } else if (status >= 300 && status < 400)
        site->counts.redirects++;
    else
        site->counts.errors++;
    V(&site->guard);

    if (status >= 200 && status < 300)
        search(site, url, &body);
    else if (status >= 300 && status < 400 && location) {
        char *target = links_resolve(url, location);
        if (target)
            follow(site, &target, 1);
        free(target);
    }
    drop(&body);
}

static void *worker(void *p)
{
    struct site *site = p;
    void *url;
    CURL *curl = curl_easy_init();
    if (curl) {
        curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, 1L);
        curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_piece);
    } else
        no_memory(site);
    while (crawler_queue_get(site->queue, &url)) {
        bool stop;
        P(&site->guard);
        stop = site->no_memory;
        V(&site->guard);
        if (!stop)
            look_at(site, curl, url);
        free(url);
        crawler_queue_task_done(site->queue);
    }
    if (curl)
        curl_easy_cleanup(curl);
    return NULL;
}

int crawler_crawl(const char *start_url, unsigned workers, struct crawler_result *result)
{
    struct site site;
    pthread_t *threads;
    unsigned started = 0, i;
    int answer = -1;

    memset(&site, 0, sizeof site);
    site.start = start_url;
    if (sem_init(&site.guard, 0, 1) == -1)
        return -1;
    site.seen = seen_create();
    site.queue = crawler_queue_create(0);
    threads = malloc(sizeof(pthread_t) * (size_t)workers);

    if (site.seen && site.queue && threads) {
        for (i = 0; i < workers; i++) {
            if (pthread_create(&threads[started], NULL, worker, &site) == 0)
                started++;
        }
        if (started > 0) {
            char *first = strdup(start_url);
            if (first)
                follow(&site, &first, 1);
            else
                no_memory(&site);
            free(first);
            crawler_queue_join(site.queue);
            crawler_queue_close(site.queue);
            for (i = 0; i < started; i++)
                pthread_join(threads[i], NULL);
            if (!site.no_memory)
                answer = 0;
        }
    }
    *result = site.counts;
    free(threads);
    crawler_queue_free(site.queue);
    seen_free(site.seen);
    sem_destroy(&site.guard);
    return answer;
}
