/* expect: right | each waiter sleeps on a semaphore of its own, kept in a list */
#define _GNU_SOURCE 1
#include "event.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <time.h>

struct sleeper {
    sem_t bell;
    bool rung; /* taken off the list by event_set */
    struct sleeper *next;
};

struct event {
    pthread_mutex_t mutex;
    bool set;
    struct sleeper *sleepers;
};

struct event *event_create(void)
{
    struct event *e = calloc(1, sizeof *e);
    if (e != NULL)
        pthread_mutex_init(&e->mutex, NULL);
    return e;
}

void event_free(struct event *e)
{
    if (e != NULL)
        pthread_mutex_destroy(&e->mutex);
    free(e);
}

/* The posts are done with the mutex held: a sleeper lives on its thread's stack, and its thread takes
 * the mutex before it leaves. */
void event_set(struct event *e)
{
    pthread_mutex_lock(&e->mutex);
    e->set = true;
    for (struct sleeper *s = e->sleepers; s != NULL; s = s->next) {
        s->rung = true;
        sem_post(&s->bell);
    }
    e->sleepers = NULL;
    pthread_mutex_unlock(&e->mutex);
}

void event_clear(struct event *e)
{
    pthread_mutex_lock(&e->mutex);
    e->set = false;
    pthread_mutex_unlock(&e->mutex);
}

bool event_is_set(struct event *e)
{
    pthread_mutex_lock(&e->mutex);
    bool set = e->set;
    pthread_mutex_unlock(&e->mutex);
    return set;
}

static void leave_list(struct event *e, struct sleeper *me)
{
    struct sleeper **link = &e->sleepers;
    while (*link != me)
        link = &(*link)->next;
    *link = me->next;
}

/* until NULL: no time-out */
static bool sleep_until(struct event *e, const struct timespec *until)
{
    struct sleeper me = {.rung = false};
    pthread_mutex_lock(&e->mutex);
    if (e->set) {
        pthread_mutex_unlock(&e->mutex);
        return true;
    }
    sem_init(&me.bell, 0, 0);
    me.next = e->sleepers;
    e->sleepers = &me;
    pthread_mutex_unlock(&e->mutex);
    int error;
    do {
        error = until != NULL ? sem_clockwait(&me.bell, CLOCK_MONOTONIC, until) : sem_wait(&me.bell);
    } while (error != 0 && errno == EINTR);
    pthread_mutex_lock(&e->mutex);
    bool rung = me.rung;
    if (!rung)
        leave_list(e, &me);
    pthread_mutex_unlock(&e->mutex);
    sem_destroy(&me.bell);
    return rung;
}

void event_wait(struct event *e)
{
    sleep_until(e, NULL);
}

static struct timespec deadline_in(unsigned milliseconds)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += milliseconds / 1000;
    t.tv_nsec += milliseconds % 1000 * 1000000L;
    if (t.tv_nsec >= 1000000000L) {
        t.tv_nsec -= 1000000000L;
        t.tv_sec += 1;
    }
    return t;
}

bool event_wait_for(struct event *e, unsigned milliseconds)
{
    struct timespec until = deadline_in(milliseconds);
    return sleep_until(e, &until);
}

struct event_tasks {
    struct event *event;
    event_task *run;
    void *arg;
    sem_t go;
    bool called_off;
    size_t next, count;
    pthread_mutex_t lock;
    pthread_t threads[64];
};

static void *task_main(void *arg)
{
    struct event_tasks *t = arg;
    while (sem_wait(&t->go) != 0)
        continue;
    if (t->called_off)
        return NULL;
    pthread_mutex_lock(&t->lock);
    size_t index = t->next++;
    pthread_mutex_unlock(&t->lock);
    event_wait(t->event);
    t->run(t->arg, index);
    return NULL;
}

void event_tasks_join(struct event_tasks *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->count; i++)
        pthread_join(t->threads[i], NULL);
    pthread_mutex_destroy(&t->lock);
    sem_destroy(&t->go);
    free(t);
}

struct event_tasks *event_tasks_start(struct event *event, size_t n, event_task *run, void *arg)
{
    struct event_tasks *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    t->event = event;
    t->run = run;
    t->arg = arg;
    sem_init(&t->go, 0, 0);
    pthread_mutex_init(&t->lock, NULL);
    while (t->count < n && pthread_create(&t->threads[t->count], NULL, task_main, t) == 0)
        t->count++;
    t->called_off = t->count < n;
    bool complete = !t->called_off;
    for (size_t i = 0; i < t->count; i++)
        sem_post(&t->go);
    if (complete)
        return t;
    event_tasks_join(t);
    return NULL;
}
