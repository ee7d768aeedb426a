/*
 * site_log.h: what was asked of a site. Part of the program `site`; as site_graph.h about threads,
 * blocking and memory.
 */
#ifndef HARNESS_SITE_LOG_H
#define HARNESS_SITE_LOG_H

#include <stdint.h>

#include "site_graph.h"

struct site_log {
    const struct site_graph *graph; /* borrowed */
    uint32_t *asked;                /* for each node, how often; owned */
    uint64_t requests, in_progress, at_once, unknown, offsite;
    char unknown_path[SITE_PATH_BYTES];
};

void site_log_init(struct site_log *log, const struct site_graph *graph);
void site_log_release(struct site_log *log);

/* site_log_reset: forgets all but the requests in progress. */
void site_log_reset(struct site_log *log);

/* site_log_begin: a request for `path` has come in; `node` is its node, or SITE_NO_NODE.
 * site_log_end: one request is about to be answered. Said before the client can know, so that at_once
 * never counts a request that the client has seen the end of. */
void site_log_begin(struct site_log *log, uint32_t node, const char *path);
void site_log_end(struct site_log *log);

/* site_log_report: what was asked, in `*stats`; what a right crawl finds is left 0: site_graph_expect. */
void site_log_report(const struct site_log *log, struct site_stats *stats);

#endif
