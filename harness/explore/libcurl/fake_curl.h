/*
 * fake_curl.h: what the files of the stand-in for libcurl share; see fake_site.h.
 */
#ifndef EXPLORE_LIBCURL_FAKE_CURL_H
#define EXPLORE_LIBCURL_FAKE_CURL_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>

#include "fake_site.h"

/* curl.h counts the arguments of these with macros of the same name. */
#undef curl_easy_setopt
#undef curl_easy_getinfo
#undef curl_multi_setopt
#undef curl_share_setopt

struct fake_multi;

struct fake_share {
    curl_lock_function lock;
    curl_unlock_function unlock;
    void *context;
    unsigned uses; /* of what is shared: written under the lock */
};

enum fake_state { FAKE_IDLE, FAKE_WAITING, FAKE_RUNNING, FAKE_DONE, FAKE_TOLD };

struct fake_easy {
    struct {
        char *url;     /* owned */
        CURLU *handle; /* instead of url */
        curl_write_callback write, header;
        void *write_data, *header_data, *private;
        char *error_text;
        struct fake_share *share;
        bool follow, fail_on_error;
        long most_redirects;
        long most_ms, stalled_after_s, stalled_below; /* time-outs; 0: none */
    } set;
    /* the last transfer, or the one going on */
    const struct fake_page *page;
    bool reached; /* the site answers */
    long status, redirects;
    curl_off_t length;
    char *effective_url, *redirect_url; /* owned */
    CURLcode result;
    enum fake_state state; /* in a multi handle */
    struct fake_multi *multi;
    struct fake_easy *next; /* in the same multi handle */
};

/* fake_easy_begin: sends the request of a transfer. fake_easy_answer: takes in the answer, which is there; returns
 * true if another request follows it (a redirect), which has been sent. */
void fake_easy_begin(struct fake_easy *easy);
bool fake_easy_answer(struct fake_easy *easy);
void fake_easy_forget(struct fake_easy *easy); /* the answer of the transfer going on is not wanted any more */

/* fake_multi_drop: takes `easy` out of the multi handle it is in. */
void fake_multi_drop(struct fake_easy *easy);

/* fake_url_join: `reference` on the page `base` (NULL: none), as an address of its own; caller frees. NULL if it is no
 * address. */
char *fake_url_join(const char *base, const char *reference);

/* fake_site_find: the page with this address; NULL if there is none. *reached: whether anyone answers there. */
const struct fake_page *fake_site_find(const char *url, bool *reached);
void fake_site_begin(const struct fake_page *page); /* a request; page NULL: for no page of the site */
void fake_site_end(void);
void fake_site_wait(const struct fake_page *page); /* blocks until the site answers */

/* fake_curl_made, fake_curl_gone: a handle is made, by a call that returns to `place`, or cleaned up. */
void fake_curl_made(const void *handle, void *place);
void fake_curl_gone(const void *handle);
#define FAKE_CALLER __builtin_return_address(0)

#endif
