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

/* tests_repeat: of a hand-in in which the explorer has found a mistake: runs the tests that `result`, of tests_run,
 * says have failed some times more, and makes each that fails in half of them or fewer a note that costs nothing.
 * Whether such a test fails is luck, and the points of a hand-in must not depend on that. A failure that nothing else
 * explains costs its points, however seldom. Changes nothing if many tests failed, which is no luck, and if a run could
 * not be made. Blocks while tests run. */
void tests_repeat(const struct manifest *manifest, const struct workspace *workspace, struct stage_result *result);

#endif
