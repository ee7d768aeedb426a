/*
 * races.h: the stage `races`: the lab's race driver under helgrind and drd at the same time, and under
 * ThreadSanitizer where those two are blind.
 *
 *   what the hand-in uses                              who decides about data races
 *   pthread and POSIX semaphores only                  helgrind and drd together: the same line in both
 *   atomics, fences, futex, pipes or other descriptors ThreadSanitizer
 *   C11 threads, file locks, inline assembly           nobody: what the tools say is a note
 *
 * Misuse of locks that helgrind and drd are never wrong about (unlock of a lock not held, ending with a lock
 * held, destroying a lock in use) costs in the first two rows.
 */
#ifndef GRADER_STAGES_RACES_H
#define GRADER_STAGES_RACES_H

#include "../manifest.h"
#include "../report.h"
#include "../workspace.h"

/* races_run: the stage. Blocks while the tools run. */
struct stage_result races_run(const struct manifest *manifest, const struct workspace *workspace);

#endif
