/*
 * sync.h: what the explorer knows about the program's synchronisation objects, by address.
 */
#ifndef EXPLORE_SYNC_H
#define EXPLORE_SYNC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schedule.h"

enum sync_kind { SYNC_MUTEX, SYNC_COND, SYNC_RWLOCK, SYNC_SPIN, SYNC_BARRIER, SYNC_SEMAPHORE, SYNC_ONCE, SYNC_FUTEX };

enum { NOBODY = -1 };

struct waiter {
    struct waiter *next;
    int thread;
    bool woken;
    uint32_t bits; /* futex: which wakes it answers to */
};

struct sync {
    enum sync_kind kind;
    uintptr_t address;
    size_t size;                 /* destroyed: bytes that were overwritten */
    bool destroyed, initialised; /* initialised: by a call, not only by its bytes */
    int owner;                   /* mutex, spin, rwlock's writer: thread id or NOBODY */
    unsigned count;              /* recursion; readers; arrived; value of a semaphore */
    unsigned limit, round;       /* barrier */
    int process;                 /* where it was first used, or copied to */
    bool between;                /* process-shared */
    bool inherited;              /* copied by fork, not used in its process since */
    bool recursive, errorcheck, robust, owner_died, broken, monotonic;
    uintptr_t pc;           /* where it was taken, or made */
    struct waiter *waiters; /* condition variable, in order of arrival */
    uintptr_t partner;      /* condition variable: the mutex its waiters use */
    struct sync *next;      /* of all in this run */
    uint8_t reading[THREADS_MAX];
    struct clock clock, readers; /* released by: writers; readers */
};

/* sync_find: the object at `address` as a `kind`; made if this is the first that is heard of it. A new life begins when
 * its bytes were written since it was destroyed, or it is used as another kind and nobody holds it (the stack's memory
 * was used again). Ends the run with VERDICT_MISUSE if it was destroyed. sync_renew: the same for an init function: a
 * fresh one. */
struct sync *sync_find(const void *address, enum sync_kind kind, uintptr_t pc);
struct sync *sync_renew(const void *address, enum sync_kind kind, uintptr_t pc);

/* sync_fork: the thread `self` forks `child`, the first of a new process: that gets copies of what is not in shared
 * memory, as it is now. In them `child` holds the locks that `self` holds; what else is locked is free. */
void sync_fork(const struct thread *self, struct thread *child);

/* sync_all: the first of all objects of this run. */
struct sync *sync_all(void);
void sync_reset(void);

/* sync_destroy: marks it destroyed; the caller has checked that it is not in use. Accesses by other threads that are
 * not ordered with this end the run. */
void sync_destroy(struct sync *sync, size_t size, uintptr_t pc);

/* sync_name: e.g. "mutex". */
const char *sync_name(enum sync_kind kind);

/* sync_misuse: ends the run with VERDICT_MISUSE at `pc`. */
_Noreturn void sync_misuse(uintptr_t pc, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* sync_destroyed_locked: ends the run, for `sync` is locked and is destroyed at `pc`. If the thread itself has locked
 * it, the first place told is where: there the unlock is missing. */
_Noreturn void sync_destroyed_locked(const struct sync *sync, uintptr_t pc);

/* The return address into the program of the modelled function that this is used in. */
#define PC ((uintptr_t)__builtin_return_address(0))

#endif
