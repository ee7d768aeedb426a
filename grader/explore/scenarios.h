/*
 * scenarios.h: a lab's scenarios with one hand-in, as an explored program in the workspace:
 *
 *   bin/schedules/program     lab/scenarios.c and the hand-in
 *   run/NAME.schedules        what exploring the scenario NAME came to; the stage `schedules` writes it, `races` reads
 * it
 */
#ifndef GRADER_EXPLORE_SCENARIOS_H
#define GRADER_EXPLORE_SCENARIOS_H

#include "../manifest.h"
#include "../workspace.h"
#include "exploration.h"
#include "lines.h"
#include "program.h"

/* scenarios_build: makes the program of the object that the stage `build` has made for it; as program_build. */
enum program_outcome scenarios_build(const struct manifest *manifest, const struct workspace *workspace, char **error);

/* scenarios_explore: explores `count` of the lab's scenarios side by side, each as `wish` says; `directory`, `results`
 * and `arguments` of the wish are set here, and so is `schedules` unless the wish has its own (not 0). Returns false if
 * the machinery failed; else release each of `out`. Blocks until all have ended. */
bool scenarios_explore(const struct workspace *workspace, const struct manifest_scenario *const *scenarios,
                       size_t count, const struct exploration_spec *wish, struct exploration *out);

/* scenarios_lines: source lines of the program; close with lines_close. */
struct lines *scenarios_lines(const struct workspace *workspace);

/* scenarios_results: reads what the stage left about a scenario; false if it did not run. */
bool scenarios_results(const struct workspace *workspace, const struct manifest_scenario *scenario,
                       struct results *results);

#endif
