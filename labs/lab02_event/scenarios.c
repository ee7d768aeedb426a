/*
 * scenarios.c: events and tasks that few threads use at once, for the schedule explorer, which runs each of these
 * programs in every order of its steps that matters, with waits that end for no reason and time-outs at any moment.
 *
 * The clock is virtual: a timed wait may be over before another thread has done its next step. So a wait that ends with
 * false is right at any point in the order of steps, but never before its time is up by the clock.
 */
#include "event.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <time.h>

#include "scenario.h"

static struct event *event;

static void make_event(void)
{
    event = event_create();
    scenario_expect(event != NULL, "event_create returned NULL although there is memory");
}

/* The pointer goes, too: what nothing leads to and was not released is a leak. */
static void release_event(void)
{
    event_free(event);
    event = NULL;
}

static pthread_t start_with(void *(*job)(void *), void *argument)
{
    pthread_t thread;
    scenario_expect(pthread_create(&thread, NULL, job, argument) == 0, "cannot start a thread");
    return thread;
}

static pthread_t start(void *(*job)(void *))
{
    return start_with(job, NULL);
}

static void *wait_plainly(void *argument)
{
    event_wait(event);
    return argument;
}

SCENARIO(set_wakes_all)
{
    make_event();
    const pthread_t one = start(wait_plainly), other = start(wait_plainly);
    event_set(event);
    event_wait(event);
    scenario_expect(event_is_set(event), "an event that was set and not cleared is not set any more");
    scenario_expect(event_wait_for(event, 0), "event_wait_for(0) does not see that the event is set");
    pthread_join(one, NULL);
    pthread_join(other, NULL);
    release_event();
}

static atomic_bool about_to_set;

static void *wait_for_the_set(void *argument)
{
    event_wait(event);
    scenario_expect(atomic_load(&about_to_set), "event_wait came back although the event was not set");
    return argument;
}

SCENARIO(wait_returns_for_a_set_only)
{
    make_event();
    event_set(event);
    event_clear(event);
    scenario_expect(!event_is_set(event), "an event that was cleared is still set");
    const pthread_t waiter = start(wait_for_the_set);
    event_clear(event); /* is no set */
    atomic_store(&about_to_set, true);
    event_set(event);
    event_clear(event);
    scenario_expect(!event_wait_for(event, 1000),
                    "event_wait_for returned true although the event was cleared before the call and not set since: "
                    "the set before was for those who waited then");
    event_set(event);
    pthread_join(waiter, NULL);
    release_event();
}

/* Not atomic: only the event orders the two accesses. */
static int message;

static void *wait_and_read(void *argument)
{
    event_wait(event);
    scenario_expect(message == 42, "event_wait came back, and what was written before event_set is not there");
    return argument;
}

/* Whether it only looks, is woken, or looks once more when its time is up: true is true. */
static void *wait_for_a_time_and_read(void *argument)
{
    if (event_wait_for(event, 0) || event_wait_for(event, 1000))
        scenario_expect(message == 42,
                        "event_wait_for returned true, and what was written before event_set is not there");
    return argument;
}

/* One after the other: each on a message of its own time. */
static void write_for(void *(*reader)(void *))
{
    message = 0;
    event_clear(event);
    const pthread_t waiter = start(reader);
    message = 42;
    event_set(event);
    pthread_join(waiter, NULL);
}

SCENARIO(what_was_written_is_seen)
{
    make_event();
    write_for(wait_and_read);
    write_for(wait_for_a_time_and_read);
    release_event();
}

static void *set(void *argument)
{
    event_set(event);
    return argument;
}

static void *clear(void *argument)
{
    event_clear(event);
    return argument;
}

static void *look(void *argument)
{
    event_is_set(event);
    return argument;
}

/* Two clears meet, while one whom a set has released is on its way out. Who begins to wait after the first clear is not
 * to be forgotten by the second, nor waited for. */
static void clear_twice_at_once(void)
{
    const pthread_t released = start(wait_plainly);
    event_set(event);
    const pthread_t clearer = start(clear);
    event_clear(event);
    const pthread_t waiter = start(wait_plainly);
    pthread_join(clearer, NULL);
    event_set(event);
    pthread_join(released, NULL);
    pthread_join(waiter, NULL);
}

/* Each thread calls one function only: a lock that is taken in another would hide where it is forgotten. */
SCENARIO(set_clear_and_look)
{
    make_event();
    clear_twice_at_once();
    event_clear(event);
    const pthread_t threads[] = {start(set), start(clear), start(look)};
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    event_set(event);
    scenario_expect(event_is_set(event), "an event that was set last is not set");
    event_clear(event);
    scenario_expect(!event_is_set(event), "an event that was cleared last is set");
    release_event();
}

static int64_t milliseconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

/* What errno holds at the beginning of a call is left from an earlier one, here from a wait whose time was up. */
static bool wait_by_the_clock(unsigned milliseconds, int64_t *passed)
{
    const int64_t begin = milliseconds_now();
    errno = ETIMEDOUT;
    const bool was_set = event_wait_for(event, milliseconds);
    *passed = milliseconds_now() - begin;
    scenario_expect(
        was_set || *passed >= milliseconds,
        "event_wait_for returned false before its time was up by CLOCK_MONOTONIC. Meanwhile the date is set, "
        "an event that is set may be cleared at once (who has seen it set returns true, who has not waits "
        "on), and errno holds an ETIMEDOUT of an earlier call: none of these ends the time.");
    return was_set;
}

static void *create_and_free(void *argument)
{
    event_free(event_create());
    return argument;
}

/* What all events share and the first one makes has to be complete for the second one, too: the choice of a clock. */
static void make_event_beside_another(void)
{
    const pthread_t beside = start(create_and_free);
    make_event();
    pthread_join(beside, NULL);
}

static void *set_and_clear(void *argument)
{
    event_set(event);
    event_clear(event);
    return argument;
}

static const unsigned LONG = 3000000600; /* milliseconds: negative as an int, and any value will do */

/* At the end nobody is left who could set the event or take up time. The clock begins at nine tenths of a second: the
 * first wait is to end at a full second, unless time has passed, and the second with a carry.
 *
 * The long wait may end late, for time passes elsewhere, too: the clock jumps where a lock is waited for with a
 * time-out, and moves by an eighth for who reads it again and again. Who begins anew halfway waits for half as long
 * again. */
SCENARIO(set_or_time_out)
{
    int64_t passed;
    scenario_restless_date();
    make_event_beside_another();
    const pthread_t setter = start(set);
    const bool was_set = wait_by_the_clock(5100, &passed);
    scenario_expect(!was_set || event_is_set(event), "event_wait_for returned true although the event was not set");
    pthread_join(setter, NULL);
    scenario_expect(event_wait_for(event, 0), "event_wait_for(0) does not see that the event is set");
    event_clear(event);
    const pthread_t blinker = start(set_and_clear); /* wakes who waits, and who finds the event cleared waits on */
    wait_by_the_clock(LONG, &passed);
    pthread_join(blinker, NULL);
    scenario_expect(passed < LONG + (int64_t)LONG / 4,
                    "event_wait_for took much longer than its time: a wake-up in between began it anew");
    scenario_expect(!wait_by_the_clock(UINT_MAX, &passed),
                    "event_wait_for returned true although the event was cleared");
    release_event();
}

static void *wait_a_long_time(void *argument)
{
    event_wait_for(event, UINT_MAX);
    return argument;
}

static void do_nothing(void *arg, size_t index)
{
    (void)arg;
    (void)index;
}

/* To clear an event that is not set changes nothing, for those who sleep neither. */
static void set_when_asleep(void)
{
    scenario_until_all_sleep();
    event_clear(event);
    event_set(event);
}

static void *join_tasks(void *tasks)
{
    event_tasks_join(tasks);
    return NULL;
}

/* One after the other, each on an event that was cleared before. With the tasks one sleeps who waits for their ends. */
SCENARIO(waiting_is_sleeping)
{
    make_event();
    const pthread_t plain = start(wait_plainly);
    set_when_asleep();
    pthread_join(plain, NULL);
    event_clear(event);
    const pthread_t timed = start(wait_a_long_time);
    set_when_asleep();
    pthread_join(timed, NULL);
    event_clear(event);
    struct event_tasks *tasks = event_tasks_start(event, 1, do_nothing, NULL);
    scenario_expect(tasks != NULL, "event_tasks_start returned NULL although there are memory and threads");
    const pthread_t joiner = start_with(join_tasks, tasks);
    set_when_asleep();
    pthread_join(joiner, NULL);
    release_event();
}

enum { TASKS = 2 };

static struct event *second;
static int runs[TASKS];
static pthread_key_t key;
static atomic_int ended;

/* The last thing that a thread does which has a value for the key. */
static void note_end(void *value)
{
    (void)value;
    atomic_fetch_add(&ended, 1);
}

/* Task 0 blocks until task 1 has run, and a lock that is held meanwhile is in the way of event_set. */
static void meet(void *arg, size_t index)
{
    scenario_expect(atomic_load(&about_to_set), "a task runs although the event was not set");
    scenario_expect(arg == runs && index < TASKS, "a task runs with an arg or an index that is not its own");
    runs[index]++;
    pthread_setspecific(key, arg);
    if (index == 0)
        event_wait(second);
    else {
        event_set(event); /* is set: nothing to wait for */
        event_set(second);
    }
}

static void *set_and_say_so(void *argument)
{
    atomic_store(&about_to_set, true);
    event_set(event);
    return argument;
}

SCENARIO(tasks_run_together)
{
    make_event();
    event_tasks_join(event_tasks_start(event, 0, meet, runs)); /* nothing of it may be left that the event wakes */
    second = event_create();
    pthread_key_create(&key, note_end);
    const pthread_t setter = start(set_and_say_so);
    struct event_tasks *tasks = event_tasks_start(event, TASKS, meet, runs);
    scenario_expect(tasks != NULL, "event_tasks_start returned NULL although there are memory and threads");
    event_tasks_join(tasks);
    scenario_expect(atomic_load(&ended) == TASKS,
                    "event_tasks_join returned although the threads of the tasks have not ended: that their tasks have "
                    "run is not enough.");
    pthread_join(setter, NULL);
    scenario_expect(runs[0] == 1 && runs[1] == 1, "a task has not run exactly once");
    event_free(second);
    second = NULL;
    release_event();
}

static void count_run(void *arg, size_t index)
{
    (void)index;
    atomic_fetch_add((atomic_int *)arg, 1);
}

static atomic_int runs_of_one, runs_of_other, runs_of_two;

static void *start_one_task(void *runs_of_it)
{
    struct event_tasks *tasks = event_tasks_start(event, 1, count_run, runs_of_it);
    scenario_expect(tasks != NULL, "event_tasks_start returned NULL although there are memory and threads");
    event_tasks_join(tasks);
    return NULL;
}

static struct event_tasks *start_two_with(unsigned threads)
{
    scenario_limit_threads(threads);
    struct event_tasks *tasks = event_tasks_start(event, 2, count_run, &runs_of_two);
    scenario_limit_threads(UINT_MAX);
    return tasks;
}

/* Each index leaves a trace of its own: the sum tells whether each was met once. */
static void add_trace(void *sum, size_t index)
{
    atomic_fetch_add((atomic_int *)sum, index < TASKS ? 1 << 8 * index : INT_MIN);
}

static void *run_group(void *argument)
{
    atomic_int sum = 0;
    struct event_tasks *tasks = event_tasks_start(event, TASKS, add_trace, &sum);
    scenario_expect(tasks != NULL, "event_tasks_start returned NULL although there are memory and threads");
    event_tasks_join(tasks);
    scenario_expect(atomic_load(&sum) == (1 | 1 << 8),
                    "Two threads start a group of two tasks each at the same time, and the tasks of one group did not "
                    "run once each with the indexes 0 and 1.");
    return argument;
}

SCENARIO(groups_do_not_mix)
{
    make_event();
    event_set(event);
    const pthread_t other = start(run_group);
    run_group(NULL);
    pthread_join(other, NULL);
    release_event();
}

/* The event is nobody's means to wake the threads that are not needed: others wait for it, too. Nor does a thread that
 * starts the others once the event is set do: then it is too late to say that there are too few. */
SCENARIO(starting_is_no_set)
{
    make_event();
    const pthread_t waiter = start(wait_for_the_set);
    const int before = scenario_count_threads();
    struct event_tasks *tasks = start_two_with(1);
    scenario_expect(!event_is_set(event), "event_tasks_start has set the event.");
    scenario_expect(tasks == NULL || scenario_count_threads() >= before + TASKS,
                    "event_tasks_start has returned, and there are fewer threads than tasks: each task waits for the "
                    "event on a thread of its own.");
    atomic_store(&about_to_set, true);
    event_set(event);
    event_tasks_join(tasks);
    pthread_join(waiter, NULL);
    release_event();
}

static void make_event_of(unsigned blocks)
{
    scenario_limit_memory(blocks);
    event = event_create();
    scenario_limit_memory(UINT_MAX);
    if (event == NULL)
        return;
    event_set(event);
    scenario_expect(event_wait_for(event, 0), "an event that was made while memory ran out cannot be set");
    release_event();
}

static void start_a_task_of(unsigned blocks)
{
    const int before = scenario_count_threads();
    atomic_store(&runs_of_one, 0);
    scenario_limit_memory(blocks);
    struct event_tasks *tasks = event_tasks_start(event, 1, count_run, &runs_of_one);
    scenario_limit_memory(UINT_MAX);
    scenario_expect(tasks != NULL || scenario_count_threads() == before,
                    "event_tasks_start returned NULL, and a thread that was started for it has not ended.");
    event_tasks_join(tasks);
    scenario_expect(atomic_load(&runs_of_one) == (tasks != NULL),
                    "when memory runs out, event_tasks_start is to return NULL and run no task, or the group is to run "
                    "its tasks");
}

/* Each block of the first few cannot be had in turn. That nothing of the others is lost needs no word. */
SCENARIO(memory_runs_out)
{
    for (unsigned blocks = 0; blocks < 4; blocks++)
        make_event_of(blocks);
    make_event();
    event_set(event);
    for (unsigned blocks = 0; blocks < 3; blocks++)
        start_a_task_of(blocks);
    release_event();
}

/* First alone, and then while another thread starts a group that is complete, as does this one after it. */
SCENARIO(tasks_when_threads_run_out)
{
    make_event();
    event_set(event); /* the first task would like to run */
    const int before = scenario_count_threads();
    event_tasks_join(start_two_with(0));
    struct event_tasks *tasks = start_two_with(1);
    scenario_expect(tasks != NULL || scenario_count_threads() == before,
                    "event_tasks_start returned NULL, and a thread that was started for it has not ended.");
    scenario_expect(event_is_set(event), "event_tasks_start has cleared the event.");
    event_tasks_join(tasks);
    const pthread_t starter = start_with(start_one_task, &runs_of_one);
    tasks = start_two_with(1);
    event_tasks_join(tasks);
    start_one_task(&runs_of_other);
    pthread_join(starter, NULL);
    scenario_expect(tasks != NULL || atomic_load(&runs_of_two) == 0,
                    "event_tasks_start returned NULL, and a task of that call has run.");
    scenario_expect(atomic_load(&runs_of_one) == 1 && atomic_load(&runs_of_other) == 1,
                    "a task has not run exactly once");
    release_event();
}
