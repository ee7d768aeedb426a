/*
 * scenarios.c: counters and counts that few threads use at once, for the schedule explorer, which runs each of these
 * programs in every order of its steps that matters.
 *
 * Most threads here call one function once. A lock that is taken in another function, or an atomic variable of the
 * scenario's own, would order the threads and hide the place where the hand-in forgot it.
 */
#include "counter.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <unistd.h>

#include "scenario.h"

static struct counter *counter;

static struct counter *new_counter(void)
{
    struct counter *made = counter_create();
    scenario_expect(made != NULL, "counter_create returned NULL although there is memory");
    return made;
}

/* The pointer goes, too: what nothing leads to and was not released is a leak. */
static void release_counter(void)
{
    counter_free(counter);
    counter = NULL;
}

static pthread_t start(void *(*job)(void *), void *argument)
{
    pthread_t thread;
    scenario_expect(pthread_create(&thread, NULL, job, argument) == 0, "cannot start a thread");
    return thread;
}

static void *increment(void *argument)
{
    counter_increment(counter);
    return argument;
}

static void *add_five(void *argument)
{
    counter_add(counter, 5);
    return argument;
}

/* The thread that releases the counter has memory. */
static void *increment_without_memory(void *argument)
{
    scenario_limit_memory(0);
    counter_increment(counter);
    return argument;
}

static void increment_twice_at_once(void *(*job)(void *), const char *otherwise)
{
    counter = new_counter();
    const pthread_t one = start(job, NULL), other = start(job, NULL);
    pthread_join(one, NULL);
    pthread_join(other, NULL);
    scenario_expect(counter_value(counter) == 2, otherwise);
    release_counter();
}

SCENARIO(two_increments)
{
    increment_twice_at_once(increment,
                            "an increment is lost: two threads incremented once each, and the value is not 2");
    increment_twice_at_once(
        increment_without_memory,
        "an increment is lost when there is no memory to be had any more: two threads incremented once each, and the "
        "value is not 2. An increment cannot fail");
}

static void *add_nothing(void *argument)
{
    counter_add(counter, 0);
    return argument;
}

SCENARIO(increment_meets_add)
{
    counter = new_counter();
    const pthread_t threads[] = {start(increment, NULL), start(add_five, NULL), start(add_nothing, NULL)};
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    scenario_expect(counter_value(counter) == 6, "an update is lost: 0 + 1 + 5 + 0 is not 6");
    release_counter();
}

static void *add_least(void *argument)
{
    counter_add(counter, INT64_MIN);
    return argument;
}

/* No amount is special: any of them may stand for itself only. */
SCENARIO(extremes_meet)
{
    counter = new_counter();
    const pthread_t thread = start(add_least, NULL);
    counter_add(counter, INT64_MAX);
    pthread_join(thread, NULL);
    scenario_expect(
        counter_value(counter) == -1,
        "an update is lost: the least and the largest int64_t were added at the same time, and the value is "
        "not -1");
    release_counter();
}

static void *read_value(void *argument)
{
    counter_value(counter);
    return argument;
}

static void ignore_signal(int number)
{
    (void)number;
}

static void *increment_and_look(void *seen)
{
    counter_increment(counter);
    *(int64_t *)seen = counter_value(counter);
    return NULL;
}

/* Two threads increment and look: whose increment was the later one to be finished must see both. */
static void look_after_increments(void)
{
    int64_t seen[2];
    counter = new_counter();
    const pthread_t one = start(increment_and_look, &seen[0]), other = start(increment_and_look, &seen[1]);
    pthread_join(one, NULL);
    pthread_join(other, NULL);
    scenario_expect(
        seen[0] == 2 || seen[1] == 2,
        "two threads incremented and then looked, and neither saw both increments: the one that looked last "
        "began when both had returned");
    release_counter();
}

static atomic_bool returned;

static const int64_t BASE = 0xffffffff; /* the next increment changes both halves of the 64 bits */

static void *increment_and_say_so(void *argument)
{
    counter_increment(counter);
    atomic_store(&returned, true);
    const int64_t value = counter_value(counter) - BASE;
    scenario_expect(value == 1 || value == 6,
                    "the value lacks an increment that this thread had made before, while another thread looks, too");
    return argument;
}

/* The reader may find an update that is under way done or not, but it must find what was finished before, and it must
 * not find half of a number. */
SCENARIO(value_meets_updates)
{
    look_after_increments();
    counter = new_counter();
    counter_add(counter, BASE);
    const pthread_t one = start(increment_and_say_so, NULL), other = start(add_five, NULL);
    const bool finished = atomic_load(&returned);
    const int64_t value = counter_value(counter) - BASE;
    scenario_expect(
        value == 0 || value == 1 || value == 5 || value == 6,
        "counter_value says what the counter never stood at, such as half of one number and half of another");
    scenario_expect(!finished || value == 1 || value == 6,
                    "the value lacks an increment that had returned before the look");
    pthread_join(one, NULL);
    pthread_join(other, NULL);
    scenario_expect(counter_value(counter) == BASE + 6, "the value lacks an update that was finished before");
    release_counter();
}

/* If each thread has a cell of its own, to which nobody else writes, and there are fewer cells than threads, some share
 * one. All are there before the first of them increments, and until the value is read. */
enum { CROWD = 100 };

static pthread_barrier_t meeting;

static void *increment_in_crowd(void *argument)
{
    pthread_barrier_wait(&meeting);
    counter_increment(counter);
    pthread_barrier_wait(&meeting);
    return argument;
}

SCENARIO(crowd_increments)
{
    pthread_t threads[CROWD];
    counter = new_counter();
    pthread_barrier_init(&meeting, NULL, CROWD + 1);
    for (int i = 0; i < CROWD; i++)
        threads[i] = start(increment_in_crowd, NULL);
    pthread_barrier_wait(&meeting);
    pthread_barrier_wait(&meeting);
    scenario_expect(counter_value(counter) == CROWD,
                    "an increment is lost: 100 threads incremented once each, all at the same time, and the value is "
                    "not 100");
    for (int i = 0; i < CROWD; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&meeting);
    release_counter();
}

/* Counters have nothing to do with one another, and each is made and released while another thread does the same. */
static void *use_own(void *argument)
{
    struct counter *own = new_counter();
    counter_add(own, 5);
    counter_increment(own);
    scenario_expect(counter_value(own) == 6, "a counter of this thread's own shows updates of another counter");
    counter_free(own);
    return argument;
}

SCENARIO(a_counter_each)
{
    const pthread_t thread = start(use_own, NULL);
    use_own(NULL);
    pthread_join(thread, NULL);
}

/* What belonged to counters that are gone may be used for new ones: by one of them. */
static struct counter *made_meanwhile;

static void *make_two_and_release_one(void *argument)
{
    struct counter *first = new_counter();
    made_meanwhile = new_counter();
    counter_free(first);
    return argument;
}

SCENARIO(counters_come_and_go)
{
    struct counter *gone[] = {new_counter(), new_counter()};
    counter_free(gone[0]);
    counter_free(gone[1]);
    const pthread_t thread = start(make_two_and_release_one, NULL);
    struct counter *one = new_counter();
    pthread_join(thread, NULL);
    struct counter *other = new_counter();
    counter_add(one, 1);
    counter_add(other, 20);
    counter_add(made_meanwhile, 300);
    scenario_expect(counter_value(one) == 1 && counter_value(other) == 20 && counter_value(made_meanwhile) == 300,
                    "two counters that are in use are one and the same");
    counter_free(one);
    counter_free(other);
    counter_free(made_meanwhile);
}

/* All but 0, so that an integer asked about twice or left out shows in the sum. */
static bool not_zero(int64_t number)
{
    return number != 0;
}

static void *signal_somebody(void *argument)
{
    kill(getpid(), SIGUSR1);
    return argument;
}

/* Whoever has it not blocked may get it: the caller, or a thread that the count has started. */
static void count_beside_a_signal(void)
{
    const pthread_t thread = start(signal_somebody, NULL);
    scenario_expect(
        counter_count(not_zero, 3, 2) == 2,
        "of 0, 1, 2 two are not 0, and counter_count says otherwise when a signal hits one of its threads or "
        "its caller meanwhile");
    pthread_join(thread, NULL);
}

/* The handler has no SA_RESTART: a call that waits, such as sem_wait, comes back with EINTR, and nothing is locked. */
SCENARIO(signals_meet_updates)
{
    const struct sigaction action = {.sa_handler = ignore_signal};
    sigaction(SIGUSR1, &action, NULL);
    counter = new_counter();
    const pthread_t threads[] = {start(increment, NULL), start(add_five, NULL), start(read_value, NULL)};
    for (int i = 0; i < 3; i++)
        pthread_kill(threads[i], SIGUSR1);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    scenario_expect(counter_value(counter) == 6,
                    "an update is lost: 0 + 1 + 5 is not 6 when a signal hits the threads meanwhile");
    release_counter();
    count_beside_a_signal();
}

SCENARIO(count_on_two_threads)
{
    scenario_expect(counter_count(not_zero, 5, 2) == 4,
                    "of 0, 1, 2, 3, 4 four are not 0, and counter_count says otherwise");
    scenario_expect(counter_count(not_zero, 1, 2) == 0, "there is nothing but 0, and counter_count says otherwise");
}

/* Hand-ins share out their work in blocks of some hundreds or thousands: here are enough for everybody. */
SCENARIO(count_in_blocks)
{
    enum { N = 10000 };
    scenario_expect(counter_count(not_zero, N, 2) == N - 1,
                    "of 0 ... 9999 all but one are not 0, and counter_count says otherwise");
}

/* Calls of the predicate: in the lower half those under way, in the upper half all there were. */
enum { CALL = 0x10000, UNDER_WAY = CALL - 1 };

static atomic_int calls;

/* The predicate is free to call what this header offers. */
static bool even_by_header(int64_t number)
{
    const int before = atomic_fetch_add(&calls, CALL + 1);
    scenario_expect((before & UNDER_WAY) < 2,
                    "more calls of the predicate are under way at once than counter_count was given threads");
    counter_increment(counter);
    if (number == 0)
        scenario_expect(counter_count(not_zero, 2, 1) == 1, "a count within a predicate is wrong");
    else
        scenario_expect(counter_count(not_zero, 0, 1) == 0, "a count of no integers within a predicate is not 0");
    atomic_fetch_sub(&calls, 1);
    return number % 2 == 0;
}

SCENARIO(predicate_uses_the_header)
{
    counter = new_counter();
    scenario_expect(counter_count(even_by_header, 3, 2) == 2,
                    "of 0, 1, 2 two are even, and counter_count says otherwise when the predicate itself calls "
                    "counter_count each time (asked about 1 and 2, with n = 0)");
    scenario_expect(atomic_load(&calls) == 3 * CALL, "the predicate was not called exactly once for each of 0, 1, 2");
    scenario_expect(counter_value(counter) == 3, "an increment is lost: the predicate incremented 3 times");
    release_counter();
}

static void *count_another(void *argument)
{
    scenario_expect(counter_count(not_zero, 3, 1) == 2, "two counts at the same time disturb each other");
    return argument;
}

static bool even(int64_t number)
{
    return number % 2 == 0;
}

SCENARIO(two_counts_at_once)
{
    const pthread_t thread = start(count_another, NULL);
    scenario_expect(counter_count(even, 2, 2) == 1, "two counts at the same time disturb each other");
    pthread_join(thread, NULL);
}
