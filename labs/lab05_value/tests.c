/*
 * tests.c: the tests of lab05.
 *
 * Lost updates are not left to chance: the functions given to value_update wait in the middle, between the
 * reading of the old value and the writing of the new one, for what must not happen. Processes that must not
 * hang are watched from outside and killed after PATIENCE seconds, so that the test can say what held them up.
 *
 * fork is this file's own, so that it can fail, or take its time, when a test says so.
 */
#define _GNU_SOURCE
#include "test.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "census.h"
#include "leftovers.h"
#include "scarce.h"
#include "seed.h"
#include "step.h"
#include "thread_info.h"
#include "timing.h"
#include "value.h"

enum { CREW = 16, ITEMS = 128, PIDS = 64 };

static const double PATIENCE = 6.0;
static const double GRACE = 0.3;      /* seconds given to what should not happen, and to waiters to fall asleep */
static const double HEAD_START = 1.0; /* at the most, for a process before the next is forked */

struct seen {
    atomic_int arrived;       /* processes at the starting line */
    atomic_int inside;        /* in fn at this moment */
    atomic_int overlaps;      /* times somebody else was in fn, too */
    atomic_int calls;         /* calls of fn */
    atomic_int in_fn;         /* the holder is in fn */
    atomic_int ready;         /* processes about to make their call */
    atomic_int done;          /* processes whose call has returned */
    atomic_int stop;          /* who works for the sake of others shall end */
    atomic_int no_thread;     /* a process of the test got no thread */
    atomic_int in_other_fn;   /* somebody is in fn for the other value */
    _Atomic(pid_t) waiter;    /* the thread that waits for that */
    _Atomic int64_t noted[3]; /* values seen by a process */
    _Atomic int64_t added;    /* sum of all amounts added */
    atomic_int computed[ITEMS];
    _Atomic(pid_t) pids[PIDS]; /* processes in which items were computed */
    atomic_int strays;         /* processes of a reduction that came back from value_reduce */
    atomic_int alone;          /* item 0 has waited in vain for another process */
    atomic_int in_caller;      /* items computed in the process that called value_reduce */
    atomic_int forks_left;     /* calls of fork that may still succeed, in whatever process */
    atomic_int forks_failed;   /* calls of fork that did not */
    atomic_int forks_wait;     /* a call of fork returns in the parent when the child has ended */
    atomic_int forked;         /* the process that is to be forked beside an update is there */
    atomic_int handled;        /* signals */
    atomic_int updated;        /* the update that others were forked beside is over */
};

static struct seen *seen;
static pid_t caller; /* of value_reduce */

pid_t __fork(void); /* the C library's */

static bool has_ended(void *pid)
{
    return thread_info_state(*(pid_t *)pid) == 'Z';
}

pid_t fork(void)
{
    const bool may = seen == NULL || atomic_fetch_sub(&seen->forks_left, 1) > 0;
    const pid_t pid = may ? __fork() : -1;
    if (!may)
        errno = EAGAIN;
    if (pid < 0 && seen != NULL)
        atomic_fetch_add(&seen->forks_failed, 1);
    if (pid > 0 && seen != NULL && atomic_load(&seen->forks_wait) != 0)
        timing_wait_until(has_ended, &(pid_t){pid}, HEAD_START);
    return pid;
}

/* Processes forked by the test. */
static struct crew {
    pid_t pids[CREW]; /* 0: has ended */
    int count;        /* started */
    int well;         /* ended with status 0 */
    int mortal;       /* meant to be killed by a signal */
} crew;

typedef void crew_body(struct value *value, int number);

/* The value under test, and memory shared with the processes to come, all zero. */
static struct value *begin(int64_t initial)
{
    seen = mmap(NULL, sizeof *seen, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cr_assert(seen != MAP_FAILED, "the test got no shared memory");
    atomic_store(&seen->forks_left, INT_MAX);
    struct value *value = value_create(initial);
    cr_assert_not_null(value, "value_create returned NULL");
    return value;
}

static void crew_start(struct value *value, crew_body *body, int count)
{
    for (int i = 0; i < count; i++) {
        const pid_t pid = fork();
        if (pid == 0) {
            body(value, i);
            lab_test_child_exit(0);
        }
        cr_assert_gt(pid, 0, "the test could not fork");
        crew.pids[crew.count++] = pid;
    }
}

static bool crew_has_ended(void *unused)
{
    bool ended = true;
    (void)unused;
    for (int i = 0; i < crew.count; i++) {
        int status;
        if (crew.pids[i] != 0 && waitpid(crew.pids[i], &status, WNOHANG) == crew.pids[i]) {
            crew.pids[i] = 0;
            crew.well += status == 0;
        }
        ended &= crew.pids[i] == 0;
    }
    return ended;
}

/* Waits for the crew and kills what still lives after PATIENCE seconds. Returns how many hung, without those that only
 * went on because another one did not end, and forgets them all. The test fails here if one crashed. */
static int crew_wait(void)
{
    int hung = 0;
    const bool in_time = timing_wait_until(crew_has_ended, NULL, PATIENCE);
    if (!in_time) {
        atomic_store(&seen->stop, 1);
        timing_wait_until(crew_has_ended, NULL, GRACE);
    }
    for (int i = 0; i < crew.count; i++)
        if (crew.pids[i] != 0) {
            kill(crew.pids[i], SIGKILL);
            waitpid(crew.pids[i], NULL, 0);
            hung++;
        }
    const int crashed = crew.count - hung - crew.well - crew.mortal;
    crew = (struct crew){.count = 0};
    cr_assert(hung > 0 || crashed == 0, "%d processes that used the value crashed", crashed);
    return in_time || hung > 0 ? hung : 1; /* one got on only when the others stopped */
}

/* Lets `count` processes or threads start at the same moment: they spin, so that all are awake. */
static void start_line(int count)
{
    atomic_fetch_add(&seen->arrived, 1);
    while (atomic_load(&seen->arrived) < count)
        sched_yield();
}

/* Whether process or thread `pid` sleeps; also true when it has ended. */
static bool sleeps(pid_t pid)
{
    return thread_info_state(pid) != 'R';
}

static bool is_set(void *flag)
{
    return atomic_load((atomic_int *)flag) != 0;
}

static void await(atomic_int *flag)
{
    timing_wait_until(is_set, flag, PATIENCE);
}

static int64_t plus(int64_t old, void *arg)
{
    return old + *(const int64_t *)arg;
}

static int64_t add_by_update(struct value *value, int64_t amount)
{
    return value_update(value, plus, &amount);
}

LAB_TEST(one_process)
{
    struct value *value = begin(5);
    cr_assert_eq(value_get(value), 5, "created with 5, value_get says %ld", (long)value_get(value));
    value_add(value, -7);
    cr_assert_eq(value_get(value), -2, "5 and -7 make -2, value_get says %ld", (long)value_get(value));
    const int64_t updated = add_by_update(value, 0x100000000);
    cr_assert_eq(updated, 0xfffffffe, "value_update must return the new value %ld, it returned %ld", 0xfffffffeL,
                 (long)updated);
    cr_assert_eq(value_get(value), 0xfffffffe, "fn returned %ld, value_get says %ld", 0xfffffffeL,
                 (long)value_get(value));
    cr_assert_eq(add_by_update(value, 0), 0xfffffffe, "an update that changes nothing must return the value as it was");
    value_add(value, 1);
    cr_assert_eq(value_get(value), 0xffffffff, "after an update that changed nothing, value_add(1) gives %ld",
                 (long)value_get(value));
    value_free(value);
    value = value_create(INT64_MIN);
    cr_assert_not_null(value, "value_create returned NULL");
    cr_assert_eq(value_get(value), INT64_MIN, "created with INT64_MIN, value_get says %ld", (long)value_get(value));
    value_add(value, INT64_MAX);
    cr_assert_eq(value_get(value), -1, "INT64_MIN and INT64_MAX make -1, value_get says %ld", (long)value_get(value));
    value_free(value);
    value_free(NULL);
}

static void add_five(struct value *value, int number)
{
    (void)number;
    value_add(value, 5);
}

static void note_after_change(struct value *value, int number)
{
    (void)number;
    await(&seen->ready);
    atomic_store(&seen->noted[0], value_get(value));
}

LAB_TEST(forked_processes_share_it)
{
    struct value *value = begin(10);
    crew_start(value, add_five, 1);
    cr_assert_eq(crew_wait(), 0, "a process that calls value_add hangs, nobody else uses the value");
    cr_assert_eq(value_get(value), 15, "10, and a forked process added 5: expected 15, its parent sees %ld",
                 (long)value_get(value));
    crew_start(value, note_after_change, 1);
    add_by_update(value, 100);
    atomic_store(&seen->ready, 1);
    cr_assert_eq(crew_wait(), 0, "a process that calls value_get hangs, nobody else uses the value");
    const int64_t noted = atomic_load(&seen->noted[0]);
    cr_assert_eq(noted, 115, "15, and the parent added 100: expected 115, its child sees %ld", (long)noted);
    value_free(value);
}

static int64_t slow_increment(int64_t old, void *arg)
{
    (void)arg;
    sched_yield();
    usleep(20);
    return old + 1;
}

enum { PROCESSES = 9, INCREMENTS = 50 };

static void increment_slowly(struct value *value, int number)
{
    (void)number;
    start_line(PROCESSES);
    for (int i = 0; i < INCREMENTS; i++)
        value_update(value, slow_increment, NULL);
}

LAB_TEST(nine_processes_make_450)
{
    enum { EXPECTED = PROCESSES * INCREMENTS };
    struct value *value = begin(0);
    crew_start(value, increment_slowly, PROCESSES);
    const int hung = crew_wait();
    cr_assert_eq(hung, 0, "9 processes increment 50 times each by value_update: %d of them hang", hung);
    const int64_t got = value_get(value);
    cr_assert_eq(got, EXPECTED,
                 "9 processes incremented 50 times each by value_update: expected %d, got %ld (%ld lost)", EXPECTED,
                 (long)got, (long)(EXPECTED - got));
    value_free(value);
}

enum { ADDERS = 3 };

/* Adds as long as the first of the crew does. */
static void add_along(struct value *value)
{
    while (atomic_load(&seen->stop) == 0)
        for (int i = 0; i < 16; i++) {
            value_add(value, 3);
            atomic_fetch_add(&seen->added, 3);
        }
}

static struct value *walked;

static void *walk_through_addition(void *argument)
{
    step_begin();
    value_add(walked, 1);
    step_end();
    step_over();
    return argument;
}

static bool others_went_on(void *before)
{
    return atomic_load(&seen->added) > *(const int64_t *)before + 3;
}

/* An addition is held up on its way until the other processes have made some of their own, or cannot. Without a thread
 * to hold up the process ends: the test says so. */
static void hold_addition_up(void *unused)
{
    pthread_t thread;
    (void)unused;
    if (pthread_create(&thread, NULL, walk_through_addition, NULL) != 0) {
        atomic_store(&seen->no_thread, 1);
        atomic_store(&seen->stop, 1);
        lab_test_child_exit(0);
    }
    step_wait_held(PATIENCE);
    step_other_begins();
    int64_t before = atomic_load(&seen->added);
    timing_wait_until(others_went_on, &before, 0.01);
    step_other_done();
    pthread_join(thread, NULL);
    atomic_fetch_add(&seen->added, 1);
}

static void add_for_a_while(struct value *value, int number)
{
    start_line(ADDERS);
    if (number > 0) {
        add_along(value);
        return;
    }
    walked = value;
    step_check_each(hold_addition_up, NULL);
    const double end = timing_now() + 0.05;
    while (timing_now() < end) {
        value_add(value, 1);
        atomic_fetch_add(&seen->added, 1);
    }
    atomic_store(&seen->stop, 1);
}

LAB_TEST(additions_are_not_lost)
{
    struct value *value = begin(0);
    crew_start(value, add_for_a_while, ADDERS);
    const int hung = crew_wait();
    cr_assert_eq(seen->no_thread, 0, "the test got no thread");
    cr_assert_eq(hung, 0, "%d processes call value_add again and again: %d of them hang", ADDERS, hung);
    const int64_t expected = atomic_load(&seen->added), got = value_get(value);
    cr_assert_eq(got, expected, "%d processes added %ld altogether, the value says %ld (%ld lost)", ADDERS,
                 (long)expected, (long)got, (long)(expected - got));
    value_free(value);
}

static bool overlapped(void *unused)
{
    (void)unused;
    if (atomic_load(&seen->inside) > 1)
        atomic_fetch_add(&seen->overlaps, 1);
    return atomic_load(&seen->overlaps) > 0;
}

/* Stays a while to see whether somebody else comes in. */
static int64_t look_around(int64_t old, void *arg)
{
    (void)arg;
    atomic_fetch_add(&seen->calls, 1);
    atomic_fetch_add(&seen->inside, 1);
    timing_wait_until(overlapped, NULL, 0.01);
    atomic_fetch_sub(&seen->inside, 1);
    return old + 1;
}

enum { LOOKERS = 4, LOOKS = 5 };

static void update_and_look(struct value *value, int number)
{
    (void)number;
    start_line(LOOKERS);
    for (int i = 0; i < LOOKS; i++)
        value_update(value, look_around, NULL);
}

static void check_looks(struct value *value, const char *who)
{
    enum { EXPECTED = LOOKERS * LOOKS };
    const int calls = atomic_load(&seen->calls), overlaps = atomic_load(&seen->overlaps);
    const int64_t got = value_get(value);
    cr_assert_eq(overlaps, 0, "two %s were inside fn at the same time: one of the two updates is lost", who);
    cr_assert_eq(calls, EXPECTED, "%d calls of value_update must call fn %d times, fn was called %d times", EXPECTED,
                 EXPECTED, calls);
    cr_assert_eq(got, EXPECTED, "%d %s incremented %d times each: expected %d, got %ld", LOOKERS, who, LOOKS, EXPECTED,
                 (long)got);
}

LAB_TEST(one_update_at_a_time)
{
    struct value *value = begin(0);
    crew_start(value, update_and_look, LOOKERS);
    const int hung = crew_wait();
    cr_assert_eq(hung, 0, "%d processes call value_update: %d of them hang", LOOKERS, hung);
    check_looks(value, "processes");
    value_free(value);
}

static void *update_in_thread(void *value)
{
    update_and_look(value, 0);
    return NULL;
}

LAB_TEST(threads_share_it_too)
{
    struct value *value = begin(0);
    pthread_t threads[LOOKERS];
    for (int i = 0; i < LOOKERS; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, update_in_thread, value), 0, "the test got no thread");
    for (int i = 0; i < LOOKERS; i++)
        pthread_join(threads[i], NULL);
    check_looks(value, "threads");
    value_free(value);
}

static bool others_are_done(void *count)
{
    return atomic_load(&seen->done) >= *(int *)count;
}

/* Doubles, but not before the others have done what they want to do, or have shown that they wait. */
static int64_t double_slowly(int64_t old, void *arg)
{
    atomic_store(&seen->in_fn, 1);
    await(&seen->ready);
    timing_wait_until(others_are_done, arg, GRACE);
    return old * 2;
}

static void double_it(struct value *value, int number)
{
    int others = 1;
    (void)number;
    value_update(value, double_slowly, &others);
}

static void add_five_meanwhile(struct value *value, int number)
{
    (void)number;
    await(&seen->in_fn);
    atomic_fetch_add(&seen->ready, 1);
    value_add(value, 5);
    atomic_store(&seen->noted[0], value_get(value));
    atomic_fetch_add(&seen->done, 1);
}

static struct value *other_value;

static int64_t add_five_to(int64_t old, void *value)
{
    add_five_meanwhile(value, 0);
    return old + 1;
}

static void add_five_in_another_update(struct value *value, int number)
{
    (void)number;
    value_update(other_value, add_five_to, value);
}

static void *add_ten_to_other(void *argument)
{
    await(&seen->in_other_fn);
    atomic_store(&seen->waiter, gettid());
    value_add(other_value, 10);
    return argument;
}

/* A thread of the process that doubles waits for the other value meanwhile: each of the two processes waits for the
 * other, and yet none of their threads waits in a circle. */
static void double_it_in_two_threads(struct value *value, int number)
{
    pthread_t thread;
    const bool started = pthread_create(&thread, NULL, add_ten_to_other, NULL) == 0;
    if (!started)
        atomic_store(&seen->no_thread, 1);
    double_it(value, number);
    if (started)
        pthread_join(thread, NULL);
}

static bool waiter_sleeps(void *unused)
{
    const pid_t waiter = atomic_load(&seen->waiter);
    (void)unused;
    return waiter != 0 && sleeps(waiter);
}

static int64_t add_five_when_waited_for(int64_t old, void *value)
{
    atomic_store(&seen->in_other_fn, 1);
    timing_wait_until(waiter_sleeps, NULL, GRACE);
    return add_five_to(old, value);
}

static void add_five_crosswise(struct value *value, int number)
{
    (void)number;
    value_update(other_value, add_five_when_waited_for, value);
}

static void check_addition_during_update(crew_body *updates, crew_body *adds, const char *who)
{
    struct value *value = begin(10);
    other_value = value_create(0);
    cr_assert_not_null(other_value, "the second value_create returned NULL");
    crew_start(value, updates, 1);
    crew_start(value, adds, 1);
    const int hung = crew_wait();
    cr_assert_eq(seen->no_thread, 0, "the test got no thread");
    cr_assert_eq(hung, 0, "one process is in value_update, another one%s calls value_add: %d of them hang", who, hung);
    const int64_t got = value_get(value);
    cr_assert_neq(got, 20, "10 was being doubled when another process%s added 5: the addition is lost, the value is 20",
                  who);
    cr_assert_eq(got, 25, "10 was being doubled when another process%s added 5: expected 25, got %ld", who, (long)got);
    const int64_t noted = atomic_load(&seen->noted[0]), other = value_get(other_value);
    cr_assert_eq(noted, 25,
                 "10 was being doubled when another process%s added 5, which made 25: so it was doubled first, but "
                 "when value_add had returned, value_get said %ld. That is no value that it ever had",
                 who, (long)noted);
    if (updates == double_it_in_two_threads)
        cr_assert_eq(other, 11, "1 and 10 were added to the other value: expected 11, it is %ld", (long)other);
    value_free(value);
    value_free(other_value);
}

LAB_TEST(addition_during_update)
{
    check_addition_during_update(double_it, add_five_meanwhile, "");
    check_addition_during_update(double_it, add_five_in_another_update, ", itself in an update of another value,");
    check_addition_during_update(double_it_in_two_threads, add_five_crosswise,
                                 ", itself in an update for which a thread of the first waits,");
}

struct waiters {
    int count; /* their pids are in seen->pids, by number */
};

static bool waiters_sleep(void *waiters)
{
    const struct waiters *w = waiters;
    bool all = atomic_load(&seen->ready) >= w->count;
    for (int i = 0; all && i < w->count; i++)
        all = sleeps(atomic_load(&seen->pids[i]));
    return all;
}

static bool all_ready(void *waiters)
{
    return atomic_load(&seen->ready) >= ((struct waiters *)waiters)->count;
}

/* Holds the value until all others wait for it; they may also spin, hence the limit. */
static void hold(struct waiters *waiters)
{
    atomic_store(&seen->in_fn, 1);
    timing_wait_until(all_ready, waiters, PATIENCE);
    timing_wait_until(waiters_sleep, waiters, GRACE);
}

static int64_t hold_and_increment(int64_t old, void *arg)
{
    hold(arg);
    return old + 1;
}

static int64_t hold_and_die(int64_t old, void *arg)
{
    hold(arg);
    raise(SIGKILL);
    return old + 1;
}

enum { WAITERS = 3 };

static void holder(struct value *value, int number)
{
    struct waiters waiters = {.count = WAITERS};
    (void)number;
    value_update(value, hold_and_increment, &waiters);
}

static void holder_that_dies(struct value *value, int number)
{
    struct waiters waiters = {.count = WAITERS};
    (void)number;
    value_update(value, hold_and_die, &waiters);
}

static void get_in_line(int number)
{
    atomic_store(&seen->pids[number], getpid());
    await(&seen->in_fn);
    atomic_fetch_add(&seen->ready, 1);
}

static void wait_in_some_call(struct value *value, int number)
{
    get_in_line(number);
    if (number == 0)
        add_by_update(value, 10);
    else if (number == 1)
        value_add(value, 100);
    else
        value_get(value);
}

LAB_TEST(waiters_in_other_processes_are_woken)
{
    struct value *value = begin(0);
    crew_start(value, holder, 1);
    crew_start(value, wait_in_some_call, WAITERS);
    const int hung = crew_wait();
    cr_assert_eq(hung, 0,
                 "one process was in value_update while others called value_update, value_add and value_get: it has "
                 "finished, but %d of them still wait and are never woken",
                 hung);
    cr_assert_eq(value_get(value), 111, "1, 10 and 100 were added, the value is %ld", (long)value_get(value));
    value_free(value);
}

static void wait_to_update(struct value *value, int number)
{
    get_in_line(number);
    add_by_update(value, 1);
}

LAB_TEST(killed_while_others_wait)
{
    struct value *value = begin(7);
    crew_start(value, holder_that_dies, 1);
    crew.mortal = 1;
    crew_start(value, wait_to_update, WAITERS);
    const int hung = crew_wait();
    cr_assert_eq(hung, 0, "a process was killed inside value_update while %d others waited: %d of them hang", WAITERS,
                 hung);
    const int64_t got = value_get(value);
    cr_assert_eq(got, 7 + WAITERS, "7, a killed update and %d finished ones of 1: expected %d, got %ld", WAITERS,
                 7 + WAITERS, (long)got);
    value_free(value);
}

/* A crash of the calling process is what is looked for: it leaves neither a core file nor a receipt. */
static void crash_quietly(void)
{
    static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        signal(signals[i], SIG_DFL);
}

static int64_t die(int64_t old, void *way)
{
    crash_quietly();
    switch (*(int *)way) {
    case 0:
        raise(SIGKILL);
        break;
    case 1:
        raise(SIGSEGV);
        break;
    default:
        _exit(0);
    }
    return old + 1;
}

static void die_inside_update(struct value *value, int number)
{
    int way = number;
    value_update(value, die, &way);
}

/* Forks a process that dies inside value_update in the given way, and waits until it is dead, but not for it:
 * it stays a zombie while the value is tried. */
static pid_t dead_updater(struct value *value, int way)
{
    siginfo_t how;
    const pid_t pid = fork();
    if (pid == 0) {
        die_inside_update(value, way);
        lab_test_child_exit(1);
    }
    cr_assert_gt(pid, 0, "the test could not fork");
    while (waitid(P_PID, (id_t)pid, &how, WEXITED | WNOWAIT) < 0 && errno == EINTR)
        continue;
    return pid;
}

static void try_all_calls(struct value *value, int number)
{
    (void)number;
    atomic_store(&seen->noted[0], value_get(value));
    value_add(value, 10);
    atomic_store(&seen->noted[1], value_get(value));
    atomic_store(&seen->noted[2], add_by_update(value, 100));
}

static void look_on(struct value *value, int number)
{
    (void)number;
    atomic_store(&seen->ready, 1);
    for (;;)
        value_get(value);
}

/* Whoever is counted while he looks may be counted for ever. Some are killed before others try the value: what only few
 * of the instructions of value_get leave behind is found, too. */
static void check_killed_while_looking(void)
{
    enum { KILLED = 100, BEFORE_OTHERS = 10 };
    struct value *value = begin(0);
    for (int i = 1; i <= KILLED; i++) {
        atomic_store(&seen->ready, 0);
        crew_start(value, look_on, 1);
        await(&seen->ready);
        timing_sleep_ms(1);
        kill(crew.pids[0], SIGKILL);
        crew.mortal = 1;
        crew_wait();
        if (i % BEFORE_OTHERS != 0)
            continue;
        crew_start(value, add_five, 1);
        cr_assert_eq(crew_wait(), 0,
                     "%d processes were killed while they called value_get again and again: now value_add hangs in "
                     "another",
                     i);
    }
    value_free(value);
}

LAB_TEST(killed_inside_update)
{
    static const char *const ways[] = {"SIGKILL", "SIGSEGV", "_exit(0)",
                                       "_exit(0), in a program with blanks in its name (see /proc/PID/stat),",
                                       "_exit(0), whose parent had used the value before the fork,"};
    struct value *value = begin(1);
    int64_t expected = 1;
    for (int way = 0; way < 5; way++) {
        if (way == 3)
            prctl(PR_SET_NAME, "S (a b) S c"); /* the processes to come inherit it */
        if (way == 4)
            add_by_update(value, 0);
        const pid_t dead = dead_updater(value, way);
        crew_start(value, try_all_calls, 1);
        const int hung = crew_wait();
        cr_assert_eq(hung, 0,
                     "a process ended by %s inside value_update, and now the others hang: it took the lock along",
                     ways[way]);
        cr_assert_eq(seen->noted[0], expected,
                     "a process ended by %s inside value_update: the value must be %ld as before, it is %ld", ways[way],
                     (long)expected, (long)seen->noted[0]);
        cr_assert_eq(seen->noted[1], expected + 10, "after a death by %s value_add(10) makes %ld of %ld", ways[way],
                     (long)seen->noted[1], (long)expected);
        cr_assert_eq(seen->noted[2], expected + 110, "after a death by %s value_update returns %ld instead of %ld",
                     ways[way], (long)seen->noted[2], (long)expected + 110);
        expected += 110;
        waitpid(dead, NULL, 0);
    }
    value_free(value);
    check_killed_while_looking();
}

/* A lock that is marked as broken after a death either fails, and nobody is kept out any more, or blocks. */
enum { DEATHS = 6 };

/* A value that outlives deaths, each met by the caller. */
static void use_after_deaths(void)
{
    struct value *value = value_create(0);
    cr_assert_not_null(value, "value_create returned NULL");
    for (int i = 0; i < DEATHS; i++) {
        const pid_t dead = dead_updater(value, i % 3);
        value_add(value, 0);
        waitpid(dead, NULL, 0);
    }
    value_free(value);
}

/* What is opened once may stay open, so the second of two values is looked at. */
static void check_what_deaths_leave(void)
{
    use_after_deaths();
    const struct census before = census_take();
    use_after_deaths();
    const struct census after = census_take();
    cr_assert_eq(after.descriptors, before.descriptors,
                 "%d processes died inside value_update, each time another one then called value_add, and then "
                 "value_free: %d descriptors more are open than before",
                 DEATHS, after.descriptors - before.descriptors);
}

static int64_t add_to_other(int64_t old, void *arg)
{
    (void)arg;
    value_add(other_value, 1);
    return old + 1;
}

static void update_and_add_to_other(struct value *value, int number)
{
    (void)number;
    value_update(value, add_to_other, NULL);
    value_add(value, 5);
}

/* What has to be repaired after a death is one value's business, also when another value is used on the way. */
static void check_other_value_used_after_a_death(void)
{
    struct value *value = begin(-6);
    other_value = value_create(0);
    cr_assert_not_null(other_value, "the second value_create returned NULL");
    waitpid(dead_updater(value, 0), NULL, 0);
    crew_start(value, update_and_add_to_other, 1);
    int hung = crew_wait();
    cr_assert_eq(hung, 0,
                 "a process died inside value_update; the next one to call it has a function that adds to another "
                 "value, and then adds to the first: it hangs");
    cr_assert(value_get(value) == 0 && value_get(other_value) == 1,
              "after a death inside value_update a value of -6 was updated by 1, by a function that adds 1 to another "
              "value, and 5 were added: they must be 0 and 1, they are %ld and %ld",
              (long)value_get(value), (long)value_get(other_value));
    crew_start(value, update_and_look, LOOKERS);
    hung = crew_wait();
    cr_assert_eq(hung, 0,
                 "after a death inside value_update the first to call it had a function that adds to another value; "
                 "now %d processes call it: %d of them hang",
                 LOOKERS, hung);
    check_looks(value, "processes, after a death and an update that used another value,");
    value_free(value);
    value_free(other_value);
}

/* Seconds. A busy machine may hold up one process for that long, but not each of three. */
static const double HELD_UP = 0.7;

LAB_TEST(still_a_lock_after_deaths)
{
    struct value *value = begin(0);
    double shortest = PATIENCE;
    for (int i = 0; i < 3; i++) {
        waitpid(dead_updater(value, i), NULL, 0);
        const double start = timing_now();
        crew_start(value, add_five, 1);
        cr_assert_eq(crew_wait(), 0, "after %d death%s inside value_update value_add hangs", i + 1, i > 0 ? "s" : "");
        const double seconds = timing_now() - start;
        shortest = seconds < shortest ? seconds : shortest;
    }
    cr_assert_lt(shortest, HELD_UP,
                 "three times a process died inside value_update, and each time value_add took more than %.1f s then: "
                 "others go on as soon as the process has ended. That a lock has been held for long does not say that "
                 "its holder is dead",
                 HELD_UP);
    cr_assert_eq(value_get(value), 15, "3 killed updates and 3 times 5 make 15, the value is %ld",
                 (long)value_get(value));
    value_add(value, -15);
    crew_start(value, update_and_look, LOOKERS);
    const int hung = crew_wait();
    cr_assert_eq(hung, 0, "after 3 deaths inside value_update %d processes call it: %d of them hang", LOOKERS, hung);
    check_looks(value, "processes");
    value_free(value);
    check_what_deaths_leave();
    check_other_value_used_after_a_death();
}

static const int64_t step = 0x100000001; /* changes both halves of the number */

/* Just one writer, so that nothing but the reading is tried. */
static void write_steps(struct value *value, int number)
{
    (void)number;
    while (atomic_load(&seen->stop) == 0) {
        value_add(value, step);
        add_by_update(value, step);
        atomic_store(&seen->ready, 1);
    }
}

/* So many changes are seen that reader and writer surely were at work in the same moment, unless the machine has no
 * two cores to spare for that long. Whether one look in thousands shows an older value than the one before is luck, so
 * only many such looks count here: the scenario looks_in_order shows a single one each time. */
static void read_steps(struct value *value, int number)
{
    enum { CHANGES = 20000, SELDOM = 200 };
    int64_t last = 0, got = 0, changes = 0;
    int backwards = 0;
    bool torn = false, back = false;
    (void)number;
    await(&seen->ready);
    const double end = timing_now() + PATIENCE / 2;
    while (changes < CHANGES && timing_now() < end && !torn && !back && atomic_load(&seen->stop) == 0) {
        got = value_get(value);
        torn = got % step != 0;
        backwards += got < last;
        back = backwards > SELDOM;
        changes += got != last;
        last = got;
    }
    atomic_store(&seen->noted[0], got);
    atomic_store(&seen->noted[1], torn);
    atomic_store(&seen->noted[2], back);
    atomic_store(&seen->stop, 1);
}

static void *walk_through_update(void *argument)
{
    step_begin();
    add_by_update(walked, step);
    step_end();
    step_over();
    return argument;
}

/* An update is held up on its way while the value is read. */
static void read_beside_update(void *unused)
{
    pthread_t thread;
    (void)unused;
    const int64_t before = value_get(walked);
    if (atomic_load(&seen->stop) != 0)
        return;
    if (pthread_create(&thread, NULL, walk_through_update, NULL) != 0) {
        atomic_store(&seen->no_thread, 1);
        return;
    }
    step_wait_held(PATIENCE);
    step_other_begins();
    const int64_t got = value_get(walked);
    step_other_done();
    pthread_join(thread, NULL);
    if (got == before || got == before + step)
        return;
    atomic_store(&seen->noted[0], before);
    atomic_store(&seen->noted[1], got);
    atomic_store(&seen->stop, 1);
}

static void read_beside_updates(struct value *value, int number)
{
    (void)number;
    walked = value;
    step_check_each(read_beside_update, NULL);
}

static void check_reading_beside_update(void)
{
    struct value *value = begin(step);
    crew_start(value, read_beside_updates, 1);
    const int hung = crew_wait();
    cr_assert_eq(seen->no_thread, 0, "the test got no thread");
    cr_assert_eq(hung, 0, "one thread calls value_update, another one value_get: their process hangs");
    const long before = (long)atomic_load(&seen->noted[0]), got = (long)atomic_load(&seen->noted[1]);
    cr_assert_eq(before, 0,
                 "while value_update made %lx of %lx, value_get returned %lx: neither what was before nor what came "
                 "after, but a part of the change",
                 (unsigned long)(before + step), (unsigned long)before, (unsigned long)got);
    value_free(value);
}

LAB_TEST(get_while_others_write)
{
    struct value *value = begin(0);
    crew_start(value, write_steps, 1);
    crew_start(value, read_steps, 1);
    const int hung = crew_wait();
    cr_assert_eq(hung, 0, "one process changes the value again and again, another one reads it: %d of them hang", hung);
    const long got = (long)atomic_load(&seen->noted[0]);
    cr_assert_eq(atomic_load(&seen->noted[1]), 0,
                 "only multiples of %lx are added, value_get returned %lx: half of a change", (long)step, got);
    cr_assert_eq(atomic_load(&seen->noted[2]), 0,
                 "the value only grows, but value_get returned smaller ones than before, such as %lx", got);
    cr_assert_gt(got, 0, "another process wrote, but value_get says %ld", got);
    value_free(value);
    check_reading_beside_update();
}

enum { OTHERS = 100 };

static struct value *others[OTHERS];

static int64_t wait_for_other_values(int64_t old, void *arg)
{
    int one = 1;
    (void)arg;
    atomic_store(&seen->in_fn, 1);
    return timing_wait_until(others_are_done, &one, PATIENCE / 2) ? old + 1 : -1;
}

static void update_the_first(struct value *value, int number)
{
    (void)number;
    value_update(value, wait_for_other_values, NULL);
}

static void use_the_others(struct value *value, int number)
{
    (void)value;
    (void)number;
    await(&seen->in_fn);
    for (int i = 0; i < OTHERS; i++) {
        value_add(others[i], 1);
        add_by_update(others[i], i);
        value_get(others[i]);
    }
    atomic_fetch_add(&seen->done, 1);
}

/* Makes a value and adds to it when the other process has made its own, too. Both have one until both have added. */
static void use_own(struct value *value, int number)
{
    struct value *own = value_create(100 * number);
    (void)value;
    start_line(2);
    if (own != NULL)
        value_add(own, 7);
    atomic_store(&seen->noted[number], own != NULL ? value_get(own) : -1);
    start_line(4);
    value_free(own);
}

LAB_TEST(values_are_independent)
{
    struct value *value = begin(10);
    for (int i = 0; i < OTHERS; i++) {
        others[i] = value_create(20);
        cr_assert_not_null(others[i], "of %d values at once value_create returned NULL for number %d", OTHERS + 1,
                           i + 2);
    }
    crew_start(value, update_the_first, 1);
    crew_start(value, use_the_others, 1);
    int hung = crew_wait();
    cr_assert_eq(hung, 0, "two processes use different values: %d of them hang", hung);
    cr_assert_neq(value_get(value), -1, "a process that uses one value had to wait for an update of another value");
    cr_assert_eq(value_get(value), 11, "10 and 1 make 11, the first value is %ld", (long)value_get(value));
    for (int i = 0; i < OTHERS; i++) {
        const int64_t got = value_get(others[i]);
        cr_assert_eq(got, 21 + i, "20 and 1 and %d make %d, value number %d is %ld", i, 21 + i, i + 2, (long)got);
    }
    crew_start(value, use_own, 2);
    hung = crew_wait();
    cr_assert_eq(hung, 0, "two forked processes each make a value and add to it: %d of them hang", hung);
    for (int i = 0; i < 2; i++) {
        cr_assert_neq(seen->noted[i], -1, "value_create in a forked process returned NULL");
        cr_assert_eq(seen->noted[i], 100 * i + 7,
                     "two forked processes each made a value of their own; one was created with %d, 7 was added to it, "
                     "and it is %ld: are the two values the same memory?",
                     100 * i, (long)seen->noted[i]);
    }
    value_free(value);
    for (int i = 0; i < OTHERS; i++)
        value_free(others[i]);
}

/* Calls made afterwards need no more memory for the stack. */
static void grow_stack(void)
{
    char room[1 << 18];
    explicit_bzero(room, sizeof room);
}

static void create_without_memory_left(void)
{
    crash_quietly();
    grow_stack();
    setrlimit(RLIMIT_AS, &(struct rlimit){0, 0});
    value_free(value_create(1));
}

/* It may succeed, if it needs no more than there is. */
LAB_TEST(create_without_memory)
{
    int status = 0;
    struct value *value = begin(1); /* shows that one can be made at all */
    const struct leftovers before = leftovers_take();
    const pid_t pid = fork();
    if (pid == 0) {
        create_without_memory_left();
        lab_test_child_exit(0);
    }
    cr_assert_gt(pid, 0, "the test could not fork");
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    cr_assert_eq(status, 0, "without any memory to be had value_create must return NULL: it ended its process (%s)",
                 WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "exit");
    const char *left = leftovers_since(&before);
    cr_assert_null(left, "value_create found no memory, and has left what stays when all processes have ended: %s",
                   left);
    value_free(value);
}

/* value_reduce, which returns in the caller only. */
static int reduce(struct value *value, value_item *item, uint64_t count, unsigned processes)
{
    const pid_t self = getpid();
    const int status = value_reduce(value, item, count, processes);
    if (getpid() != self) {
        atomic_fetch_add(&seen->strays, 1);
        lab_test_child_exit(0);
    }
    return status;
}

static int64_t some_number(uint64_t index)
{
    uint64_t state = index;
    return (int64_t)(seed_next(&state) >> 40) - (1 << 23);
}

/* Their sum needs more than 32 bits, and so do most of them. */
static int64_t large_number(uint64_t index)
{
    return ((int64_t)index - 1) * 5000000000;
}

static int64_t counted(uint64_t index)
{
    if (index < ITEMS)
        atomic_fetch_add(&seen->computed[index], 1);
    return 1;
}

/* Enters the calling process into seen->pids; returns how many different ones there are. */
static int enter_pid(void)
{
    const pid_t me = getpid();
    for (int i = 0; i < PIDS; i++) {
        pid_t there = 0;
        if (atomic_compare_exchange_strong(&seen->pids[i], &there, me) || there == me)
            break;
    }
    int different = 0;
    while (different < PIDS && atomic_load(&seen->pids[different]) != 0)
        different++;
    return different;
}

static bool another_has_done_its_part(void *unused)
{
    const int all = enter_pid();
    bool done = all > 1;
    (void)unused;
    for (int i = 0; done && i < all; i++)
        done = seen->pids[i] == getpid() || sleeps(seen->pids[i]);
    return done;
}

/* While item 0 is computed, the other process ends and another reduction of the value begins and ends, unless that
 * waits for this one. */
static int64_t last_of_all(uint64_t index)
{
    if (index == 0) {
        timing_wait_until(another_has_done_its_part, NULL, GRACE);
        atomic_store(&seen->ready, 1);
        timing_wait_until(is_set, &seen->done, 3 * GRACE);
    }
    enter_pid();
    return 1;
}

static int64_t thousand(uint64_t index)
{
    (void)index;
    return 1000;
}

static void reduce_meanwhile(struct value *value, int number)
{
    (void)number;
    await(&seen->ready);
    atomic_store(&seen->noted[0], reduce(value, thousand, 5, 2));
    atomic_store(&seen->done, 1);
}

static void check_two_reductions(void)
{
    enum { COUNT = 20000, EXPECTED = COUNT + 5000 };
    struct value *value = begin(0);
    crew_start(value, reduce_meanwhile, 1);
    const int status = reduce(value, last_of_all, COUNT, 2);
    const int hung = crew_wait();
    cr_assert_eq(hung, 0, "two processes call value_reduce on one value: one of them hangs");
    cr_assert(status == 0 && seen->noted[0] == 0, "two processes call value_reduce on one value: it returned %d and %d",
              status, (int)seen->noted[0]);
    cr_assert_eq(value_get(value), EXPECTED,
                 "two processes called value_reduce on one value at the same time, %d items of 1 and 5 of 1000: the "
                 "value must become %d, it is %ld",
                 COUNT, EXPECTED, (long)value_get(value));
    value_free(value);
}

/* The first item is itself the sum of a reduction, which is added to another value. */
static int64_t reduced_itself(uint64_t index)
{
    if (index == 0)
        atomic_store(&seen->noted[1], reduce(other_value, thousand, 5, 2));
    return 1;
}

static void reduce_nested(struct value *value, int number)
{
    (void)number;
    atomic_store(&seen->noted[0], reduce(value, reduced_itself, 8, 2));
}

static void check_nested_reduction(void)
{
    struct value *value = begin(0);
    other_value = value_create(0);
    cr_assert_not_null(other_value, "the second value_create returned NULL");
    crew_start(value, reduce_nested, 1);
    cr_assert_eq(crew_wait(), 0, "an item of value_reduce calls value_reduce for another value: it hangs");
    cr_assert(seen->noted[0] == 0 && seen->noted[1] == 0,
              "an item of value_reduce calls value_reduce for another value: they returned %d, and %d in the item",
              (int)seen->noted[0], (int)seen->noted[1]);
    cr_assert(
        value_get(value) == 8 && value_get(other_value) == 5000,
        "an item of value_reduce calls value_reduce for another value: 8 items of 1 and 5 of 1000, the values are "
        "%ld and %ld",
        (long)value_get(value), (long)value_get(other_value));
    value_free(value);
    value_free(other_value);
}

LAB_TEST(reduce_adds_the_sum)
{
    static const unsigned counts[] = {1, 3, 8, 1000, 4099}, processes[] = {1, 2, 3, 8};
    struct value *value = begin(-5);
    int64_t expected = -5;
    for (int c = 0; c < 5; c++)
        for (int p = 0; p < 4; p++) {
            const int status = reduce(value, some_number, counts[c], processes[p]);
            for (unsigned i = 0; i < counts[c]; i++)
                expected += some_number(i);
            cr_assert_eq(status, 0, "value_reduce of %u items with %u processes returned %d", counts[c], processes[p],
                         status);
            cr_assert_eq(value_get(value), expected, "%u items, %u processes: the value must become %ld, it is %ld",
                         counts[c], processes[p], (long)expected, (long)value_get(value));
        }
    cr_assert_eq(reduce(value, large_number, 8, 3), 0, "value_reduce must return 0");
    expected += 100000000000;
    cr_assert_eq(value_get(value), expected,
                 "8 items from -5000000000 to 30000000000, 3 processes: the value must become %ld, it is %ld",
                 (long)expected, (long)value_get(value));
    cr_assert_eq(reduce(value, some_number, 0, 4), 0, "value_reduce of no items must return 0");
    cr_assert_eq(value_get(value), expected, "value_reduce of no items changed the value");
    cr_assert_eq(reduce(value, counted, ITEMS, 5), 0, "value_reduce must return 0");
    for (int i = 0; i < ITEMS; i++)
        cr_assert_eq(seen->computed[i], 1, "item %d was computed %d times instead of once", i, seen->computed[i]);
    cr_assert_eq(
        seen->strays, 0,
        "%d processes of reductions came back from value_reduce and ran on in the caller's code: a forked process "
        "must end by _exit.",
        seen->strays);
    value_free(value);
    check_two_reductions();
    check_nested_reduction();
}

static bool two_at_work(void *unused)
{
    (void)unused;
    return atomic_load(&seen->pids[1]) != 0;
}

/* Item 0 ends only after another process has begun an item. */
static int64_t not_alone(uint64_t index)
{
    enter_pid();
    if (index == 0 && !timing_wait_until(two_at_work, NULL, PATIENCE))
        atomic_store(&seen->alone, 1);
    return 1;
}

static int64_t enter_once(uint64_t index)
{
    static bool entered; /* of each process */
    (void)index;
    if (!entered)
        enter_pid();
    entered = true;
    return 1;
}

/* The next process is forked when the one before has done all that it found to do. */
static void check_late_processes(void)
{
    enum { ASKED = 4, COUNT = ASKED * 10000 };
    struct value *value = begin(0);
    atomic_store(&seen->forks_wait, 1);
    const int status = reduce(value, enter_once, COUNT, ASKED);
    atomic_store(&seen->forks_wait, 0);
    cr_assert_eq(status, 0, "value_reduce of %d items with %d processes returned %d", COUNT, ASKED, status);
    const int worked = enter_pid() - 1; /* now the caller is among them */
    cr_assert_eq(worked, ASKED,
                 "%d processes share %d items, each was forked when the one before was ready: only %d of them computed "
                 "an item. Where there are 10000 for each none may go without",
                 ASKED, COUNT, worked);
    cr_assert_eq(value_get(value), COUNT, "%d items of 1: the value must be %d, it is %ld", COUNT, COUNT,
                 (long)value_get(value));
    value_free(value);
}

enum { LONG = 5 << 19 };

static void reduce_long(struct value *value, int number)
{
    (void)number;
    atomic_store(&seen->noted[0], reduce(value, enter_once, LONG, 1));
}

/* What its processes tell the caller on the way may be more than a pipe holds. */
static void check_long_reduction(void)
{
    struct value *value = begin(0);
    atomic_store(&scarce_pipes, true);
    crew_start(value, reduce_long, 1);
    const int hung = crew_wait();
    for (int i = 0; hung > 0 && i < PIDS && seen->pids[i] != 0; i++)
        kill(seen->pids[i], SIGKILL); /* of the reduction: their parent is gone */
    cr_assert_eq(hung, 0,
                 "value_reduce of %d items hangs. If its processes write their sums into a pipe: that may hold one "
                 "page, and who waits for a process before it reads waits for ever",
                 LONG);
    cr_assert_eq(seen->noted[0], 0, "value_reduce of %d items returned %d", LONG, (int)seen->noted[0]);
    cr_assert_eq(value_get(value), LONG, "%d items of 1: the value must be %d, it is %ld", LONG, LONG,
                 (long)value_get(value));
    value_free(value);
}

LAB_TEST(reduce_works_side_by_side)
{
    enum { COUNT = 100000 };
    struct value *value = begin(0);
    const int status = reduce(value, not_alone, COUNT, 4);
    cr_assert_eq(status, 0, "value_reduce of %d items with 4 processes returned %d", COUNT, status);
    cr_assert_eq(seen->alone, 0, "4 processes: while one is busy with item 0, no other does anything");
    const int before = enter_pid() - 1; /* now the caller is among them, last if it was not before */
    cr_assert_eq(seen->pids[before], getpid(), "an item was computed in the caller instead of a forked process");
    cr_assert_leq(before, 4, "4 processes were asked for, items were computed in %d", before);
    cr_assert_eq(value_get(value), COUNT, "%d items of 1: the value must be %d, it is %ld", COUNT, COUNT,
                 (long)value_get(value));
    value_free(value);
    check_late_processes();
    check_long_reduction();
}

static int64_t deadly(uint64_t index)
{
    if (index == 37)
        raise(SIGKILL);
    return 1;
}

enum { KIN = 3 };

static bool all_met(void *unused)
{
    (void)unused;
    return atomic_load(&seen->pids[KIN - 1]) != 0;
}

static bool is_the_first(pid_t pid)
{
    bool first = true;
    for (int i = 0; i < KIN; i++)
        first &= pid <= seen->pids[i];
    return first;
}

/* The process that was forked first is killed when all have begun. The others work on, until value_reduce has
 * returned. */
static int64_t survive(uint64_t index)
{
    static bool begun; /* of each process */
    (void)index;
    if (begun)
        return 1;
    begun = true;
    enter_pid();
    if (!timing_wait_until(all_met, NULL, PATIENCE))
        atomic_store(&seen->alone, 1);
    else if (is_the_first(getpid()))
        raise(SIGKILL);
    timing_wait_until(is_set, &seen->done, GRACE);
    return 1;
}

static void check_survivors(void)
{
    struct value *value = begin(0);
    int left = 0;
    const int status = reduce(value, survive, KIN * 10000, KIN);
    for (int i = 0; i < KIN; i++)
        left += seen->pids[i] != 0 && kill(seen->pids[i], 0) == 0;
    atomic_store(&seen->done, 1);
    cr_assert_eq(seen->alone, 0, "%d processes share %d items, but not all of them have begun one", KIN, KIN * 10000);
    cr_assert_eq(status, -1, "one of %d processes was killed: value_reduce must return -1, it returned %d", KIN,
                 status);
    cr_assert_eq(left, 0,
                 "one of %d processes of value_reduce was killed: it returned while %d others were still there. It "
                 "must wait for all of them",
                 KIN, left);
    value_free(value);
}

static int64_t first_and_last(uint64_t index)
{
    (void)index;
    enter_pid();
    timing_wait_until(all_met, NULL, PATIENCE / 2);
    raise(SIGKILL);
    return 1;
}

/* More items than 32 bits can count; each process is killed in its first, when all have begun one. */
static void check_many_items(void)
{
    struct value *value = begin(0);
    const uint64_t count = (uint64_t)KIN << 32;
    const int status = reduce(value, first_and_last, count, KIN);
    const int began = enter_pid() - 1;
    cr_assert_eq(status, -1, "each of %d processes was killed: value_reduce must return -1, it returned %d", KIN,
                 status);
    cr_assert_eq(began, KIN,
                 "%d processes share %lu items, and each is killed in its first: only %d have begun one. Are the items "
                 "counted in 64 bits throughout?",
                 KIN, (unsigned long)count, began);
    value_free(value);
}

static int64_t ends_itself(uint64_t index)
{
    if (index == 1)
        raise(SIGTERM);
    return 1;
}

/* SIGKILL cannot be blocked; others can, and what is blocked when a process is forked is so in it, too. */
static void check_other_signal(void)
{
    struct value *value = begin(0);
    const int status = reduce(value, ends_itself, 100, 3);
    cr_assert_eq(
        status, -1,
        "item 1 ended its process by SIGTERM, which nobody has blocked or handles: value_reduce must return -1, "
        "it returned %d",
        status);
    value_free(value);
}

LAB_TEST(reduce_reports_a_death)
{
    check_other_signal();
    struct value *value = begin(0);
    const int status = reduce(value, deadly, 100, 3);
    cr_assert_eq(status, -1, "item 37 killed its process: value_reduce must return -1, it returned %d", status);
    const struct census now = census_take();
    cr_assert_eq(now.children, 0, "value_reduce has returned, %d of its processes are left (%d zombies)", now.children,
                 now.zombies);
    const int64_t before = value_get(value);
    cr_assert_eq(reduce(value, counted, 50, 3), 0, "after a death value_reduce does not work any more");
    cr_assert_eq(value_get(value), before + 50, "50 items of 1 after a death: expected %ld, got %ld", (long)before + 50,
                 (long)value_get(value));
    value_free(value);
    check_survivors();
    check_many_items();
}

static int64_t not_in_caller(uint64_t index)
{
    (void)index;
    if (getpid() == caller)
        atomic_fetch_add(&seen->in_caller, 1);
    return 1;
}

/* As when the system has no room for more processes: first there is room for none, then for one, two, three. */
static void reduce_with_failed_forks(struct value *value)
{
    enum { COUNT = 40000, ASKED = 4 };
    for (int possible = 0; possible < ASKED; possible++) {
        const int64_t before = value_get(value);
        atomic_store(&seen->forks_left, possible);
        const int status = reduce(value, not_in_caller, COUNT, ASKED);
        atomic_store(&seen->forks_left, INT_MAX);
        if (seen->forks_failed == 0) /* its processes come from elsewhere */
            break;
        cr_assert_eq(status, -1, "%d of %d processes could be forked: value_reduce must return -1, it returned %d",
                     possible, ASKED, status);
        const struct census now = census_take();
        cr_assert_eq(now.children, 0,
                     "%d of %d processes could be forked: value_reduce has returned and %d of them are left (%d "
                     "zombies)",
                     possible, ASKED, now.children, now.zombies);
        cr_assert_eq(seen->in_caller, 0,
                     "%d of %d processes could be forked: %d items were computed in the caller instead", possible,
                     ASKED, seen->in_caller);
        const int64_t added = value_get(value) - before;
        cr_assert(added >= 0 && added <= COUNT, "%d items of 1, of which some may be missing: %ld was added", COUNT,
                  (long)added);
    }
}

LAB_TEST(reduce_reports_a_failed_fork)
{
    struct census before = {0};
    caller = getpid();
    for (int round = 0; round < 2; round++) { /* what is made once may stay */
        struct value *value = begin(0);
        reduce_with_failed_forks(value);
        value_free(value);
        if (round == 0)
            before = census_take();
    }
    const struct census after = census_take();
    cr_assert(after.shared_maps <= before.shared_maps + 1 && after.descriptors <= before.descriptors,
              "forks of value_reduce failed, and after value_free %d shared mappings and %d descriptors more are there "
              "than before",
              after.shared_maps - before.shared_maps - 1, after.descriptors - before.descriptors);
}

/* Three each: when the last has begun, both reductions have noted those before it, in whatever order. */
enum { THREADS = 2, EACH = 3 };

struct reduction {
    struct value *value;
    int status;
};

static bool all_of_both_met(void *unused)
{
    (void)unused;
    return atomic_load(&seen->pids[THREADS * EACH - 1]) != 0;
}

/* The first item of each process waits until those of the other reduction have begun. */
static int64_t meet_both(uint64_t index)
{
    static bool begun; /* of each process */
    (void)index;
    if (!begun) {
        begun = true;
        enter_pid();
        timing_wait_until(all_of_both_met, NULL, PATIENCE / 2);
    }
    return 1;
}

static void *reduce_in_thread(void *argument)
{
    struct reduction *reduction = argument;
    start_line(THREADS);
    reduction->status = reduce(reduction->value, meet_both, EACH * 10000, EACH);
    return NULL;
}

static void reduce_in_two_threads(struct value *value, int number)
{
    pthread_t threads[THREADS];
    struct reduction reductions[THREADS] = {{.value = value}, {.value = other_value}};
    (void)number;
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, reduce_in_thread, &reductions[i]) != 0) {
            atomic_store(&seen->no_thread, 1);
            lab_test_child_exit(0);
        }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        atomic_store(&seen->noted[i], reductions[i].status);
    }
    const struct census now = census_take();
    atomic_store(&seen->noted[2], now.children);
}

static void check_reductions_in_threads(void)
{
    enum { EXPECTED = EACH * 10000 };
    struct value *value = begin(0);
    other_value = value_create(0);
    cr_assert_not_null(other_value, "the second value_create returned NULL");
    crew_start(value, reduce_in_two_threads, 1);
    const int hung = crew_wait();
    cr_assert_eq(seen->no_thread, 0, "the test got no thread");
    cr_assert_eq(hung, 0, "two threads of a process call value_reduce at the same time: it hangs");
    cr_assert(seen->noted[0] == 0 && seen->noted[1] == 0,
              "two threads of a process call value_reduce at the same time, each on a value of its own: it returned %d "
              "and %d",
              (int)seen->noted[0], (int)seen->noted[1]);
    cr_assert_eq(seen->noted[2], 0,
                 "two threads of a process called value_reduce at the same time: both have returned, %d of their "
                 "processes are left. Do they share what value_reduce notes about its processes?",
                 (int)seen->noted[2]);
    for (int i = 0; i < THREADS; i++) {
        const int64_t got = value_get(i == 0 ? value : other_value);
        cr_assert_eq(got, EXPECTED,
                     "two threads of a process called value_reduce at the same time, each with %d items of 1: a value "
                     "must become %d, it is %ld",
                     EXPECTED, EXPECTED, (long)got);
    }
    value_free(value);
    value_free(other_value);
}

LAB_TEST(reduce_waits_for_its_own)
{
    static const unsigned processes[] = {3, 1, 64};
    struct value *value = begin(0);
    siginfo_t how;
    int status = 0;
    const pid_t child = fork();
    if (child == 0)
        lab_test_child_exit(7);
    cr_assert_gt(child, 0, "the test could not fork");
    while (waitid(P_PID, (id_t)child, &how, WEXITED | WNOWAIT) < 0 && errno == EINTR)
        continue;
    for (int i = 0; i < 3; i++) {
        const int result = reduce(value, counted, ITEMS, processes[i]);
        if (seen->forks_failed > 0) /* the system is too full for so many */
            break;
        cr_assert_eq(result, 0, "value_reduce of %d items with %u processes returned %d", ITEMS, processes[i], result);
        const struct census now = census_take();
        cr_assert_leq(now.children, 1, "value_reduce has returned, %d of its processes are left (%d zombies)",
                      now.children - 1, now.zombies - 1);
    }
    cr_assert_eq(waitpid(child, &status, 0), child,
                 "value_reduce waited for a child of the caller that is not its own");
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 7, "the caller's own child did not end as it should");
    value_free(value);
    check_reductions_in_threads();
}

/* ---- A fork beside a call ---- */

static void *double_in_thread(void *value)
{
    double_it(value, 0);
    return value;
}

static void use_when_updated(struct value *value, int number)
{
    (void)number;
    await(&seen->updated);
    value_get(value);
    value_add(value, 10);
    add_by_update(value, 100);
}

/* One of the processes comes in while the thread of its parent is still inside, the other one afterwards. */
static void check_children_of_updater(void)
{
    struct value *value = begin(10);
    pthread_t thread;
    cr_assert_eq(pthread_create(&thread, NULL, double_in_thread, value), 0, "the test got no thread");
    await(&seen->in_fn);
    crew_start(value, use_when_updated, 1);
    crew_start(value, add_five_meanwhile, 1);
    pthread_join(thread, NULL);
    atomic_store(&seen->updated, 1);
    const int hung = crew_wait();
    cr_assert_eq(hung, 0,
                 "two processes were forked while another thread of their parent was inside value_update; that has "
                 "returned, but %d of them hang in their calls. A lock that fork copies while it is held is never "
                 "given back in the copy",
                 hung);
    const int64_t got = value_get(value);
    cr_assert_eq(got, 135,
                 "processes forked while another thread of their parent doubled 10 in value_update added 5 meanwhile, "
                 "10 and 100 afterwards: expected 135, got %ld",
                 (long)got);
    value_free(value);
}

static int64_t die_when_forked(int64_t old, void *arg)
{
    (void)arg;
    atomic_store(&seen->in_fn, 1);
    await(&seen->forked);
    raise(SIGKILL);
    return old + 1;
}

static void *die_in_thread(void *value)
{
    value_update(value, die_when_forked, NULL);
    return value;
}

/* Its process is killed inside value_update by another thread, and leaves a child behind that never uses the value. */
static void die_and_leave_child(struct value *value, int number)
{
    pthread_t thread;
    (void)number;
    if (pthread_create(&thread, NULL, die_in_thread, value) != 0) {
        atomic_store(&seen->no_thread, 1);
        raise(SIGKILL);
    }
    await(&seen->in_fn);
    if (fork() == 0) {
        timing_wait_until(is_set, &seen->stop, 2 * PATIENCE);
        lab_test_child_exit(0);
    }
    atomic_store(&seen->forked, 1);
    pthread_join(thread, NULL);
}

static void check_child_of_the_dead(void)
{
    struct value *value = begin(10);
    crew_start(value, die_and_leave_child, 1);
    crew.mortal = 1;
    int hung = crew_wait();
    cr_assert_eq(seen->no_thread, 0, "the test got no thread");
    cr_assert_eq(hung, 0, "a process forks while another thread of it is inside value_update, and hangs");
    crew_start(value, add_five, 1);
    hung = crew_wait();
    atomic_store(&seen->stop, 1);
    cr_assert_eq(
        hung, 0,
        "a process was killed inside value_update, a child that it had forked meanwhile lives and does not use "
        "the value: value_add in another process hangs, as if the child held the lock");
    cr_assert_eq(value_get(value), 15, "10, a killed update and 5 make 15, the value is %ld", (long)value_get(value));
    value_free(value);
}

static int64_t add_one_when_computed(int64_t old, void *arg)
{
    (void)arg;
    atomic_store(&seen->in_fn, 1);
    timing_wait_until(is_set, &seen->computed[0], GRACE);
    return old + 1;
}

static void *update_during_reduction(void *value)
{
    value_update(value, add_one_when_computed, NULL);
    return value;
}

static int64_t counted_by(uint64_t index)
{
    enter_pid();
    return counted(index);
}

static void reduce_beside_update(struct value *value, int number)
{
    pthread_t thread;
    (void)number;
    if (pthread_create(&thread, NULL, update_during_reduction, value) != 0) {
        atomic_store(&seen->no_thread, 1);
        return;
    }
    await(&seen->in_fn);
    atomic_store(&seen->noted[0], reduce(value, counted_by, ITEMS, 2));
    pthread_join(thread, NULL);
}

static void check_reduction_beside_update(void)
{
    struct value *value = begin(10);
    crew_start(value, reduce_beside_update, 1);
    const int hung = crew_wait();
    for (int i = 0; hung > 0 && i < PIDS && seen->pids[i] != 0; i++)
        kill(seen->pids[i], SIGKILL); /* of the reduction: their parent is gone */
    cr_assert_eq(seen->no_thread, 0, "the test got no thread");
    cr_assert_eq(hung, 0,
                 "value_reduce was called while another thread of the process was inside value_update; that has "
                 "returned, but value_reduce hangs");
    cr_assert_eq(seen->noted[0], 0, "value_reduce beside value_update in another thread returned %d",
                 (int)seen->noted[0]);
    cr_assert_eq(value_get(value), 11 + ITEMS, "10, an update by 1 and %d items of 1 make %d, the value is %ld", ITEMS,
                 11 + ITEMS, (long)value_get(value));
    value_free(value);
}

LAB_TEST(forked_beside_an_update)
{
    check_children_of_updater();
    check_child_of_the_dead();
    check_reduction_beside_update();
}

/* ---- Signals ---- */

enum { SIGNALS = 8 };

static void count_signal(int number)
{
    (void)number;
    atomic_fetch_add(&seen->handled, 1);
}

/* So that calls it interrupts fail with EINTR. */
static void handle_signals(void)
{
    const struct sigaction action = {.sa_handler = count_signal};
    sigaction(SIGUSR1, &action, NULL);
}

/* Sends the waiters signals, and gives those that think that it is their turn now the time to go on. */
static int64_t hold_and_disturb(int64_t old, void *arg)
{
    struct waiters *waiters = arg;
    int all = waiters->count;
    hold(waiters);
    for (int s = 0; s < SIGNALS; s++) {
        for (int i = 0; i < waiters->count; i++)
            kill(seen->pids[i], SIGUSR1);
        timing_sleep_ms(2);
    }
    timing_wait_until(others_are_done, &all, GRACE);
    return old + 1;
}

static void holder_that_disturbs(struct value *value, int number)
{
    struct waiters waiters = {.count = WAITERS};
    (void)number;
    value_update(value, hold_and_disturb, &waiters);
}

static void wait_through_signals(struct value *value, int number)
{
    handle_signals();
    wait_in_some_call(value, number);
    atomic_fetch_add(&seen->done, 1);
}

static void check_waiters_through_signals(void)
{
    struct value *value = begin(0);
    crew_start(value, holder_that_disturbs, 1);
    crew_start(value, wait_through_signals, WAITERS);
    const int hung = crew_wait();
    cr_assert_eq(hung, 0, "%d processes wait for a value and handle signals meanwhile: %d of them hang", WAITERS, hung);
    const int64_t got = value_get(value);
    cr_assert_eq(got, 111,
                 "one process was in value_update while others waited for the value, which handle a signal, without "
                 "SA_RESTART: 1, 10 and 100 were added, the value is %ld. A call that fails with EINTR has not waited",
                 (long)got);
    value_free(value);
}

static bool caller_sleeps(void *unused)
{
    (void)unused;
    return sleeps(caller);
}

static bool was_handled(void *before)
{
    return atomic_load(&seen->handled) > *(int *)before;
}

static void disturb_caller(void)
{
    for (int s = 0; s < SIGNALS; s++) {
        int before = atomic_load(&seen->handled);
        timing_wait_until(caller_sleeps, NULL, GRACE / SIGNALS);
        kill(caller, SIGUSR1);
        timing_wait_until(was_handled, &before, GRACE);
    }
    atomic_store(&seen->ready, 1);
}

/* When all have begun, one of them disturbs the caller. They end after that, when the caller is asleep again. */
static int64_t disturb(uint64_t index)
{
    static bool begun; /* of each process */
    (void)index;
    if (begun)
        return 1;
    begun = true;
    enter_pid();
    if (!timing_wait_until(all_met, NULL, PATIENCE))
        atomic_store(&seen->alone, 1);
    else if (is_the_first(getpid()))
        disturb_caller();
    await(&seen->ready);
    timing_wait_until(is_set, &seen->done, GRACE);
    return 1;
}

static void count_child(int number)
{
    (void)number;
}

static void check_reduction_through_signals(void)
{
    enum { COUNT = KIN * 10000 };
    struct value *value = begin(0);
    caller = getpid();
    handle_signals();
    signal(SIGCHLD, count_child);
    const int status = reduce(value, disturb, COUNT, KIN);
    struct sigaction child;
    sigset_t blocked;
    sigaction(SIGCHLD, NULL, &child);
    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    signal(SIGCHLD, SIG_DFL);
    cr_assert(child.sa_handler == count_child && !sigismember(&blocked, SIGCHLD) && !sigismember(&blocked, SIGUSR1),
              "its caller handles SIGCHLD, to hear of children of its own; value_reduce has taken the handler away, or "
              "blocks signals, and has not given back what was before");
    const struct census now = census_take();
    atomic_store(&seen->done, 1);
    cr_assert_eq(seen->alone, 0, "%d processes share %d items, but not all of them have begun one", KIN, COUNT);
    cr_assert_eq(
        status, 0,
        "its caller handled a signal, without SA_RESTART, while value_reduce waited: it must go on waiting and "
        "return 0, it returned %d",
        status);
    cr_assert_eq(now.children, 0,
                 "its caller handled a signal, without SA_RESTART, while value_reduce waited: it returned with %d of "
                 "its processes left (%d zombies). A waitpid that fails with EINTR has waited for nobody",
                 now.children, now.zombies);
    cr_assert_eq(value_get(value), COUNT, "%d items of 1: the value must be %d, it is %ld", COUNT, COUNT,
                 (long)value_get(value));
    value_free(value);
}

static void note_child(int number, siginfo_t *how, void *context)
{
    (void)number;
    (void)how;
    (void)context;
}

/* The first signal that is in one set and not in the other; 0: there is none. */
static int first_difference(const sigset_t *one, const sigset_t *other)
{
    for (int number = 1; number < NSIG; number++)
        if (sigismember(one, number) != sigismember(other, number))
            return number;
    return 0;
}

/* The caller has a handler for SIGCHLD that is told more, and has blocked that and another signal. */
static void check_signal_state(void)
{
    const int flags = SA_SIGINFO | SA_RESTART | SA_NOCLDSTOP | SA_NODEFER | SA_ONSTACK;
    struct value *value = begin(0);
    struct sigaction before = {.sa_sigaction = note_child, .sa_flags = SA_SIGINFO | SA_NOCLDSTOP}, after;
    sigset_t blocked, still;
    sigaddset(&before.sa_mask, SIGUSR1);
    sigaction(SIGCHLD, &before, NULL);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGCHLD);
    sigaddset(&blocked, SIGUSR2);
    pthread_sigmask(SIG_SETMASK, &blocked, NULL);
    const int status = reduce(value, counted, ITEMS, 2);
    sigaction(SIGCHLD, NULL, &after);
    pthread_sigmask(SIG_SETMASK, NULL, &still);
    signal(SIGCHLD, SIG_DFL);
    pthread_sigmask(SIG_UNBLOCK, &blocked, NULL);
    cr_assert_eq(status, 0, "its caller has blocked SIGCHLD and SIGUSR2: value_reduce must return 0, it returned %d",
                 status);
    const int changed = first_difference(&blocked, &still);
    cr_assert_eq(
        changed, 0,
        "its caller has blocked SIGCHLD and SIGUSR2; after value_reduce SIG%s is %s. The mask must be as before",
        sigabbrev_np(changed), sigismember(&still, changed) == 1 ? "blocked, too" : "not blocked any more");
    cr_assert(after.sa_sigaction == note_child && (after.sa_flags & flags) == before.sa_flags &&
                  first_difference(&before.sa_mask, &after.sa_mask) == 0,
              "its caller handles SIGCHLD by a handler with SA_SIGINFO, SA_NOCLDSTOP and a mask; after value_reduce "
              "the handler, its flags (%#x, not %#x) or its mask are not as before",
              (unsigned)(after.sa_flags & flags), (unsigned)before.sa_flags);
    value_free(value);
}

static int64_t stops_itself(uint64_t index)
{
    if (index == 0) {
        atomic_store(&seen->waiter, getpid());
        raise(SIGSTOP);
        atomic_store(&seen->done, 1);
    }
    return 1;
}

static bool has_stopped(void *unused)
{
    (void)unused;
    return atomic_load(&seen->waiter) != 0 && thread_info_state(atomic_load(&seen->waiter)) == 'T';
}

/* Who takes it for one that has ended has the time to say so. */
static void *let_stopped_go_on(void *unused)
{
    timing_wait_until(has_stopped, NULL, PATIENCE);
    timing_wait_until(is_set, &seen->updated, GRACE);
    if (atomic_load(&seen->waiter) != 0) /* else no item was begun, and 0 is one's own process group */
        kill(atomic_load(&seen->waiter), SIGCONT);
    return unused;
}

static void check_stopped_process(void)
{
    enum { COUNT = 100 };
    struct value *value = begin(0);
    pthread_t thread;
    cr_assert_eq(pthread_create(&thread, NULL, let_stopped_go_on, NULL), 0, "the test got no thread");
    const int status = reduce(value, stops_itself, COUNT, 2);
    const int done = atomic_load(&seen->done);
    atomic_store(&seen->updated, 1);
    pthread_join(thread, NULL);
    cr_assert(
        done == 1 && status == 0 && value_get(value) == COUNT,
        "a process of value_reduce was stopped for a moment (SIGSTOP, SIGCONT), which is not its end: value_reduce "
        "returned %d %s, %d items of 1 make %ld",
        status, done == 1 ? "when all had ended" : "before it had ended", COUNT, (long)value_get(value));
    value_free(value);
}

LAB_TEST(signals_change_nothing)
{
    check_waiters_through_signals();
    check_reduction_through_signals();
    check_signal_state();
    check_stopped_process();
}

static void use_once(void)
{
    struct value *value = value_create(1);
    cr_assert_not_null(value, "value_create returned NULL");
    value_add(value, 1);
    add_by_update(value, 1);
    cr_assert_eq(reduce(value, counted, 4, 2), 0, "value_reduce of 4 items with 2 processes did not return 0");
    cr_assert_eq(reduce(value, counted, 0, 2), 0, "value_reduce of no items did not return 0");
    cr_assert_eq(value_get(value), 7, "1 and 1 and 1 and 4 items of 1 make 7, the value is %ld",
                 (long)value_get(value));
    value_free(value);
}

/* Without stdin, as a daemon runs, the first descriptor that is opened is 0, as good as any other. */
static void check_without_stdin(void)
{
    const int more = census_without_stdin(use_once);
    cr_assert_leq(
        more, 0,
        "in a program that has closed its stdin a value was made, used and freed, and %d descriptors are left "
        "open: 0 is a descriptor like any other, only a negative number is none",
        more);
}

/* Made in this process, which was forked from one that had made a value, too. */
static void make_and_free(struct value *value, int number)
{
    enum { ROUNDS = 50 };
    (void)value;
    (void)number;
    value_free(value_create(0));
    const struct census before = census_take();
    for (int i = 0; i < ROUNDS; i++)
        value_free(value_create(i));
    const struct census after = census_take();
    atomic_store(&seen->noted[0], after.shared_maps - before.shared_maps);
    atomic_store(&seen->noted[1], after.descriptors - before.descriptors);
}

static void check_made_in_forked_process(void)
{
    struct value *value = begin(0);
    crew_start(value, make_and_free, 1);
    cr_assert_eq(crew_wait(), 0, "a forked process that makes values and frees them hangs");
    cr_assert(
        seen->noted[0] <= 0 && seen->noted[1] <= 0,
        "a forked process has made values of its own and freed them: %d shared mappings and %d descriptors are left",
        (int)seen->noted[0], (int)seen->noted[1]);
    value_free(value);
}

LAB_TEST(free_leaves_nothing_behind)
{
    enum { ROUNDS = 50, CACHED = 8 }; /* glibc keeps seven freed blocks of a size, and counts them as in use */
    const struct leftovers none = leftovers_take();
    census_one_heap();
    value_free(begin(0));
    for (int i = 0; i < CACHED; i++)
        use_once();
    const struct census before = census_take();
    for (int i = 0; i < ROUNDS; i++)
        use_once();
    const struct census after = census_settle(&before);
    cr_assert_leq(after.shared_maps, before.shared_maps, "%d values were made and freed, %d shared mappings are left",
                  ROUNDS, after.shared_maps - before.shared_maps);
    cr_assert_eq(after.descriptors, before.descriptors, "%d values were made and freed, %d descriptors are left open",
                 ROUNDS, after.descriptors - before.descriptors);
    cr_assert_leq(after.children, before.children, "%d values were made, used and freed, %d processes are left", ROUNDS,
                  after.children - before.children);
    cr_assert_leq(after.threads, before.threads, "%d values were made and freed, %d threads are left", ROUNDS,
                  after.threads - before.threads);
    cr_assert_lt(after.heap_bytes, before.heap_bytes + ROUNDS * 16,
                 "%d values were made and freed, %zu bytes of the heap are left", ROUNDS,
                 after.heap_bytes - before.heap_bytes);
    const char *left = leftovers_since(&none);
    cr_assert_null(left, "values were made and freed, and these stay when all processes have ended: %s", left);
    check_without_stdin();
    check_made_in_forked_process();
}
