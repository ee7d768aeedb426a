#include "vtime.h"

#include <errno.h>
#include <sys/time.h>
#include <threads.h>
#include <unistd.h>

#include "model.h"
#include "memory.h"
#include "schedule.h"
#include "sync.h"
#include "trace.h"
#include "verdict.h"

#define BILLION 1000000000ull
/* Late in a second, so that who adds to tv_nsec and forgets the carry is seen. */
#define REAL_START     (1700000000ull * BILLION + 900000000)
#define MONOTONE_START (1000ull * BILLION + 900000000)

/* The coarse clocks move once a tick only; at the start the next tick is a nanosecond away. */
#define TICK  4000000ull
#define HOUR  (3600 * BILLION)
#define YEARS (5 * 365 * 24 * HOUR) /* more than UINT_MAX milliseconds */

static bool is_date(clockid_t clock)
{
    return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
}

static uint64_t start_of(clockid_t clock)
{
    if (is_date(clock))
        return REAL_START + schedule.date;
    if (clock == CLOCK_MONOTONIC || clock == CLOCK_MONOTONIC_RAW || clock == CLOCK_MONOTONIC_COARSE ||
        clock == CLOCK_BOOTTIME)
        return MONOTONE_START;
    if (clock == CLOCK_PROCESS_CPUTIME_ID || clock == CLOCK_THREAD_CPUTIME_ID)
        return 0;
    verdict_unsupported("clock number %d", (int)clock);
}

uint64_t vtime_nanoseconds(const struct timespec *time)
{
    if (time->tv_sec < 0)
        return 0;
    if ((uint64_t)time->tv_sec >= NEVER / BILLION)
        return NEVER;
    return (uint64_t)time->tv_sec * BILLION + (uint64_t)time->tv_nsec;
}

uint64_t vtime_after(uint64_t nanoseconds)
{
    return nanoseconds < YEARS ? schedule.now + nanoseconds : NEVER;
}

bool vtime_is_valid(const struct timespec *time)
{
    return time->tv_nsec >= 0 && time->tv_nsec < (long)BILLION;
}

uint64_t vtime_deadline(clockid_t clock, const struct timespec *until)
{
    const uint64_t start = start_of(clock), at = vtime_nanoseconds(until);
    if (at <= start)
        return 0;
    return at - start < schedule.now + YEARS ? at - start : NEVER;
}

static bool never_ready(void *argument)
{
    (void)argument;
    return false;
}

uint64_t vtime_sleep(uint64_t nanoseconds, uintptr_t pc)
{
    const struct wait wait = {never_ready, NULL, vtime_after(nanoseconds), false};
    const struct operation operation = {
        .object = (uintptr_t)&schedule.now, .interrupt = INTERRUPT_FAILS, .words = "sleep", .pc = pc};
    const uint64_t start = schedule.now;
    trace_event(pc, "sleeps");
    if (schedule_point(operation, &wait) != WAKE_INTERRUPTED)
        return 0;
    const uint64_t passed = schedule.now - start;
    return passed < nanoseconds ? nanoseconds - passed : 1;
}

/* Returns 0, or EINTR, having told in `rest` (unless NULL) how long was left. */
static int sleep_for(uint64_t nanoseconds, struct timespec *rest, uintptr_t pc)
{
    const uint64_t left = vtime_sleep(nanoseconds, pc);
    if (left > 0 && rest != NULL) {
        memory_access((uintptr_t)rest, sizeof *rest, ACCESS_WRITE, pc);
        *rest = (struct timespec){(time_t)(left / BILLION), (long)(left % BILLION)};
    }
    return left > 0 ? EINTR : 0;
}

/* Who reads the clock in a loop waits for it to move: by more and more, for the loop may end in hours. */
static uint64_t read_clock(clockid_t clock, uintptr_t pc)
{
    enum { MILLISECOND = 1000000, PART = 8 };
    schedule_point(
        (struct operation){
            .object = (uintptr_t)&schedule.now, .reads = !schedule.restless, .words = "read the clock", .pc = pc},
        NULL);
    schedule_looked(pc, 0);
    if (thread_self()->yielded)
        schedule.now += MILLISECOND + schedule.now / PART;
    uint64_t now = start_of(clock) + schedule.now;
    if (clock == CLOCK_REALTIME_COARSE || clock == CLOCK_MONOTONIC_COARSE)
        now -= (schedule.now + TICK - 1) % TICK;
    if (schedule.restless && is_date(clock))
        schedule.date += HOUR;
    return now;
}

MODEL(void, scenario_restless_date, (void))
{
    schedule.restless = true;
}

MODEL(int, clock_gettime, (clockid_t clock, struct timespec *time))
{
    const uint64_t now = read_clock(clock, PC);
    memory_access((uintptr_t)time, sizeof *time, ACCESS_WRITE, PC);
    *time = (struct timespec){(time_t)(now / BILLION), (long)(now % BILLION)};
    return 0;
}

MODEL(int, timespec_get, (struct timespec * time, int base))
{
    const uint64_t now = read_clock(CLOCK_REALTIME, PC);
    memory_access((uintptr_t)time, sizeof *time, ACCESS_WRITE, PC);
    *time = (struct timespec){(time_t)(now / BILLION), (long)(now % BILLION)};
    return base;
}

MODEL(int, gettimeofday, (struct timeval * time, void *zone))
{
    (void)zone;
    const uint64_t now = read_clock(CLOCK_REALTIME, PC);
    memory_access((uintptr_t)time, sizeof *time, ACCESS_WRITE, PC);
    *time = (struct timeval){(time_t)(now / BILLION), (suseconds_t)(now % BILLION / 1000)};
    return 0;
}

MODEL(time_t, time, (time_t * into))
{
    const time_t now = (time_t)(read_clock(CLOCK_REALTIME, PC) / BILLION);
    if (into != NULL)
        *into = now;
    return now;
}

MODEL(clock_t, clock, (void))
{
    return (clock_t)(read_clock(CLOCK_PROCESS_CPUTIME_ID, PC) / 1000);
}

MODEL(unsigned, sleep, (unsigned seconds))
{
    return (unsigned)((vtime_sleep(seconds * BILLION, PC) + BILLION - 1) / BILLION);
}

MODEL(int, usleep, (useconds_t microseconds))
{
    return vtime_sleep(microseconds * 1000ull, PC) > 0 ? model_fail(EINTR) : 0;
}

MODEL(int, nanosleep, (const struct timespec *time, struct timespec *left))
{
    return sleep_for(vtime_nanoseconds(time), left, PC) != 0 ? model_fail(EINTR) : 0;
}

MODEL(int, clock_nanosleep, (clockid_t clock, int flags, const struct timespec *time, struct timespec *left))
{
    const uint64_t until = vtime_deadline(clock, time);
    if (flags & TIMER_ABSTIME)
        return sleep_for(until > schedule.now ? until - schedule.now : 0, NULL, PC);
    return sleep_for(vtime_nanoseconds(time), left, PC);
}

MODEL(int, thrd_sleep, (const struct timespec *time, struct timespec *left))
{
    return sleep_for(vtime_nanoseconds(time), left, PC) != 0 ? -1 : 0;
}

static void give_way(uintptr_t pc)
{
    schedule_yield();
    schedule_point((struct operation){.words = "yield", .pc = pc}, NULL);
}

MODEL(int, sched_yield, (void))
{
    give_way(PC);
    return 0;
}

MODEL(void, thrd_yield, (void))
{
    give_way(PC);
}
