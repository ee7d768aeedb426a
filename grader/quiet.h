/*
 * quiet.h: lets a measurement have the machine to itself among all graders on it.
 *
 * Theory of operation. Two lock files in /tmp, one set for each user. A stage that needs no quiet holds `quiet`
 * shared while it runs, a measurement holds it exclusively; both pass through `turn` first, so that a
 * measurement that waits keeps newcomers out and its turn comes. The kernel drops the locks of a grader that dies.
 */
#ifndef GRADER_QUIET_H
#define GRADER_QUIET_H

#include <stdbool.h>

/* quiet_enter: blocks until this process may run a stage (`alone`: until no other grader of this user runs one).
 * Returns a descriptor for quiet_leave, or -1 if no lock could be had (no /tmp, or interrupted): the stage then runs
 * without. Thread safe. */
int quiet_enter(bool alone);

/* quiet_leave: gives up what quiet_enter returned. */
void quiet_leave(int descriptor);

#endif
