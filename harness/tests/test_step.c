/* Unit tests of step.c: a hole of one instruction is found on each run, and whoever else runs the same code lives. */
#include <criterion/criterion.h>

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>

#include "../step.h"
#include "../timing.h"

static volatile long number;
static long rounds, lost;
static atomic_bool stop;

/* Not atomic: a call between its load and its store is lost. */
__attribute__((noinline)) static void add_one(volatile long *to)
{
    const long before = *to;
    *to = before + 1;
}

/* Twice, with a library function in between, so that the walker comes along the same places again. */
static void *walk(void *argument)
{
    char copy[8];
    step_begin();
    add_one(&number);
    strncpy(copy, argument, sizeof copy);
    add_one(&number);
    step_end();
    step_over();
    return NULL;
}

static void play(void *unused)
{
    pthread_t thread;
    const long before = number;
    (void)unused;
    cr_assert_eq(pthread_create(&thread, NULL, walk, "walker"), 0);
    step_wait_held(5);
    step_other_begins();
    add_one(&number);
    step_other_done();
    cr_assert(step_wait_over(5));
    pthread_join(thread, NULL);
    rounds++;
    lost += number != before + 3;
}

/* One store is lost in either call, after the load and up to the store: two rounds each at the least. */
static void check(void)
{
    step_check_each(play, NULL);
#ifdef __x86_64__
    cr_expect_gt(rounds, 20, "%ld rounds", rounds);
    cr_expect_geq(lost, 2, "%ld of %ld rounds lost an update", lost, rounds);
    cr_expect_lt(lost, rounds, "each of %ld rounds lost an update", rounds);
#endif
}

Test(step, finds_a_lost_update_in_the_first_and_the_second_call)
{
    step_begin_test();
    check();
}

static void *add_along(void *unused)
{
    volatile long own = 0;
    while (!atomic_load(&stop))
        add_one(&own);
    return unused;
}

/* The same code, run by another thread all the time: it takes each breakpoint away. */
static void check_along(void)
{
    check();
    atomic_store(&stop, true);
}

Test(step, finds_it_while_a_thread_that_was_there_before_runs_the_same_code)
{
    pthread_t thread;
    cr_assert_eq(pthread_create(&thread, NULL, add_along, NULL), 0);
    step_begin_test();
    check_along();
    pthread_join(thread, NULL);
}

Test(step, finds_it_while_a_thread_that_would_die_of_a_breakpoint_runs_the_same_code)
{
    pthread_t thread;
    sigset_t all, before;
    step_begin_test();
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    cr_assert_eq(pthread_create(&thread, NULL, add_along, NULL), 0);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    check_along();
    pthread_join(thread, NULL);
}

static void *walk_blocked(void *unused)
{
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    return walk(unused);
}

static void play_blocked(void *unused)
{
    pthread_t thread;
    cr_assert_eq(pthread_create(&thread, NULL, walk_blocked, "walker"), 0);
    step_wait_held(5);
    step_other_done();
    pthread_join(thread, NULL);
    (void)unused;
    rounds++;
}

Test(step, a_walker_that_blocks_all_signals_is_left_alone)
{
    step_begin_test();
    step_check_each(play_blocked, NULL);
    cr_expect_eq(rounds, 2);
}

/* Sleep is time that counts, on a busy machine as well. */
static void play_slowly(void *unused)
{
    timing_sleep_ms(500);
    play(unused);
}

Test(step, a_check_ends_when_its_time_is_over)
{
    step_begin_test();
    step_check_each(play_slowly, NULL);
    cr_expect_leq(rounds, 6, "%ld rounds of half a second in 2.5 s", rounds);
}
