#include "fake_curl.h"

#include <pthread.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "scenario.h"

enum { PAGES_MAX = 320, HANDLES_MAX = 512 };

static const struct fake_page *pages;
static size_t page_count;
static unsigned visits[PAGES_MAX], strangers, in_progress, most_in_progress;

/* Handles that are not cleaned up yet, and where each was made. */
static struct {
    const void *handle;
    void *place;
} handles[HANDLES_MAX];
static unsigned handle_count;

static pthread_mutex_t gather_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t gathered = PTHREAD_COND_INITIALIZER;
static unsigned gather, gathering;

FAKE_UNSEEN void fake_site_open(const struct fake_page *new_pages, size_t count, unsigned new_gather)
{
    scenario_expect(count <= PAGES_MAX, "the scenario's site is too large");
    pages = new_pages;
    page_count = count;
    gather = new_gather;
    gathering = strangers = in_progress = most_in_progress = 0;
    for (size_t i = 0; i < PAGES_MAX; i++)
        visits[i] = 0;
}

FAKE_UNSEEN static size_t index_of(const char *path)
{
    const size_t length = strcspn(path, "#"); /* a fragment is never sent */
    size_t i = 0;
    while (i < page_count && (strncmp(pages[i].path, path, length) != 0 || pages[i].path[length] != '\0'))
        i++;
    return i;
}

FAKE_UNSEEN unsigned fake_site_visits(const char *path)
{
    const size_t i = index_of(path);
    return i < page_count ? visits[i] : 0;
}

FAKE_UNSEEN unsigned fake_site_strangers(void)
{
    return strangers;
}

FAKE_UNSEEN unsigned fake_site_at_once(void)
{
    return most_in_progress;
}

FAKE_UNSEEN void *fake_curl_left(void)
{
    return handle_count > 0 ? handles[0].place : NULL;
}

FAKE_UNSEEN static unsigned find_handle(const void *handle)
{
    unsigned i = 0;
    while (i < handle_count && handles[i].handle != handle)
        i++;
    return i;
}

FAKE_UNSEEN void fake_curl_made(const void *handle, void *place)
{
    const unsigned i = find_handle(handle);
    scenario_expect(i < HANDLES_MAX, "more than 512 handles of libcurl are in use at once");
    handles[i].handle = handle;
    handles[i].place = place;
    handle_count += i == handle_count;
}

FAKE_UNSEEN void fake_curl_gone(const void *handle)
{
    const unsigned i = find_handle(handle);
    if (i < handle_count)
        handles[i] = handles[--handle_count];
}

/* What follows `site` in `url`; NULL if it is another one. */
static const char *path_on(const char *url, const char *site)
{
    const size_t length = strlen(site);
    return strncasecmp(url, site, length) == 0 && (url[length] == '/' || url[length] == '\0') ? url + length : NULL;
}

FAKE_UNSEEN const struct fake_page *fake_site_find(const char *url, bool *reached)
{
    const char *path = path_on(url, FAKE_SITE);
    const size_t i = path != NULL ? index_of(path) : page_count;
    *reached = path != NULL || path_on(url, FAKE_OTHER) != NULL || path_on(url, FAKE_TLS) != NULL;
    return i < page_count ? &pages[i] : NULL;
}

static void join_gathering(void)
{
    pthread_mutex_lock(&gather_lock);
    gathering++;
    if (gathering == gather)
        pthread_cond_broadcast(&gathered);
    pthread_mutex_unlock(&gather_lock);
}

FAKE_UNSEEN void fake_site_begin(const struct fake_page *page)
{
    if (page != NULL)
        visits[page - pages]++;
    else
        strangers++;
    in_progress++;
    if (in_progress > most_in_progress)
        most_in_progress = in_progress;
    if (page != NULL && page->gathers)
        join_gathering();
}

FAKE_UNSEEN void fake_site_end(void)
{
    in_progress--;
}

void fake_site_wait(const struct fake_page *page)
{
    const struct timespec latency = {.tv_nsec = 1000000};
    if (page == NULL || !page->gathers) {
        nanosleep(&latency, NULL);
        return;
    }
    pthread_mutex_lock(&gather_lock);
    while (gathering < gather)
        pthread_cond_wait(&gathered, &gather_lock);
    pthread_mutex_unlock(&gather_lock);
}
