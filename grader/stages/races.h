/*
 * races.h: the stage `races`: what the explorer has found in the lab's scenarios, and the lab's race driver under
 * helgrind, drd and ThreadSanitizer at the same time.
 *
 * A race that the explorer shows is one. Where it ran every scenario and found nothing wrong, and made the accesses
 * that a tool accuses, there is none: what the tool says is a note. So it is where it ran every scenario and has shown
 * a mistake: what the tools see after that, and whether the driver comes to its end, is the luck of a run. Elsewhere it
 * depends on what the hand-in uses:
 *
 *   what the hand-in uses                              who decides about data races
 *   pthread and POSIX semaphores only                  two of the three that report the same line
 *   atomics, fences, futex, pipes or other             ThreadSanitizer
 *   descriptors, robust mutexes, pthread_cancel
 *   C11 threads, file locks, some waits with a         nobody: what the tools say is a note (and only
 *   time-out, inline assembly                          helgrind runs on C11 threads: the others crash)
 *
 * Misuse of locks (unlock of a lock not held, ending with a lock held, destroying a lock in use) costs in the first
 * two rows, but not with the last two of the second: there helgrind and drd lose track of who has a mutex.
 */
#ifndef GRADER_STAGES_RACES_H
#define GRADER_STAGES_RACES_H

#include "../manifest.h"
#include "../report.h"
#include "../workspace.h"

/* races_run: the stage. Blocks while the tools run. */
struct stage_result races_run(const struct manifest *manifest, const struct workspace *workspace);

#endif
