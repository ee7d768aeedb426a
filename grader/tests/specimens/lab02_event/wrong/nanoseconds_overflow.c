/* expect: tests early; schedules assertion | tv_nsec grows beyond a second, the timed wait fails with EINVAL */
#include "event.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

struct event {
    pthread_mutex_t *m;
    pthread_cond_t *c;
    bool *set;
    /* room for the three of them, in one go */
    struct { pthread_mutex_t m; pthread_cond_t c; bool set; } room;
};

struct event *event_create(void)
{
    pthread_condattr_t clock;
    struct event *e = calloc(1, sizeof(struct event));
    if (e == NULL)
        return NULL;
    e->m = &e->room.m;
    e->c = &e->room.c;
    e->set = &e->room.set;
    pthread_mutex_init(e->m, NULL);
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(e->c, &clock);
    pthread_condattr_destroy(&clock);
    return e;
}

void event_free(struct event *e)
{
    if (e == NULL)
        return;
    pthread_mutex_destroy(e->m);
    pthread_cond_destroy(e->c);
    free(e);
}

void event_set(struct event *e)
{
    pthread_mutex_lock(e->m);
    *e->set = true;
    pthread_mutex_unlock(e->m);
    pthread_cond_broadcast(e->c);
}

void event_clear(struct event *e)
{
    pthread_mutex_lock(e->m);
    *e->set = false;
    pthread_mutex_unlock(e->m);
}

bool event_is_set(struct event *e)
{
    bool now;
    pthread_mutex_lock(e->m);
    now = *e->set;
    pthread_mutex_unlock(e->m);
    return now;
}

void event_wait(struct event *e)
{
    pthread_mutex_lock(e->m);
    while (*e->set == false)
        pthread_cond_wait(e->c, e->m);
    pthread_mutex_unlock(e->m);
}

bool event_wait_for(struct event *e, unsigned milliseconds)
{
    struct timespec when;
    bool now, too_late = false;
    clock_gettime(CLOCK_MONOTONIC, &when);
    when.tv_sec = when.tv_sec + milliseconds / 1000;
    when.tv_nsec = when.tv_nsec + (milliseconds % 1000) * 1000000L;
    pthread_mutex_lock(e->m);
    while (*e->set == false && !too_late)
        too_late = pthread_cond_timedwait(e->c, e->m, &when) != 0;
    now = *e->set;
    pthread_mutex_unlock(e->m);
    return now;
}

/* The threads first wait for an event of the group, which says that the group is complete. */
struct event_tasks {
    struct event *event, *complete;
    event_task *run;
    void *arg;
    bool called_off; /* written before complete is set */
    size_t started;
};

struct thread {
    struct event_tasks head; /* in the first one only */
    struct event_tasks *tasks;
    pthread_t id;
    size_t index;
};

static void *run_thread(void *p)
{
    const struct thread *me = p;
    event_wait(me->tasks->complete);
    if (me->tasks->called_off)
        return NULL;
    event_wait(me->tasks->event);
    me->tasks->run(me->tasks->arg, me->index);
    return NULL;
}

void event_tasks_join(struct event_tasks *tasks)
{
    struct thread *threads = (struct thread *)tasks;
    if (tasks == NULL)
        return;
    for (size_t i = 0; i < tasks->started; i++)
        pthread_join(threads[i].id, NULL);
    event_free(tasks->complete);
    free(threads);
}

struct event_tasks *event_tasks_start(struct event *event, size_t n, event_task *run, void *arg)
{
    struct thread *threads = calloc(n + 1, sizeof(struct thread));
    struct event *complete = event_create();
    if (threads == NULL || complete == NULL) {
        event_free(complete);
        free(threads);
        return NULL;
    }
    struct event_tasks *tasks = &threads[0].head;
    *tasks = (struct event_tasks){event, complete, run, arg, false, 0};
    for (size_t i = 0; i < n && !tasks->called_off; i++) {
        threads[i].tasks = tasks;
        threads[i].index = i;
        if (pthread_create(&threads[i].id, NULL, run_thread, &threads[i]) == 0)
            tasks->started++;
        else
            tasks->called_off = true;
    }
    const bool bad = tasks->called_off;
    event_set(complete);
    if (bad)
        event_tasks_join(tasks);
    return bad ? NULL : tasks;
}
