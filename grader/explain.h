/*
 * explain.h: `grader explain`: the pages of grader/explain/, one for each kind of finding.
 */
#ifndef GRADER_EXPLAIN_H
#define GRADER_EXPLAIN_H

#include "kit.h"

/* explain_run: prints the page of the kind that is named, in one word or several (`data-race`, `data race`), or, if
 * none is, a line for each kind. Returns EXIT_GRADED; EXIT_USAGE if there is no such page; EXIT_GRADER_ERROR if the
 * pages cannot be read. Blocks on file reads. */
int explain_run(const struct kit *kit, int argc, char **argv);

#endif
