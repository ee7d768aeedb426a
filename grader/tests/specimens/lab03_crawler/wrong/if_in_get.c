/* expect: tests woken_getter; schedules assertion | get waits in an if: the item may be gone when it wakes up */
#include "crawler.h"
#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "links.h"
#include "seen.h"

#define INITIAL_SIZE 32

struct crawler_queue {
    void **items;
    int size;       // of the array
    int start;      // oldest item
    int num;        // items in it
    int maxnum;     // 0 = no limit
    int notdone;
    int isclosed;
    pthread_mutex_t mutex;
    pthread_cond_t notfull;
    pthread_cond_t notempty;
    pthread_cond_t alldone;
};

struct crawler_queue *crawler_queue_create(size_t capacity)
{
    struct crawler_queue *q;
    q = (struct crawler_queue *)malloc(sizeof(struct crawler_queue));
    if (q == NULL) {
        return NULL;
    }
    q->size = INITIAL_SIZE;
    q->items = (void **)malloc(sizeof(void *) * q->size);
    q->start = 0;
    q->num = 0;
    q->maxnum = (int)capacity;
    q->notdone = 0;
    q->isclosed = 0;
    pthread_mutex_init(&q->mutex, NULL);
    pthread_cond_init(&q->notfull, NULL);
    pthread_cond_init(&q->notempty, NULL);
    pthread_cond_init(&q->alldone, NULL);
    return q;
}

bool crawler_queue_put(struct crawler_queue *q, void *item)
{
    int i;
    pthread_mutex_lock(&q->mutex);
    while (q->maxnum != 0 && q->num == q->maxnum && q->isclosed == 0) {
        pthread_cond_wait(&q->notfull, &q->mutex);
    }
    if (q->isclosed == 1) {
        pthread_mutex_unlock(&q->mutex);
        return false;
    }
    if (q->num == q->size) {
        // copy into an array of double size, beginning at 0
        void **newitems = (void **)malloc(sizeof(void *) * q->size * 2);
        for (i = 0; i < q->num; i++) {
            newitems[i] = q->items[(q->start + i) % q->size];
        }
        free(q->items);
        q->items = newitems;
        q->size = q->size * 2;
        q->start = 0;
    }
    q->items[(q->start + q->num) % q->size] = item;
    q->num = q->num + 1;
    q->notdone = q->notdone + 1;
    pthread_cond_signal(&q->notempty);
    pthread_mutex_unlock(&q->mutex);
    return true;
}

bool crawler_queue_get(struct crawler_queue *q, void **item)
{
    pthread_mutex_lock(&q->mutex);
    if (q->num == 0 && q->isclosed == 0) {
        pthread_cond_wait(&q->notempty, &q->mutex);
    }
    if (q->num == 0 && q->isclosed == 1) {
        pthread_mutex_unlock(&q->mutex);
        return false;
    }
    *item = q->items[q->start];
    q->start = (q->start + 1) % q->size;
    q->num = q->num - 1;
    pthread_cond_signal(&q->notfull);
    pthread_mutex_unlock(&q->mutex);
    return true;
}

void crawler_queue_task_done(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->mutex);
    q->notdone = q->notdone - 1;
    if (q->notdone == 0) {
        pthread_cond_broadcast(&q->alldone);
    }
    pthread_mutex_unlock(&q->mutex);
}

void crawler_queue_join(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->mutex);
    while (q->notdone > 0) {
        pthread_cond_wait(&q->alldone, &q->mutex);
    }
    pthread_mutex_unlock(&q->mutex);
}

void crawler_queue_close(struct crawler_queue *q)
{
    pthread_mutex_lock(&q->mutex);
    q->isclosed = 1;
    pthread_cond_broadcast(&q->notfull);
    pthread_cond_broadcast(&q->notempty);
    pthread_mutex_unlock(&q->mutex);
}

void crawler_queue_free(struct crawler_queue *q)
{
    if (q != NULL) {
        pthread_mutex_destroy(&q->mutex);
        pthread_cond_destroy(&q->notfull);
        pthread_cond_destroy(&q->notempty);
        pthread_cond_destroy(&q->alldone);
        free(q->items);
        free(q);
    }
}

/////////////////////////////// Part 2 ///////////////////////////////

struct crawler {
    struct crawler_queue *queue;
    struct seen *seen;
    const char *start;
    pthread_mutex_t seenmutex;
    pthread_mutex_t resultmutex;
    struct crawler_result result;
};

struct webpage {
    char *html;
    int length;
};

static size_t callback(char *ptr, size_t size, size_t nmemb, void *userdata)
{
    struct webpage *page = (struct webpage *)userdata;
    page->html = (char *)realloc(page->html, page->length + size * nmemb);
    memcpy(page->html + page->length, ptr, size * nmemb);
    page->length = page->length + size * nmemb;
    return size * nmemb;
}

static void put_if_new(struct crawler *cr, const char *url)
{
    bool isnew;
    if (links_same_site(cr->start, url) == false) {
        return;
    }
    pthread_mutex_lock(&cr->seenmutex);
    isnew = seen_add(cr->seen, url);
    pthread_mutex_unlock(&cr->seenmutex);
    if (isnew == true) {
        crawler_queue_put(cr->queue, strdup(url));
    }
}

static void *threadfunction(void *arg)
{
    struct crawler *cr = (struct crawler *)arg;
    CURL *curl = curl_easy_init();
    CURLcode res;
    void *url;
    long httpcode;
    char *redirect;
    struct webpage page;
    struct links links;
    size_t i;

    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, callback);
    while (crawler_queue_get(cr->queue, &url) == true) {
        page.html = NULL;
        page.length = 0;
        httpcode = 0;
        redirect = NULL;
        curl_easy_setopt(curl, CURLOPT_URL, (char *)url);
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, (void *)&page);
        res = curl_easy_perform(curl);
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &httpcode);
        if (res == CURLE_OK && httpcode >= 200 && httpcode < 300) {
            links = links_find((char *)url, page.html, page.length);
            for (i = 0; i < links.count; i++) {
                put_if_new(cr, links.urls[i]);
            }
            links_free(&links);
            pthread_mutex_lock(&cr->resultmutex);
            cr->result.pages = cr->result.pages + 1;
            cr->result.bytes = cr->result.bytes + page.length;
            pthread_mutex_unlock(&cr->resultmutex);
        } else if (res == CURLE_OK && httpcode >= 300 && httpcode < 400) {
            curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &redirect);
            if (redirect != NULL) {
                redirect = links_resolve((char *)url, redirect);
            }
            if (redirect != NULL) {
                put_if_new(cr, redirect);
                free(redirect);
            }
            pthread_mutex_lock(&cr->resultmutex);
            cr->result.redirects = cr->result.redirects + 1;
            pthread_mutex_unlock(&cr->resultmutex);
        } else {
            pthread_mutex_lock(&cr->resultmutex);
            cr->result.errors = cr->result.errors + 1;
            pthread_mutex_unlock(&cr->resultmutex);
        }
        free(page.html);
        free(url);
        crawler_queue_task_done(cr->queue);
    }
    curl_easy_cleanup(curl);
    return NULL;
}

int crawler_crawl(const char *start_url, unsigned workers, struct crawler_result *result)
{
    struct crawler cr;
    pthread_t threads[workers];
    unsigned i;

    cr.queue = crawler_queue_create(0);
    cr.seen = seen_create();
    cr.start = start_url;
    pthread_mutex_init(&cr.seenmutex, NULL);
    pthread_mutex_init(&cr.resultmutex, NULL);
    cr.result.pages = cr.result.redirects = cr.result.errors = cr.result.bytes = 0;

    put_if_new(&cr, start_url);
    for (i = 0; i < workers; i++) {
        if (pthread_create(&threads[i], NULL, threadfunction, &cr) != 0) {
            perror("pthread_create");
            return -1;
        }
    }
    crawler_queue_join(cr.queue);
    crawler_queue_close(cr.queue);
    for (i = 0; i < workers; i++) {
        pthread_join(threads[i], NULL);
    }
    *result = cr.result;
    pthread_mutex_destroy(&cr.seenmutex);
    pthread_mutex_destroy(&cr.resultmutex);
    seen_free(cr.seen);
    crawler_queue_free(cr.queue);
    return 0;
}
