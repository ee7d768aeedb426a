/* deadlock.h: what to say when no thread can go on. None of these returns, but deadlock_check_end if all is well. */
#ifndef EXPLORE_DEADLOCK_H
#define EXPLORE_DEADLOCK_H

#include "schedule.h"

/* deadlock_report: every thread waits, and nobody's time is up. A circle of locks, or a lock whose holder ended, is a
 * deadlock; else it is a signal that never comes. */
_Noreturn void deadlock_report(void);

/* deadlock_report_livelock: all that can run only look at variables nobody will change. */
_Noreturn void deadlock_report_livelock(void);

/* deadlock_check_end: a thread that just ended must not hold a lock. */
void deadlock_check_end(struct thread *ended);

/* deadlock_leave_robust: gives the robust mutexes of a thread that ended to whoever asks next, with the word that it
 * died. */
void deadlock_leave_robust(struct thread *ended);

#endif
