/*
 * exploration_json.h: explorations as JSON, schema lockstep/exploration/1 (grader/README.md).
 */
#ifndef GRADER_EXPLORE_EXPLORATION_JSON_H
#define GRADER_EXPLORE_EXPLORATION_JSON_H

#include <stddef.h>

#include "exploration.h"
#include "lines.h"

/* exploration_json: `count` explorations with their names (NULL for a program that is no scenario). Ends with a
 * newline. Caller frees. */
char *exploration_json(const char *const *names, const struct exploration *items, size_t count, struct lines *lines);

#endif
