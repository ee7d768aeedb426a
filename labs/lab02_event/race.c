/*
 * race.c: all functions of the contract at once, for helgrind, drd and ThreadSanitizer.
 *
 * Each thread calls one function only: a lock that is taken in another function would otherwise
 * order the threads and hide the place where it is forgotten. What the driver's own threads share
 * is changed by atomic additions only, which no tool takes for a race.
 */
#include "event.h"

#include <pthread.h>
#include <stdatomic.h>

#include "race.h"

enum { ROUNDS = 8, CHANGERS = 6, WAITERS = 4, TASKS = 3, GROUP = 2, LONG_MS = 30000 };

static struct event *event;
static atomic_int returned, runs;

static void *set(void *argument)
{
    for (int i = 0; i < ROUNDS; i++)
        event_set(event);
    return argument;
}

static void *clear(void *argument)
{
    for (int i = 0; i < ROUNDS; i++)
        event_clear(event);
    return argument;
}

static void *look(void *argument)
{
    for (int i = 0; i < ROUNDS; i++)
        if (event_is_set(event))
            argument = event;
    return argument;
}

static void *look_with_time_out(void *argument)
{
    for (int i = 0; i < ROUNDS; i++)
        if (event_wait_for(event, i % 2 == 0 ? 0 : 1))
            argument = event;
    return argument;
}

static void *wait_plainly(void *argument)
{
    event_wait(event);
    atomic_fetch_add(&returned, 1);
    return argument;
}

static void *wait_with_time_out(void *argument)
{
    if (event_wait_for(event, LONG_MS))
        atomic_fetch_add(&returned, 1);
    return argument;
}

static void count_run(void *arg, size_t index)
{
    (void)index;
    atomic_fetch_add((atomic_int *)arg, 1);
}

/* One bit for each index; an index met twice makes another sum. */
static void count_index(void *arg, size_t index)
{
    atomic_fetch_add((atomic_int *)arg, 1 << index);
}

static void start(pthread_t *thread, void *(*job)(void *))
{
    RACE_CHECK(pthread_create(thread, NULL, job, NULL) == 0, "cannot start a thread");
}

static void join_all(const pthread_t *threads, int count)
{
    for (int i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
}

/* Set, clear and look, all at once. */
static void change_at_once(void)
{
    void *(*const jobs[CHANGERS])(void *) = {look, set, clear, look_with_time_out, set, look};
    pthread_t threads[CHANGERS];
    for (int i = 0; i < CHANGERS; i++)
        start(&threads[i], jobs[i]);
    join_all(threads, CHANGERS);
}

/* Waiters of all kinds, released by two threads that do nothing but set. */
static void release_waiters(void)
{
    pthread_t waiters[WAITERS], setters[2];
    event_clear(event);
    struct event_tasks *tasks = event_tasks_start(event, TASKS, count_run, &runs);
    RACE_CHECK(tasks != NULL, "event_tasks_start returned NULL");
    for (int i = 0; i < WAITERS; i++)
        start(&waiters[i], i % 2 == 0 ? wait_plainly : wait_with_time_out);
    RACE_CHECK(atomic_load(&returned) == 0 && atomic_load(&runs) == 0, "a waiter came back before the event was set");
    start(&setters[0], set);
    start(&setters[1], set);
    join_all(waiters, WAITERS);
    join_all(setters, 2);
    event_tasks_join(tasks);
}

/* A group of its own for each thread, on an event that is set. */
static void *use_tasks(void *argument)
{
    atomic_int mine = 0;
    struct event_tasks *tasks = event_tasks_start(event, GROUP, count_index, &mine);
    RACE_CHECK(tasks != NULL, "event_tasks_start returned NULL");
    event_tasks_join(tasks);
    RACE_CHECK(atomic_load(&mine) == (1 << GROUP) - 1,
               "the %d tasks of a group did not run with an index of their own each", GROUP);
    return argument;
}

static void use_groups_at_once(void)
{
    pthread_t threads[2];
    start(&threads[0], use_tasks);
    start(&threads[1], use_tasks);
    join_all(threads, 2);
}

int main(void)
{
    event = event_create();
    RACE_CHECK(event != NULL, "event_create returned NULL");
    change_at_once();
    release_waiters();
    use_groups_at_once();
    RACE_CHECK(event_is_set(event), "event_is_set is false after event_set");
    RACE_CHECK(atomic_load(&returned) == WAITERS, "%d of %d waiters were told that the event was set",
               atomic_load(&returned), WAITERS);
    RACE_CHECK(atomic_load(&runs) == TASKS, "%d of %d tasks have run", atomic_load(&runs), TASKS);
    event_free(event);
    return 0;
}
