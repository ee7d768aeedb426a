/*
 * value.h: one number shared by several processes, the contract of lab05.
 *
 *     process 1 --+
 *     process 2 --+--> struct value, in memory that all of them map
 *     process 3 --+
 *
 * Rules for the whole module:
 *   - A process forked after value_create shares the value with its parent: both use the same pointer.
 *     Each of these processes may have several threads that use the value, too.
 *   - A process may be forked at any moment, also while another thread of its parent is inside a call on the value:
 *     the child has only the thread that forked; what the other thread was doing goes on in the parent only.
 *   - There may be any number of values at once, made, used and released by different threads and processes at the
 *     same time; what is done to one never waits for another.
 *   - All changes happen one after the other: the value is always what some order of the calls gives.
 *   - A process may die at any moment, also inside value_update. The others are not held up by that.
 *   - A signal that a process handles changes nothing, with SA_RESTART or without: no call fails or ends early for
 *     it. The handler does not use the value. The caller's handlers and signal mask are as before after each call. No
 *     process ignores SIGCHLD (SIG_IGN, SA_NOCLDWAIT).
 *   - An order between threads of one process is to be made by pthread functions or C11 atomics, so that
 *     the race checkers can see it. Between processes anything may be used.
 */
#ifndef VALUE_H
#define VALUE_H

#include <stdint.h>

struct value; /* defined by you in value.c */

/* Computes the new value from the old one; `arg` is what value_update was given. It may sleep or yield, and its
 * process may end in the middle of it. It must not use the value it is called for, nor return in a process that it
 * has forked. */
typedef int64_t value_fn(int64_t old, void *arg);

/* Computes item `index` of a reduction. Every item costs about the same. It must not use the value. */
typedef int64_t value_item(uint64_t index);

/* value_create: makes a value that starts as `initial`, for the caller and all processes it forks later.
 * Returns NULL when no memory is to be had; nothing is left behind then. Release it with value_free. */
struct value *value_create(int64_t initial);

/* value_get: returns the value as it is at some moment during the call, never a state between two states of a
 * change. While another process or thread is inside value_update, returns the value before that update, or blocks until
 * the update is over. An addition that it shows without the update is one that fn was given. */
int64_t value_get(struct value *value);

/* value_add: adds `amount`, which may be negative. No addition is ever lost, whatever other additions and
 * updates happen at the same time. May block while another change is being made. */
void value_add(struct value *value, int64_t amount);

/* value_update: sets the value to fn(old, arg), where old is the value at that moment, and returns the new one.
 *
 *   - fn is called exactly once for each call of value_update, in the calling process and thread.
 *   - At most one fn is running on a value at any time, over all processes: other updates wait (they may sleep
 *     or spin, and are woken in whatever process they are).
 *   - A process that dies inside fn, by a signal or by _exit, changes nothing: the value is then as it was before
 *     that update, and all calls in other processes, waiting or to come, go on as if it had never been made. They
 *     do so as soon as the process has ended; nobody needs to wait for it with waitpid first. */
int64_t value_update(struct value *value, value_fn *fn, void *arg);

/* value_reduce: adds the sum of item(i) for all i from 0 to count-1 to the value. Forks `processes` (1 to 64)
 * processes that share the items and work at the same time, and blocks until all have ended and have been
 * waited for: no zombie is left. Each item is computed once, in one of these processes, never in the caller.
 * Items may be given out in blocks, but where there are 10000 for each process none goes without, however late it
 * comes to life.
 * With `count` 0 the value stays as it is. Other children of the caller are left alone, and other processes
 * may use the value meanwhile.
 *
 * Computing an item may be much cheaper than touching shared memory: sum up first, add rarely. Nothing is written for
 * each item to memory that several of the processes write to, or that shares a cache line (64 bytes) with what another
 * of them writes to.
 *
 * Returns 0, or -1 if a process could not be started or was ended by a signal (item may kill it); any part of
 * the sum may then be missing, but the value can be used as before. */
int value_reduce(struct value *value, value_item *item, uint64_t count, unsigned processes);

/* value_free: releases the value and all that belongs to it in the calling process: memory, mappings,
 * descriptors; and what has a name or a number in the system (shm_open, shmget, semget and the like) is taken away
 * by then. Call it once, in the process that made it, when no process uses the value any more; forked processes
 * need not call it, theirs goes when they end. NULL: does nothing. */
void value_free(struct value *value);

#endif
