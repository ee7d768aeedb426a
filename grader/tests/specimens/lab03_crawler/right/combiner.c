/* expect: right | no mutex in the queue: each call is a request in a list, and whoever finds the list unattended serves all requests in it (flat combining); who has to wait sleeps on the semaphore of its request */
#define _GNU_SOURCE
#include "crawler.h"

#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "links.h"
#include "seen.h"

struct packet {
    struct packet *next;
    void *item;
};

enum kind { PUT, GET, TASK_DONE, JOIN, CLOSE };

struct request {
    struct request *next;
    enum kind kind;
    struct packet *packet; /* in for PUT, out for GET */
    bool answer;
    sem_t served;
};

struct line {
    struct request *first, *last;
};

struct crawler_queue {
    _Atomic(struct request *) inbox; /* NULL: nobody serves. &busy: someone does, and nothing new came */
    struct request busy;
    /* all the rest belongs to whoever serves */
    size_t capacity, count, unfinished;
    bool closed;
    struct packet *oldest, *newest;
    struct line putters, getters, joiners;
};

static void line_up(struct line *line, struct request *r)
{
    r->next = NULL;
    if (line->first == NULL)
        line->first = r;
    else
        line->last->next = r;
    line->last = r;
}

static struct request *line_next(struct line *line)
{
    struct request *r = line->first;
    if (r != NULL)
        line->first = r->next;
    return r;
}

static void reply(struct request *r, bool answer)
{
    r->answer = answer;
    sem_post(&r->served); /* r may be gone now */
}

static void accept_item(struct crawler_queue *q, struct request *put)
{
    put->packet->next = NULL;
    if (q->oldest == NULL)
        q->oldest = put->packet;
    else
        q->newest->next = put->packet;
    q->newest = put->packet;
    q->count++;
    q->unfinished++;
    reply(put, true);
}

static void hand_out(struct crawler_queue *q, struct request *get)
{
    get->packet = q->oldest;
    q->oldest = q->oldest->next;
    q->count--;
    reply(get, true);
}

static void serve(struct crawler_queue *q, struct request *r)
{
    struct request *other;
    switch (r->kind) {
    case PUT:
        if (q->closed) {
            reply(r, false);
        } else if (q->capacity != 0 && q->count >= q->capacity) {
            line_up(&q->putters, r);
        } else {
            accept_item(q, r);
            if ((other = line_next(&q->getters)) != NULL)
                hand_out(q, other);
        }
        break;
    case GET:
        if (q->count > 0) {
            hand_out(q, r);
            if ((other = line_next(&q->putters)) != NULL)
                accept_item(q, other);
        } else if (q->closed) {
            reply(r, false);
        } else {
            line_up(&q->getters, r);
        }
        break;
    case TASK_DONE:
        if (--q->unfinished == 0)
            while ((other = line_next(&q->joiners)) != NULL)
                reply(other, true);
        reply(r, true);
        break;
    case JOIN:
        if (q->unfinished == 0)
            reply(r, true);
        else
            line_up(&q->joiners, r);
        break;
    case CLOSE:
        q->closed = true;
        while ((other = line_next(&q->putters)) != NULL)
            reply(other, false);
        while ((other = line_next(&q->getters)) != NULL)
            reply(other, false);
        reply(r, true);
        break;
    }
}

static void serve_all(struct crawler_queue *q)
{
    for (;;) {
        struct request *batch = atomic_exchange(&q->inbox, &q->busy), *in_order = NULL;
        while (batch != NULL && batch != &q->busy) { /* the newest comes first: turn it round */
            struct request *next = batch->next;
            batch->next = in_order;
            in_order = batch;
            batch = next;
        }
        while (in_order != NULL) {
            struct request *r = in_order;
            in_order = r->next;
            serve(q, r);
        }
        struct request *expected = &q->busy;
        if (atomic_compare_exchange_strong(&q->inbox, &expected, NULL))
            return;
    }
}

static bool ask(struct crawler_queue *q, struct request *r)
{
    sem_init(&r->served, 0, 0);
    struct request *before = atomic_load(&q->inbox);
    do
        r->next = before;
    while (!atomic_compare_exchange_weak(&q->inbox, &before, r));
    if (before == NULL)
        serve_all(q);
    while (sem_wait(&r->served) != 0 && errno == EINTR)
        ;
    sem_destroy(&r->served);
    return r->answer;
}

struct crawler_queue *crawler_queue_create(size_t capacity)
{
    struct crawler_queue *q = calloc(1, sizeof *q);
    if (q == NULL)
        return NULL;
    atomic_init(&q->inbox, NULL);
    q->capacity = capacity;
    return q;
}

bool crawler_queue_put(struct crawler_queue *q, void *item)
{
    struct packet *packet = malloc(sizeof *packet);
    if (packet == NULL)
        return false;
    packet->item = item;
    struct request r = {.kind = PUT, .packet = packet};
    if (ask(q, &r))
        return true;
    free(packet);
    return false;
}

bool crawler_queue_get(struct crawler_queue *q, void **item)
{
    struct request r = {.kind = GET};
    if (!ask(q, &r))
        return false;
    *item = r.packet->item;
    free(r.packet);
    return true;
}

void crawler_queue_task_done(struct crawler_queue *q)
{
    struct request r = {.kind = TASK_DONE};
    ask(q, &r);
}

void crawler_queue_join(struct crawler_queue *q)
{
    struct request r = {.kind = JOIN};
    ask(q, &r);
}

void crawler_queue_close(struct crawler_queue *q)
{
    struct request r = {.kind = CLOSE};
    ask(q, &r);
}

void crawler_queue_free(struct crawler_queue *q)
{
    if (q == NULL)
        return;
    while (q->oldest != NULL) {
        struct packet *p = q->oldest;
        q->oldest = p->next;
        free(p);
    }
    free(q);
}

/* ---- the crawler: the addresses seen are a sorted array, which owns them; the queue carries pointers into it ---- */

struct book {
    pthread_mutex_t mutex;
    char **sorted;
    size_t count, room;
};

struct crawl {
    struct crawler_queue *queue;
    const char *start;
    struct book book;
};

struct job {
    struct crawl *crawl;
    pthread_t thread;
    struct crawler_result result;
};

/* Takes `url`; returns it if it is new, else frees it and returns NULL. */
static char *note(struct book *book, char *url)
{
    char *fresh = NULL;
    pthread_mutex_lock(&book->mutex);
    size_t low = 0, high = book->count;
    int order = 1;
    while (low < high && order != 0) {
        const size_t middle = low + (high - low) / 2;
        order = strcmp(url, book->sorted[middle]);
        if (order < 0)
            high = middle;
        else if (order > 0)
            low = middle + 1;
    }
    if (order != 0 && book->count == book->room) {
        const size_t room = book->room * 2 + 16;
        char **grown = realloc(book->sorted, room * sizeof *grown);
        if (grown == NULL) {
            order = 0;
        } else {
            book->sorted = grown;
            book->room = room;
        }
    }
    if (order != 0) {
        memmove(book->sorted + low + 1, book->sorted + low, (book->count - low) * sizeof *book->sorted);
        book->sorted[low] = url;
        book->count++;
        fresh = url;
    }
    pthread_mutex_unlock(&book->mutex);
    if (fresh == NULL)
        free(url);
    return fresh;
}

static void follow(struct crawl *crawl, char *url)
{
    if (url != NULL && !links_same_site(url, crawl->start)) {
        free(url);
        url = NULL;
    }
    char *fresh = url != NULL ? note(&crawl->book, url) : NULL;
    if (fresh != NULL)
        crawler_queue_put(crawl->queue, fresh);
}

struct body {
    char *text;
    size_t length;
};

static size_t write_body(char *data, size_t size, size_t n, void *userdata)
{
    struct body *body = userdata;
    char *text = realloc(body->text, body->length + size * n + 1);
    if (text == NULL)
        return 0;
    memcpy(text + body->length, data, size * n);
    body->text = text;
    body->length += size * n;
    return size * n;
}

static void *job_main(void *argument)
{
    struct job *job = argument;
    struct crawl *crawl = job->crawl;
    void *item;
    while (crawler_queue_get(crawl->queue, &item)) {
        const char *url = item;
        struct body body = {NULL, 0};
        long status = 0;
        char *to = NULL;
        CURL *curl = curl_easy_init();
        CURLcode code = CURLE_OUT_OF_MEMORY;
        if (curl != NULL) {
            curl_easy_setopt(curl, CURLOPT_URL, url);
            curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
            curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, write_body);
            curl_easy_setopt(curl, CURLOPT_WRITEDATA, &body);
            code = curl_easy_perform(curl);
            curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
            curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &to);
        }
        if (code == CURLE_OK && status >= 200 && status < 300) {
            job->result.pages++;
            job->result.bytes += body.length;
            struct links links = links_find(url, body.text, body.length);
            for (size_t i = 0; i < links.count; i++)
                follow(crawl, links.urls[i]);
            free(links.urls);
        } else if (code == CURLE_OK && status >= 300 && status < 400) {
            job->result.redirects++;
            if (to != NULL)
                follow(crawl, links_resolve(url, to));
        } else {
            job->result.errors++;
        }
        curl_easy_cleanup(curl);
        free(body.text);
        crawler_queue_task_done(crawl->queue);
    }
    return NULL;
}

int crawler_crawl(const char *start_url, unsigned workers, struct crawler_result *result)
{
    struct crawl crawl = {.start = start_url, .book = {.mutex = PTHREAD_MUTEX_INITIALIZER}};
    struct job *jobs = calloc(workers, sizeof *jobs);
    unsigned running = 0;
    crawl.queue = crawler_queue_create(0);
    if (jobs != NULL && crawl.queue != NULL) {
        for (unsigned i = 0; i < workers; i++) {
            jobs[running].crawl = &crawl;
            if (pthread_create(&jobs[running].thread, NULL, job_main, &jobs[running]) == 0)
                running++;
        }
    }
    *result = (struct crawler_result){0};
    if (running > 0) {
        follow(&crawl, strdup(start_url));
        crawler_queue_join(crawl.queue);
        crawler_queue_close(crawl.queue);
    }
    for (unsigned i = 0; i < running; i++) {
        pthread_join(jobs[i].thread, NULL);
        result->pages += jobs[i].result.pages;
        result->redirects += jobs[i].result.redirects;
        result->errors += jobs[i].result.errors;
        result->bytes += jobs[i].result.bytes;
    }
    for (size_t i = 0; i < crawl.book.count; i++)
        free(crawl.book.sorted[i]);
    free(crawl.book.sorted);
    pthread_mutex_destroy(&crawl.book.mutex);
    free(jobs);
    crawler_queue_free(crawl.queue);
    return running > 0 ? 0 : -1;
}
