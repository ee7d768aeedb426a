/* expect: tests polling; schedules livelock | waits in a loop that burns a core */
#include "event.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

struct event { volatile _Atomic bool happened; };

struct event *event_create(void) { return calloc(1, sizeof(struct event)); }
void event_free(struct event *e) { free(e); }
void event_set(struct event *e) { e->happened = true; }
void event_clear(struct event *e) { e->happened = false; }
bool event_is_set(struct event *e) { return e->happened; }

static bool is_over(const struct timespec *t)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec != t->tv_sec ? now.tv_sec > t->tv_sec : now.tv_nsec >= t->tv_nsec;
}

void event_wait(struct event *e)
{
    while (!e->happened)
        sched_yield(); /* gives the core to others, so it does not hurt */
}

bool event_wait_for(struct event *e, unsigned ms)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += ms / 1000;
    if ((t.tv_nsec += ms % 1000 * 1000000l) >= 1000000000l)
        t.tv_sec++, t.tv_nsec -= 1000000000l;
    do {
        if (e->happened)
            return true;
        sched_yield();
    } while (!is_over(&t));
    return e->happened;
}

enum { UNDECIDED, YES, NO };

struct event_tasks {
    atomic_int run_at_all;
    size_t n;
    struct { pthread_t id; } thread[64];
    struct args {
        struct event_tasks *tasks;
        struct event *event;
        event_task *run;
        void *arg;
        size_t index;
    } args[64];
};

static void *task(void *p)
{
    struct args *a = p;
    while (a->tasks->run_at_all == UNDECIDED)
        sched_yield();
    if (a->tasks->run_at_all == NO)
        return NULL;
    event_wait(a->event);
    a->run(a->arg, a->index);
    return NULL;
}

struct event_tasks *event_tasks_start(struct event *event, size_t n, event_task *run, void *arg)
{
    struct event_tasks *tasks = calloc(1, sizeof *tasks);
    if (!tasks) return NULL;
    for (size_t i = 0; i < n; i++) {
        tasks->args[i] = (struct args){tasks, event, run, arg, i};
        if (pthread_create(&tasks->thread[i].id, NULL, task, &tasks->args[i])) {
            tasks->run_at_all = NO;
            event_tasks_join(tasks);
            return NULL;
        }
        tasks->n++;
    }
    tasks->run_at_all = YES;
    return tasks;
}

void event_tasks_join(struct event_tasks *tasks)
{
    if (!tasks) return;
    for (size_t i = 0; i < tasks->n; i++)
        pthread_join(tasks->thread[i].id, NULL);
    free(tasks);
}
