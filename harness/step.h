/*
 * step.h: holds a call up after its first, second, third ... instruction while another thread acts, so that
 * a lost update or a lost wake-up is found without luck.
 *
 * Theory of operation. A test gives step_check_each a function that plays one round; it is called again and
 * again, each time with the walker held up one instruction later:
 *
 *     walker                                    other thread
 *       step_begin()                              step_wait_held()
 *       the call: k instructions, then held up    step_other_begins()
 *             ...                                 the other call
 *       goes on when the other is done, or        step_other_done()
 *       sleeps because it cannot be
 *       step_end(); step_over()
 *
 * On x86-64 the processor's trap flag raises SIGTRAP after every instruction of the walker. Elsewhere rounds
 * are played just the same, but nothing is held up. Only instructions of the program itself are worth a
 * round, not those inside libraries, and of a loop only its first and its last turn. One walker at a time in
 * a process; a process that uses it must not have a handler of its own for SIGTRAP.
 *
 * A trap costs 1 to 20 microseconds, and one for each instruction of each round would be most of a test's time. So only
 * one round is stepped from its beginning, and the places where it goes along are noted. In a later round the walker
 * runs at full speed to a breakpoint (int3 in place of an instruction's first byte) where it is to be held up,
 *
 *     walker      step_begin ------------------------------> breakpoint: held up
 *
 * or, if it has come along that place before, to the last one ahead of it that is new, and is stepped from there:
 *
 *     walker      step_begin ------------> breakpoint: . . . . held up
 *
 * The breakpoint is there for all threads of the process. It goes before any other acts, and if one runs into it all
 * the same, or if the walker falls asleep ahead of it, the round is played once more, stepped from its beginning. So is
 * each round if the hand-in has threads of its own: where a thread blocks SIGTRAP a breakpoint would kill the process.
 */
#ifndef HARNESS_STEP_H
#define HARNESS_STEP_H

#include <stdbool.h>

/* step_begin_test: notes which threads there are before the hand-in has started any; test.h calls it. */
void step_begin_test(void);

/* step_check_each: plays `round` twice without holding up, to see where the walker goes along, then once for
 * each instruction that is worth it, or as many as fit into 2.5 seconds, and into 4 for all checks of a process. The
 * time in which walker or caller wait for a processor is not counted, but 5 seconds on the wall, or 7, are the most.
 * Blocks until then. Call from the main thread of a test. */
void step_check_each(void (*round)(void *argument), void *argument);

/* step_begin, step_end: the calling thread is the walker between the two. step_end may be called by a thread that
 * is not. */
void step_begin(void);
void step_end(void);

/* step_over: the walker's call has ended; wakes step_wait_held. */
void step_over(void);

/* step_wait_held: blocks until the walker is held up, or its call has ended, or it sleeps in it and cannot get any
 * further, or `seconds` have passed. step_wait_over: until its call has ended; returns whether it has. */
void step_wait_held(double seconds);
bool step_wait_over(double seconds);

/* step_other_begins, step_other_done: the calling thread is the one that acts while the walker is held up. */
void step_other_begins(void);
void step_other_done(void);

/* step_held: where the walker is held up in this round, for a sentence: "after 12 instructions", or "somewhere" in a
 * round in which it goes its way unhindered. Valid until the next call. */
const char *step_held(void);

#endif
