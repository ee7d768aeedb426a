/*
 * site_page.h: the text of a site's pages. Part of the program `site`; as site_graph.h about threads,
 * blocking and memory.
 */
#ifndef HARNESS_SITE_PAGE_H
#define HARNESS_SITE_PAGE_H

#include <stddef.h>
#include <stdint.h>

#include "site_graph.h"

/* Where a site answers: ports on 127.0.0.1. */
struct site_ports {
    uint16_t own;   /* the site itself */
    uint16_t other; /* the other site, which no one should ask */
};

enum { SITE_ADDRESS_BYTES = 128 };

/* site_page_write: the body of node `index`, node.body_bytes bytes, no NUL at its end; NULL if it is
 * empty. Its length depends on spec.seed and the graph only, never on the ports. Caller frees. */
char *site_page_write(const struct site_graph *graph, uint32_t index, uint64_t seed, struct site_ports ports);

/* site_page_location: the Location of redirect `index`, in `text`: relative or absolute, with a fragment if `index` is
 * even. */
void site_page_location(const struct site_graph *graph, uint32_t index, uint64_t seed, struct site_ports ports,
                        char text[SITE_ADDRESS_BYTES]);

#endif
