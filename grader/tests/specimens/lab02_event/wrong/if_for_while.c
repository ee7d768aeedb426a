/* expect: schedules assertion | event_wait looks once: a wake-up for no reason counts as the event */
#include "event.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <time.h>

#define CHECK(call) do { int rc_ = (call); assert(rc_ == 0); (void)rc_; } while (0)

struct event {
    pthread_cond_t   is_up;
    pthread_mutex_t  mutex;
    bool             up;
};

struct event *event_create(void)
{
    pthread_condattr_t attr;
    struct event *ev = calloc(1, sizeof *ev);

    if (ev == NULL)
        return NULL;
    CHECK(pthread_condattr_init(&attr));
    CHECK(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC));
    CHECK(pthread_cond_init(&ev->is_up, &attr));
    CHECK(pthread_condattr_destroy(&attr));
    CHECK(pthread_mutex_init(&ev->mutex, NULL));
    return ev;
}

void event_free(struct event *ev)
{
    if (ev == NULL)
        return;
    CHECK(pthread_cond_destroy(&ev->is_up));
    CHECK(pthread_mutex_destroy(&ev->mutex));
    free(ev);
}

void event_set(struct event *ev)
{
    CHECK(pthread_mutex_lock(&ev->mutex));
    ev->up = true;
    CHECK(pthread_cond_broadcast(&ev->is_up));
    CHECK(pthread_mutex_unlock(&ev->mutex));
}

void event_clear(struct event *ev)
{
    CHECK(pthread_mutex_lock(&ev->mutex));
    ev->up = false;
    CHECK(pthread_mutex_unlock(&ev->mutex));
}

bool event_is_set(struct event *ev)
{
    CHECK(pthread_mutex_lock(&ev->mutex));
    const bool up = ev->up;
    CHECK(pthread_mutex_unlock(&ev->mutex));
    return up;
}

void event_wait(struct event *ev)
{
    CHECK(pthread_mutex_lock(&ev->mutex));
    if (!ev->up) /* only event_set wakes us */
        CHECK(pthread_cond_wait(&ev->is_up, &ev->mutex));
    CHECK(pthread_mutex_unlock(&ev->mutex));
}

bool event_wait_for(struct event *ev, unsigned milliseconds)
{
    struct timespec ts;
    bool up;

    CHECK(clock_gettime(CLOCK_MONOTONIC, &ts));
    ts.tv_sec  += milliseconds / 1000;
    ts.tv_nsec += (long)(milliseconds - milliseconds / 1000 * 1000) * 1000000;
    if (ts.tv_nsec >= 1000000000) {
        ts.tv_nsec -= 1000000000;
        ts.tv_sec++;
    }
    CHECK(pthread_mutex_lock(&ev->mutex));
    for (int rc = 0; !(up = ev->up) && rc == 0; )
        rc = pthread_cond_timedwait(&ev->is_up, &ev->mutex, &ts);
    up = ev->up;
    CHECK(pthread_mutex_unlock(&ev->mutex));
    return up;
}

/* Each thread is told what to do by a word in its own mail box. */
struct box {
    sem_t mail;
    bool work;
    struct event_tasks *tasks;
    pthread_t thread;
};

struct event_tasks {
    struct event *ev;
    event_task *run;
    void *arg;
    size_t boxes_in_use;
    struct box boxes[64];
};

static void *thread_start(void *arg)
{
    struct box *box = arg;

    while (sem_wait(&box->mail) == -1)
        assert(errno == EINTR);
    if (box->work) {
        event_wait(box->tasks->ev);
        box->tasks->run(box->tasks->arg, (size_t)(box - box->tasks->boxes));
    }
    return NULL;
}

static void tell_all(struct event_tasks *tasks, bool work)
{
    for (size_t i = 0; i < tasks->boxes_in_use; i++) {
        tasks->boxes[i].work = work;
        CHECK(sem_post(&tasks->boxes[i].mail));
    }
}

struct event_tasks *event_tasks_start(struct event *ev, size_t n, event_task *run, void *arg)
{
    struct event_tasks *tasks = malloc(sizeof *tasks);

    if (tasks == NULL)
        return NULL;
    tasks->ev = ev;
    tasks->run = run;
    tasks->arg = arg;
    for (tasks->boxes_in_use = 0; tasks->boxes_in_use < n; tasks->boxes_in_use++) {
        struct box *box = &tasks->boxes[tasks->boxes_in_use];
        CHECK(sem_init(&box->mail, 0, 0));
        box->tasks = tasks;
        if (pthread_create(&box->thread, NULL, thread_start, box) != 0) {
            CHECK(sem_destroy(&box->mail));
            tell_all(tasks, false);
            event_tasks_join(tasks);
            return NULL;
        }
    }
    tell_all(tasks, true);
    return tasks;
}

void event_tasks_join(struct event_tasks *tasks)
{
    if (tasks == NULL)
        return;
    for (size_t i = 0; i < tasks->boxes_in_use; i++) {
        CHECK(pthread_join(tasks->boxes[i].thread, NULL));
        CHECK(sem_destroy(&tasks->boxes[i].mail));
    }
    free(tasks);
}
