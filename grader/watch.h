/*
 * watch.h: `grader watch LAB [FILE|DIR]`: builds and tests a hand-in each time it is saved.
 *
 * The finding that was on top last time comes first, still wrong or mended, and then the report. g or Enter grades in
 * full, q or the end of stdin ends.
 */
#ifndef GRADER_WATCH_H
#define GRADER_WATCH_H

#include "kit.h"

/* What `--help` prints. */
extern const char watch_usage[];

/* watch_command: the subcommand; argv[0] is its name. Returns the exit status: 0 when asked to end, EXIT_USAGE,
 * EXIT_GRADER_ERROR, or EXIT_INTERRUPTED. Blocks until then. */
int watch_command(const struct kit *kit, int argc, char **argv);

#endif
