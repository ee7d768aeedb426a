/*
 * vtime.h: the virtual clock. It stands still while a thread can run, and jumps to the next deadline when none can, or
 * when the strategy lets a timed wait end early (all the others were slow, then).
 */
#ifndef EXPLORE_VTIME_H
#define EXPLORE_VTIME_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* vtime_is_valid: whether a timed wait accepts `time`: nanoseconds from 0 to below one second. */
bool vtime_is_valid(const struct timespec *time);

/* vtime_deadline: `until` of `clock` in schedule.now's terms; 0 if it is past, NEVER if it is years away. Ends the run
 * if the clock is not one the explorer keeps. */
uint64_t vtime_deadline(clockid_t clock, const struct timespec *until);

/* vtime_nanoseconds: how long `time` is; 0 if it is negative, NEVER if that does not fit. */
uint64_t vtime_nanoseconds(const struct timespec *time);

/* vtime_after: the deadline of a wait that may last for `nanoseconds` from now on; NEVER if those are years: nobody
 * sits through them, and a few such waits, one after the other, would bring the clock where numbers end. */
uint64_t vtime_after(uint64_t nanoseconds);

/* vtime_sleep: the running thread sleeps for `nanoseconds`. Returns how many were left when a signal came; 0: none. */
uint64_t vtime_sleep(uint64_t nanoseconds, uintptr_t pc);

#endif
