/*
 * process_interrupt.h: what process_run's loops need to know of the user's interrupt (process.h).
 */
#ifndef GRADER_PROCESS_INTERRUPT_H
#define GRADER_PROCESS_INTERRUPT_H

#include <stdbool.h>

/* process_interrupt_event: a descriptor that becomes readable, for all who poll it and for ever, when the user
 * interrupts; -1 while interrupts are not caught. Not to be read or closed. Thread safe. */
int process_interrupt_event(void);

/* process_interrupt_calls: whether from now on the user's interrupt ends a system call that blocks, with EINTR, or the
 * call goes on, as it does otherwise. Does nothing while interrupts are not caught. For one thread at a time. */
void process_interrupt_calls(bool interrupt);

#endif
