/*
 * explore_tell.h: what `grader explore` prints, and the exit status that follows from it.
 */
#ifndef GRADER_EXPLORE_TELL_H
#define GRADER_EXPLORE_TELL_H

#include <stdbool.h>
#include <stddef.h>

#include "exploration.h"
#include "lines.h"
#include "program.h"

struct tell_wish {
    const char *json; /* where to write JSON, too; `-`: to stdout, the text then goes to stderr; NULL: no JSON */
    const char *file; /* as for columns_text */
    bool quiet;       /* without columns */
    bool replayed;    /* one schedule was shown, nothing was searched */
};

/* tell_all: tells what `count` explorations came to; a name is the scenario's, NULL for a program. Returns the exit
 * status (protocol.h, EXIT_INTERRUPTED). Blocks while it writes. */
int tell_all(const struct tell_wish *wish, const char *const *names, const struct exploration *items, size_t count,
             struct lines *lines);

/* tell_not_built: tells why there is no program to explore; returns the exit status. */
int tell_not_built(enum program_outcome outcome, const char *error);

#endif
