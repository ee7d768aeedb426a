/*
 * site_http.h: a site's graph served over HTTP (libmicrohttpd). Part of the program `site`.
 *
 * Theory of operation. Two libmicrohttpd daemons, the site and the other site its off-site links lead to,
 * are driven from one thread by the caller's loop:
 *
 *     request --> logged --> put in `waiting`, its connection suspended
 *                                |  due: its page's latency is over (and enough requests are gathered)
 *                                v
 *                            connection resumed --> logged as ended --> answered
 *
 * As above about threads and memory; no function blocks.
 */
#ifndef HARNESS_SITE_HTTP_H
#define HARNESS_SITE_HTTP_H

#include <stdbool.h>

#include "site_graph.h"
#include "site_log.h"
#include "site_page.h"

struct MHD_Daemon;
struct site_request;

struct site_http {
    const struct site_spec *spec;
    const struct site_graph *graph;
    struct site_log *log;
    struct MHD_Daemon *own, *other;
    struct site_ports ports;
    char host[32]; /* what the site's requests say in `Host:` */
    struct site_request *waiting;
    bool gathered;      /* no request is held back for spec->gather any more */
    double gather_ends; /* when they are let go at the latest; 0: none has come yet */
};

/* site_http_open: starts to serve on the listening TCP sockets `own` and `other` (the other site), which belong to
 * `http` from now on, whatever comes of it. `spec`, `graph` and `log` are borrowed until site_http_close. False, with a
 * message on stderr, if that cannot be. */
bool site_http_open(struct site_http *http, const struct site_spec *spec, const struct site_graph *graph,
                    struct site_log *log, int own, int other);
void site_http_close(struct site_http *http);

/* site_http_reset: holds requests back for spec->gather again. */
void site_http_reset(struct site_http *http);

/* site_http_run: does all that can be done now. Returns after how many seconds it must be called
 * again, a negative number for "when a descriptor of site_http_descriptors becomes readable". */
double site_http_run(struct site_http *http);
void site_http_descriptors(const struct site_http *http, int descriptors[2]);

#endif
