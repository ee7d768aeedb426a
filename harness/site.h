/*
 * site.h: a real web site on the loopback interface, for tests, race drivers and benches.
 *
 * Theory of operation. The program `site` (site_server.c, on libmicrohttpd) builds a link graph from a seed, serves it
 * on a free port of 127.0.0.1 and writes down every request. It serves any number of sites, each over sockets that
 * site_start makes and hands over (site_wire.h):
 *
 *     lab program                               site (one process, one thread)
 *        |  --- struct site_spec, sockets ----->  graph and pages made from spec.seed
 *        |  <-- ready ---------------------------
 *        |       GET /d3/p12.html  (hand-in)  -->  recorded; answered after the page's latency
 *        |  --- `s` stats, `r` reset, `q` quit ->
 *        |  <-- struct site_stats ---------------
 *
 * Who starts it. Under the grader it stands outside of the sandbox: a process of another user (if root grades) and in
 * another process namespace, which the hand-in can neither see, signal nor trace, and the socket over which it is asked
 * is the program's standard input. A program that was given none, kept with `make keep` and run by hand, starts `site`
 * itself as its child, one for each site.
 *
 * What a right crawl finds is in no memory of the lab program before site_stop has returned.
 * A site ends at site_stop or when all processes that hold its socket have ended, whichever comes first: it is never
 * left behind. Waiting out a latency takes no thread in the site, so any number of requests wait side by side.
 */
#ifndef HARNESS_SITE_H
#define HARNESS_SITE_H

#include <stdbool.h>
#include <stdint.h>

/* What the site is to look like; what is not set is 0. The same spec gives the same pages, byte for
 * byte, whatever the port. Every other answer comes without a Content-Length, in chunks, and of three one is
 * said to be text/html, one text/plain, and of one nothing is said. What is no page has a body
 * with a link, too, that is in no page. */
struct site_spec {
    uint64_t seed;
    uint32_t pages;            /* ordinary pages, the start page `/` included: at least 1 */
    uint32_t width;            /* 0: a web, a random graph with cycles, duplicate and relative links.
                                  Otherwise layers of `width` pages: the start page links to all of the first
                                  layer, each page of a layer to all of the next, in the same order; what is no
                                  page of a layer has its link on the start page, a slow one before the layer */
    uint32_t repeats;          /* links of the start page to its first other page, before all its other links */
    uint32_t slow;             /* further pages that are slow_us slower */
    uint32_t large;            /* further pages that are large_bytes larger, with links up to their end */
    uint32_t empty;            /* addresses answered with status 200 and 0 bytes */
    uint32_t redirects;        /* status 301 or 302 with a Location (a page, another redirect, or, the last of 3 or
                                  more, off site); some pages are only reached through one */
    uint32_t missing;          /* status 404, with a body */
    uint32_t failing;          /* status 500, with a body */
    uint32_t broken;           /* status 200, but the connection closes in the middle of the body */
    uint32_t offsite;          /* links to another site, which is served, too, and which no one should ask */
    uint32_t latency_us;       /* microseconds between a request and its answer */
    uint32_t start_latency_us; /* the same for the start page */
    uint32_t slow_us;
    uint32_t large_bytes;
    uint32_t start_bytes; /* by which the start page is longer, its links spread over it */
    uint32_t gather; /* if not 0: no page but the start page is answered before `gather` requests are
                        in progress at once, or gather_ms have passed since the first of them */
    uint32_t gather_ms;
};

enum { SITE_PATH_BYTES = 64 };

/* What was asked of the site since its start or the last reset. */
struct site_stats {
    uint64_t requests;                    /* answered or in progress, on the site itself */
    uint64_t distinct;                    /* different addresses of the site's graph among them */
    uint64_t duplicates;                  /* requests for an address asked for before */
    uint64_t unknown;                     /* requests for an address no page links to */
    uint64_t offsite;                     /* requests to the other site, or for another host */
    uint64_t at_once;                     /* most requests in progress at one moment: never more than there were */
    uint64_t unvisited;                   /* addresses of the site never asked for */
    char duplicate_path[SITE_PATH_BYTES]; /* the address asked for most often, if more than once */
    uint64_t duplicate_count;             /* how often */
    char unknown_path[SITE_PATH_BYTES];   /* the first such address */
    char unvisited_path[SITE_PATH_BYTES]; /* the first such address */
    /* What a right crawl of this site finds, computed from the graph. Filled by site_stop only, 0 before. */
    uint64_t expected_requests;
    uint64_t expected_pages;
    uint64_t expected_redirects;
    uint64_t expected_errors;
    uint64_t expected_bytes; /* of the pages' bodies */
};

struct site;

/* site_start: starts a site; returns when it answers. It is served by the service behind the standard input, if
 * that is such a socket, or else by a new process of the program `site`, in the directory named by LOCKSTEP_HELPERS, or
 * else beside the calling program; such a process ends with the calling thread. Takes http_proxy, HTTP_PROXY, all_proxy
 * and ALL_PROXY out of the environment, so that libcurl asks the site itself. Returns NULL, with the reason on stderr,
 * if it cannot be started. The caller ends it with site_stop. Not thread safe (environment); blocks for some
 * milliseconds. */
struct site *site_start(const struct site_spec *spec);

/* site_url: the address of the start page, `http://127.0.0.1:PORT/`; owned by `site`. Thread safe. */
const char *site_url(const struct site *site);

/* site_stats: what has been asked so far. False if the site has died. Blocks for an answer. One
 * thread at a time for one site, as for the two functions below. */
bool site_stats(struct site *site, struct site_stats *stats);

/* site_reset: forgets what was asked, so that another crawl can be counted; `gather` holds again. False if
 * the site has died. */
bool site_reset(struct site *site);

/* site_stop: ends the site, waits until nobody answers at its address and frees `site`. Fills `*stats` unless it is
 * NULL. False if the site had died before. `site` may be NULL: false, nothing done. */
bool site_stop(struct site *site, struct site_stats *stats);

#endif
