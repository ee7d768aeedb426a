#include "site_graph.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "seed.h"

enum {
    DIRECTORIES = 4,
    LINK_ROOM = 128, /* bytes of a body that one link gets, its mark-up included */
    BODY_LEAST = 300,
    BODY_SPREAD = 3000, /* bytes by which bodies differ */
    SHORT_BODY = 240,   /* of what is not searched */
    BROKEN_BODY = 4000,
};

/* What a node's address is called, so that a reader of a report knows what it met. */
static const char *const stems[] = {
    [SITE_PAGE] = "p",       [SITE_SLOW] = "slow",    [SITE_LARGE] = "large",   [SITE_EMPTY] = "empty",
    [SITE_MISSING] = "gone", [SITE_FAILING] = "fail", [SITE_BROKEN] = "broken", [SITE_REDIRECT] = "moved",
};

/* Everything that making a graph needs and a finished one does not. */
struct builder {
    struct site_graph *graph;
    const struct site_spec *spec;
    uint64_t random;
    uint32_t linking; /* nodes 0 to linking-1 hold links */
    uint32_t hidden;  /* a page that only a redirect leads to, SITE_NO_NODE if there is none */
};

void *site_alloc(size_t count, size_t size)
{
    void *memory = calloc(count > 0 ? count : 1, size);
    if (memory == NULL) {
        fputs("site: out of memory\n", stderr);
        exit(3);
    }
    return memory;
}

static uint32_t below(struct builder *b, uint32_t limit)
{
    return (uint32_t)seed_below(&b->random, limit);
}

static void add_link(struct site_node *node, uint32_t to)
{
    /* Room doubles at each power of two. */
    if ((node->links_count & (node->links_count - 1)) == 0) {
        uint32_t *grown = site_alloc(node->links_count > 0 ? 2 * (size_t)node->links_count : 1, sizeof *grown);
        if (node->links_count > 0)
            memcpy(grown, node->links, node->links_count * sizeof *grown);
        free(node->links);
        node->links = grown;
    }
    node->links[node->links_count++] = to;
}

static void add_nodes(struct builder *b, enum site_kind kind, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct site_node *node = &b->graph->nodes[b->graph->count];
        node->kind = kind;
        node->target = SITE_NO_NODE;
        node->latency_us = b->spec->latency_us + (kind == SITE_SLOW ? b->spec->slow_us : 0);
        snprintf(node->path, sizeof node->path, "/d%u/%s%u.html", (unsigned)below(b, DIRECTORIES), stems[kind],
                 (unsigned)b->graph->count);
        b->graph->count++;
    }
}

static void make_nodes(struct builder *b)
{
    const struct site_spec *spec = b->spec;
    const size_t count = (size_t)spec->pages + spec->slow + spec->large + spec->empty + spec->missing + spec->failing +
                         spec->broken + spec->redirects;
    b->graph->nodes = site_alloc(count, sizeof *b->graph->nodes);
    add_nodes(b, SITE_PAGE, spec->pages);
    add_nodes(b, SITE_SLOW, spec->slow);
    add_nodes(b, SITE_LARGE, spec->large);
    b->linking = b->graph->count;
    add_nodes(b, SITE_REDIRECT, spec->redirects);
    add_nodes(b, SITE_EMPTY, spec->empty);
    add_nodes(b, SITE_MISSING, spec->missing);
    add_nodes(b, SITE_FAILING, spec->failing);
    add_nodes(b, SITE_BROKEN, spec->broken);
    strcpy(b->graph->nodes[0].path, "/");
    b->graph->nodes[0].latency_us = spec->start_latency_us;
    b->graph->nodes[0].body_bytes = spec->start_bytes; /* and what each page has */
}

/* A page that comes before `node` and is not hidden: linked from there, every node can be reached. */
static uint32_t choose_parent(struct builder *b, uint32_t node)
{
    const uint32_t parent = below(b, node < b->linking ? node : b->linking);
    return parent == b->hidden ? 0 : parent;
}

static void add_web(struct builder *b)
{
    struct site_node *nodes = b->graph->nodes;
    for (uint32_t i = 1; i < b->graph->count; i++)
        if (i != b->hidden)
            add_link(&nodes[choose_parent(b, i)], i);
    for (uint32_t i = 0; i < b->linking; i++) {
        for (uint32_t extra = 2 + below(b, 3); extra > 0; extra--) {
            const uint32_t to = below(b, b->graph->count);
            if (to != b->hidden)
                add_link(&nodes[i], to);
        }
        if (nodes[i].links_count > 0)
            add_link(&nodes[i], nodes[i].links[0]); /* the same link twice on one page */
        add_link(&nodes[i], below(b, 2) == 0 ? i : 0);
    }
}

static void add_layers(struct builder *b)
{
    struct site_node *nodes = b->graph->nodes;
    const uint64_t pages = b->spec->pages, width = b->spec->width;
    for (uint32_t i = b->spec->pages; i < b->spec->pages + b->spec->slow; i++)
        add_link(&nodes[0], i);
    for (uint64_t to = 1; to < pages; to++) {
        const uint64_t layer = (to - 1) / width;
        const uint64_t first = layer == 0 ? 0 : 1 + (layer - 1) * width, last = layer == 0 ? 0 : layer * width;
        for (uint64_t from = first; from <= last; from++)
            add_link(&nodes[from], (uint32_t)to);
    }
    for (uint32_t i = b->spec->pages + b->spec->slow; i < b->graph->count; i++)
        add_link(&nodes[0], i);
    for (uint32_t i = 1; i < b->linking; i++)
        add_link(&nodes[i], 0);
}

/* The first redirect leads to the hidden page, the second to the first, so that two are met in a row. */
static void aim_redirects(struct builder *b)
{
    const uint32_t count = b->spec->redirects;
    for (uint32_t i = 0; i < count; i++) {
        struct site_node *redirect = &b->graph->nodes[b->linking + i];
        if (i == 0)
            redirect->target = b->hidden != SITE_NO_NODE ? b->hidden : below(b, b->linking);
        else if (i == 1)
            redirect->target = b->linking;
        else if (i < count - 1)
            redirect->target = below(b, b->linking);
    }
}

static void size_bodies(struct builder *b)
{
    for (uint32_t i = 0; i < b->graph->count; i++) {
        struct site_node *node = &b->graph->nodes[i];
        const size_t links = node->links_count + node->offsite;
        switch (node->kind) {
        case SITE_LARGE:
            node->body_bytes = b->spec->large_bytes; /* and what each page has */
            /* fall through */
        case SITE_PAGE:
        case SITE_SLOW:
            node->body_bytes += BODY_LEAST + links * LINK_ROOM + below(b, BODY_SPREAD);
            break;
        case SITE_MISSING:
        case SITE_FAILING:
        case SITE_REDIRECT:
            node->body_bytes = SHORT_BODY;
            break;
        case SITE_BROKEN:
            node->body_bytes = BROKEN_BODY;
            break;
        case SITE_EMPTY:
            node->body_bytes = 0;
            break;
        }
    }
}

void site_graph_init(struct site_graph *graph, const struct site_spec *spec)
{
    struct builder b = {.graph = graph, .spec = spec, .random = spec->seed, .hidden = SITE_NO_NODE};
    *graph = (struct site_graph){0};
    make_nodes(&b);
    if (spec->width == 0 && spec->redirects > 0 && spec->pages > 2)
        b.hidden = spec->pages - 1;
    for (uint32_t i = 0; i < spec->repeats && spec->pages > 1; i++)
        add_link(&graph->nodes[0], 1);
    if (spec->width == 0)
        add_web(&b);
    else
        add_layers(&b);
    aim_redirects(&b);
    for (uint32_t i = 0; i < spec->offsite; i++)
        graph->nodes[below(&b, b.linking)].offsite++;
    size_bodies(&b);
}

void site_graph_release(struct site_graph *graph)
{
    for (uint32_t i = 0; i < graph->count; i++)
        free(graph->nodes[i].links);
    free(graph->nodes);
}

uint32_t site_graph_find(const struct site_graph *graph, const char *path)
{
    /* Each path ends with its node's index: "/d3/p12.html". */
    const char *name = strrchr(path, '/');
    const unsigned long index = name != NULL ? strtoul(name + strcspn(name, "0123456789"), NULL, 10) : 0;
    return index < graph->count && strcmp(graph->nodes[index].path, path) == 0 ? (uint32_t)index : SITE_NO_NODE;
}

static void count_expected(const struct site_node *node, struct site_stats *stats)
{
    stats->expected_requests++;
    switch (node->kind) {
    case SITE_PAGE:
    case SITE_SLOW:
    case SITE_LARGE:
    case SITE_EMPTY:
        stats->expected_pages++;
        stats->expected_bytes += node->body_bytes;
        break;
    case SITE_MISSING:
    case SITE_FAILING:
    case SITE_BROKEN:
        stats->expected_errors++;
        break;
    case SITE_REDIRECT:
        stats->expected_redirects++;
        break;
    }
}

void site_graph_expect(const struct site_graph *graph, struct site_stats *stats)
{
    bool *known = site_alloc(graph->count, sizeof *known);
    uint32_t *order = site_alloc(graph->count, sizeof *order); /* found so far, order[0] first */
    uint32_t found = 1;
    known[0] = true;
    for (uint32_t next = 0; next < found; next++) {
        const struct site_node *node = &graph->nodes[order[next]];
        count_expected(node, stats);
        for (uint32_t i = 0; i <= node->links_count; i++) {
            const uint32_t to = i < node->links_count ? node->links[i] : node->target;
            if (to == SITE_NO_NODE || known[to])
                continue;
            known[to] = true;
            order[found++] = to;
        }
    }
    free(known);
    free(order);
}
