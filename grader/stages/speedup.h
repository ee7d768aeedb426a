/*
 * speedup.h: the stage `speedup`: is the concurrent hand-in worth its threads?
 *
 * Baseline, yardstick and hand-in run alternately in processes of their own; the grader holds the
 * stopwatch (process.h) and checks the answers. Rounds are added until the 99 % confidence interval of
 * the ratio lies on one side of the threshold, or a cap is reached: what stays undecided is no loss to the student.
 */
#ifndef GRADER_STAGES_SPEEDUP_H
#define GRADER_STAGES_SPEEDUP_H

#include "../manifest.h"
#include "../report.h"
#include "../workspace.h"

/* speedup_run: the stage. Blocks while benches run; wants the machine to itself (quiet.h). */
struct stage_result speedup_run(const struct manifest *manifest, const struct workspace *workspace);

#endif
