/* expect: tests returned NULL; schedules returned NULL | when a thread cannot be started, the others are left to run their tasks */
#include "event.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

/* Waiting threads and the state, kept apart: `waiters` is only for event_set, which need not wake anybody if nobody
 * waits. */
struct event {
    bool set;
    int waiters;
    struct {
        pthread_mutex_t mutex;
        pthread_cond_t cond;
    } sync;
};

struct event *event_create(void)
{
    struct event *ev = malloc(sizeof *ev);
    if (!ev)
        goto out;
    ev->set = false;
    ev->waiters = 0;
    pthread_mutex_init(&ev->sync.mutex, NULL);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&ev->sync.cond, &attr);
    pthread_condattr_destroy(&attr);
out:
    return ev;
}

void event_free(struct event *ev)
{
    if (!ev)
        return;
    pthread_mutex_destroy(&ev->sync.mutex);
    pthread_cond_destroy(&ev->sync.cond);
    free(ev);
}

static inline void enter(struct event *ev) { pthread_mutex_lock(&ev->sync.mutex); }
static inline void leave(struct event *ev) { pthread_mutex_unlock(&ev->sync.mutex); }

void event_set(struct event *ev)
{
    enter(ev);
    ev->set = true;
    int waiters = ev->waiters;
    leave(ev);
    if (waiters > 0)
        pthread_cond_broadcast(&ev->sync.cond);
}

void event_clear(struct event *ev)
{
    enter(ev);
    ev->set = false;
    leave(ev);
}

bool event_is_set(struct event *ev)
{
    enter(ev);
    bool set = ev->set;
    leave(ev);
    return set;
}

void event_wait(struct event *ev)
{
    enter(ev);
    ev->waiters++;
    while (!ev->set)
        pthread_cond_wait(&ev->sync.cond, &ev->sync.mutex);
    ev->waiters--;
    leave(ev);
}

bool event_wait_for(struct event *ev, unsigned milliseconds)
{
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += milliseconds / 1000;
    for (end.tv_nsec += milliseconds % 1000 * 1000000L; end.tv_nsec >= 1000000000L; end.tv_nsec -= 1000000000L)
        end.tv_sec++;
    enter(ev);
    ev->waiters++;
    while (!ev->set && pthread_cond_timedwait(&ev->sync.cond, &ev->sync.mutex, &end) == 0)
        continue;
    ev->waiters--;
    bool set = ev->set;
    leave(ev);
    return set;
}

struct event_tasks {
    pthread_t *ids;
    size_t n;
};

struct start {
    struct event *event;
    event_task *run;
    void *arg;
    size_t index;
};

static void *first(void *p)
{
    struct start s = *(struct start *)p;
    free(p);
    event_wait(s.event);
    s.run(s.arg, s.index);
    return NULL;
}

static bool start_one(pthread_t *id, struct start s)
{
    struct start *copy = malloc(sizeof *copy);
    if (!copy)
        return false;
    *copy = s;
    if (pthread_create(id, NULL, first, copy) == 0)
        return true;
    free(copy);
    return false;
}

struct event_tasks *event_tasks_start(struct event *event, size_t n, event_task *run, void *arg)
{
    struct event_tasks *tasks = malloc(sizeof *tasks);
    if (!tasks)
        return NULL;
    tasks->ids = malloc((n + !n) * sizeof *tasks->ids);
    for (tasks->n = 0; tasks->ids && tasks->n < n; tasks->n++)
        if (!start_one(&tasks->ids[tasks->n], (struct start){event, run, arg, tasks->n}))
            break;
    if (tasks->ids && tasks->n == n)
        return tasks;
    /* nobody will join the ones that run already */
    while (tasks->n > 0)
        pthread_detach(tasks->ids[--tasks->n]);
    free(tasks->ids);
    free(tasks);
    return NULL;
}

void event_tasks_join(struct event_tasks *tasks)
{
    if (!tasks)
        return;
    while (tasks->n > 0)
        pthread_join(tasks->ids[--tasks->n], NULL);
    free(tasks->ids);
    free(tasks);
}
