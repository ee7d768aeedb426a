/* sysv.h: System V semaphores, with what SEM_UNDO gives back when a process ends, and shared memory. */
#ifndef EXPLORE_SYSV_H
#define EXPLORE_SYSV_H

#include "clocks.h"

/* sysv_reset: none; before each run. sysv_end: a process has ended, and knew all that `known` says. */
void sysv_reset(void);
void sysv_end(int process, const struct clock *known);

/* sysv_touched: adds what sysv_end(process) would touch, up to SYSV_MOST. */
enum { SYSV_MOST = 32 };
struct footprint;
void sysv_touched(int process, struct footprint *footprint);

#endif
