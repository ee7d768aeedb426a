/*
 * timers.h: alarm and setitimer(ITIMER_REAL) on the virtual clock. A timer that runs is a thread of its process that
 * the program knows nothing of: it sleeps, and sends SIGALRM.
 */
#ifndef EXPLORE_TIMERS_H
#define EXPLORE_TIMERS_H

/* timers_reset: before each run. */
void timers_reset(void);

#endif
