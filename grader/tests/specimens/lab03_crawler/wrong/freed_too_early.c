/* expect: tests crawl_; schedules use-after-free | the address is freed before its page is searched for links */
#define _GNU_SOURCE
#include "crawler.h"
#include "links.h"
#include "seen.h"
#include <pthread.h>
#include <unistd.h>

/*
 * crawler_queue: array of fixed size where the capacity is known, and a list of such arrays where it is not.
 */
struct part { struct part *next; size_t from, to, size; void *item[]; };

struct crawler_queue {
        pthread_mutex_t lk;
        pthread_cond_t more, less, none;
        struct part *oldest, *newest;
        size_t here, limit, left;
        bool end;
};

static struct part *part_new(size_t size)
{
        struct part *p = malloc(sizeof *p + size * sizeof(void *));
        if (p)
                *p = (struct part){ .size = size };
        return p;
}

struct crawler_queue *crawler_queue_create(size_t capacity)
{
        struct crawler_queue *q = calloc(1, sizeof *q);
        if (q && !(q->oldest = q->newest = part_new(16))) {
                free(q);
                q = NULL;
        }
        if (q) {
                q->limit = capacity;
                pthread_mutex_init(&q->lk, NULL);
                pthread_cond_init(&q->more, NULL);
                pthread_cond_init(&q->less, NULL);
                pthread_cond_init(&q->none, NULL);
        }
        return q;
}

bool crawler_queue_put(struct crawler_queue *q, void *item)
{
        struct part *p;
        bool ok = true;

        pthread_mutex_lock(&q->lk);
        while (q->limit && q->here >= q->limit && !q->end)
                pthread_cond_wait(&q->less, &q->lk);
        if (q->end) {
                ok = false;
        } else if (q->newest->to == q->newest->size) {
                p = part_new(2 * q->newest->size);
                ok = p != NULL;
                if (ok)
                        q->newest = q->newest->next = p;
        }
        if (ok) {
                q->newest->item[q->newest->to++] = item;
                q->here++;
                q->left++;
                pthread_cond_signal(&q->more);
        }
        pthread_mutex_unlock(&q->lk);
        return ok;
}

bool crawler_queue_get(struct crawler_queue *q, void **item)
{
        struct part *p;

        pthread_mutex_lock(&q->lk);
        while (!q->here && !q->end)
                pthread_cond_wait(&q->more, &q->lk);
        if (!q->here) {
                pthread_mutex_unlock(&q->lk);
                return false;
        }
        p = q->oldest;
        if (p->from == p->size) {
                q->oldest = p->next;
                free(p);
                p = q->oldest;
        }
        *item = p->item[p->from++];
        q->here--;
        pthread_cond_signal(&q->less);
        pthread_mutex_unlock(&q->lk);
        return true;
}

void crawler_queue_task_done(struct crawler_queue *q)
{
        pthread_mutex_lock(&q->lk);
        q->left -= 1;
        if (q->left == 0)
                pthread_cond_broadcast(&q->none);
        pthread_mutex_unlock(&q->lk);
}

void crawler_queue_join(struct crawler_queue *q)
{
        pthread_mutex_lock(&q->lk);
        while (q->left != 0)
                pthread_cond_wait(&q->none, &q->lk);
        pthread_mutex_unlock(&q->lk);
}

void crawler_queue_close(struct crawler_queue *q)
{
        pthread_mutex_lock(&q->lk);
        q->end = true;
        pthread_cond_broadcast(&q->more);
        pthread_cond_broadcast(&q->less);
        pthread_mutex_unlock(&q->lk);
}

void crawler_queue_free(struct crawler_queue *q)
{
        struct part *p;

        while (q && (p = q->oldest)) {
                q->oldest = p->next;
                free(p);
        }
        if (q) {
                pthread_cond_destroy(&q->more);
                pthread_cond_destroy(&q->less);
                pthread_cond_destroy(&q->none);
                pthread_mutex_destroy(&q->lk);
        }
        free(q);
}

/*
 * crawler
 */
struct crew {
        struct crawler_queue *q;
        struct seen *seen;
        const char *from;
        pthread_mutex_t lk;
        struct crawler_result out;
};

struct blob { char *data; size_t len, cap; };

static size_t blob_add(char *data, size_t a, size_t b, void *to)
{
        struct blob *blob = to;

        if (blob->len + a * b > blob->cap) {
                blob->cap = 2 * blob->cap + a * b;
                blob->data = realloc(blob->data, blob->cap);
        }
        memcpy(blob->data + blob->len, data, a * b);
        blob->len += a * b;
        return a * b;
}

static void want(struct crew *crew, const char *url)
{
        bool first;

        if (!links_same_site(crew->from, url))
                return;
        pthread_mutex_lock(&crew->lk);
        first = seen_add(crew->seen, url);
        pthread_mutex_unlock(&crew->lk);
        if (first)
                crawler_queue_put(crew->q, strdup(url));
}

/* Fetches url, which is used up. Returns the status, 0 for none. */
static long fetch(CURL *curl, char *url, struct blob *blob, char **location)
{
        long status = 0;
        char *where = NULL;

        blob->len = 0;
        curl_easy_setopt(curl, CURLOPT_URL, url);
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, blob);
        if (curl_easy_perform(curl) == CURLE_OK)
                curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
        curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &where);
        *location = where ? links_resolve(url, where) : NULL;
        free(url);
        return status;
}

static void *member(void *arg)
{
        struct crew *crew = arg;
        struct blob blob = { 0 };
        CURL *curl = curl_easy_init();
        void *url;

        curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, blob_add);
        while (crawler_queue_get(crew->q, &url)) {
                char *location;
                long status = fetch(curl, url, &blob, &location);
                bool page = status >= 200 && status <= 299;
                bool moved = status >= 300 && status <= 399;

                if (page) {
                        struct links links = links_find(url, blob.data, blob.len);

                        for (size_t i = 0; i < links.count; i++)
                                want(crew, links.urls[i]);
                        links_free(&links);
                }
                if (moved && location)
                        want(crew, location);
                free(location);
                pthread_mutex_lock(&crew->lk);
                if (page) {
                        crew->out.pages++;
                        crew->out.bytes += blob.len;
                } else if (moved) {
                        crew->out.redirects++;
                } else {
                        crew->out.errors++;
                }
                pthread_mutex_unlock(&crew->lk);
                crawler_queue_task_done(crew->q);
        }
        curl_easy_cleanup(curl);
        free(blob.data);
        return NULL;
}

int crawler_crawl(const char *start_url, unsigned workers, struct crawler_result *result)
{
        struct crew crew = {
                .q = crawler_queue_create(0), .seen = seen_create(), .from = start_url,
                .lk = PTHREAD_MUTEX_INITIALIZER,
        };
        pthread_t *ids = malloc(workers * sizeof *ids);
        unsigned i, n = 0;

        for (i = 0; i < workers; i++)
                if (!pthread_create(&ids[n], NULL, member, &crew))
                        n++;
        want(&crew, start_url);
        if (n)
                crawler_queue_join(crew.q);
        crawler_queue_close(crew.q);
        for (i = 0; i < n; i++)
                pthread_join(ids[i], NULL);
        *result = crew.out;
        free(ids);
        seen_free(crew.seen);
        crawler_queue_free(crew.q);
        return n ? 0 : -1;
}
