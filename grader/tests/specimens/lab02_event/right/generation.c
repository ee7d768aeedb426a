/* expect: right | counts the sets, so that a waiter comes back even if the event is cleared again at once */
#include "event.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

typedef struct {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
} Monitor;

struct event {
    Monitor monitor;
    unsigned long sets;   /* how often it was set */
    unsigned long clears; /* how many of these sets are over */
};

static void Monitor_init(Monitor *m)
{
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&m->cond, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&m->mutex, NULL);
}

static void Monitor_destroy(Monitor *m)
{
    pthread_cond_destroy(&m->cond);
    pthread_mutex_destroy(&m->mutex);
}

static void enter(Monitor *m)
{
    pthread_mutex_lock(&m->mutex);
}

static void leave(Monitor *m)
{
    pthread_mutex_unlock(&m->mutex);
}

/* Returns false when `end` is over; NULL is never over. */
static bool await(Monitor *m, const struct timespec *end)
{
    if (end == NULL)
        return pthread_cond_wait(&m->cond, &m->mutex) == 0;
    return pthread_cond_timedwait(&m->cond, &m->mutex, end) != ETIMEDOUT;
}

struct event *event_create(void)
{
    struct event *e = calloc(1, sizeof *e);
    if (e != NULL)
        Monitor_init(&e->monitor);
    return e;
}

void event_free(struct event *e)
{
    if (e == NULL)
        return;
    Monitor_destroy(&e->monitor);
    free(e);
}

void event_set(struct event *e)
{
    enter(&e->monitor);
    e->sets++;
    pthread_cond_broadcast(&e->monitor.cond);
    leave(&e->monitor);
}

void event_clear(struct event *e)
{
    enter(&e->monitor);
    e->clears = e->sets;
    leave(&e->monitor);
}

bool event_is_set(struct event *e)
{
    enter(&e->monitor);
    bool set = e->sets != e->clears;
    leave(&e->monitor);
    return set;
}

static bool wait_for_a_set(struct event *e, const struct timespec *end)
{
    enter(&e->monitor);
    const unsigned long old = e->clears;
    while (e->sets == old && await(&e->monitor, end))
        continue;
    const bool was_set = e->sets != old;
    leave(&e->monitor);
    return was_set;
}

void event_wait(struct event *e)
{
    wait_for_a_set(e, NULL);
}

bool event_wait_for(struct event *e, unsigned milliseconds)
{
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    const unsigned long ns = (unsigned long)end.tv_nsec + 1000000UL * (milliseconds % 1000);
    end.tv_sec += (time_t)(milliseconds / 1000 + ns / 1000000000UL);
    end.tv_nsec = (long)(ns % 1000000000UL);
    return wait_for_a_set(e, &end);
}

/* The group is a monitor as well: the threads await that it is known how many of them there are. */
struct event_tasks {
    Monitor monitor;
    bool known;
    size_t wanted, begun, count;
    struct event *event;
    event_task *run;
    void *arg;
    pthread_t threads[];
};

static void *begin(void *argument)
{
    struct event_tasks *tasks = argument;
    enter(&tasks->monitor);
    const size_t index = tasks->begun++;
    while (!tasks->known)
        await(&tasks->monitor, NULL);
    const bool go = tasks->count == tasks->wanted;
    leave(&tasks->monitor);
    if (go) {
        event_wait(tasks->event);
        tasks->run(tasks->arg, index);
    }
    return NULL;
}

struct event_tasks *event_tasks_start(struct event *event, size_t n, event_task *run, void *arg)
{
    struct event_tasks *tasks = calloc(1, sizeof *tasks + n * sizeof tasks->threads[0]);
    size_t count = 0;
    if (tasks == NULL)
        return NULL;
    Monitor_init(&tasks->monitor);
    tasks->wanted = n;
    tasks->event = event;
    tasks->run = run;
    tasks->arg = arg;
    while (count < n && pthread_create(&tasks->threads[count], NULL, begin, tasks) == 0)
        count++;
    enter(&tasks->monitor);
    tasks->count = count;
    tasks->known = true;
    pthread_cond_broadcast(&tasks->monitor.cond);
    leave(&tasks->monitor);
    if (count == n)
        return tasks;
    event_tasks_join(tasks);
    return NULL;
}

void event_tasks_join(struct event_tasks *tasks)
{
    if (tasks == NULL)
        return;
    for (size_t i = 0; i < tasks->count; i++)
        pthread_join(tasks->threads[i], NULL);
    Monitor_destroy(&tasks->monitor);
    free(tasks);
}
