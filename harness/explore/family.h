/*
 * family.h: forked processes as groups of fibers.
 *
 * All processes of the program live in the one process that explores it. Their private memory (globals, heap, stacks)
 * has the same addresses, so it is exchanged when the turn goes to a thread of another process: the contents of the one
 * that leaves are put into its image, and those of the other taken from its. Memory mapped MAP_SHARED lies apart and is
 * left where it is, and so is what of the heap was allocated since the last fork: its address is given out once, so no
 * other process has anything there. fork() copies the image and the running fiber, whose copy uses the same slot for
 * its stack and thread-local variables; these are exchanged only if a fork has made its slot belong to several
 * processes.
 */
#ifndef EXPLORE_FAMILY_H
#define EXPLORE_FAMILY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "schedule.h"

/* What relatives see of a process. */
struct member {
    int id, parent, status; /* parent: process, or ORPHAN; status: as wait reports it */
    int parent_thread;      /* which called fork */
    int death_signal;       /* what its parent's end sends it; 0: nothing */
    bool ended, reaped;     /* reaped: waited for, or nobody will */
    struct clock clock;     /* of all its threads that ended */
    uintptr_t forked;       /* where, in the program */
    int thread;             /* its first */
    struct image *image;    /* what of it lies elsewhere while another process runs */
};

enum { ORPHAN = -1 };

/* family_reset: one process; before each run. family_forked: whether there ever was a second one. */
void family_reset(void);
bool family_forked(void);

/* family_switch: goes on with `next`, a thread of another process than `self`, which runs. */
void family_switch(struct thread *self, struct thread *next);

/* family_end: the running thread's process ends with `status` (as wait reports it); never returns. Not for process 0.
 * family_kill: the same for any process but 0; returns unless it is the running one. */
_Noreturn void family_end(int status);
void family_kill(int process, int status);

/* family_ending: the operation of ending the running process. */
struct operation family_ending(void);

/* family_thread_ended: a thread that had forked has ended: a child may have asked to be told. */
void family_thread_ended(const struct thread *thread);

/* family_check: ends the run if a child of process 0 was not waited for. */
void family_check(void);

/* family_members: the first `count` are there, in the order of their birth; empty before the first fork. */
struct member *const *family_members(int *count);

/* family_pid and family_process: process ids are not the numbers of processes; -1: no process has this id.
 * family_exists: it has not been waited for. family_has_ended: it runs no more. */
pid_t family_pid(int process);
int family_process(pid_t pid);
bool family_exists(int process);
bool family_has_ended(int process);

/* family_is_shared: whether `address` is in memory that processes share. */
bool family_is_shared(uintptr_t address);

#endif
