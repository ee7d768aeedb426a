/*
 * signals.h: what each process does about signals, and what each thread has blocked.
 *
 * A signal ends its process, is ignored, or waits while it is blocked. A handler may be set, but the explorer cannot
 * run it: a run in which one would be called is unsupported.
 */
#ifndef EXPLORE_SIGNALS_H
#define EXPLORE_SIGNALS_H

#include <stdbool.h>
#include <stdint.h>

struct thread;

/* signals_reset: before each run. signals_fork: `child` begins as `parent` is. */
void signals_reset(void);
void signals_fork(int parent, int child);

/* signals_broken_pipe: the running thread writes where nobody reads. Returns if SIGPIPE is ignored or blocked. */
void signals_broken_pipe(uintptr_t pc);

/* signals_send: `number` goes to a process; returns, unless that ends the running one. */
void signals_send(int process, int number, uintptr_t pc);

/* signals_ignored: whether `process` said SIG_IGN for `number`. */
bool signals_ignored(int process, int number);

#endif
