/* expect: tests early; schedules assertion | takes milliseconds for microseconds */
#define _GNU_SOURCE
#include "event.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

struct event {
    pthread_mutex_t mutex;
    pthread_cond_t condition;
    enum { DOWN, UP } flag;
};

struct event *event_create(void)
{
    struct event *event = malloc(sizeof *event);
    if (event) {
        const struct event fresh = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, DOWN};
        *event = fresh;
    }
    return event;
}

void event_free(struct event *event)
{
    if (event) {
        pthread_mutex_destroy(&event->mutex);
        pthread_cond_destroy(&event->condition);
        free(event);
    }
}

void event_set(struct event *event)
{
    pthread_mutex_lock(&event->mutex);
    switch (event->flag) {
    case UP:
        break;
    case DOWN:
        event->flag = UP;
        pthread_cond_broadcast(&event->condition);
        break;
    }
    pthread_mutex_unlock(&event->mutex);
}

void event_clear(struct event *event)
{
    pthread_mutex_lock(&event->mutex);
    event->flag = DOWN;
    pthread_mutex_unlock(&event->mutex);
}

bool event_is_set(struct event *event)
{
    pthread_mutex_lock(&event->mutex);
    int flag = event->flag;
    pthread_mutex_unlock(&event->mutex);
    return flag == UP;
}

void event_wait(struct event *event)
{
    pthread_mutex_lock(&event->mutex);
    while (event->flag != UP)
        pthread_cond_wait(&event->condition, &event->mutex);
    pthread_mutex_unlock(&event->mutex);
}

/* In microseconds, as timeval has it. */
static struct timespec from_now(unsigned time)
{
    struct timespec ts;
    struct timeval now, span = {.tv_sec = time / 1000000, .tv_usec = time % 1000000}, sum;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    TIMESPEC_TO_TIMEVAL(&now, &ts);
    timeradd(&now, &span, &sum);
    TIMEVAL_TO_TIMESPEC(&sum, &ts);
    ts.tv_nsec += 999; /* what the conversion has cut off */
    return ts;
}

bool event_wait_for(struct event *event, unsigned milliseconds)
{
    struct timespec end = from_now(milliseconds);
    int error = 0;
    pthread_mutex_lock(&event->mutex);
    while (event->flag != UP && error == 0)
        error = pthread_cond_clockwait(&event->condition, &event->mutex, CLOCK_MONOTONIC, &end);
    const bool up = event->flag == UP;
    pthread_mutex_unlock(&event->mutex);
    return up;
}

/* The threads start by taking one from an eventfd that counts like a semaphore. */
struct event_tasks {
    struct event *event;
    event_task *run;
    void *arg;
    int tickets;
    bool void_tickets;
    unsigned count;
    pthread_t ids[64];
    struct {
        struct event_tasks *tasks;
        unsigned index;
    } seats[64];
};

static void *sit(void *argument)
{
    struct event_tasks *tasks = *(struct event_tasks **)argument;
    const unsigned index = *(unsigned *)((char *)argument + sizeof(struct event_tasks *));
    eventfd_t one;
    while (eventfd_read(tasks->tickets, &one) != 0)
        continue;
    if (!tasks->void_tickets) {
        event_wait(tasks->event);
        tasks->run(tasks->arg, index);
    }
    return NULL;
}

void event_tasks_join(struct event_tasks *tasks)
{
    if (!tasks)
        return;
    while (tasks->count)
        pthread_join(tasks->ids[--tasks->count], NULL);
    close(tasks->tickets);
    free(tasks);
}

struct event_tasks *event_tasks_start(struct event *event, size_t n, event_task *run, void *arg)
{
    struct event_tasks *tasks = calloc(1, sizeof *tasks);
    if (!tasks)
        return NULL;
    tasks->tickets = eventfd(0, EFD_SEMAPHORE | EFD_CLOEXEC);
    if (tasks->tickets < 0) {
        free(tasks);
        return NULL;
    }
    tasks->event = event;
    tasks->run = run;
    tasks->arg = arg;
    for (unsigned i = 0; i < n && !tasks->void_tickets; i++) {
        tasks->seats[i].tasks = tasks;
        tasks->seats[i].index = i;
        if (pthread_create(&tasks->ids[i], NULL, sit, &tasks->seats[i]) == 0)
            tasks->count++;
        else
            tasks->void_tickets = true;
    }
    const bool failed = tasks->void_tickets;
    if (tasks->count)
        eventfd_write(tasks->tickets, tasks->count);
    if (!failed)
        return tasks;
    event_tasks_join(tasks);
    return NULL;
}
