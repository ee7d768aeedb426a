/*
 * schedules.h: the stage `schedules`: the lab's scenarios in every schedule that matters (harness/explore/explore.h).
 *
 *   a scenario in which a schedule fails    loses its points; the schedule is shown, with the command that replays it
 *   a scenario that cannot be judged        keeps its points; the stage is NOT_RUN and says why: it calls what the
 *                                           explorer does not model, or the time was up before the last schedule
 *
 * How much is searched is a number of schedules from a fixed list of seeds, never a time, so that every run finds the
 * same. What a scenario came to is left in the workspace for the stage `races` (explore/scenarios.h).
 */
#ifndef GRADER_STAGES_SCHEDULES_H
#define GRADER_STAGES_SCHEDULES_H

#include "../manifest.h"
#include "../report.h"
#include "../workspace.h"

/* schedules_run: the stage. Blocks while the explorer runs. */
struct stage_result schedules_run(const struct manifest *manifest, const struct workspace *workspace);

/* schedules_show_hang: whether a finding of this stage's result is one of threads that wait or go round for ever
 * (deadlock, lost wake-up, livelock), or of a lock that is never given back, for which others wait for ever. Pure. */
bool schedules_show_hang(const struct stage_result *result);

#endif
