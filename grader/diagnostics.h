/*
 * diagnostics.h: what compiler and linker say about a hand-in, as findings. gcc's and clang's form is understood.
 */
#ifndef GRADER_DIAGNOSTICS_H
#define GRADER_DIAGNOSTICS_H

#include <stdbool.h>

#include "manifest.h"
#include "report.h"
#include "workspace.h"

/* diagnostics_place: sets where in the hand-in a finding is (`line` 0: nowhere in particular) and `make labNN` as what
 * repeats it. */
void diagnostics_place(struct finding *finding, const struct manifest *manifest, const struct workspace *workspace,
                       int line);

/* diagnostics_compile_error, diagnostics_link_error: add one finding from a compiler's (a linker's) `output`: the first
 * error, with the hand-in's line if it names one; it costs all points of the stage. */
void diagnostics_compile_error(struct stage_result *result, const struct manifest *manifest,
                               const struct workspace *workspace, const char *output);
void diagnostics_link_error(struct stage_result *result, const struct manifest *manifest,
                            const struct workspace *workspace, const char *output);

/* diagnostics_warnings: adds the first few warnings about the hand-in as findings without cost. */
void diagnostics_warnings(struct stage_result *result, const struct manifest *manifest,
                          const struct workspace *workspace, const char *output);

/* diagnostics_machine_failed: whether a compiler or linker failed for a reason that has nothing to do with what it
 * read. */
bool diagnostics_machine_failed(const char *output);

/* diagnostics_linker_spoke: whether an output holds an error of the linker's, not only of the compiler's. */
bool diagnostics_linker_spoke(const char *output);

#endif
