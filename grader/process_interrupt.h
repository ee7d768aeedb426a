/*
 * process_interrupt.h: what process_run's loops need to know of the user's interrupt (process.h).
 */
#ifndef GRADER_PROCESS_INTERRUPT_H
#define GRADER_PROCESS_INTERRUPT_H

/* process_interrupt_event: a descriptor that becomes readable, for all who poll it and for ever, when the user
 * interrupts; -1 while interrupts are not caught. Not to be read or closed. Thread safe. */
int process_interrupt_event(void);

#endif
