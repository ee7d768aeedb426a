#include "site_log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void site_log_init(struct site_log *log, const struct site_graph *graph)
{
    *log = (struct site_log){.graph = graph, .asked = site_alloc(graph->count, sizeof *log->asked)};
}

void site_log_release(struct site_log *log)
{
    free(log->asked);
}

void site_log_reset(struct site_log *log)
{
    memset(log->asked, 0, log->graph->count * sizeof *log->asked);
    *log = (struct site_log){
        .graph = log->graph, .asked = log->asked, .in_progress = log->in_progress, .at_once = log->in_progress};
}

void site_log_begin(struct site_log *log, uint32_t node, const char *path)
{
    log->requests++;
    log->in_progress++;
    if (log->in_progress > log->at_once)
        log->at_once = log->in_progress;
    if (node != SITE_NO_NODE)
        log->asked[node]++;
    else if (log->unknown++ == 0)
        snprintf(log->unknown_path, sizeof log->unknown_path, "%s", path);
}

void site_log_end(struct site_log *log)
{
    log->in_progress--;
}

void site_log_report(const struct site_log *log, struct site_stats *stats)
{
    *stats = (struct site_stats){
        .requests = log->requests, .unknown = log->unknown, .offsite = log->offsite, .at_once = log->at_once};
    memcpy(stats->unknown_path, log->unknown_path, sizeof stats->unknown_path);
    for (uint32_t i = 0; i < log->graph->count; i++) {
        const char *path = log->graph->nodes[i].path;
        const uint32_t asked = log->asked[i];
        stats->distinct += asked > 0;
        stats->duplicates += asked > 0 ? asked - 1 : 0;
        if (asked > 1 && asked > stats->duplicate_count) {
            stats->duplicate_count = asked;
            memcpy(stats->duplicate_path, path, sizeof stats->duplicate_path);
        }
        if (asked == 0 && stats->unvisited++ == 0)
            memcpy(stats->unvisited_path, path, sizeof stats->unvisited_path);
    }
}
