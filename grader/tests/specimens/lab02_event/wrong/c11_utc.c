/* expect: schedules assertion | cnd_timedwait counts on the clock on the wall: whoever sets the date moves the time-out */
#define _GNU_SOURCE
#include "event.h"

#include <stdlib.h>
#include <threads.h>
#include <time.h>

struct event {
    mtx_t m;
    cnd_t c;
    bool set;
};

struct event *event_create(void)
{
    struct event *e = malloc(sizeof *e);
    if (!e)
        return NULL;
    if (mtx_init(&e->m, mtx_plain) != thrd_success) {
        free(e);
        return NULL;
    }
    if (cnd_init(&e->c) != thrd_success) {
        mtx_destroy(&e->m);
        free(e);
        return NULL;
    }
    e->set = false;
    return e;
}

void event_free(struct event *e)
{
    if (e) {
        cnd_destroy(&e->c);
        mtx_destroy(&e->m);
        free(e);
    }
}

void event_set(struct event *e)
{
    mtx_lock(&e->m);
    e->set = true;
    cnd_broadcast(&e->c);
    mtx_unlock(&e->m);
}

void event_clear(struct event *e)
{
    mtx_lock(&e->m);
    e->set = false;
    mtx_unlock(&e->m);
}

bool event_is_set(struct event *e)
{
    mtx_lock(&e->m);
    bool set = e->set;
    mtx_unlock(&e->m);
    return set;
}

void event_wait(struct event *e)
{
    mtx_lock(&e->m);
    while (!e->set)
        cnd_wait(&e->c, &e->m);
    mtx_unlock(&e->m);
}

bool event_wait_for(struct event *e, unsigned milliseconds)
{
    struct timespec t;
    timespec_get(&t, TIME_UTC);
    t.tv_sec += milliseconds / 1000;
    t.tv_nsec += milliseconds % 1000 * 1000000L;
    if (t.tv_nsec >= 1000000000L) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000L;
    }
    mtx_lock(&e->m);
    while (!e->set)
        if (cnd_timedwait(&e->c, &e->m, &t) == thrd_timedout)
            break;
    bool set = e->set;
    mtx_unlock(&e->m);
    return set;
}

struct event_tasks {
    struct event *event;
    event_task *run;
    void *arg;
    mtx_t hold;
    int verdict;
    size_t made, handed_out;
    thrd_t thread[64];
};

static int task_thread(void *p)
{
    struct event_tasks *t = p;
    mtx_lock(&t->hold);
    const int verdict = t->verdict;
    const size_t index = t->handed_out++;
    mtx_unlock(&t->hold);
    if (verdict == 0) {
        event_wait(t->event);
        t->run(t->arg, index);
    }
    return 0;
}

struct event_tasks *event_tasks_start(struct event *event, size_t n, event_task *run, void *arg)
{
    struct event_tasks *t = malloc(sizeof *t);
    if (t == NULL)
        return NULL;
    t->event = event;
    t->run = run;
    t->arg = arg;
    t->verdict = 0;
    t->made = t->handed_out = 0;
    if (mtx_init(&t->hold, mtx_plain) != thrd_success) {
        free(t);
        return NULL;
    }
    mtx_lock(&t->hold);
    while (t->made < n)
        if (thrd_create(&t->thread[t->made], task_thread, t) == thrd_success)
            t->made++;
        else {
            t->verdict = -1;
            break;
        }
    const int verdict = t->verdict;
    mtx_unlock(&t->hold);
    if (verdict == 0)
        return t;
    event_tasks_join(t);
    return NULL;
}

void event_tasks_join(struct event_tasks *t)
{
    if (t == NULL)
        return;
    for (size_t i = 0; i < t->made; i++)
        thrd_join(t->thread[i], NULL);
    mtx_destroy(&t->hold);
    free(t);
}
