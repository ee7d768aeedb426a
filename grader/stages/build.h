/*
 * build.h: the stage `build`: compiles the hand-in alone, looks at its object file, links the lab's programs.
 *
 *   bin/handin.o        -O0, for tests and race
 *   bin/handin_tsan.o   instrumented; also tells whether atomics are used
 *   bin/tests bin/race bin/race_tsan bin/bench bin/baseline
 */
#ifndef GRADER_STAGES_BUILD_H
#define GRADER_STAGES_BUILD_H

#include "../manifest.h"
#include "../report.h"
#include "../workspace.h"

/* build_run: the stage. Blocks while compilers run. */
struct stage_result build_run(const struct manifest *manifest, const struct workspace *workspace);

/* build_compiler: the first line of `gcc --version` (or of what CC names), caller frees; NULL if it cannot be run. */
char *build_compiler(void);

#endif
