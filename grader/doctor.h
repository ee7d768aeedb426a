/*
 * doctor.h: says which tools and permissions this machine has, and what each lack costs.
 */
#ifndef GRADER_DOCTOR_H
#define GRADER_DOCTOR_H

#include "kit.h"

/* doctor_run: prints a line a check on stdout. Returns 0 if nothing is lacking, 1 otherwise. Blocks for a second or two
 * while it tries the tools. */
int doctor_run(const struct kit *kit);

#endif
