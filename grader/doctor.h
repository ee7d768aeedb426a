/*
 * doctor.h: says which tools and permissions this machine has, and what each lack costs.
 */
#ifndef GRADER_DOCTOR_H
#define GRADER_DOCTOR_H

#include <stddef.h>

#include "kit.h"

/* doctor_run: prints a line a check on stdout. Returns 0 if nothing is lacking, 1 otherwise. Blocks for a second or two
 * while it tries the tools. */
int doctor_run(const struct kit *kit);

/* doctor_starts: prints in one line how long it takes to start and end a program without and with a sandbox, the
 * medians of `pairs` starts by turns. Returns 0, or EXIT_GRADER_ERROR if there is no sandbox or nothing can be started.
 * Blocks for about 30 ms a pair. */
int doctor_starts(size_t pairs);

#endif
