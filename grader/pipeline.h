/*
 * pipeline.h: the one way in which a hand-in is graded.
 *
 *     intake (workspace.h) -> build -> tests -> schedules -> races -> speedup -> hidden -> verdict -> report
 *
 * `hidden` is left out where workspace->overlay is NULL. `schedules` comes before `races` because the explorer decides
 * about data races wherever it can run the code.
 */
#ifndef GRADER_PIPELINE_H
#define GRADER_PIPELINE_H

#include "manifest.h"
#include "report.h"
#include "workspace.h"

enum stage_id { STAGE_BUILD, STAGE_TESTS, STAGE_SCHEDULES, STAGE_RACES, STAGE_SPEEDUP, STAGE_HIDDEN, STAGE_COUNT };

/* pipeline_stages: the bit set of the comma-separated stage names in `names`, together with what they cannot do without
 * (build; schedules for races); 0 if a name is unknown. NULL stands for all. */
unsigned pipeline_stages(const char *names);

/* pipeline_run: grades the hand-in of `workspace` with the stages in workspace->stages and fills `report` (release with
 * report_release). `compiler_line` is kept by the report. Blocks for seconds to minutes. Stops early, with
 * stages NOT_RUN, if process_interrupted(). */
void pipeline_run(const struct manifest *manifest, const struct workspace *workspace, struct report *report);

/* pipeline_run_watched: the same, and calls `after` (NULL: nothing) with `context` before the first stage and after
 * each with the report as far as it is known: stages still to run are NOT_RUN, and `unfinished` is set until the last
 * one. */
typedef void pipeline_watcher(const struct report *report, void *context);
void pipeline_run_watched(const struct manifest *manifest, const struct workspace *workspace, struct report *report,
                          pipeline_watcher *after, void *context);

#endif
