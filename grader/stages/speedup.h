/*
 * speedup.h: the stage `speedup`: is the concurrent hand-in worth its threads?
 *
 * Yardstick and hand-in run by turns in processes of their own; the grader holds the stopwatch (process.h) and checks
 * the answers (speedup_trial.h). What the times say, on a quiet machine and on a busy one, is decided in
 * speedup_judge.h; what stays undecided is no loss to the student.
 */
#ifndef GRADER_STAGES_SPEEDUP_H
#define GRADER_STAGES_SPEEDUP_H

#include "../manifest.h"
#include "../report.h"
#include "../workspace.h"

/* speedup_run: the stage. Blocks while benches run; wants the machine to itself (quiet.h). */
struct stage_result speedup_run(const struct manifest *manifest, const struct workspace *workspace);

#endif
