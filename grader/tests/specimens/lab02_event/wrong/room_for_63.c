/* expect: tests task; schedules out-of-bounds | there is room for one task less than n, since the group has one of its own */
/*
 * Reference solution of lab02, for a reader who has just failed.
 *
 * An event is a flag, a mutex that guards the flag, and a condition variable to sleep on. Nearly all
 * that can go wrong with the three goes wrong in four places, and each has its comment below: the
 * look and the falling asleep (event_wait), the wake-up (event_set), the clock (event_create), and
 * the moment to give up (event_wait_for).
 */
#include "event.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

struct event {
    pthread_mutex_t mutex; /* guards set: whoever reads or writes it holds the mutex */
    pthread_cond_t changed;
    bool set;
};

/* A condition variable measures its time-outs on the settable clock unless told otherwise. On that
 * clock a time-out lasts an hour longer when somebody puts the clock back by an hour. */
static bool init_condition(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;
    if (pthread_condattr_init(&attributes) != 0)
        return false;
    const bool done =
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0 && pthread_cond_init(condition, &attributes) == 0;
    pthread_condattr_destroy(&attributes);
    return done;
}

struct event *event_create(void)
{
    struct event *event = malloc(sizeof *event);
    if (event == NULL)
        return NULL;
    event->set = false;
    if (pthread_mutex_init(&event->mutex, NULL) != 0)
        goto no_mutex;
    if (!init_condition(&event->changed))
        goto no_condition;
    return event;

no_condition:
    pthread_mutex_destroy(&event->mutex);
no_mutex:
    free(event);
    return NULL;
}

void event_free(struct event *event)
{
    if (event == NULL)
        return;
    pthread_cond_destroy(&event->changed);
    pthread_mutex_destroy(&event->mutex);
    free(event);
}

/* The flag changes while the mutex is held. Without it, the change and the wake-up could both slip in
 * after a waiter has looked at the flag and before it sleeps: it would sleep on a set event.
 * broadcast, not signal: a signal wakes one sleeper, and an event is for all of them. */
void event_set(struct event *event)
{
    pthread_mutex_lock(&event->mutex);
    event->set = true;
    pthread_cond_broadcast(&event->changed);
    pthread_mutex_unlock(&event->mutex);
}

/* Nobody waits for an event to be cleared, so nobody has to be woken. */
void event_clear(struct event *event)
{
    pthread_mutex_lock(&event->mutex);
    event->set = false;
    pthread_mutex_unlock(&event->mutex);
}

bool event_is_set(struct event *event)
{
    pthread_mutex_lock(&event->mutex);
    const bool set = event->set;
    pthread_mutex_unlock(&event->mutex);
    return set;
}

/* Looking at the flag and falling asleep are one step for everybody else: the mutex is held from the
 * look until pthread_cond_wait has put this thread on the list of sleepers, and only then released.
 * `while`, not `if`: pthread_cond_wait may return without a wake-up, and by the time this thread runs
 * again the event may have been cleared. */
void event_wait(struct event *event)
{
    pthread_mutex_lock(&event->mutex);
    while (!event->set)
        pthread_cond_wait(&event->changed, &event->mutex);
    pthread_mutex_unlock(&event->mutex);
}

/* The moment that is `milliseconds` from now. The arithmetic is done in the type of tv_nsec (long),
 * for milliseconds * 1000000 overflows an unsigned from 4295 ms on; and tv_nsec must stay below one
 * second, otherwise pthread_cond_timedwait fails with EINVAL at once. */
static struct timespec from_now(unsigned milliseconds)
{
    struct timespec moment;
    clock_gettime(CLOCK_MONOTONIC, &moment);
    moment.tv_sec += milliseconds / 1000;
    moment.tv_nsec += (long)(milliseconds % 1000) * 1000000;
    if (moment.tv_nsec >= 1000000000) {
        moment.tv_sec++;
        moment.tv_nsec -= 1000000000;
    }
    return moment;
}

/* The moment to give up is fixed once, before the loop. Worked out anew for each sleep, every wake-up
 * would grant the whole time again. What counts in the end is the flag, not how the sleep ended: the
 * event may have been set just as the time ran out. */
bool event_wait_for(struct event *event, unsigned milliseconds)
{
    const struct timespec end = from_now(milliseconds);
    int error = 0;
    pthread_mutex_lock(&event->mutex);
    while (!event->set && error == 0)
        error = pthread_cond_timedwait(&event->changed, &event->mutex, &end);
    const bool set = event->set;
    pthread_mutex_unlock(&event->mutex);
    return set;
}

/* ---- Tasks ---- */

/* A thread needs to know its group and its own index. One variable for all threads, a loop's `i` for
 * instance, would have moved on by the time the thread reads it. */
struct task {
    struct event_tasks *group;
    pthread_t thread;
    size_t index;
};

struct event_tasks {
    struct event *event;
    event_task *run;
    void *arg;
    pthread_mutex_t gate; /* held while the threads are being started; guards abandoned */
    bool abandoned;       /* not all threads could be started: go home without running */
    size_t n;
    struct task tasks[1];
};

/* Each thread first goes through the gate. Behind it, it is known whether the group is complete;
 * without it, tasks of a group that could not be completed might already have run. */
static void *run_task(void *argument)
{
    struct task *task = argument;
    struct event_tasks *group = task->group;
    pthread_mutex_lock(&group->gate);
    const bool abandoned = group->abandoned;
    pthread_mutex_unlock(&group->gate);
    if (abandoned)
        return NULL;
    event_wait(group->event);
    group->run(group->arg, task->index); /* no lock is held here, so the tasks run side by side */
    return NULL;
}

static void join_and_free(struct event_tasks *group, size_t started)
{
    for (size_t i = 0; i < started; i++)
        pthread_join(group->tasks[i].thread, NULL);
    pthread_mutex_destroy(&group->gate);
    free(group);
}

static size_t start_threads(struct event_tasks *group)
{
    size_t started = 0;
    for (; started < group->n; started++) {
        struct task *task = &group->tasks[started];
        *task = (struct task){.group = group, .index = started};
        if (pthread_create(&task->thread, NULL, run_task, task) != 0)
            break;
    }
    return started;
}

struct event_tasks *event_tasks_start(struct event *event, size_t n, event_task *run, void *arg)
{
    struct event_tasks *group = malloc(sizeof *group - sizeof group->tasks[0] + (n > 0 ? n - 1 : 0) * sizeof group->tasks[0]);
    if (group == NULL)
        return NULL;
    *group = (struct event_tasks){.event = event, .run = run, .arg = arg, .n = n};
    if (pthread_mutex_init(&group->gate, NULL) != 0) {
        free(group);
        return NULL;
    }
    pthread_mutex_lock(&group->gate);
    const size_t started = start_threads(group);
    group->abandoned = started < n;
    pthread_mutex_unlock(&group->gate);
    if (started == n)
        return group;
    join_and_free(group, started);
    return NULL;
}

void event_tasks_join(struct event_tasks *tasks)
{
    if (tasks != NULL)
        join_and_free(tasks, tasks->n);
}
