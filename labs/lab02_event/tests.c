/*
 * tests.c: what event.h promises, checked.
 *
 * How missed wake-ups are found. A thread that looks at the flag and falls asleep without doing both
 * under one lock can be overtaken in between, but the hole is a few instructions wide: no amount of
 * luck can be relied on. So the tests go through a call instruction by instruction
 * (harness/step.h): in round k the call is held up after its k-th instruction
 * while another thread does the opposite, then it goes on. Wherever the hole is, one round falls into
 * it. Right code is only slowed down.
 */
#define _GNU_SOURCE 1
#include "event.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#include "census.h"
#include "scarce.h"
#include "step.h"
#include "test.h"
#include "thread_info.h"
#include "timing.h"

/* A time-out that no test reaches; in nanoseconds and 32 bits it is 4.23 s. Every machine runs for longer before it
 * grades: who takes the time-out for a moment on the monotonic clock finds it long past. Whole seconds: a tv_nsec that
 * grows beyond a second is the business of time_out_is_kept, and here it would be found by luck. */
enum { LONG_MS = 30000 };
enum { WAITER_STACK = 1 << 18 };  /* bytes: hundreds of waiters have room */
static const double PATIENCE = 4; /* seconds until a test says that a thread did not come back */
static const double LULL = 0.2;   /* seconds a thread gets to fall asleep */

static struct event *create_event(void)
{
    struct event *event = event_create();
    cr_assert_not_null(event, "event_create returned NULL although there is memory enough");
    return event;
}

/* Copies the address of the C library's function `name` to `*function`, a pointer to a function. */
static void find_original(const char *name, void *function)
{
    void *found = dlsym(RTLD_NEXT, name);
    memcpy(function, &found, sizeof found);
}

/* ---- Threads that wait ---- */

struct waiter {
    pthread_t thread;
    struct event *event;
    bool timed; /* event_wait_for, not event_wait */
    unsigned milliseconds;
    double start;  /* on timing_now: the wait begins after it */
    atomic_int id; /* thread id, 0 until just before the wait */
    atomic_bool returned;
    bool result; /* of event_wait_for */
    double seconds;
};

static void *wait_for_event(void *argument)
{
    struct waiter *waiter = argument;
    waiter->start = timing_now();
    atomic_store(&waiter->id, gettid());
    if (waiter->timed)
        waiter->result = event_wait_for(waiter->event, waiter->milliseconds);
    else
        event_wait(waiter->event);
    waiter->seconds = timing_now() - waiter->start;
    atomic_store(&waiter->returned, true);
    return NULL;
}

static bool is_asleep(void *argument)
{
    struct waiter *waiter = argument;
    const int id = atomic_load(&waiter->id);
    return atomic_load(&waiter->returned) || (id != 0 && thread_info_state(id) == 'S');
}

/* Starts a waiter and gives it so many seconds to fall asleep, which one that never sleeps uses up. False: there is no
 * thread to be had. */
static bool start_waiter_within(struct waiter *waiter, double seconds)
{
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, WAITER_STACK);
    const bool started = pthread_create(&waiter->thread, &attributes, wait_for_event, waiter) == 0;
    pthread_attr_destroy(&attributes);
    if (started)
        timing_wait_until(is_asleep, waiter, seconds);
    return started;
}

static void start_waiter(struct waiter *waiter)
{
    cr_assert(start_waiter_within(waiter, LULL), "the test could not start its threads");
}

static bool has_returned(void *argument)
{
    return atomic_load(&((struct waiter *)argument)->returned);
}

/* Starts `count` waiters, every second one with a time-out. All together have the time that a few need to fall asleep:
 * many that never do would take minutes. Returns how many there are: where many tests run at once, only a few may
 * be had. */
static int start_waiters(struct waiter *waiters, int count, struct event *event)
{
    enum { FEW = 12 };
    const double end = timing_now() + FEW * LULL;
    memset(waiters, 0, (size_t)count * sizeof *waiters);
    for (int i = 0; i < count; i++) {
        waiters[i].event = event;
        waiters[i].timed = i % 2 == 1;
        waiters[i].milliseconds = LONG_MS;
        if (!start_waiter_within(&waiters[i], fmin(LULL, fmax(end - timing_now(), 0)))) {
            cr_assert_geq(i, FEW, "the test could not start its threads");
            return i;
        }
    }
    return count;
}

/* How many of those wait with a time-out, and how many of these came back. */
static void count_timed(struct waiter *waiters, int count, int *timed, int *returned)
{
    *timed = *returned = 0;
    for (int i = 0; i < count; i++)
        if (waiters[i].timed) {
            ++*timed;
            *returned += has_returned(&waiters[i]);
        }
}

static int count_returned(struct waiter *waiters, int count)
{
    int returned = 0;
    for (int i = 0; i < count; i++)
        returned += has_returned(&waiters[i]);
    return returned;
}

struct waiters {
    struct waiter *waiters;
    int count;
};

static bool have_returned(void *waiters)
{
    const struct waiters *all = waiters;
    return count_returned(all->waiters, all->count) == all->count;
}

/* What a failed check says besides: what happened before. */
static const char *situation = "";

/* The event is set: all waiters must come back, those with a time-out with true. */
static void check_all_return(struct waiter *waiters, int count)
{
    timing_wait_until(have_returned, &(struct waiters){waiters, count}, PATIENCE);
    int timed, timed_returned;
    const int returned = count_returned(waiters, count);
    count_timed(waiters, count, &timed, &timed_returned);
    cr_assert(count > 1 || returned == 1, "the event is set, but a thread has not come back from %s%s",
              waiters->timed ? "event_wait_for" : "event_wait", situation);
    cr_assert_eq(returned, count,
                 "the event is set, but only %d of %d waiters came back: %d of %d without a time-out, %d of %d "
                 "with one%s",
                 returned, count, returned - timed_returned, count - timed, timed_returned, timed, situation);
    for (int i = 0; i < count; i++) {
        pthread_join(waiters[i].thread, NULL);
        cr_assert(!waiters[i].timed || waiters[i].result,
                  "event_wait_for returned false although the event was set long before the time was up");
    }
}

/* From now on the threads share one processor, and who is woken takes it from nobody: for some milliseconds it does not
 * come to it before this thread sleeps. */
static void take_turns(void)
{
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    pthread_setaffinity_np(pthread_self(), sizeof one, &one);
    pthread_setschedparam(pthread_self(), SCHED_BATCH, &(struct sched_param){0});
}

/* ---- State ---- */

static void check_state(struct event *event, bool expected, const char *after)
{
    cr_assert_eq(event_is_set(event), expected, "after %s event_is_set must be %s", after, expected ? "true" : "false");
    cr_assert_eq(event_wait_for(event, 0), expected, "after %s event_wait_for(0) must return %s", after,
                 expected ? "true" : "false");
}

/* Whoever counts or keeps every call has a place where that ends: a buffer, a pipe of 64 KiB, 16 bits. */
static void check_many_times(struct event *event)
{
    static const int times[] = {100, 5000, 65536, 70000};
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        char after[80];
        for (int k = 0; k < times[i]; k++)
            event_set(event);
        snprintf(after, sizeof after, "event_set %d times", times[i]);
        check_state(event, true, after);
        event_clear(event);
        snprintf(after, sizeof after, "event_set %d times and event_clear once", times[i]);
        check_state(event, false, after);
        for (int k = 0; k < times[i]; k++)
            event_clear(event);
        event_set(event);
        snprintf(after, sizeof after, "event_clear %d times and event_set once", times[i]);
        check_state(event, true, after);
        event_clear(event);
    }
}

LAB_TEST(remembers_its_state)
{
    struct event *event = create_event(), *other = create_event();
    check_state(event, false, "event_create");
    event_clear(event);
    check_state(event, false, "event_clear on a new event");
    event_set(event);
    check_state(event, true, "event_set");
    check_state(other, false, "event_set on another event");
    event_set(event);
    event_set(event);
    check_state(event, true, "event_set three times");
    event_clear(event);
    check_state(event, false, "event_set three times and event_clear once");
    check_many_times(event);
    event_set(other);
    check_state(event, false, "event_set on another event");
    event_free(event);
    check_state(other, true, "event_free of another event");
    event_free(other);
    event = create_event(); /* may have the memory of the one before, but not its state */
    check_state(event, false, "event_free of an event that was set and event_create of a new one");
    event_free(event);
    event_free(NULL);
}

LAB_TEST(wait_returns_at_once_when_set)
{
    struct event *event = create_event();
    event_set(event);
    for (int i = 0; i < 3; i++) {
        struct waiter plain = {.event = event}, timed = {.event = event, .timed = true, .milliseconds = LONG_MS};
        start_waiter(&plain);
        check_all_return(&plain, 1);
        start_waiter(&timed);
        check_all_return(&timed, 1);
        cr_assert(event_is_set(event), "waiting must leave the event set");
    }
    event_free(event);
}

/* A waiter at each of many events: where events have something in common, be it a place to sleep at, what happens to
 * one must not be taken for what happens to another. */
static void check_events_apart(void)
{
    enum { EVENTS = 48 };
    static struct waiter waiters[EVENTS];
    for (int i = 0; i < EVENTS; i++) {
        waiters[i].event = create_event();
        start_waiter(&waiters[i]);
    }
    event_set(waiters[0].event);
    check_all_return(waiters, 1);
    thread_info_wait_asleep(LULL);
    const int strays = count_returned(waiters + 1, EVENTS - 1);
    cr_assert_eq(strays, 0, "%d events with a waiter each, and one is set: %d waiters of the others came back", EVENTS,
                 strays);
    for (int i = 1; i < EVENTS; i++) {
        event_set(waiters[i].event);
        check_all_return(&waiters[i], 1);
    }
    for (int i = 0; i < EVENTS; i++)
        event_free(waiters[i].event);
}

LAB_TEST(wait_blocks_until_set)
{
    enum { COUNT = 4 };
    struct waiter waiters[COUNT];
    struct event *event = create_event();
    start_waiters(waiters, COUNT, event);
    timing_sleep_ms(60);
    cr_assert_eq(count_returned(waiters, COUNT), 0, "%d of %d waiters came back although nobody has set the event",
                 count_returned(waiters, COUNT), COUNT);
    event_set(event);
    check_all_return(waiters, COUNT);
    event_free(event);
    check_events_apart();
}

/* One of three sleepers gives up: the first, the one in the middle or the last of a list. Then one more comes. */
static void check_all_return_but(struct event *event, int impatient)
{
    enum { COUNT = 3, MILLISECONDS = 60 };
    struct waiter waiters[COUNT] = {0};
    event_clear(event);
    for (int i = 0; i < COUNT; i++) {
        waiters[i] = (struct waiter){.event = event, .timed = i == impatient, .milliseconds = MILLISECONDS};
        start_waiter(&waiters[i]);
    }
    struct waiter *one = &waiters[impatient];
    timing_wait_until(has_returned, one, PATIENCE);
    cr_assert(has_returned(one), "event_wait_for(%d ms) has not returned after %.0f s", MILLISECONDS, PATIENCE);
    pthread_join(one->thread, NULL);
    *one = (struct waiter){.event = event};
    start_waiter(one);
    event_set(event);
    situation = ". One more had given up before the last of them came: is it still in a list of those who sleep?";
    check_all_return(waiters, COUNT);
    situation = "";
}

/* 64, 256: where a count of the sleepers in six or eight bits is 0 again, and nobody seems to be there to wake. */
LAB_TEST(set_wakes_every_waiter)
{
    enum { MOST = 256 };
    static const int counts[] = {12, 64, MOST};
    static struct waiter waiters[MOST];
    struct event *event = create_event();
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        event_clear(event);
        const int started = start_waiters(waiters, counts[i], event);
        event_set(event);
        check_all_return(waiters, started);
        cr_assert(event_is_set(event), "waiting must leave the event set");
    }
    for (int impatient = 0; impatient < 3; impatient++)
        check_all_return_but(event, impatient);
    event_free(event);
}

static atomic_bool is_held, may_go_on;
static atomic_int sets_made;

/* Handles a signal until it may go on, or until nothing has moved for a while: in a set that waits for those it has
 * woken there is nothing to see. */
static void hold(int number)
{
    enum { LOOKS = 500 };
    const int error = errno;
    (void)number;
    atomic_store(&is_held, true);
    for (int last = -1, alike = 0; alike < LOOKS && !atomic_load(&may_go_on); alike++) {
        if (atomic_load(&sets_made) != last)
            alike = 0;
        last = atomic_load(&sets_made);
        timing_sleep_ms(1);
    }
    errno = error;
}

static bool waiter_is_held(void *argument)
{
    (void)argument;
    return atomic_load(&is_held);
}

/* While a sleeper handles a signal the event is set `sets` times, the last time for good: who looks only whether the
 * count of the sets has changed, and has few bits for it, finds it where it was. */
static void check_many_sets_at_once(struct event *event, bool timed, int sets)
{
    struct waiter waiter = {.event = event, .timed = timed, .milliseconds = LONG_MS};
    char text[200];
    is_held = may_go_on = false;
    sets_made = 0;
    start_waiter(&waiter);
    pthread_kill(waiter.thread, SIGUSR1);
    timing_wait_until(waiter_is_held, NULL, 1);
    for (; sets_made < sets - 1; sets_made++) {
        event_set(event);
        event_clear(event);
    }
    event_set(event);
    may_go_on = true;
    snprintf(text, sizeof text,
             ". While it slept the event was set and cleared %d times, then set once more and left so (who counts the "
             "sets in %d bits has come round to the same number)",
             sets - 1, sets == 256 ? 8 : 16);
    situation = text;
    check_all_return(&waiter, 1);
    situation = "";
    event_clear(event);
}

/* 256, 65536: where a count in eight or sixteen bits is where it was. */
static void check_many_sets(struct event *event)
{
    const struct sigaction action = {.sa_handler = hold}, before = {.sa_handler = SIG_DFL};
    sigaction(SIGUSR1, &action, NULL);
    for (int round = 0; round < 4; round++)
        check_many_sets_at_once(event, round % 2 == 1, round < 2 ? 256 : 65536);
    sigaction(SIGUSR1, &before, NULL);
}

LAB_TEST(clear_and_reuse)
{
    enum { COUNT = 3, ROUNDS = 10 };
    struct waiter waiters[COUNT];
    struct event *event = create_event();
    for (int round = 0; round < ROUNDS; round++) {
        start_waiters(waiters, COUNT, event);
        event_clear(event); /* changes nothing, for those who wait neither */
        thread_info_wait_asleep(0.05);
        cr_assert_eq(count_returned(waiters, COUNT), 0, "round %d: a waiter came back although the event was cleared",
                     round + 1);
        event_set(event);
        check_all_return(waiters, COUNT);
        event_clear(event);
        cr_assert(!event_wait_for(event, 5), "event_wait_for must be false: the event was cleared, and nobody set it");
    }
    check_many_sets(event);
    event_free(event);
}

/* ---- Time ---- */

static void check_time_out(struct waiter *waiter)
{
    const double least = waiter->milliseconds / 1e3;
    timing_wait_until(has_returned, waiter, least + PATIENCE);
    cr_assert(has_returned(waiter), "event_wait_for(%u ms) has not returned after more than %.0f s",
              waiter->milliseconds, PATIENCE);
    pthread_join(waiter->thread, NULL);
    cr_assert(
        !waiter->result,
        "event_wait_for(%u ms) returned true, but nobody set the event: at the most it was cleared, which is no set",
        waiter->milliseconds);
    cr_assert(waiter->seconds >= least - 1e-6, "event_wait_for(%u ms) gave up too early, after %.3f ms",
              waiter->milliseconds, waiter->seconds * 1e3);
}

/* No further file can be opened. A wait cannot fail: what it needs has to be there when the event is. */
static void check_time_out_without_descriptors(struct event *event)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    const int next = dup(0);
    close(next);
    const struct rlimit low = {.rlim_cur = (rlim_t)next, .rlim_max = limit.rlim_max};
    setrlimit(RLIMIT_NOFILE, &low);
    const double start = timing_now();
    const bool result = event_wait_for(event, 30);
    const double seconds = timing_now() - start;
    setrlimit(RLIMIT_NOFILE, &limit);
    cr_assert(!result && seconds >= 0.03 - 1e-6,
              "event_wait_for(30 ms) returned %s after %.3f ms, and the event is not set: no further descriptor can be "
              "had, but a wait cannot fail",
              result ? "true" : "false", seconds * 1e3);
}

/* CLOCK_BOOTTIME goes on while the machine is suspended, CLOCK_MONOTONIC_RAW where the other is being set right: while
 * this is set, they are where they are after a long time of that. */
static atomic_bool clocks_are_apart;

int clock_gettime(clockid_t clock, struct timespec *time)
{
    enum { SECONDS_APART = 1000 };
    static void *_Atomic cache;
    int (*original)(clockid_t, struct timespec *);
    void *found = cache;
    if (found == NULL) {
        find_original("clock_gettime", &found);
        cache = found;
    }
    memcpy(&original, &found, sizeof original);
    const int result = original(clock, time);
    if (result == 0 && clocks_are_apart && (clock == CLOCK_BOOTTIME || clock == CLOCK_MONOTONIC_RAW))
        time->tv_sec += SECONDS_APART;
    return result;
}

/* The waits are spread over more than a second, so that the second changes within some of them,
 * whatever clock is used: this is where a tv_nsec that grows beyond a second shows. */
LAB_TEST(time_out_is_kept)
{
    enum { COUNT = 9, APART_MS = 125, WAIT_MS = 180 };
    static struct waiter waiters[COUNT];
    struct event *event = create_event();
    clocks_are_apart = true;
    for (int i = 0; i < COUNT; i++) {
        waiters[i].event = event;
        waiters[i].timed = true;
        waiters[i].milliseconds = i == 0 ? 1 : WAIT_MS;
        start_waiter(&waiters[i]);
        event_clear(event); /* changes nothing: the time-out is still one */
        timing_sleep_ms(APART_MS);
    }
    for (int i = 0; i < COUNT; i++)
        check_time_out(&waiters[i]);
    check_time_out_without_descriptors(event);
    event_free(event);
}

/* The event is set just before the time is up, and the sleeper comes to a processor only after that. Where it comes
 * earlier, or the set later, the round says nothing. */
static void check_set_just_in_time(struct event *event)
{
    enum { ROUNDS = 25, WAIT_MS = 15 };
    static const double wait = WAIT_MS / 1e3, sooner = 0.0006, later = 0.0004;
    take_turns();
    for (int round = 0; round < ROUNDS; round++) {
        struct waiter late = {.event = event, .timed = true, .milliseconds = WAIT_MS};
        event_clear(event);
        start_waiter(&late);
        const double end = late.start + wait, rest = end - sooner - timing_now();
        nanosleep(&(struct timespec){.tv_nsec = (long)(1e9 * fmax(rest, 0))}, NULL);
        event_set(event);
        const bool in_time = timing_now() < end;
        while (timing_now() < end + later) { /* keeps the processor */
        }
        timing_wait_until(has_returned, &late, PATIENCE);
        cr_assert(has_returned(&late), "the event is set, but event_wait_for has not returned after %.0f s", PATIENCE);
        pthread_join(late.thread, NULL);
        cr_assert(late.result || !in_time,
                  "event_wait_for(%d ms) returned false although event_set had returned before the time was up: the "
                  "waiter came to a processor a moment later only, and must look at the event before the clock",
                  WAIT_MS);
    }
}

/* 4295 ms are just more nanoseconds than fit into 32 bits; the last is the longest there is. */
LAB_TEST(set_in_time_beats_the_time_out)
{
    static const unsigned times[] = {4295, 8590, 999999, 2147484, 3000000000u, ~0u};
    enum { COUNT = sizeof times / sizeof *times };
    static struct waiter waiters[COUNT];
    struct event *event = create_event();
    for (int i = 0; i < COUNT; i++) {
        waiters[i].event = event;
        waiters[i].timed = true;
        waiters[i].milliseconds = times[i];
        start_waiter(&waiters[i]);
    }
    timing_sleep_ms(20);
    for (int i = 0; i < COUNT; i++)
        cr_assert(!has_returned(&waiters[i]),
                  "event_wait_for(%u ms) came back within moments, and the event is not set", times[i]);
    event_set(event);
    check_all_return(waiters, COUNT);
    check_set_just_in_time(event);
    event_free(event);
}

/* ---- Signals ---- */

static atomic_int signals_handled;

static void ignore_signal(int number)
{
    (void)number;
    atomic_fetch_add(&signals_handled, 1);
}

/* Interrupts the waiter every few milliseconds until it has returned or `seconds` are over. */
static void pester(struct waiter *waiter, double seconds)
{
    for (const double end = timing_now() + seconds; timing_now() < end && !has_returned(waiter);) {
        pthread_kill(waiter->thread, SIGUSR1);
        timing_sleep_ms(4);
    }
}

/* Waits until no second changes within the next tenth, neither of the date nor of the steady clock: as for LONG_MS. */
static void avoid_change_of_second(void)
{
    enum { LATE_NS = 900000000 };
    struct timespec date, steady;
    for (;;) {
        clock_gettime(CLOCK_REALTIME, &date);
        clock_gettime(CLOCK_MONOTONIC, &steady);
        if (date.tv_nsec < LATE_NS && steady.tv_nsec < LATE_NS)
            return;
        timing_sleep_ms(5);
    }
}

/* Short waits, interrupted once each, at another fraction of a millisecond each time: who works out what is left in
 * whole milliseconds gives up too early in some. */
static void check_short_waits(struct event *event)
{
    enum { COUNT = 20, MILLISECONDS = 10, APART_NS = 130000 };
    for (int i = 0; i < COUNT; i++) {
        struct waiter brief = {.event = event, .timed = true, .milliseconds = MILLISECONDS};
        avoid_change_of_second();
        start_waiter(&brief);
        nanosleep(&(struct timespec){.tv_nsec = 1000000 + i * APART_NS}, NULL);
        pthread_kill(brief.thread, SIGUSR1);
        check_time_out(&brief);
    }
}

LAB_TEST(signals_do_not_end_a_wait)
{
    const struct sigaction action = {.sa_handler = ignore_signal}; /* no SA_RESTART */
    struct waiter waiters[2];
    struct event *event = create_event();
    sigaction(SIGUSR1, &action, NULL);
    start_waiters(waiters, 2, event);
    for (int i = 0; i < 2; i++) {
        pester(&waiters[i], 0.1);
        cr_assert(!has_returned(&waiters[i]), "a signal ended %s although the event is not set",
                  waiters[i].timed ? "event_wait_for" : "event_wait");
    }
    event_set(event);
    check_all_return(waiters, 2);
    event_clear(event);
    struct waiter timed = {.event = event, .timed = true, .milliseconds = 1000}; /* longer than any pause of pester */
    start_waiter(&timed);
    pester(&timed, PATIENCE);
    cr_assert(
        has_returned(&timed),
        "event_wait_for(1000 ms) under signals has not returned after %.0f s: does its time begin anew with each?",
        PATIENCE);
    check_time_out(&timed);
    check_short_waits(event);
    event_free(event);
}

/* ---- One instruction at a time ---- */

/* A call of one thread that is held up in the middle while another thread makes the other call. */
struct crossing {
    struct event *event;
    void (*call)(struct event *), (*other)(struct event *);
};

static void *walk_through(void *argument)
{
    const struct crossing *crossing = argument;
    step_begin();
    crossing->call(crossing->event);
    step_end();
    step_over();
    return NULL;
}

static void wait_long(struct event *event)
{
    event_wait_for(event, LONG_MS);
}

/* One round: both have to come home. */
static void cross(void *argument)
{
    const struct crossing *crossing = argument;
    pthread_t thread;
    event_clear(crossing->event);
    cr_assert_eq(pthread_create(&thread, NULL, walk_through, argument), 0, "the test could not start its thread");
    step_wait_held(0.5);
    step_other_begins();
    const double start = timing_now();
    crossing->other(
        crossing->event); /* if it never returns, the deadline ends the test and the report shows where it stands */
    cr_assert(timing_now() - start < LONG_MS / 1e3,
              "missed: the event was set, but a thread slept on until its time was up");
    step_other_done();
    cr_assert(step_wait_over(PATIENCE),
              "missed: the event was set while a thread was on its way into the wait "
              "(held up %s), and the thread sleeps on although the event is set",
              step_held());
    pthread_join(thread, NULL);
}

static void check_each_instruction(void (*call)(struct event *), void (*other)(struct event *))
{
    struct crossing crossing = {.event = create_event(), .call = call, .other = other};
    step_check_each(cross, &crossing);
    event_free(crossing.event);
}

LAB_TEST(set_during_a_wait_is_not_missed)
{
    check_each_instruction(event_wait, event_set);
    check_each_instruction(wait_long, event_set);
}

/* The other way round: here the main thread waits, and comes back only if it misses nothing. */
LAB_TEST(wait_during_a_set_is_not_missed)
{
    check_each_instruction(event_set, event_wait);
    check_each_instruction(event_set, wait_long);
}

/* ---- The price of waiting ---- */

static int by_size(const void *one, const void *other)
{
    const double a = *(const double *)one, b = *(const double *)other;
    return (a > b) - (a < b);
}

/* Who rounds what is left of the time down to whole milliseconds has none left in the last one, and spins through it.
 * Waits take hardly any CPU time or nearly all of it; the round in the middle tells, whatever happens in some. (A
 * single wait would not do: where CPU time is limited, the kernel counts it in ticks of some milliseconds.) */
static void check_short_waits_sleep(struct event *event)
{
    enum { ROUNDS = 11, TIMES = 20, MILLISECONDS = 1 };
    double cpu[ROUNDS];
    for (int round = 0; round < ROUNDS; round++) {
        const double before = timing_cpu();
        for (int i = 0; i < TIMES; i++)
            event_wait_for(event, MILLISECONDS);
        cpu[round] = (timing_cpu() - before) / TIMES;
    }
    qsort(cpu, ROUNDS, sizeof *cpu, by_size);
    cr_assert(
        cpu[ROUNDS / 2] < 0.0003 * MILLISECONDS,
        "event_wait_for(%d ms) burned %.2f ms of CPU time: that is polling, a wait must sleep through the end of its "
        "time, too (a rest of less than a millisecond is not 0)",
        MILLISECONDS, cpu[ROUNDS / 2] * 1e3);
}

LAB_TEST(waiting_is_not_polling)
{
    enum { COUNT = 6, MILLISECONDS = 500 };
    struct waiter waiters[COUNT];
    struct event *event = create_event();
    start_waiters(waiters, COUNT, event);
    const double cpu_before = timing_cpu();
    const long switches_before = timing_switches();
    timing_sleep_ms(MILLISECONDS);
    const long switches = timing_switches() - switches_before;
    const double cpu = timing_cpu() - cpu_before;
    cr_assert(
        switches <= 2 * COUNT,
        "%d threads waiting for %d ms woke up %ld times to look for the event: that is polling, a wait must sleep",
        COUNT, MILLISECONDS, switches);
    cr_assert(cpu < 0.025,
              "%d threads waiting for %d ms burned %.0f ms of CPU time: that is polling, a wait must sleep", COUNT,
              MILLISECONDS, cpu * 1e3);
    event_set(event);
    check_all_return(waiters, COUNT);
    event_clear(event);
    check_short_waits_sleep(event);
    event_free(event);
}

/* ---- Tasks ---- */

enum { TASKS_MAX = 64 };

struct record {
    atomic_int runs[TASKS_MAX];
    atomic_int strangers, total;
};

static void note_run(void *arg, size_t index)
{
    struct record *record = arg;
    atomic_fetch_add(index < TASKS_MAX ? &record->runs[index] : &record->strangers, 1);
    atomic_fetch_add(&record->total, 1);
}

static bool main_thread_sleeps(void *unused)
{
    (void)unused;
    return thread_info_state(getpid()) == 'S';
}

/* A task that does not end before the main thread waits for it, so that what a join does meets the tasks' ends whenever
 * the test is run, not by luck. One that sleeps at no time costs 0.3 s. */
static void note_run_beside_join(void *arg, size_t index)
{
    note_run(arg, index);
    timing_wait_until(main_thread_sleeps, NULL, 0.3);
}

static struct event_tasks *start_tasks(struct event *event, size_t n, event_task *run, struct record *record)
{
    struct event_tasks *tasks = event_tasks_start(event, n, run, record);
    cr_assert_not_null(tasks, "event_tasks_start returned NULL for %zu tasks although there are threads enough", n);
    return tasks;
}

static void check_runs(struct record *record, int n)
{
    for (int i = 0; i < n; i++)
        cr_assert_eq(atomic_load(&record->runs[i]), 1, "task %d of %d must run exactly once, it ran %d times", i, n,
                     atomic_load(&record->runs[i]));
    cr_assert_eq(atomic_load(&record->total), n, "%d tasks were started, and %d have run", n,
                 atomic_load(&record->total));
}

/* A thread that joins a group. */
struct joiner {
    struct event_tasks *tasks;
    atomic_int id; /* thread id, 0 until just before the join */
    atomic_bool returned;
};

static void *join_tasks(void *argument)
{
    struct joiner *joiner = argument;
    atomic_store(&joiner->id, gettid());
    event_tasks_join(joiner->tasks);
    atomic_store(&joiner->returned, true);
    return NULL;
}

static bool join_is_over(void *argument)
{
    return atomic_load(&((struct joiner *)argument)->returned);
}

static bool join_sleeps(void *argument)
{
    const int id = atomic_load(&((struct joiner *)argument)->id);
    return join_is_over(argument) || (id != 0 && thread_info_state(id) == 'S');
}

static pthread_t start_joiner(struct joiner *joiner)
{
    pthread_t thread;
    cr_assert_eq(pthread_create(&thread, NULL, join_tasks, joiner), 0, "the test could not start its threads");
    timing_wait_until(join_sleeps, joiner, LULL);
    return thread;
}

/* One group waits for `event`, and so does who joins it; a group that another event releases has nothing to do with
 * that. Leaves the event set. */
static void check_joins_side_by_side(struct event *event)
{
    static struct record late, early;
    struct event *other = create_event();
    struct joiner patient = {.tasks = start_tasks(event, 2, note_run, &late)},
                  brief = {.tasks = start_tasks(other, 2, note_run, &early)};
    const pthread_t first = start_joiner(&patient);
    event_set(other);
    const pthread_t second = start_joiner(&brief);
    timing_wait_until(join_is_over, &brief, PATIENCE);
    cr_assert(join_is_over(&brief),
              "event_tasks_join has not come back although all tasks of its group %s: another thread is in "
              "event_tasks_join for another group, whose event is not set, and the two joins must not wait for each "
              "other",
              atomic_load(&early.total) == 2 ? "have run" : "may run");
    pthread_join(second, NULL);
    check_runs(&early, 2);
    cr_assert(!join_is_over(&patient), "event_tasks_join came back before the event of its group was set");
    event_set(event);
    pthread_join(first, NULL);
    check_runs(&late, 2);
    event_free(other);
}

static void note_run_late(void *arg, size_t index)
{
    timing_sleep_ms(40);
    note_run(arg, index);
}

/* What a task finds that starts and joins a group of its own. */
struct inner {
    struct event *event;
    atomic_int joined_early, not_started;
};

static void join_a_group_of_its_own(void *arg, size_t index)
{
    enum { N = 3 };
    struct inner *inner = arg;
    struct record record = {0};
    (void)index;
    struct event_tasks *tasks = event_tasks_start(inner->event, N, note_run_late, &record);
    event_tasks_join(tasks);
    if (tasks == NULL)
        atomic_fetch_add(&inner->not_started, 1);
    else if (atomic_load(&record.total) < N)
        atomic_fetch_add(&inner->joined_early, 1);
}

/* The event is set. */
static void check_groups_within_tasks(struct event *event)
{
    struct inner inner = {.event = event};
    struct event_tasks *tasks = event_tasks_start(event, 2, join_a_group_of_its_own, &inner);
    event_tasks_join(tasks);
    cr_assert(tasks != NULL && atomic_load(&inner.not_started) == 0,
              "event_tasks_start returned NULL although there are threads enough: two tasks started three tasks each");
    cr_assert_eq(atomic_load(&inner.joined_early), 0,
                 "a task started a group of its own and joined it: event_tasks_join came back before the tasks of that "
                 "group had run. Only the tasks of a group itself may not join it");
}

/* The event is set. Who counts the tasks of an event has to count them off, too. */
static void check_many_groups(struct event *event)
{
    enum { GROUPS = 6 };
    for (int i = 0; i < GROUPS; i++) {
        static struct record record;
        memset(&record, 0, sizeof record);
        event_tasks_join(start_tasks(event, TASKS_MAX, note_run, &record));
        check_runs(&record, TASKS_MAX);
    }
}

LAB_TEST(tasks_run_after_the_event)
{
    static struct record first, second, third, none;
    struct event *event = create_event();
    struct event_tasks *twelve = start_tasks(event, 12, note_run_beside_join, &first),
                       *all = start_tasks(event, TASKS_MAX, note_run, &second);
    timing_sleep_ms(50);
    thread_info_wait_asleep(1); /* a wake-up that is missed is the business of other tests */
    cr_assert_eq(atomic_load(&first.total) + atomic_load(&second.total), 0,
                 "tasks must wait for the event, but %d have run before it",
                 atomic_load(&first.total) + atomic_load(&second.total));
    event_set(event);
    event_tasks_join(twelve);
    check_runs(&first, 12);
    event_tasks_join(all);
    check_runs(&second, TASKS_MAX);
    event_tasks_join(start_tasks(event, 5, note_run, &third)); /* the event is set already */
    check_runs(&third, 5);
    event_clear(event);
    event_tasks_join(start_tasks(event, 0, note_run, &none));
    check_runs(&none, 0);
    check_joins_side_by_side(event);
    check_groups_within_tasks(event);
    check_many_groups(event);
    event_tasks_join(NULL);
    event_free(event);
}

static size_t stack_size_of_a_thread(void)
{
    pthread_attr_t attributes;
    size_t size = 0;
    pthread_getattr_default_np(&attributes);
    pthread_attr_getstacksize(&attributes, &size);
    pthread_attr_destroy(&attributes);
    return size;
}

/* Room for the stacks of two threads and a half: the third thread cannot be started. */
static struct event_tasks *start_eight_with_two_threads(struct event *event, struct record *record)
{
    struct rlimit limit;
    getrlimit(RLIMIT_AS, &limit);
    const struct rlimit low = {.rlim_cur = census_address_space() + stack_size_of_a_thread() * 5 / 2,
                               .rlim_max = limit.rlim_max};
    setrlimit(RLIMIT_AS, &low);
    struct event_tasks *tasks = event_tasks_start(event, 8, note_run, record);
    setrlimit(RLIMIT_AS, &limit);
    return tasks;
}

/* The event is not set, and tasks of another group wait for it. Leaves it set. */
static void check_other_group_stays(struct event *event)
{
    static struct record complete, incomplete;
    struct event_tasks *group = start_tasks(event, 4, note_run, &complete);
    thread_info_wait_asleep(1); /* who has not come to the event yet is the business of the scenarios */
    struct event_tasks *tasks = start_eight_with_two_threads(event, &incomplete);
    thread_info_wait_asleep(1); /* who is woken to go home has gone */
    event_set(event);
    event_tasks_join(tasks);
    event_tasks_join(group);
    cr_assert_eq(atomic_load(&complete.total), 4,
                 "while the 4 tasks of a group waited for the event, event_tasks_start returned %s for another group, "
                 "because threads ran out. Then the event was set, and %d of the 4 have run: who sends threads home "
                 "must send those of its own group only",
                 tasks == NULL ? "NULL" : "a group", atomic_load(&complete.total));
}

/* The functions below stand in front of those of the C library, and fail when a test wants it. */
static struct scarce threads_to_start;

static bool have_handled(void *count)
{
    return atomic_load(&signals_handled) >= *(int *)count;
}

/* All threads but this one and the first, which have fallen asleep, handle a signal and do what they then do. */
static void signal_other_threads(void)
{
    int count = 0;
    thread_info_wait_asleep(LULL);
    DIR *threads = opendir("/proc/self/task");
    for (struct dirent *entry; threads != NULL && (entry = readdir(threads)) != NULL;) {
        const int id = atoi(entry->d_name);
        if (id > 0 && id != gettid() && id != getpid())
            count += tgkill(getpid(), id, SIGUSR1) == 0;
    }
    if (threads != NULL)
        closedir(threads);
    timing_wait_until(have_handled, &count, LULL);
    thread_info_wait_asleep(LULL);
}

static bool thread_is_missing(void)
{
    const bool missing = scarce_fails(&threads_to_start);
    if (missing)
        signal_other_threads();
    return missing;
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*body)(void *), void *argument)
{
    int (*original)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    find_original("pthread_create", &original);
    return thread_is_missing() ? EAGAIN : original(thread, attributes, body, argument);
}

int thrd_create(thrd_t *thread, thrd_start_t body, void *argument)
{
    int (*original)(thrd_t *, thrd_start_t, void *);
    find_original("thrd_create", &original);
    return thread_is_missing() ? thrd_error : original(thread, body, argument);
}

/* What start_three works with. */
static struct event *start_event;
static struct record start_record;
static struct event_tasks *start_result;

static void start_three(void)
{
    start_result = event_tasks_start(start_event, 3, note_run, &start_record);
}

/* The event is set. One of the threads cannot be started, and those before it handle a signal just then. */
static void check_signals_while_threads_run_out(struct event *event)
{
    const struct sigaction action = {.sa_handler = ignore_signal}; /* no SA_RESTART */
    sigaction(SIGUSR1, &action, NULL);
    start_event = event;
    for (int missing = 1; missing <= 2; missing++) {
        memset(&start_record, 0, sizeof start_record);
        atomic_store(&signals_handled, 0);
        scarce_call(&threads_to_start, missing, missing, start_three);
        event_tasks_join(start_result);
        const int expected = start_result == NULL ? 0 : 3; /* it may have tried once more */
        cr_assert_eq(atomic_load(&start_record.total), expected,
                     "event_tasks_start returned %s, and %d of its 3 tasks have run: one thread could not be started, "
                     "and those before it handled a signal meanwhile, which must not set them going",
                     start_result == NULL ? "NULL" : "a group", atomic_load(&start_record.total));
    }
}

/* The event is set, so that the first two would like to run. */
static void check_others_go_home(struct event *event)
{
    static struct record record, later;
    const struct census before = census_take();
    struct event_tasks *tasks = start_eight_with_two_threads(event, &record);
    if (tasks != NULL) { /* small stacks: all eight were started after all */
        event_tasks_join(tasks);
        check_runs(&record, 8);
        return;
    }
    const struct census after = census_settle(&before);
    cr_assert_eq(atomic_load(&record.total), 0, "event_tasks_start returned NULL, but %d of its tasks have run",
                 atomic_load(&record.total));
    cr_assert_leq(after.threads, before.threads, "event_tasks_start returned NULL, but %d of its threads are alive",
                  after.threads - before.threads);
    event_tasks_join(start_tasks(event, 8, note_run_beside_join, &later));
    cr_assert_eq(atomic_load(&later.total), 8, "8 tasks were started when there was room again, and %d have run",
                 atomic_load(&later.total));
}

LAB_TEST(tasks_when_threads_run_out)
{
    struct event *event = create_event();
    event_set(event);
    check_others_go_home(event);
    check_signals_while_threads_run_out(event);
    event_clear(event);
    check_other_group_stays(event);
    event_free(event);
}

/* ---- Leaving nothing ---- */

static void use_an_event_once(void)
{
    struct event *event = create_event();
    event_set(event);
    event_wait(event);
    event_free(event);
}

/* Set before: whether a wake-up is missed is the business of other tests. */
static void use_tasks_once(void)
{
    struct record record = {0};
    struct event *event = create_event();
    event_set(event);
    event_tasks_join(start_tasks(event, 4, note_run, &record));
    check_runs(&record, 4);
    event_free(event);
}

static void use_no_tasks_once(void)
{
    struct event *event = create_event();
    event_tasks_join(start_tasks(event, 0, note_run, NULL));
    event_free(event);
}

static struct event *scarce_event;

static void create_scarce_event(void)
{
    scarce_event = event_create();
}

/* The first request for memory that event_create makes cannot be had, or the second, or the third. */
static void use_little_memory_once(void)
{
    for (int missing = 0; missing < 3; missing++) {
        scarce_call(&scarce_memory, missing, INT_MAX, create_scarce_event);
        event_free(scarce_event);
    }
}

static void check_nothing_left(void (*use)(void), const char *what)
{
    enum { TIMES = 300 }; /* fewer than there can be descriptors, even if two are left each time */
    for (int i = 0; i < 20; i++)
        use();
    const struct census before = census_take();
    const size_t space = census_address_space();
    for (int i = 0; i < TIMES; i++)
        use();
    const struct census after = census_settle(&before);
    cr_assert_leq(after.threads, before.threads, "%d times %s left %d threads behind", TIMES, what,
                  after.threads - before.threads);
    cr_assert_leq(after.descriptors, before.descriptors, "%d times %s left %d open descriptors behind", TIMES, what,
                  after.descriptors - before.descriptors);
    cr_assert_leq(after.heap_bytes, before.heap_bytes + 4096, "%d times %s left %zu bytes of the heap behind", TIMES,
                  what, after.heap_bytes - before.heap_bytes);
    /* A thread nobody joins keeps its stack: hundreds of them are gigabytes. */
    const size_t now = census_address_space();
    cr_assert(now < space + 1500000000u,
              "%d times %s left %zu MB of address space behind: are there threads that nobody joined?", TIMES, what,
              (now - space) / 1000000);
}

LAB_TEST(nothing_is_left_behind)
{
    census_one_heap();
    check_nothing_left(use_an_event_once, "event_create, event_set, event_wait and event_free");
    check_nothing_left(use_little_memory_once, "event_create while memory runs out, and event_free");
    check_nothing_left(use_tasks_once, "event_tasks_start and event_tasks_join");
    check_nothing_left(use_no_tasks_once, "event_tasks_start with no task and event_tasks_join");
}
