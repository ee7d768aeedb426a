/*
 * scarce.h: what a program asks for and cannot have, for tests: memory, threads, whatever a test's own function in
 * front of the system's gives out. A test says which requests fail while it makes a call.
 *
 * A program that uses scarce_memory has this module's malloc, calloc, realloc, aligned_alloc and posix_memalign in
 * front of those of the C library (glibc); one that uses scarce_pipes its pipe and pipe2.
 */
#ifndef HARNESS_SCARCE_H
#define HARNESS_SCARCE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

/* What can fail. All zero: every request succeeds. */
struct scarce {
    atomic_bool may_fail;   /* while a call is made by the functions below */
    pid_t process;          /* whose requests are meant: those of its children succeed */
    atomic_int requests;    /* since then */
    atomic_int first, last; /* of those that fail, counted from 0 */
};

/* Memory. A request that fails returns NULL (posix_memalign: ENOMEM) and sets errno to ENOMEM. */
extern struct scarce scarce_memory;

/* Room in pipes: while it is set, a new pipe holds one page only, as for a user who has many of them open (pipe(7)). */
extern atomic_bool scarce_pipes;

/* scarce_fails: counts a request, and returns whether it is to fail. For functions that stand in front of the system's.
 * Never blocks; thread safe; async-signal-safe. */
bool scarce_fails(struct scarce *resource);

/* scarce_call: makes `call` while requests number `first` to `last` (counted from 0; INT_MAX: none) fail, of all
 * threads of the process. Returns how many requests were made meanwhile. Blocks as `call` does. One call at a time for
 * a resource. */
int scarce_call(struct scarce *resource, int first, int last, void (*call)(void));

/* scarce_end: no further request fails, though `call` has not returned yet: for a call that then checks what it has got,
 * since the words of an assertion need memory. Never blocks; thread safe. */
void scarce_end(struct scarce *resource);

/* scarce_in_turn: makes `call` `times` times: each of its requests fails in turn, alone and then with all that
 * follow. A call that makes no request is made once. Blocks as `call` does; as scarce_call. */
void scarce_in_turn(struct scarce *resource, int times, void (*call)(void));

#endif
