/* expect: tests state; schedules deadlock | returns on a time-out with the lock still held */
#define _GNU_SOURCE
#include "event.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

struct event
{
    pthread_mutex_t mtx;
    pthread_cond_t cnd;
    bool state;
};

struct event* event_create(void)
{
    struct event* self = malloc(sizeof(struct event));
    if (!self)
        return NULL;
    pthread_mutex_init(&self->mtx, NULL);
    pthread_cond_init(&self->cnd, NULL);
    self->state = false;
    return self;
}

void event_free(struct event* self)
{
    if (!self)
        return;
    pthread_cond_destroy(&self->cnd);
    pthread_mutex_destroy(&self->mtx);
    free(self);
}

void event_set(struct event* self)
{
    pthread_mutex_lock(&self->mtx);
    self->state = true;
    pthread_cond_broadcast(&self->cnd);
    pthread_mutex_unlock(&self->mtx);
}

void event_clear(struct event* self)
{
    pthread_mutex_lock(&self->mtx);
    self->state = false;
    pthread_mutex_unlock(&self->mtx);
}

bool event_is_set(struct event* self)
{
    pthread_mutex_lock(&self->mtx);
    bool state = self->state;
    pthread_mutex_unlock(&self->mtx);
    return state;
}

void event_wait(struct event* self)
{
    pthread_mutex_lock(&self->mtx);
    for (; !self->state; pthread_cond_wait(&self->cnd, &self->mtx))
        ;
    pthread_mutex_unlock(&self->mtx);
}

bool event_wait_for(struct event* self, unsigned milliseconds)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    lldiv_t sum = lldiv(ts.tv_nsec + 1000000LL * milliseconds, 1000000000LL);
    ts.tv_sec += sum.quot;
    ts.tv_nsec = sum.rem;

    pthread_mutex_lock(&self->mtx);
    while (!self->state) {
        if (pthread_cond_clockwait(&self->cnd, &self->mtx, CLOCK_MONOTONIC, &ts) != 0 && !self->state)
            return false;
    }
    pthread_mutex_unlock(&self->mtx);
    return true;
}

// A thread's own data; owned by the group.
struct Task
{
    event_task* run;
    void* arg;
    size_t index;
    struct event* event;
    struct event_tasks* group;
    pthread_t id;
    struct Task* previous;
};

struct event_tasks
{
    struct Task* last;
    pthread_mutex_t starting;
    bool cancel;
};

static void* Task_main(void* p)
{
    struct Task* task = p;
    struct event_tasks* group = task->group;
    pthread_mutex_lock(&group->starting);
    bool cancel = group->cancel;
    pthread_mutex_unlock(&group->starting);
    if (cancel)
        return NULL;
    event_wait(task->event);
    task->run(task->arg, task->index);
    return NULL;
}

void event_tasks_join(struct event_tasks* group)
{
    if (!group)
        return;
    struct Task* task = group->last;
    while (task) {
        struct Task* previous = task->previous;
        pthread_join(task->id, NULL);
        free(task);
        task = previous;
    }
    pthread_mutex_destroy(&group->starting);
    free(group);
}

struct event_tasks* event_tasks_start(struct event* event, size_t n, event_task* run, void* arg)
{
    struct event_tasks* group = calloc(1, sizeof(struct event_tasks));
    if (!group)
        return NULL;
    pthread_mutex_init(&group->starting, NULL);
    pthread_mutex_lock(&group->starting);
    for (size_t i = 0; i < n; ++i) {
        struct Task* task = malloc(sizeof(struct Task));
        if (task)
            *task = (struct Task){ run, arg, i, event, group, 0, group->last };
        if (!task || pthread_create(&task->id, NULL, Task_main, task)) {
            free(task);
            group->cancel = true;
            break;
        }
        group->last = task;
    }
    bool cancel = group->cancel;
    pthread_mutex_unlock(&group->starting);
    if (cancel) {
        event_tasks_join(group);
        return NULL;
    }
    return group;
}
