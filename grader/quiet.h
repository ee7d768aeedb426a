/*
 * quiet.h: lets a measurement have the machine to itself among all graders on it.
 *
 * Theory of operation. Two lock files in /tmp, one set for each user:
 *
 *     a stage      waits for `turn` alone, takes `quiet` shared, gives `turn` back; runs; gives `quiet` back
 *     measurement  takes `turn` shared and `quiet` alone; measures; gives both back
 *
 * A measurement lets newcomers pass while others run stages, for at most QUIET_PATIENCE: to stop them at once would
 * leave the processors idle until the slowest of those that run is done. Measurements that wait gather in that time.
 * As soon as one of them finds nobody running, all that wait follow it one after another, since the `turn` they share
 * keeps newcomers out. A class costs one such pause for many hand-ins, not one for each. The kernel drops the locks of
 * a grader that dies.
 */
#ifndef GRADER_QUIET_H
#define GRADER_QUIET_H

#include <stdbool.h>

enum { QUIET_PATIENCE = 20 }; /* seconds */

struct quiet {
    int turn, quiet; /* descriptors; -1: not held */
};

/* quiet_enter: blocks until this process may run a stage (`alone`: until no other grader of this user runs one).
 * Returns what to give to quiet_leave; both are -1 if no lock could be had (no /tmp, or interrupted): the stage then
 * runs without. Thread safe. */
struct quiet quiet_enter(bool alone);

/* quiet_enter_in: the same among those who name the same directory for the locks. */
struct quiet quiet_enter_in(const char *directory, bool alone);

/* quiet_leave: gives up what quiet_enter returned. */
void quiet_leave(struct quiet *held);

#endif
