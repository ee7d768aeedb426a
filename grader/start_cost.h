/*
 * start_cost.h: what it costs to start a program, and to start it in a sandbox.
 */
#ifndef GRADER_START_COST_H
#define GRADER_START_COST_H

#include <stdbool.h>
#include <stddef.h>

struct sandbox;

/* start_cost_cpu: milliseconds of CPU time that it takes to start a program in `sandbox` (NULL: in none) and to end it,
 * the least of several: a busy machine makes this wait, but needs no more for it. Blocks for their time. */
double start_cost_cpu(const struct sandbox *sandbox);

/* start_cost_wall: sets to the medians of `pairs` (at least 1) starts with and without a sandbox, by turns, the
 * milliseconds of wall-clock time from the grader's call until it knows that the program has ended. They mean something
 * on a quiet machine only. Returns false if a program cannot be started. Blocks for their time. */
bool start_cost_wall(size_t pairs, double *plain, double *isolated);

#endif
