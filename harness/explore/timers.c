#include "timers.h"

#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "arena.h"
#include "descriptors.h"
#include "memory.h"
#include "model.h"
#include "schedule.h"
#include "signals.h"
#include "sync.h"
#include "trace.h"
#include "verdict.h"
#include "vtime.h"

#define SECOND 1000000000ull
enum { MICROSECOND = 1000 };

/* One setting of a timer. */
struct timer {
    struct thread *thread; /* NULL: it has rung for the last time */
    uint64_t at, interval; /* interval 0: rings once */
    uintptr_t pc;
};

static struct timer *timers[PROCESSES_MAX]; /* NULL: never set */

void timers_reset(void)
{
    memset(timers, 0, sizeof timers);
}

static void *ring(void *argument)
{
    struct timer *timer = argument;
    for (;;) {
        trace_event(timer->pc, "rings: SIGALRM");
        signals_send(thread_self()->process, SIGALRM, timer->pc);
        if (timer->interval == 0)
            break;
        timer->at += timer->interval;
        vtime_sleep(timer->interval, timer->pc);
    }
    timer->thread = NULL;
    return NULL;
}

/* Nanoseconds until it would have rung, 0: it is not set. */
static uint64_t stop(struct timer *timer)
{
    if (timer == NULL || timer->thread == NULL)
        return 0;
    timer->thread->alive = false;
    schedule.alive--;
    timer->thread = NULL;
    return timer->at > schedule.now ? timer->at - schedule.now : 1;
}

static bool never(void *argument)
{
    (void)argument;
    return false;
}

static void start(int process, uint64_t first, uint64_t interval, uintptr_t pc)
{
    struct timer *timer = arena_zero(sizeof *timer);
    *timer = (struct timer){schedule_create(ring, timer), schedule.now + first, interval, pc};
    timer->thread->timer = timer->thread->detached = true;
    timer->thread->blocked = UINT64_MAX;
    timer->thread->operation = (struct operation){.all = true, .words = "ring", .pc = pc};
    timer->thread->created = pc;
    timer->thread->wait = (struct wait){.ready = never, .deadline = timer->at};
    timers[process] = timer;
}

/* first 0: only stops it. */
static uint64_t set(uint64_t first, uint64_t interval, uintptr_t pc)
{
    const int process = thread_self()->process;
    schedule_point((struct operation){.all = true, .words = "set an alarm", .pc = pc}, NULL);
    const uint64_t left = stop(timers[process]);
    schedule_changed();
    if (first > 0)
        start(process, first, interval, pc);
    return left;
}

MODEL(unsigned, alarm, (unsigned seconds))
{
    const uint64_t left = set(seconds * SECOND, 0, PC);
    return left == 0 ? 0 : left < SECOND ? 1 : (unsigned)((left + SECOND / 2) / SECOND);
}

static uint64_t nanoseconds(const struct timeval *time)
{
    return (uint64_t)time->tv_sec * SECOND + (uint64_t)time->tv_usec * MICROSECOND;
}

static struct timeval timeval(uint64_t time)
{
    return (struct timeval){(time_t)(time / SECOND), (suseconds_t)(time % SECOND / MICROSECOND)};
}

MODEL(int, setitimer, (__itimer_which_t which, const struct itimerval *new, struct itimerval *old))
{
    if (which != ITIMER_REAL)
        verdict_unsupported("setitimer of anything but ITIMER_REAL");
    const struct timer *before = timers[thread_self()->process];
    const uint64_t interval = before != NULL && before->thread != NULL ? before->interval : 0;
    memory_access((uintptr_t) new, sizeof *new, ACCESS_READ, PC);
    const uint64_t left = set(nanoseconds(&new->it_value), nanoseconds(&new->it_interval), PC);
    if (old != NULL) {
        memory_access((uintptr_t)old, sizeof *old, ACCESS_WRITE, PC);
        *old = (struct itimerval){.it_interval = timeval(interval), .it_value = timeval(left)};
    }
    return 0;
}
