#include "fake_curl.h"

#include <sched.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

struct fake_multi {
    struct fake_easy *first;
    long most; /* transfers in progress at once, 0: any number */
    unsigned unpolled;
    bool answered; /* the site has had time to answer what runs */
    atomic_bool woken;
    CURLMsg message;
};

CURLM *curl_multi_init(void)
{
    struct fake_multi *multi = calloc(1, sizeof *multi);
    if (multi != NULL)
        fake_curl_made(multi, FAKE_CALLER);
    return multi;
}

CURLMcode curl_multi_add_handle(CURLM *handle, CURL *easy_handle)
{
    struct fake_multi *multi = handle;
    struct fake_easy *easy = easy_handle, **end;
    if (multi == NULL)
        return CURLM_BAD_HANDLE;
    if (easy == NULL)
        return CURLM_BAD_EASY_HANDLE;
    if (easy->multi != NULL)
        return CURLM_ADDED_ALREADY;
    for (end = &multi->first; *end != NULL; end = &(*end)->next)
        ;
    *end = easy;
    easy->next = NULL;
    easy->multi = multi;
    easy->state = FAKE_WAITING;
    return CURLM_OK;
}

void fake_multi_drop(struct fake_easy *easy)
{
    if (easy->multi == NULL)
        return;
    struct fake_easy **at = &easy->multi->first;
    while (*at != easy)
        at = &(*at)->next;
    *at = easy->next;
    if (easy->state == FAKE_RUNNING)
        fake_easy_forget(easy);
    easy->multi = NULL;
    easy->state = FAKE_IDLE;
}

CURLMcode curl_multi_remove_handle(CURLM *handle, CURL *easy_handle)
{
    struct fake_easy *easy = easy_handle;
    if (handle == NULL)
        return CURLM_BAD_HANDLE;
    if (easy == NULL || (easy->multi != NULL && easy->multi != handle))
        return CURLM_BAD_EASY_HANDLE;
    fake_multi_drop(easy);
    return CURLM_OK;
}

CURLMcode curl_multi_cleanup(CURLM *handle)
{
    struct fake_multi *multi = handle;
    if (multi == NULL)
        return CURLM_BAD_HANDLE;
    while (multi->first != NULL)
        fake_multi_drop(multi->first);
    fake_curl_gone(multi);
    free(multi);
    return CURLM_OK;
}

static long count(const struct fake_multi *multi, enum fake_state state)
{
    long n = 0;
    for (const struct fake_easy *easy = multi->first; easy != NULL; easy = easy->next)
        n += easy->state == state;
    return n;
}

static void begin_waiting(struct fake_multi *multi)
{
    for (struct fake_easy *easy = multi->first; easy != NULL; easy = easy->next)
        if (easy->state == FAKE_WAITING && (multi->most == 0 || count(multi, FAKE_RUNNING) < multi->most)) {
            fake_easy_begin(easy);
            easy->state = easy->effective_url != NULL ? FAKE_RUNNING : FAKE_DONE;
        }
}

/* Whoever calls perform again and again without poll makes time pass in this way. */
static void pass_time(struct fake_multi *multi)
{
    enum { PATIENCE = 3 };
    if (count(multi, FAKE_RUNNING) == 0 || ++multi->unpolled < PATIENCE)
        return;
    sched_yield();
    multi->answered = true;
}

static void take_in_answers(struct fake_multi *multi)
{
    for (struct fake_easy *easy = multi->first; easy != NULL; easy = easy->next)
        if (easy->state == FAKE_RUNNING && !fake_easy_answer(easy))
            easy->state = FAKE_DONE;
    multi->answered = false;
    multi->unpolled = 0;
}

CURLMcode curl_multi_perform(CURLM *handle, int *running)
{
    struct fake_multi *multi = handle;
    if (multi == NULL)
        return CURLM_BAD_HANDLE;
    pass_time(multi);
    if (multi->answered)
        take_in_answers(multi);
    begin_waiting(multi);
    if (running != NULL)
        *running = (int)(count(multi, FAKE_RUNNING) + count(multi, FAKE_WAITING));
    return CURLM_OK;
}

/* Waits for the transfer that is answered first: a page that gathers is answered when others are asked for. */
static void wait_for_site(const struct fake_multi *multi)
{
    const struct fake_page *page = NULL;
    for (const struct fake_easy *easy = multi->first; easy != NULL; easy = easy->next) {
        if (easy->state != FAKE_RUNNING)
            continue;
        page = easy->page;
        if (page == NULL || !page->gathers)
            break;
    }
    fake_site_wait(page);
}

static CURLMcode wait_for(struct fake_multi *multi, int milliseconds, int *ready, bool sleeps)
{
    const struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000L};
    if (multi == NULL)
        return CURLM_BAD_HANDLE;
    const long running = count(multi, FAKE_RUNNING);
    if (ready != NULL)
        *ready = 0;
    if (atomic_exchange(&multi->woken, false) || milliseconds <= 0)
        return CURLM_OK;
    if (running > 0) {
        wait_for_site(multi);
        multi->answered = true;
        if (ready != NULL)
            *ready = (int)running;
    } else if (sleeps) {
        nanosleep(&time, NULL);
        atomic_exchange(&multi->woken, false);
    }
    return CURLM_OK;
}

CURLMcode curl_multi_poll(CURLM *handle, struct curl_waitfd *others, unsigned other_count, int milliseconds, int *ready)
{
    (void)others;
    (void)other_count;
    return wait_for(handle, milliseconds, ready, true);
}

CURLMcode curl_multi_wait(CURLM *handle, struct curl_waitfd *others, unsigned other_count, int milliseconds, int *ready)
{
    (void)others;
    (void)other_count;
    return wait_for(handle, milliseconds, ready, false);
}

CURLMcode curl_multi_wakeup(CURLM *handle)
{
    struct fake_multi *multi = handle;
    if (multi == NULL)
        return CURLM_BAD_HANDLE;
    atomic_store(&multi->woken, true);
    return CURLM_OK;
}

CURLMsg *curl_multi_info_read(CURLM *handle, int *left)
{
    struct fake_multi *multi = handle;
    struct fake_easy *easy = multi->first;
    while (easy != NULL && easy->state != FAKE_DONE)
        easy = easy->next;
    if (easy != NULL) {
        easy->state = FAKE_TOLD;
        multi->message.msg = CURLMSG_DONE;
        multi->message.easy_handle = easy;
        multi->message.data.result = easy->result;
    }
    if (left != NULL)
        *left = (int)count(multi, FAKE_DONE);
    return easy != NULL ? &multi->message : NULL;
}

CURLMcode curl_multi_timeout(CURLM *handle, long *milliseconds)
{
    const struct fake_multi *multi = handle;
    *milliseconds = multi->first != NULL ? 1 : -1;
    return CURLM_OK;
}

CURLMcode curl_multi_setopt(CURLM *handle, CURLMoption option, ...)
{
    struct fake_multi *multi = handle;
    va_list arguments;
    va_start(arguments, option);
    if (option == CURLMOPT_MAX_TOTAL_CONNECTIONS || option == CURLMOPT_MAX_HOST_CONNECTIONS) {
        const long most = va_arg(arguments, int);
        if (multi->most == 0 || (most > 0 && most < multi->most))
            multi->most = most;
    }
    va_end(arguments);
    return CURLM_OK;
}

const char *curl_multi_strerror(CURLMcode code)
{
    return code == CURLM_OK ? "No error" : "an error of curl's multi interface";
}
