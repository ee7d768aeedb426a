/*
 * family.h: forked processes as groups of fibers.
 *
 * All processes of the program live in the one process that explores it. Their private memory (globals, heap, main's
 * stack) has the same addresses, so it is exchanged when the turn goes to a thread of another process: the contents of
 * the one that leaves are put into its image, and those of the other taken from its. Memory mapped MAP_SHARED lies
 * apart and is left where it is. fork() copies the image and the running fiber. Only main (of any process) may fork.
 */
#ifndef EXPLORE_FAMILY_H
#define EXPLORE_FAMILY_H

#include <stdbool.h>
#include <stdint.h>

#include "schedule.h"

/* family_reset: one process; before each run. family_forked: whether there ever was a second one. */
void family_reset(void);
bool family_forked(void);

/* family_switch: goes on with `next`, a thread of another process than `self`, which runs. */
void family_switch(struct thread *self, struct thread *next);

/* family_end: the running thread's process ends with `status` (as wait reports it); never returns. Not for process 0.
 */
_Noreturn void family_end(int status);

/* family_check: ends the run if a child of process 0 was not waited for. */
void family_check(void);

/* family_is_shared: whether `address` is in memory that processes share. */
bool family_is_shared(uintptr_t address);

#endif
