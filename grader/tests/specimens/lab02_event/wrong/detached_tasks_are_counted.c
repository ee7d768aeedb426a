/* expect: schedules have not ended | the threads of the tasks are detached and counted: the join waits for the count, not for their end */
#define _GNU_SOURCE
#include "event.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

/* ---- parking lot ---- */

struct car {
    struct car *next;
    const void *key;
    bool called;
    pthread_cond_t horn;
};

static pthread_mutex_t lot = PTHREAD_MUTEX_INITIALIZER;
static struct car *row;

static void drive_off(const struct car *car)
{
    for (struct car **p = &row; *p; p = &(*p)->next)
        if (*p == car) {
            *p = car->next;
            break;
        }
}

/* Sleeps until *word, which is also the key, has been changed to true by unpark, or the time is up. */
static bool park(atomic_bool *word, const struct timespec *end)
{
    pthread_mutex_lock(&lot);
    bool ok = atomic_load(word);
    if (!ok) {
        struct car me = { .next = row, .key = word, .called = false, .horn = PTHREAD_COND_INITIALIZER };
        int rc = 0;
        row = &me;
        while (!me.called && rc != ETIMEDOUT) {
            if (end)
                rc = pthread_cond_clockwait(&me.horn, &lot, CLOCK_MONOTONIC, end);
            else
                pthread_cond_wait(&me.horn, &lot);
        }
        ok = me.called;
        if (!ok)
            drive_off(&me);
        pthread_cond_destroy(&me.horn);
    }
    pthread_mutex_unlock(&lot);
    return ok;
}

/* Makes *word true and calls all cars that stand there for it. */
static void unpark(atomic_bool *word)
{
    pthread_mutex_lock(&lot);
    atomic_store(word, true);
    struct car **p = &row;
    while (*p) {
        struct car *car = *p;
        if (car->key == word) {
            *p = car->next;
            car->called = true;
            pthread_cond_signal(&car->horn);
        } else
            p = &car->next;
    }
    pthread_mutex_unlock(&lot);
}

/* ---- event ---- */

struct event {
    atomic_bool set;
};

struct event *event_create(void)
{
    struct event *event = malloc(sizeof *event);
    if (event)
        atomic_init(&event->set, false);
    return event;
}

void event_free(struct event *event) { free(event); }
void event_set(struct event *event) { unpark(&event->set); }
void event_clear(struct event *event) { atomic_store(&event->set, false); }
bool event_is_set(struct event *event) { return atomic_load(&event->set); }
void event_wait(struct event *event) { park(&event->set, NULL); }

bool event_wait_for(struct event *event, unsigned milliseconds)
{
    if (milliseconds == 0)
        return event_is_set(event);

    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    long ns = end.tv_nsec + (long)(milliseconds % 1000) * 1000000L;
    end.tv_sec += (time_t)(milliseconds / 1000) + (ns >= 1000000000L);
    end.tv_nsec = ns % 1000000000L;
    return park(&event->set, &end);
}

/* ---- tasks ---- */

struct event_tasks {
    atomic_bool decided;
    bool broken;
    struct event *event;
    event_task *run;
    void *arg;
    unsigned char n;
    pthread_mutex_t lock;
    pthread_cond_t none_left;
    size_t alive; /* threads that have not finished, under the lock */
    struct one {
        pthread_t thread;
        struct event_tasks *all;
    } one[];
};

static void *go(void *p)
{
    struct one *one = p;
    struct event_tasks *all = one->all;
    park(&all->decided, NULL);
    if (!all->broken) {
        event_wait(all->event);
        all->run(all->arg, (size_t)(one - all->one));
    }
    pthread_mutex_lock(&all->lock);
    if (--all->alive == 0)
        pthread_cond_signal(&all->none_left);
    pthread_mutex_unlock(&all->lock);
    return NULL;
}

static void dispose(struct event_tasks *all)
{
    pthread_cond_destroy(&all->none_left);
    pthread_mutex_destroy(&all->lock);
    free(all);
}

struct event_tasks *event_tasks_start(struct event *event, size_t n, event_task *run, void *arg)
{
    struct event_tasks *all = malloc(sizeof *all + n * sizeof all->one[0]);
    if (!all)
        return NULL;
    atomic_init(&all->decided, false);
    all->event = event;
    all->run = run;
    all->arg = arg;
    all->n = 0;
    if (pthread_mutex_init(&all->lock, NULL) != 0) {
        free(all);
        return NULL;
    }
    if (pthread_cond_init(&all->none_left, NULL) != 0) {
        pthread_mutex_destroy(&all->lock);
        free(all);
        return NULL;
    }
    for (struct one *o = all->one; all->n < n; o++, all->n++) {
        o->all = all;
        if (pthread_create(&o->thread, NULL, go, o))
            break;
    }
    bool broken = all->broken = all->n < n;
    all->alive = all->n;
    for (unsigned i = 0; !broken && i < all->n; i++)
        pthread_detach(all->one[i].thread);
    unpark(&all->decided);
    if (broken) {
        for (unsigned i = 0; i < all->n; i++)
            pthread_join(all->one[i].thread, NULL);
        dispose(all);
        return NULL;
    }
    return all;
}

void event_tasks_join(struct event_tasks *tasks)
{
    if (tasks) {
        pthread_mutex_lock(&tasks->lock);
        while (tasks->alive > 0)
            pthread_cond_wait(&tasks->none_left, &tasks->lock);
        pthread_mutex_unlock(&tasks->lock);
        dispose(tasks);
    }
}
