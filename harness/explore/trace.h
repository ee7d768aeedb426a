/*
 * trace.h: what each thread did, in order, kept only when a schedule is replayed to be shown.
 */
#ifndef EXPLORE_TRACE_H
#define EXPLORE_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct event {
    int thread;
    uintptr_t pc, lock; /* 0: it is not about a lock */
    char words[64];
};

/* trace_on: forgets all events, and keeps those to come if `on`. */
void trace_on(bool on);

/* trace_lock(lock, pc, format, ...): the running thread does something at `pc` with the lock at address `lock`, in the
 * words "the mutex", "the rwlock", "the spin lock" or "the semaphore"; where several of a kind occur they become
 * "mutex 1", "mutex 2" ... trace_event(pc, format, ...): it does something else. trace_value: it reads or writes
 * `value` at `address`. */
#define trace_lock(...)  (trace_active ? trace_keep(__VA_ARGS__) : (void)0)
#define trace_event(...) trace_lock(0, __VA_ARGS__)
void trace_keep(uintptr_t lock, uintptr_t pc, const char *format, ...) __attribute__((format(printf, 3, 4)));
void trace_value(const char *verb, uintptr_t address, uint64_t value, uintptr_t pc);

/* trace_plain: only when trace_active: a plain access is about to happen; kept only for the 8 bytes given to
 * trace_watch (0: none). */
void trace_plain(uintptr_t address, size_t size, bool writes, uintptr_t pc);
void trace_watch(uintptr_t address);

/* trace_settle: before others may run: reads back what the running thread has just written. */
void trace_settle(void);

/* trace_events: what was kept; valid until the next trace_on. */
const struct event *trace_events(size_t *count);

extern bool trace_active; /* read only */

#endif
