/* expect: right | errorcheck mutex, attributes made once with pthread_once, broadcast at every change */
#define _GNU_SOURCE
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "event.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_mutexattr_t checked;
static pthread_condattr_t monotonic;

static void make_attributes(void)
{
    pthread_mutexattr_init(&checked);
    pthread_mutexattr_settype(&checked, PTHREAD_MUTEX_ERRORCHECK);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
}

enum event_state { CLEARED, SET };

struct event {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    enum event_state state;
};

static void enter(struct event *ev)
{
    const int rc = pthread_mutex_lock(&ev->lock);
    if (rc != 0)
        abort();
}

static void leave(struct event *ev)
{
    const int rc = pthread_mutex_unlock(&ev->lock);
    if (rc != 0)
        abort();
}

struct event *event_create(void)
{
    pthread_once(&once, make_attributes);
    struct event *ev = malloc(sizeof(struct event));
    if (ev != NULL) {
        memset(ev, 0, sizeof(struct event));
        pthread_mutex_init(&ev->lock, &checked);
        pthread_cond_init(&ev->changed, &monotonic);
        ev->state = CLEARED;
    }
    return ev;
}

void event_free(struct event *ev)
{
    if (ev != NULL) {
        pthread_cond_destroy(&ev->changed);
        pthread_mutex_destroy(&ev->lock);
        free(ev);
    }
}

static void change_to(struct event *ev, enum event_state state)
{
    enter(ev);
    ev->state = state;
    pthread_cond_broadcast(&ev->changed);
    leave(ev);
}

void event_set(struct event *ev)
{
    change_to(ev, SET);
}

void event_clear(struct event *ev)
{
    change_to(ev, CLEARED);
}

bool event_is_set(struct event *ev)
{
    bool result;
    enter(ev);
    result = (ev->state == SET);
    leave(ev);
    return result;
}

void event_wait(struct event *ev)
{
    enter(ev);
    for (;;) {
        if (ev->state == SET)
            break;
        pthread_cond_wait(&ev->changed, &ev->lock);
    }
    leave(ev);
}

bool event_wait_for(struct event *ev, unsigned milliseconds)
{
    struct timespec now, end;
    bool result;

    clock_gettime(CLOCK_MONOTONIC, &now);
    end.tv_sec = now.tv_sec + (time_t)(milliseconds / 1000u);
    end.tv_nsec = now.tv_nsec + (long)(milliseconds % 1000u) * 1000L * 1000L;
    while (end.tv_nsec >= 1000000000L) {
        end.tv_nsec -= 1000000000L;
        end.tv_sec += 1;
    }

    enter(ev);
    for (;;) {
        result = (ev->state == SET);
        if (result)
            break;
        if (pthread_cond_timedwait(&ev->changed, &ev->lock, &end) == ETIMEDOUT) {
            result = (ev->state == SET);
            break;
        }
    }
    leave(ev);
    return result;
}

/* A task waits for a private event first: set when all threads are there. */
struct event_tasks {
    struct event *event;
    struct event *complete;
    bool called_off;
    event_task *run;
    void *arg;
    size_t n;
    struct member {
        struct event_tasks *tasks;
        size_t index;
        pthread_t id;
    } *members;
};

static void *member_main(void *p)
{
    const struct member *m = p;
    event_wait(m->tasks->complete);
    if (!m->tasks->called_off) {
        event_wait(m->tasks->event);
        m->tasks->run(m->tasks->arg, m->index);
    }
    return NULL;
}

struct event_tasks *event_tasks_start(struct event *event, size_t n, event_task *run, void *arg)
{
    struct event_tasks *tasks = calloc(1, sizeof(*tasks));
    if (tasks == NULL)
        return NULL;
    tasks->members = calloc(n == 0 ? 1 : n, sizeof(*tasks->members));
    tasks->complete = event_create();
    if (tasks->members == NULL || tasks->complete == NULL) {
        event_tasks_join(tasks);
        return NULL;
    }
    tasks->event = event;
    tasks->run = run;
    tasks->arg = arg;
    for (size_t i = 0; i < n; ++i) {
        struct member *m = &tasks->members[i];
        m->tasks = tasks;
        m->index = i;
        if (pthread_create(&m->id, NULL, member_main, m) != 0) {
            tasks->called_off = true;
            break;
        }
        ++tasks->n;
    }
    const bool off = tasks->called_off;
    event_set(tasks->complete);
    if (off) {
        event_tasks_join(tasks);
        return NULL;
    }
    return tasks;
}

void event_tasks_join(struct event_tasks *tasks)
{
    if (tasks == NULL)
        return;
    for (size_t i = 0; i < tasks->n; ++i)
        pthread_join(tasks->members[i].id, NULL);
    event_free(tasks->complete);
    free(tasks->members);
    free(tasks);
}
