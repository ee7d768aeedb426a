/*
 * site_graph.h: the addresses of a site and the links between them, made from a seed. Part of the
 * program `site`. Nothing here is thread safe (the site has one thread) or blocks; running out of
 * memory ends the program with a message.
 */
#ifndef HARNESS_SITE_GRAPH_H
#define HARNESS_SITE_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "site.h"

enum site_kind {
    SITE_PAGE,
    SITE_SLOW,
    SITE_LARGE,
    SITE_EMPTY,
    SITE_MISSING,
    SITE_FAILING,
    SITE_BROKEN,
    SITE_REDIRECT,
};

/* As the target of a redirect: a page of the other site. */
#define SITE_NO_NODE UINT32_MAX

struct site_node {
    enum site_kind kind;
    char path[SITE_PATH_BYTES];
    uint32_t *links; /* indices of nodes, in the order of the page; one may occur twice; owned */
    uint32_t links_count;
    uint32_t offsite;    /* links to the other site besides */
    uint32_t target;     /* of a redirect: index of a node, or SITE_NO_NODE */
    uint32_t latency_us; /* microseconds between request and answer */
    size_t body_bytes;   /* length of the whole body */
};

struct site_graph {
    struct site_node *nodes; /* nodes[0] is the start page; owned */
    uint32_t count;
};

/* site_graph_init: makes the graph that `spec` describes; every node can be reached from the start page.
 * Release it with site_graph_release. */
void site_graph_init(struct site_graph *graph, const struct site_spec *spec);
void site_graph_release(struct site_graph *graph);

/* site_graph_find: the index of the node with this path, SITE_NO_NODE if there is none. */
uint32_t site_graph_find(const struct site_graph *graph, const char *path);

/* site_graph_expect: fills the expected_ fields of `stats` by walking the graph from the start page. */
void site_graph_expect(const struct site_graph *graph, struct site_stats *stats);

/* site_alloc: `count` zeroed objects of `size` bytes; ends the program if there is no memory. Caller frees. */
void *site_alloc(size_t count, size_t size);

#endif
