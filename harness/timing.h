/*
 * timing.h: clocks and pauses for tests, race drivers and benches. All thread safe.
 */
#ifndef HARNESS_TIMING_H
#define HARNESS_TIMING_H

/* timing_now: seconds on the monotonic clock, from an arbitrary start. */
double timing_now(void);

/* timing_cpu: CPU seconds used so far by all threads of this process, user and system. */
double timing_cpu(void);

/* timing_switches: times a thread of this process has blocked so far (voluntary context switches):
 * one that polls with short sleeps shows here although it burns little CPU. */
long timing_switches(void);

/* timing_sleep_ms: blocks the calling thread for `milliseconds`, through interruptions. */
void timing_sleep_ms(unsigned milliseconds);

/* timing_wait_until: blocks until `ready(arg)` is true, looking each millisecond, or until `seconds`
 * have passed. Returns whether it became true. For a test that must not depend on the machine's
 * speed: give a long time-out, it costs nothing when the condition comes early. On a machine so busy
 * that looks come late a look counts for 4 ms at most, so the time-out is longer there. */
_Bool timing_wait_until(_Bool (*ready)(void *arg), void *arg, double seconds);

#endif
