/*
 * signals.h: what each process does about signals, and what each thread has blocked.
 *
 * A signal ends its process, is ignored, or waits while it is blocked. One with a handler is pending until a thread
 * takes it that does not block it: which one and when is a decision (schedule.h). If only one could, it does so before
 * it goes on, as it comes back from the kernel with no signal left; and if it has sent the signal itself, at once. How
 * a handler runs: handlers.h.
 */
#ifndef EXPLORE_SIGNALS_H
#define EXPLORE_SIGNALS_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct clock;
struct thread;

/* signals_reset: before each run. signals_fork: `child` begins as `parent` is. */
void signals_reset(void);
void signals_fork(int parent, int child);

/* signals_broken_pipe: the running thread writes where nobody reads. Returns if SIGPIPE is ignored, blocked or handled.
 */
void signals_broken_pipe(uintptr_t pc);

/* signals_send: `number` goes to a process; returns, unless that ends the running one. signals_send_thread: to one of
 * its threads. */
void signals_send(int process, int number, uintptr_t pc);
void signals_send_thread(struct thread *thread, int number, uintptr_t pc);

/* signals_child_ended: SIGCHLD from a process whose threads knew `known`. */
void signals_child_ended(int parent, int child, const struct clock *known);

/* signals_ignored, signals_caught: whether `process` said SIG_IGN for `number`; whether it has a handler for it. */
bool signals_ignored(int process, int number);
bool signals_caught(int process, int number);

/* signals_may_take: whether `thread` could take a pending signal now. */
bool signals_may_take(const struct thread *thread);

/* signals_must_take: whether it could, and nobody else. */
bool signals_must_take(const struct thread *thread);

/* signals_next: takes one signal the running thread may take out of the pending ones; 0: there is none. The action is
 * as it is now (SA_RESETHAND has been obeyed); `sender` is a process id. */
int signals_next(struct sigaction *action, pid_t *sender);

/* signals_mask_call: the running thread blocks `set` instead of what it blocks, during the call that it is going to
 * make; returns what signals_unmask_call must get at its end. `set` NULL: nothing changes. */
uint64_t signals_mask_call(const sigset_t *set);
void signals_unmask_call(uint64_t before);

/* signals_act: acts on a signal without a handler that nobody blocks. */
void signals_act(int process, int number, uintptr_t pc);

#endif
