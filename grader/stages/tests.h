/*
 * tests.h: the stage `tests`: each Criterion test of the lab in a process tree of its own.
 *
 * One start of the test program runs one test, so a test that hangs, crashes or floods harms no other,
 * and at its deadline the grader looks where its threads stand before it ends them. A test counts
 * when Criterion passed it, it made an assertion, and its receipt (harness/test.h) says that it reached its end.
 */
#ifndef GRADER_STAGES_TESTS_H
#define GRADER_STAGES_TESTS_H

#include "../manifest.h"
#include "../report.h"
#include "../workspace.h"

/* tests_run: the stage. Blocks while tests run. */
struct stage_result tests_run(const struct manifest *manifest, const struct workspace *workspace);

#endif
