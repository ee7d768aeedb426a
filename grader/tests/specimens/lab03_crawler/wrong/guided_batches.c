/* expect: tests crawl_uses_all_workers | a worker takes several addresses at once if many wait, and fetches them one after the other: towards the end others are idle while addresses wait in its pocket */
#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE
#endif
#include "crawler.h"
#include <curl/curl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "links.h"

/* ===== queue ===== */

struct elem { void *data; struct elem *next; };

struct crawler_queue {
        pthread_mutex_t mtx;
        pthread_cond_t  changed_in, changed_out, zero;
        struct elem  *head;
        struct elem **tailp;
        size_t n, max, todo;
        bool is_open;
};

struct crawler_queue *crawler_queue_create(size_t capacity)
{
        static const struct crawler_queue fresh = {
                .mtx = PTHREAD_MUTEX_INITIALIZER,
                .changed_in = PTHREAD_COND_INITIALIZER,
                .changed_out = PTHREAD_COND_INITIALIZER,
                .zero = PTHREAD_COND_INITIALIZER,
                .is_open = true,
        };
        struct crawler_queue *self = malloc(sizeof *self);
        if (self) {
                *self = fresh;
                self->max = capacity;
                self->tailp = &self->head;
        }
        return self;
}

bool crawler_queue_put(struct crawler_queue *self, void *item)
{
        struct elem *e = malloc(sizeof *e);
        bool ok;
        if (!e)
                return false;
        *e = (struct elem){item, NULL};
        pthread_mutex_lock(&self->mtx);
        while (self->is_open && self->max && self->n == self->max)
                pthread_cond_wait(&self->changed_out, &self->mtx);
        ok = self->is_open;
        if (ok) {
                *self->tailp = e;
                self->tailp = &e->next;
                self->n++;
                self->todo++;
                e = NULL;
        }
        pthread_mutex_unlock(&self->mtx);
        if (ok)
                pthread_cond_broadcast(&self->changed_in);
        free(e);
        return ok;
}

bool crawler_queue_get(struct crawler_queue *self, void **item)
{
        struct elem *e;
        pthread_mutex_lock(&self->mtx);
        while (!(e = self->head) && self->is_open)
                pthread_cond_wait(&self->changed_in, &self->mtx);
        if (e) {
                self->head = e->next;
                if (!self->head)
                        self->tailp = &self->head;
                self->n--;
        }
        pthread_mutex_unlock(&self->mtx);
        if (!e)
                return false;
        pthread_cond_broadcast(&self->changed_out);
        *item = e->data;
        free(e);
        return true;
}

void crawler_queue_task_done(struct crawler_queue *self)
{
        pthread_mutex_lock(&self->mtx);
        const bool last = --self->todo == 0;
        if (last)
                pthread_cond_broadcast(&self->zero);
        pthread_mutex_unlock(&self->mtx);
}

void crawler_queue_join(struct crawler_queue *self)
{
        pthread_mutex_lock(&self->mtx);
        while (self->todo)
                pthread_cond_wait(&self->zero, &self->mtx);
        pthread_mutex_unlock(&self->mtx);
}

void crawler_queue_close(struct crawler_queue *self)
{
        pthread_mutex_lock(&self->mtx);
        self->is_open = false;
        pthread_cond_broadcast(&self->changed_in);
        pthread_cond_broadcast(&self->changed_out);
        pthread_mutex_unlock(&self->mtx);
}

void crawler_queue_free(struct crawler_queue *self)
{
        if (!self)
                return;
        for (struct elem *e = self->head, *next; e; e = next) {
                next = e->next;
                free(e);
        }
        pthread_mutex_destroy(&self->mtx);
        pthread_cond_destroy(&self->changed_in);
        pthread_cond_destroy(&self->changed_out);
        pthread_cond_destroy(&self->zero);
        free(self);
}

/* ===== crawler ===== */

#define NONE ((size_t)-1)

struct frontier {
        pthread_mutex_t mtx;
        pthread_cond_t  cond;
        char **urls;             /* all addresses ever, in the order they were found */
        size_t *chain;           /* chain[i]: the next one in the same bucket */
        size_t count, room, next;
        size_t buckets[1009];
        unsigned busy, workers;
        struct crawler_result res;
        const char *start;
};

static size_t bucket_of(const char *url)
{
        size_t h = 0;
        while (*url)
                h = h * 131 + (unsigned char)*url++;
        return h % 1009;
}

/* with the mutex; takes the string */
static bool frontier_add(struct frontier *f, char *url)
{
        if (!url)
                return false;
        if (!links_same_site(f->start, url)) {
                free(url);
                return false;
        }
        const size_t b = bucket_of(url);
        for (size_t i = f->buckets[b]; i != NONE; i = f->chain[i])
                if (!strcmp(f->urls[i], url)) {
                        free(url);
                        return false;
                }
        if (f->count == f->room) {
                const size_t room = f->room ? f->room * 2 : 128;
                char **u = realloc(f->urls, room * sizeof *u);
                if (u)
                        f->urls = u;
                size_t *c = u ? realloc(f->chain, room * sizeof *c) : NULL;
                if (!c) {
                        free(url);
                        return false;
                }
                f->chain = c;
                f->room = room;
        }
        f->chain[f->count] = f->buckets[b];
        f->buckets[b] = f->count;
        f->urls[f->count++] = url;
        return true;
}

struct mem { char *p; size_t len, cap; };

static size_t mem_write(char *ptr, size_t size, size_t nmemb, void *ud)
{
        struct mem *m = ud;
        size_t n = size * nmemb;
        if (m->len + n > m->cap) {
                size_t cap = m->cap ? m->cap : 4096;
                while (cap < m->len + n)
                        cap *= 2;
                char *p = realloc(m->p, cap);
                if (!p)
                        return 0;
                m->p = p;
                m->cap = cap;
        }
        memcpy(m->p + m->len, ptr, n);
        m->len += n;
        return n;
}

static void *crawl_thread(void *vp)
{
        struct frontier *f = vp;
        struct mem m = {0};
        CURL *c = curl_easy_init();

        if (c) {
                curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
                curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, mem_write);
                curl_easy_setopt(c, CURLOPT_WRITEDATA, &m);
        }
        pthread_mutex_lock(&f->mtx);
        for (;;) {
                if (f->next == f->count) {
                        if (!f->busy)
                                break;
                        pthread_cond_wait(&f->cond, &f->mtx);
                        continue;
                }
                /* fewer visits to the lock: the more wait, the more are taken */
                size_t mine = 1 + (f->count - f->next) / (2 * f->workers);
                size_t at = f->next;
                f->next += mine;
                f->busy++;
        again:;
                const char *url = f->urls[at++];
                mine--;
                pthread_mutex_unlock(&f->mtx);

                long code = 0;
                char *red = NULL;
                struct links l = {0};
                m.len = 0;
                bool whole = false;
                if (c) {
                        curl_easy_setopt(c, CURLOPT_URL, url);
                        whole = curl_easy_perform(c) == CURLE_OK;
                        curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &code);
                }
                const int class = whole ? (int)(code / 100) : 0;
                if (class == 2)
                        l = links_find(url, m.p, m.len);
                if (class == 3) {
                        const char *t = NULL;
                        curl_easy_getinfo(c, CURLINFO_REDIRECT_URL, &t);
                        red = t ? links_resolve(url, t) : NULL;
                }

                pthread_mutex_lock(&f->mtx);
                size_t added = frontier_add(f, red);
                for (size_t i = 0; i < l.count; i++) {
                        added += frontier_add(f, l.urls[i]);
                        l.urls[i] = NULL;
                }
                links_free(&l);
                if (class == 2) {
                        f->res.pages++;
                        f->res.bytes += m.len;
                } else if (class == 3)
                        f->res.redirects++;
                else
                        f->res.errors++;
                if (mine > 0) {
                        if (added)
                                pthread_cond_broadcast(&f->cond);
                        goto again;
                }
                f->busy--;
                if (added > 1 || (f->next == f->count && !f->busy))
                        pthread_cond_broadcast(&f->cond);
                /* one new address: this thread takes it itself */
        }
        pthread_mutex_unlock(&f->mtx);
        curl_easy_cleanup(c);
        free(m.p);
        return NULL;
}

int crawler_crawl(const char *start_url, unsigned workers, struct crawler_result *result)
{
        struct frontier f = {.mtx = PTHREAD_MUTEX_INITIALIZER, .cond = PTHREAD_COND_INITIALIZER, .start = start_url, .workers = workers};
        for (size_t i = 0; i < 1009; i++)
                f.buckets[i] = NONE;
        pthread_t *tids = calloc(workers, sizeof *tids);
        unsigned n = 0;
        if (tids && frontier_add(&f, strdup(start_url)))
                for (unsigned i = 0; i < workers; i++)
                        if (!pthread_create(&tids[n], NULL, crawl_thread, &f))
                                n++;
        for (unsigned i = 0; i < n; i++)
                pthread_join(tids[i], NULL);
        *result = f.res;
        for (size_t i = 0; i < f.count; i++)
                free(f.urls[i]);
        free(f.urls);
        free(f.chain);
        free(tids);
        pthread_cond_destroy(&f.cond);
        pthread_mutex_destroy(&f.mtx);
        return n ? 0 : -1;
}
