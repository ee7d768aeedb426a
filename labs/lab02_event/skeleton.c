/*
 * event.c: this is the file you hand in. event.h says what each function has to do.
 */
#include "event.h"

/* TODO: a flag, something that guards it, and something to sleep on. */
struct event {
    bool set;
};

struct event *event_create(void)
{
    /* TODO: the time-out needs the monotonic clock; where does a condition variable get its clock from? */
    return NULL;
}

void event_free(struct event *event)
{
    (void)event;
}

void event_set(struct event *event)
{
    /* TODO: change the flag so that no waiter can miss it, and wake all who sleep. */
    (void)event;
}

void event_clear(struct event *event)
{
    (void)event;
}

bool event_is_set(struct event *event)
{
    (void)event;
    return false;
}

void event_wait(struct event *event)
{
    /* TODO: sleep until the flag is set. Being woken does not mean that it is. */
    (void)event;
}

bool event_wait_for(struct event *event, unsigned milliseconds)
{
    /* TODO: turn the time-out into one moment at which to give up, before the first sleep. */
    (void)event;
    (void)milliseconds;
    return false;
}

/* TODO: what event_tasks_join must know, and what each thread must know. */
struct event_tasks {
    size_t n;
};

struct event_tasks *event_tasks_start(struct event *event, size_t n, event_task *run, void *arg)
{
    /* TODO: n threads that wait for the event and run; and none at all if one of them cannot be started. */
    (void)event;
    (void)n;
    (void)run;
    (void)arg;
    return NULL;
}

void event_tasks_join(struct event_tasks *tasks)
{
    (void)tasks;
}
