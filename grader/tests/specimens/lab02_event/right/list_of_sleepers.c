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

/* The threads of a group are in a ring of the same make: each has a bell, which rings when it may begin. */
struct event_tasks {
    struct event *event;
    event_task *run;
    void *arg;
    bool called_off; /* written before the bells ring */
    size_t size;
    struct performer {
        sem_t bell;
        pthread_t thread;
        struct event_tasks *troupe;
    } performers[];
};

static void *perform(void *arg)
{
    struct performer *me = arg;
    const struct event_tasks *troupe = me->troupe;
    while (sem_wait(&me->bell) != 0)
        continue;
    if (troupe->called_off)
        return NULL;
    event_wait(troupe->event);
    troupe->run(troupe->arg, (size_t)(me - troupe->performers));
    return NULL;
}

static void dismiss(struct event_tasks *troupe)
{
    for (struct performer *p = troupe->performers; p < troupe->performers + troupe->size; p++) {
        pthread_join(p->thread, NULL);
        sem_destroy(&p->bell);
    }
    free(troupe);
}

void event_tasks_join(struct event_tasks *troupe)
{
    if (troupe != NULL)
        dismiss(troupe);
}

struct event_tasks *event_tasks_start(struct event *event, size_t n, event_task *run, void *arg)
{
    struct event_tasks *troupe = malloc(sizeof *troupe + n * sizeof(struct performer));
    if (troupe == NULL)
        return NULL;
    *troupe = (struct event_tasks){.event = event, .run = run, .arg = arg};
    for (; troupe->size < n && !troupe->called_off; troupe->size += !troupe->called_off) {
        struct performer *p = &troupe->performers[troupe->size];
        p->troupe = troupe;
        sem_init(&p->bell, 0, 0);
        troupe->called_off = pthread_create(&p->thread, NULL, perform, p) != 0;
    }
    const bool called_off = troupe->called_off;
    for (size_t i = 0; i < troupe->size; i++)
        sem_post(&troupe->performers[i].bell);
    if (!called_off)
        return troupe;
    dismiss(troupe);
    return NULL;
}
