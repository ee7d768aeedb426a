/* expect: schedules livelock; speedup idle | event_wait sleeps as it should, but the tasks do not use it */
#include "event.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

struct event {
    pthread_mutex_t  lock;
    pthread_cond_t   cond;
    unsigned         waiting; /* threads in event_wait or event_wait_for */
    bool             raised;
};

static int init_on_monotonic(pthread_cond_t *cond)
{
    pthread_condattr_t attr;
    int result = pthread_condattr_init(&attr);
    if (result == 0) {
        result = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
        if (result == 0)
            result = pthread_cond_init(cond, &attr);
        pthread_condattr_destroy(&attr);
    }
    return result;
}

struct event *event_create(void)
{
    struct event *e = malloc(sizeof(struct event));
    if (e != NULL && init_on_monotonic(&e->cond) != 0) {
        free(e);
        e = NULL;
    }
    if (e != NULL) {
        pthread_mutex_init(&e->lock, NULL);
        e->waiting = 0;
        e->raised = false;
    }
    return e;
}

void event_free(struct event *e)
{
    if (e == NULL) return;
    pthread_cond_destroy(&e->cond);
    pthread_mutex_destroy(&e->lock);
    free(e);
}

void event_set(struct event *e)
{
    pthread_mutex_lock(&e->lock);
    e->raised = true;
    if (e->waiting > 0)
        pthread_cond_broadcast(&e->cond);
    pthread_mutex_unlock(&e->lock);
}

void event_clear(struct event *e)
{
    pthread_mutex_lock(&e->lock);
    e->raised = false;
    pthread_mutex_unlock(&e->lock);
}

bool event_is_set(struct event *e)
{
    pthread_mutex_lock(&e->lock);
    bool raised = e->raised;
    pthread_mutex_unlock(&e->lock);
    return raised;
}

void event_wait(struct event *e)
{
    pthread_mutex_lock(&e->lock);
    e->waiting++;
    while (!e->raised)
        pthread_cond_wait(&e->cond, &e->lock);
    e->waiting--;
    pthread_mutex_unlock(&e->lock);
}

bool event_wait_for(struct event *e, unsigned milliseconds)
{
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += milliseconds / 1000;
    end.tv_nsec += (long)(milliseconds % 1000) * 1000 * 1000;
    if (end.tv_nsec / 1000000000 != 0)
        end.tv_nsec -= 1000000000, end.tv_sec++;

    pthread_mutex_lock(&e->lock);
    e->waiting++;
    for (int why = 0; !e->raised && why != ETIMEDOUT;)
        why = pthread_cond_timedwait(&e->cond, &e->lock, &end);
    bool raised = e->raised;
    e->waiting--;
    pthread_mutex_unlock(&e->lock);
    return raised;
}

/* ------------------------------------------------------------------ */

typedef struct event_tasks {
    struct event *event;
    event_task   *run;
    void         *arg;
    atomic_bool   abandoned;   /* some thread could not be started */
    atomic_bool   ready;       /* all were */
    atomic_size_t next_index;
    size_t        n;
    pthread_t     threads[64];
} tasks_t;

static void *await_and_run(void *p)
{
    tasks_t *t = p;
    while (!atomic_load(&t->ready) || !event_is_set(t->event)) {
        if (atomic_load(&t->abandoned))
            return NULL;
        sched_yield(); /* others first */
    }
    t->run(t->arg, atomic_fetch_add(&t->next_index, 1));
    return NULL;
}

tasks_t *event_tasks_start(struct event *event, size_t n, event_task *run, void *arg)
{
    tasks_t *t = calloc(1, sizeof(tasks_t));
    if (t == NULL)
        return NULL;
    t->event = event;
    t->run = run;
    t->arg = arg;
    for (size_t i = 0; i < n; i++) {
        if (pthread_create(&t->threads[i], NULL, await_and_run, t) != 0) {
            atomic_store(&t->abandoned, true);
            event_tasks_join(t);
            return NULL;
        }
        t->n = i + 1;
    }
    atomic_store(&t->ready, true);
    return t;
}

void event_tasks_join(tasks_t *t)
{
    if (t == NULL)
        return;
    for (size_t i = t->n; i > 0; i--)
        pthread_join(t->threads[i - 1], NULL);
    free(t);
}
