/* expect: right | each thread has one semaphore of its own in thread-local storage, whatever it waits for; tasks meet at a barrier behind the event */
#define _GNU_SOURCE
#include "event.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <threads.h>
#include <time.h>

struct sleeper {
    struct sleeper *next;
    bool made, listed;
    sem_t bell;
};

static thread_local struct sleeper me; /* a thread waits for one event at a time */

struct event {
    pthread_mutex_t lock;
    bool set;
    struct sleeper *head;
};

struct event *event_create(void)
{
    struct event *event = malloc(sizeof(struct event));
    if (event)
        *event = (struct event){.lock = PTHREAD_MUTEX_INITIALIZER};
    return event;
}

void event_free(struct event *event)
{
    if (event)
        pthread_mutex_destroy(&event->lock);
    free(event);
}

void event_set(struct event *event)
{
    pthread_mutex_lock(&event->lock);
    event->set = true;
    for (struct sleeper *s = event->head, *next; s; s = next) {
        next = s->next;
        s->listed = false;
        sem_post(&s->bell);
    }
    event->head = NULL;
    pthread_mutex_unlock(&event->lock);
}

void event_clear(struct event *event)
{
    pthread_mutex_lock(&event->lock);
    event->set = false;
    pthread_mutex_unlock(&event->lock);
}

bool event_is_set(struct event *event)
{
    pthread_mutex_lock(&event->lock);
    const bool set = event->set;
    pthread_mutex_unlock(&event->lock);
    return set;
}

/* Sleeps until rung or until `end`; whether it was rung. The bell stands at 0 before and after. */
static bool sleep_until(struct event *event, const struct timespec *end)
{
    if (!me.made)
        sem_init(&me.bell, 0, 0);
    me.made = true;
    pthread_mutex_lock(&event->lock);
    bool rung = event->set;
    if (!rung) {
        me.next = event->head;
        me.listed = true;
        event->head = &me;
    }
    pthread_mutex_unlock(&event->lock);
    if (rung)
        return true;
    int rc;
    while ((rc = end ? sem_clockwait(&me.bell, CLOCK_MONOTONIC, end) : sem_wait(&me.bell)) != 0 && errno == EINTR)
        ;
    pthread_mutex_lock(&event->lock);
    rung = !me.listed;
    if (rung && rc != 0)
        sem_trywait(&me.bell); /* rung just after the time was up */
    for (struct sleeper **s = &event->head; me.listed; s = &(*s)->next)
        if (*s == &me) {
            *s = me.next;
            me.listed = false;
        }
    pthread_mutex_unlock(&event->lock);
    return rung;
}

void event_wait(struct event *event)
{
    sleep_until(event, NULL);
}

bool event_wait_for(struct event *event, unsigned milliseconds)
{
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_nsec += milliseconds % 1000 * 1000000L;
    end.tv_sec += milliseconds / 1000 + end.tv_nsec / 1000000000;
    end.tv_nsec %= 1000000000;
    return sleep_until(event, &end);
}

struct event_tasks {
    struct event *event, *complete; /* an event says that it is known whether the group is complete */
    bool off;
    event_task *run;
    void *arg;
    size_t n;
    pthread_barrier_t start;
    struct task {
        struct event_tasks *of;
        pthread_t thread;
    } task[64];
};

static void *task_main(void *p)
{
    struct task *t = p;
    struct event_tasks *of = t->of;
    event_wait(of->complete);
    if (of->off)
        return NULL;
    event_wait(of->event);
    pthread_barrier_wait(&of->start); /* all at the same moment */
    of->run(of->arg, (size_t)(t - of->task));
    return NULL;
}

static void release(struct event_tasks *of, size_t threads)
{
    for (size_t i = 0; i < threads; i++)
        pthread_join(of->task[i].thread, NULL);
    if (of->n > 0)
        pthread_barrier_destroy(&of->start);
    event_free(of->complete);
    free(of);
}

struct event_tasks *event_tasks_start(struct event *event, size_t n, event_task *run, void *arg)
{
    struct event_tasks *of = calloc(1, sizeof *of);
    if (!of || !(of->complete = event_create())) {
        free(of);
        return NULL;
    }
    of->event = event;
    of->run = run;
    of->arg = arg;
    of->n = n;
    if (n > 0)
        pthread_barrier_init(&of->start, NULL, (unsigned)n);
    size_t made = 0;
    for (; made < n; made++) {
        of->task[made].of = of;
        if (pthread_create(&of->task[made].thread, NULL, task_main, &of->task[made]))
            break;
    }
    of->off = made < n;
    event_set(of->complete);
    if (!of->off)
        return of;
    release(of, made);
    return NULL;
}

void event_tasks_join(struct event_tasks *of)
{
    if (of)
        release(of, of->n);
}
