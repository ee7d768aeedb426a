/*
 * bench.c: a crawl one page after the other against the hand-in's crawl with several workers.
 *
 * `crawl` is graded. `nine` and `hundred` repeat two figures of the study notes, for a run by hand:
 *     bench student nine 9 1        notes: 5.035 s one by one, 0.622 s with a thread pool, 8.1 times as fast
 *     bench student hundred 30 1    notes: 15.2 s one by one, 2.0 s with 30 threads, 7.6 times as fast
 */
#include "bench.h"

#include <curl/curl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "links.h"
#include "seed.h"
#include "seen.h"
#include "site.h"

#if BENCH_STUDENT
#include "crawler.h"
#endif

/* How many pages the start page links to, and how long one takes to answer. The start page is at once. */
enum {
    CRAWL_PAGES = 32, /* a multiple of 8 workers */
    CRAWL_PAGE_US = 30000,
    CRAWL_START_BYTES = 400000, /* time to look for its links: who says task_done before that ends too early */
    NINE_PAGES = 9,
    NINE_PAGE_US = 5035000 / 9,
    HUNDRED_PAGES = 100,
    HUNDRED_PAGE_US = 152000,
};

static struct site *site; /* ends with the program */

/* Whether the site has seen it all: an answer alone may come from anywhere. */
static void check_visited(void)
{
    struct site_stats stats;
    if (!site_stats(site, &stats))
        bench_fail("the site died");
    if (stats.unvisited > 0)
        bench_fail("%lu addresses of the site were never visited, %s for one", (unsigned long)stats.unvisited,
                   stats.unvisited_path);
}

/* The seed decides which pages are which and how long; the number of addresses stays the same. */
static void prepare(const struct bench_job *job, uint32_t pages, uint32_t page_us, uint32_t start_bytes)
{
    uint64_t random = job->seed;
    struct site_spec spec = {.seed = job->seed, .width = pages, .latency_us = page_us, .start_bytes = start_bytes};
    spec.missing = (uint32_t)seed_below(&random, 3);
    spec.empty = (uint32_t)seed_below(&random, 3);
    spec.pages = 1 + pages - spec.missing - spec.empty;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0 || (site = site_start(&spec)) == NULL)
        bench_fail("cannot start the site");
    bench_check_afterwards(check_visited);
}

static void prepare_crawl(const struct bench_job *job)
{
    prepare(job, CRAWL_PAGES, CRAWL_PAGE_US, CRAWL_START_BYTES);
}

static void prepare_nine(const struct bench_job *job)
{
    prepare(job, NINE_PAGES, NINE_PAGE_US, 0);
}

static void prepare_hundred(const struct bench_job *job)
{
    prepare(job, HUNDRED_PAGES, HUNDRED_PAGE_US, 0);
}

/* The answer: all the counts in one number. */
static uint64_t mix(uint64_t pages, uint64_t redirects, uint64_t errors, uint64_t bytes)
{
    uint64_t state = bytes;
    state = seed_next(&state) ^ pages;
    state = seed_next(&state) ^ redirects;
    state = seed_next(&state) ^ errors;
    return seed_next(&state);
}

/* ---- the baseline: one handle, one page after the other ---- */

struct crawl {
    CURL *handle;
    struct seen *seen;
    char **urls; /* found so far; those before `next` are visited */
    size_t count, next;
    uint64_t pages, redirects, errors, bytes;
};

struct answer {
    char *body;
    size_t length;
};

static size_t on_body(char *data, size_t size, size_t count, void *context)
{
    struct answer *answer = context;
    char *grown = realloc(answer->body, answer->length + size * count);
    if (grown == NULL)
        bench_fail("out of memory");
    answer->body = grown;
    memcpy(answer->body + answer->length, data, size * count);
    answer->length += size * count;
    return size * count;
}

static void add(struct crawl *crawl, const char *url)
{
    if (url == NULL || !links_same_site(site_url(site), url) || !seen_add(crawl->seen, url))
        return;
    crawl->urls = realloc(crawl->urls, (crawl->count + 1) * sizeof *crawl->urls);
    char *copy = strdup(url);
    if (crawl->urls == NULL || copy == NULL)
        bench_fail("out of memory");
    crawl->urls[crawl->count++] = copy;
}

static void visit(struct crawl *crawl, const char *url)
{
    struct answer answer = {NULL, 0};
    long status = 0;
    char *location = NULL;
    curl_easy_setopt(crawl->handle, CURLOPT_URL, url);
    curl_easy_setopt(crawl->handle, CURLOPT_WRITEDATA, &answer);
    const bool complete = curl_easy_perform(crawl->handle) == CURLE_OK;
    curl_easy_getinfo(crawl->handle, CURLINFO_RESPONSE_CODE, &status);
    if (complete && status >= 200 && status < 300) {
        struct links links = links_find(url, answer.body, answer.length);
        for (size_t i = 0; i < links.count; i++)
            add(crawl, links.urls[i]);
        links_free(&links);
        crawl->pages++;
        crawl->bytes += answer.length;
    } else if (status >= 300 && status < 400) {
        curl_easy_getinfo(crawl->handle, CURLINFO_REDIRECT_URL, &location);
        char *target = location != NULL ? links_resolve(url, location) : NULL;
        add(crawl, target);
        free(target);
        crawl->redirects++;
    } else {
        crawl->errors++;
    }
    free(answer.body);
}

static uint64_t baseline(const struct bench_job *job)
{
    (void)job;
    struct crawl crawl = {.handle = curl_easy_init(), .seen = seen_create()};
    if (crawl.handle == NULL || crawl.seen == NULL)
        bench_fail("out of memory");
    curl_easy_setopt(crawl.handle, CURLOPT_WRITEFUNCTION, on_body);
    add(&crawl, site_url(site));
    while (crawl.next < crawl.count)
        visit(&crawl, crawl.urls[crawl.next++]);
    for (size_t i = 0; i < crawl.count; i++)
        free(crawl.urls[i]);
    free(crawl.urls);
    seen_free(crawl.seen);
    curl_easy_cleanup(crawl.handle);
    return mix(crawl.pages, crawl.redirects, crawl.errors, crawl.bytes);
}

#if BENCH_STUDENT
static uint64_t student(const struct bench_job *job)
{
    struct crawler_result result = {0};
    if (crawler_crawl(site_url(site), job->workers, &result) != 0)
        bench_fail("crawler_crawl did not return 0");
    return mix(result.pages, result.redirects, result.errors, result.bytes);
}
#endif

const struct bench_measure bench_measures[] = {
    {"crawl", prepare_crawl, baseline, NULL, BENCH_ROLE(student), 0},
    {"nine", prepare_nine, baseline, NULL, BENCH_ROLE(student), 0},
    {"hundred", prepare_hundred, baseline, NULL, BENCH_ROLE(student), 0},
    {.name = NULL},
};
