/*
 * fake_site.h: a web site in memory and a stand-in for libcurl that asks it, for the scenarios of labs that name
 * libcurl among their libraries.
 *
 * Theory of operation. The schedule explorer runs one program in thousands of schedules and has to see every blocking
 * call, so the scenarios do not link libcurl but these files, which define the functions of curl/curl.h:
 *
 *   fake_curl_easy.c    transfers: easy handles           fake_curl_url.c   curl_url_*, escape
 *   fake_curl_options.c setopt and getinfo of a handle    fake_curl_rest.c  global, share, slist, and what is refused
 *   fake_curl_multi.c   multi handles                     fake_site.c       the pages, and who asked for what
 *
 * A request sleeps for a millisecond of virtual time, so that others run meanwhile, and then answers with the page's
 * status, headers and body, in pieces, as libcurl does: same callbacks, same codes, same ownership. Handles are plain
 * memory: two threads in one handle are a data race, as they are in libcurl. What the site itself counts, the explorer
 * does not see (FAKE_UNSEEN), so that it neither races nor puts the hand-in's threads in order.
 */
#ifndef EXPLORE_LIBCURL_FAKE_SITE_H
#define EXPLORE_LIBCURL_FAKE_SITE_H

#include <stdbool.h>
#include <stddef.h>

#define FAKE_SITE  "http://site.test:4000"
#define FAKE_SHOUT "HTTP://SITE.TEST:4000" /* the same, written in another way */
#define FAKE_OTHER "http://site.test:40001" /* another site, which no one should ask, though it begins alike */
#define FAKE_TLS   "https://site.test:4000" /* and one more */

#define FAKE_UNSEEN __attribute__((no_sanitize("thread")))

struct fake_page {
    const char *path;     /* "/a.html" */
    const char *body;     /* NULL: empty */
    size_t length;        /* of a body that holds a NUL; 0: up to its first NUL */
    const char *location; /* of a redirect */
    bool small_letters;   /* ... and the name of its header is written so */
    int status;           /* 0: 200 */
    unsigned slow_ms;     /* so long it takes by libcurl's clock, if the hand-in has set a time-out */
    bool broken;          /* the connection closes in the middle of the body */
    bool reset;           /* ... and with a reset, of which libcurl says CURLE_RECV_ERROR */
    bool gathers;         /* is answered only when as many such requests as the site gathers are in progress */
};

/* fake_site_open: from now on these pages are what FAKE_SITE serves; `pages` stays the caller's. Pages that gather wait
 * until `gather` requests for such pages have been in progress at once. */
void fake_site_open(const struct fake_page *pages, size_t count, unsigned gather);

/* What was asked since then. */
unsigned fake_site_visits(const char *path); /* requests for a page */
unsigned fake_site_strangers(void);          /* requests for anything else, wherever */
unsigned fake_site_at_once(void);            /* most requests in progress at one moment */

/* fake_curl_left: where a handle of libcurl (easy, multi, share, URL) was made that has not been cleaned up: what
 * scenario_failed_at takes. NULL if there is none. */
void *fake_curl_left(void);

/* fake_curl_opened: calls of curl_global_init less those of curl_global_cleanup. */
int fake_curl_opened(void);

#endif
