/* expect: tests crawl_; schedules deadlock | takes the lock of the set and then the queue's, and elsewhere the queue's and then the set's */
#include "crawler.h"
#include "links.h"
#include "seen.h"
#include <pthread.h>

struct crawler_queue {
    pthread_mutex_t qlock;
    pthread_cond_t qcond;
    void **tab;
    size_t tab_size, first, n, max;
    long undone;
    bool closed;
};

struct crawler_queue *crawler_queue_create(size_t capacity)
{
    struct crawler_queue *q = calloc(1, sizeof *q);
    if (!q)
        return NULL;
    pthread_mutex_init(&q->qlock, NULL);
    pthread_cond_init(&q->qcond, NULL);
    q->max = capacity;
    q->tab_size = capacity ? capacity : 1000;
    q->tab = calloc(q->tab_size, sizeof *q->tab);
    return q;
}

bool crawler_queue_put(struct crawler_queue *q, void *item)
{
    pthread_mutex_lock(&q->qlock);
    while (q->max && q->n == q->max && !q->closed)
        pthread_cond_wait(&q->qcond, &q->qlock);
    if (q->closed) {
        pthread_mutex_unlock(&q->qlock);
        return false;
    }
    if (q->n == q->tab_size) {
        void **tab = calloc(q->tab_size * 4, sizeof *tab);
        for (size_t i = 0; i < q->n; ++i)
            tab[i] = q->tab[(i + q->first) % q->tab_size];
        free(q->tab);
        q->tab = tab;
        q->tab_size *= 4;
        q->first = 0;
    }
    q->tab[(q->first + q->n) % q->tab_size] = item;
    ++q->n;
    ++q->undone;
    pthread_cond_broadcast(&q->qcond);
    pthread_mutex_unlock(&q->qlock);
    return true;
}

bool crawler_queue_get(struct crawler_queue *q, void **item)
{
    bool ok = false;
    pthread_mutex_lock(&q->qlock);
    while (!q->n && !q->closed)
        pthread_cond_wait(&q->qcond, &q->qlock);
    if (q->n) {
        *item = q->tab[q->first];
        q->first = (q->first + 1) % q->tab_size;
        --q->n;
        ok = true;
        pthread_cond_broadcast(&q->qcond);
    }
    pthread_mutex_unlock(&q->qlock);
    return ok;
}

void crawler_queue_task_done(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->qlock);
    --q->undone;
    pthread_cond_broadcast(&q->qcond);
    pthread_mutex_unlock(&q->qlock);
}

void crawler_queue_join(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->qlock);
    while (q->undone)
        pthread_cond_wait(&q->qcond, &q->qlock);
    pthread_mutex_unlock(&q->qlock);
}

void crawler_queue_close(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->qlock);
    q->closed = true;
    pthread_cond_broadcast(&q->qcond);
    pthread_mutex_unlock(&q->qlock);
}

void crawler_queue_free(struct crawler_queue *q)
{
    if (!q)
        return;
    pthread_cond_destroy(&q->qcond);
    pthread_mutex_destroy(&q->qlock);
    free(q->tab);
    free(q);
}

/* crawler */

static pthread_mutex_t set_lock = PTHREAD_MUTEX_INITIALIZER;
static struct seen *set;
static struct crawler_result sum;
static struct crawler_queue *queue;
static const char *site;
static size_t longest; /* most addresses that ever waited, for the statistics */

struct piece { char *s; size_t n; };

static size_t on_piece(char *s, size_t a, size_t b, void *arg)
{
    struct piece *p = arg;
    p->s = realloc(p->s, p->n + a * b);
    memcpy(p->s + p->n, s, a * b);
    p->n += a * b;
    return a * b;
}

/* All links of a page in one go: the set is locked once, not for each link. */
static void add_links(char **urls, size_t count)
{
    pthread_mutex_lock(&set_lock);
    for (size_t i = 0; i < count; i++)
        if (links_same_site(site, urls[i]) && seen_add(set, urls[i]))
            crawler_queue_put(queue, strdup(urls[i]));
    pthread_mutex_unlock(&set_lock);
}

static void update_statistics(void)
{
    pthread_mutex_lock(&queue->qlock);
    pthread_mutex_lock(&set_lock);
    if (queue->n > longest)
        longest = queue->n;
    pthread_mutex_unlock(&set_lock);
    pthread_mutex_unlock(&queue->qlock);
}

static void *crawl_some(void *unused)
{
    CURL *curl = curl_easy_init();
    void *url;
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_piece);
    while (crawler_queue_get(queue, &url)) {
        struct piece html = {NULL, 0};
        long st = 0;
        char *where = NULL;
        update_statistics();
        curl_easy_setopt(curl, CURLOPT_URL, url);
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, &html);
        if (curl_easy_perform(curl) == CURLE_OK)
            curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &st);
        if (st >= 200 && st < 300) {
            struct links l = links_find(url, html.s, html.n);
            add_links(l.urls, l.count);
            links_free(&l);
        } else if (st >= 300 && st < 400) {
            curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &where);
            where = where ? links_resolve(url, where) : NULL;
            add_links(&where, where != NULL);
            free(where);
        }
        pthread_mutex_lock(&set_lock);
        if (st >= 200 && st < 300)
            ++sum.pages, sum.bytes += html.n;
        else if (st >= 300 && st < 400)
            ++sum.redirects;
        else
            ++sum.errors;
        pthread_mutex_unlock(&set_lock);
        free(html.s);
        free(url);
        crawler_queue_task_done(queue);
    }
    curl_easy_cleanup(curl);
    return unused;
}

int crawler_crawl(const char *start_url, unsigned workers, struct crawler_result *result)
{
    pthread_t t[workers];
    memset(&sum, 0, sizeof sum);
    set = seen_create();
    queue = crawler_queue_create(0);
    site = start_url;
    longest = 0;
    add_links((char **)&start_url, 1);
    for (unsigned i = 0; i < workers; i++)
        pthread_create(&t[i], NULL, crawl_some, NULL);
    crawler_queue_join(queue);
    crawler_queue_close(queue);
    for (unsigned i = 0; i < workers; i++)
        pthread_join(t[i], NULL);
    *result = sum;
    crawler_queue_free(queue);
    seen_free(set);
    return 0;
}
