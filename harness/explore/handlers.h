/*
 * handlers.h: how signal handlers run, and what becomes of the call they interrupt.
 *
 * A handler runs on the fiber of the thread that took the signal, at the scheduling point that thread had come to.
 * Either that is before the call it was going to make, or in it, if it would wait; both are tried, unless it is certain
 * which. In it, the call fails with EINTR if it is one of those that do (enum interrupt in schedule.h); otherwise it
 * goes on waiting.
 *
 * A handler that calls what is not async-signal-safe (malloc, printf, mutexes ...) is refused by name.
 */
#ifndef EXPLORE_HANDLERS_H
#define EXPLORE_HANDLERS_H

#include <stdbool.h>
#include <stdint.h>

struct thread;

/* handlers_interrupt: the running thread has come to a scheduling point and takes a signal there. Returns whether the
 * operation ends by that. */
bool handlers_interrupt(struct thread *self);

/* handlers_run: the running thread takes all signals it may take. */
void handlers_run(uintptr_t pc);

/* handlers_forbid: ends the search if the running thread is in a handler: `what` is not for handlers. */
void handlers_forbid(const char *what);

#endif
