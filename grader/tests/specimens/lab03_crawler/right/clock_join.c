/* expect: right | the workers are joined by pthread_clockjoin_np, again and again: a list whose end is searched each time; each worker writes a report in text (open_memstream), the caller adds them up with strtok_r and sscanf; bodies as pieces with flexible arrays; states in an enum */
#define _GNU_SOURCE
#include "crawler.h"

#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "links.h"
#include "seen.h"

typedef struct node {
    struct node *next;
    void *what;
} node;

struct crawler_queue {
    pthread_mutex_t m;
    pthread_cond_t c[3]; /* 0 not full, 1 not empty, 2 finished */
    node *head;
    size_t cap;
    size_t todo;
    enum { OPEN, CLOSED } state;
};

static size_t count_nodes(const node *n)
{
    size_t k = 0;
    for (; n != NULL; n = n->next)
        k++;
    return k;
}

struct crawler_queue *crawler_queue_create(size_t capacity)
{
    struct crawler_queue *q = calloc(1, sizeof *q);
    if (q) {
        *q = (struct crawler_queue){.m = PTHREAD_MUTEX_INITIALIZER,
                                    .c = {PTHREAD_COND_INITIALIZER, PTHREAD_COND_INITIALIZER, PTHREAD_COND_INITIALIZER},
                                    .cap = capacity,
                                    .state = OPEN};
    }
    return q;
}

bool crawler_queue_put(struct crawler_queue *q, void *item)
{
    node *n = malloc(sizeof *n);
    if (n == NULL)
        return false;
    n->next = NULL;
    n->what = item;
    pthread_mutex_lock(&q->m);
    while (q->state == OPEN && q->cap > 0 && count_nodes(q->head) >= q->cap)
        pthread_cond_wait(&q->c[0], &q->m);
    if (q->state == CLOSED) {
        pthread_mutex_unlock(&q->m);
        free(n);
        return false;
    }
    node **end = &q->head;
    while (*end != NULL)
        end = &(*end)->next;
    *end = n;
    q->todo++;
    pthread_cond_signal(&q->c[1]);
    pthread_mutex_unlock(&q->m);
    return true;
}

bool crawler_queue_get(struct crawler_queue *q, void **item)
{
    pthread_mutex_lock(&q->m);
    for (;;) {
        node *n = q->head;
        if (n != NULL) {
            q->head = n->next;
            *item = n->what;
            free(n);
            pthread_cond_signal(&q->c[0]);
            pthread_mutex_unlock(&q->m);
            return true;
        }
        if (q->state == CLOSED)
            break;
        pthread_cond_wait(&q->c[1], &q->m);
    }
    pthread_mutex_unlock(&q->m);
    return false;
}

void crawler_queue_task_done(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->m);
    if (--q->todo == 0)
        pthread_cond_broadcast(&q->c[2]);
    pthread_mutex_unlock(&q->m);
}

void crawler_queue_join(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->m);
    while (q->todo > 0)
        pthread_cond_wait(&q->c[2], &q->m);
    pthread_mutex_unlock(&q->m);
}

void crawler_queue_close(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->m);
    q->state = CLOSED;
    pthread_cond_broadcast(&q->c[0]);
    pthread_cond_broadcast(&q->c[1]);
    pthread_mutex_unlock(&q->m);
}

void crawler_queue_free(struct crawler_queue *q)
{
    if (q == NULL)
        return;
    while (q->head != NULL) {
        node *n = q->head;
        q->head = n->next;
        free(n);
    }
    for (int i = 0; i < 3; i++)
        pthread_cond_destroy(&q->c[i]);
    pthread_mutex_destroy(&q->m);
    free(q);
}

/* ---- crawl ---- */

struct piece {
    struct piece *next;
    size_t n;
    char bytes[];
};

struct body {
    struct piece *first;
    bool broke;
};

struct shared {
    struct crawler_queue *q;
    struct seen *seen;
    pthread_mutex_t seen_lock;
    const char *start;
};

struct worker {
    struct shared *s;
    pthread_t id;
    FILE *report;
    char *text;
    size_t text_size;
    bool trouble;
};

static size_t write_piece(char *data, size_t one, size_t n, void *arg)
{
    struct body *b = arg;
    struct piece *p = malloc(sizeof *p + one * n);
    if (p == NULL) {
        b->broke = true;
        return 0;
    }
    p->next = NULL;
    p->n = one * n;
    memcpy(p->bytes, data, one * n);
    struct piece **at = &b->first;
    while (*at)
        at = &(*at)->next;
    *at = p;
    return one * n;
}

static char *glue(struct body *b, size_t *total)
{
    *total = 0;
    for (struct piece *p = b->first; p; p = p->next)
        *total += p->n;
    char *all = malloc(*total ? *total : 1), *to = all;
    for (struct piece *p = b->first; p && all; p = p->next)
        to = mempcpy(to, p->bytes, p->n);
    return all;
}

static void drop(struct body *b)
{
    while (b->first) {
        struct piece *p = b->first;
        b->first = p->next;
        free(p);
    }
}

static void found(struct worker *w, const char *url)
{
    bool fresh = false;
    if (!links_same_site(w->s->start, url))
        return;
    pthread_mutex_lock(&w->s->seen_lock);
    size_t before = w->s->seen->count;
    fresh = seen_add(w->s->seen, url);
    /* no memory looks like "seen": tell them apart */
    if (!fresh && w->s->seen->count == before && w->s->seen->slots[seen_find(w->s->seen, url)] == NULL)
        w->trouble = true;
    pthread_mutex_unlock(&w->s->seen_lock);
    if (!fresh)
        return;
    char *c = strndup(url, strlen(url));
    if (c == NULL || !crawler_queue_put(w->s->q, c)) {
        free(c);
        w->trouble = true;
    }
}

static void do_page(struct worker *w, CURL *h, const char *url)
{
    struct body b = {NULL, false};
    long status = 0;
    enum { PAGE, REDIRECT, ERROR } kind = ERROR;
    static const char *const names[] = {[PAGE] = "page", [REDIRECT] = "redirect", [ERROR] = "error"};
    size_t length = 0;
    char *all = NULL, *target = NULL;

    curl_easy_setopt(h, CURLOPT_URL, url);
    curl_easy_setopt(h, CURLOPT_WRITEDATA, &b);
    CURLcode code = curl_easy_perform(h);
    if (b.broke || code == CURLE_OUT_OF_MEMORY)
        w->trouble = true;
    curl_easy_getinfo(h, CURLINFO_RESPONSE_CODE, &status);
    switch (status / 100) {
    case 2:
        if (code != CURLE_OK)
            break;
        kind = PAGE;
        all = glue(&b, &length);
        if (all == NULL) {
            w->trouble = true;
            break;
        }
        struct links l = links_find(url, all, length);
        for (size_t i = l.count; i-- > 0;) /* last first, why not */
            found(w, l.urls[i]);
        links_free(&l);
        free(all);
        break;
    case 3:
        kind = REDIRECT;
        curl_easy_getinfo(h, CURLINFO_REDIRECT_URL, &target);
        target = target ? links_resolve(url, target) : NULL;
        if (target)
            found(w, target);
        free(target);
        break;
    default:
        break;
    }
    drop(&b);
    fprintf(w->report, "%s %zu\n", names[kind], length);
}

static void *worker(void *arg)
{
    struct worker *w = arg;
    void *u;
    CURL *h = curl_easy_init();
    if (h == NULL)
        w->trouble = true;
    else {
        curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, write_piece);
    }
    while (crawler_queue_get(w->s->q, &u)) {
        if (h)
            do_page(w, h, u);
        free(u);
        crawler_queue_task_done(w->s->q);
    }
    if (h)
        curl_easy_cleanup(h);
    return NULL;
}

static void add_up(char *text, struct crawler_result *r)
{
    char *save = NULL;
    for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        char word[16];
        unsigned long n;
        if (sscanf(line, "%15s %lu", word, &n) != 2)
            continue;
        if (!strcmp(word, "page")) {
            r->pages++;
            r->bytes += n;
        } else if (!strcmp(word, "redirect"))
            r->redirects++;
        else if (!strcmp(word, "error"))
            r->errors++;
    }
}

/* Says so when a worker is late. */
static void come_home(pthread_t id)
{
    for (;;) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += 30;
        if (pthread_clockjoin_np(id, NULL, CLOCK_MONOTONIC, &until) != ETIMEDOUT)
            return;
        fprintf(stderr, "a worker is still not done\n");
    }
}

int crawler_crawl(const char *start_url, unsigned workers, struct crawler_result *result)
{
    int ret = -1;
    unsigned started = 0;
    bool trouble = false;
    struct shared s = {.q = NULL, .seen = NULL, .seen_lock = PTHREAD_MUTEX_INITIALIZER, .start = start_url};
    struct worker *w = NULL;

    *result = (struct crawler_result){0, 0, 0, 0};
    if (!(s.q = crawler_queue_create(0)))
        goto out;
    if (!(s.seen = seen_create()))
        goto out;
    if (!(w = calloc(workers, sizeof *w)))
        goto out;
    for (unsigned i = 0; i < workers; i++) {
        w[i].s = &s;
        w[i].report = open_memstream(&w[i].text, &w[i].text_size);
        if (w[i].report == NULL)
            break;
        if (pthread_create(&w[i].id, NULL, worker, &w[i]) != 0) {
            fclose(w[i].report);
            free(w[i].text);
            break;
        }
        started++;
    }
    if (started > 0) {
        struct worker caller = {.s = &s};
        found(&caller, start_url);
        trouble = caller.trouble;
        crawler_queue_join(s.q);
        ret = 0;
    }
    crawler_queue_close(s.q);
    for (unsigned i = 0; i < started; i++) {
        come_home(w[i].id);
        if (ferror(w[i].report))
            trouble = true;
        if (fclose(w[i].report) != 0)
            trouble = true;
        else if (w[i].text != NULL)
            add_up(w[i].text, result);
        free(w[i].text);
        trouble |= w[i].trouble;
    }
    if (trouble)
        ret = -1;
out:
    free(w);
    seen_free(s.seen);
    crawler_queue_free(s.q);
    pthread_mutex_destroy(&s.seen_lock);
    return ret;
}
