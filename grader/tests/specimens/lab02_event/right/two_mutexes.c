/* expect: right | two mutexes, one that guards the flag and one to sleep with: whoever sets takes the second, too, before it wakes */
#include "event.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

struct event {
    struct {
        pthread_mutex_t mutex;
        bool up;
    } flag;
    struct {
        pthread_mutex_t mutex;
        pthread_cond_t cond;
    } bed;
};

struct event *event_create(void)
{
    struct event *e = malloc(sizeof *e);
    pthread_condattr_t attr;
    if (e == NULL || pthread_condattr_init(&attr) != 0) {
        free(e);
        return NULL;
    }
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&e->bed.cond, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&e->bed.mutex, NULL);
    pthread_mutex_init(&e->flag.mutex, NULL);
    e->flag.up = false;
    return e;
}

void event_free(struct event *e)
{
    if (e == NULL)
        return;
    pthread_mutex_destroy(&e->flag.mutex);
    pthread_mutex_destroy(&e->bed.mutex);
    pthread_cond_destroy(&e->bed.cond);
    free(e);
}

/* Returns what the flag was; `to` < 0 changes nothing. */
static bool flag(struct event *e, int to)
{
    pthread_mutex_lock(&e->flag.mutex);
    const bool was = e->flag.up;
    if (to >= 0)
        e->flag.up = to > 0;
    pthread_mutex_unlock(&e->flag.mutex);
    return was;
}

/* A waiter that has looked and is not yet asleep still holds bed.mutex: by the time it is free, the waiter either sleeps
 * and hears the broadcast, or it has seen the flag. */
void event_set(struct event *e)
{
    if (flag(e, 1))
        return;
    pthread_mutex_lock(&e->bed.mutex);
    pthread_cond_broadcast(&e->bed.cond);
    pthread_mutex_unlock(&e->bed.mutex);
}

void event_clear(struct event *e)
{
    flag(e, 0);
}

bool event_is_set(struct event *e)
{
    return flag(e, -1);
}

void event_wait(struct event *e)
{
    pthread_mutex_lock(&e->bed.mutex);
    while (!event_is_set(e)) /* always bed before flag */
        pthread_cond_wait(&e->bed.cond, &e->bed.mutex);
    pthread_mutex_unlock(&e->bed.mutex);
}

bool event_wait_for(struct event *e, unsigned milliseconds)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    const long ns = t.tv_nsec + (long)(milliseconds % 1000) * 1000000;
    t.tv_sec += (long)(milliseconds / 1000) + (ns > 999999999);
    t.tv_nsec = ns > 999999999 ? ns - 1000000000 : ns;

    pthread_mutex_lock(&e->bed.mutex);
    bool up = event_is_set(e);
    for (int err = 0; !up && err != ETIMEDOUT; up = event_is_set(e))
        err = pthread_cond_timedwait(&e->bed.cond, &e->bed.mutex, &t);
    pthread_mutex_unlock(&e->bed.mutex);
    return up;
}

struct event_tasks {
    size_t count;
    pthread_rwlock_t starting; /* written by the starter, read by all threads at once */
    bool complete;
    struct seat {
        size_t index;
        pthread_t id;
        struct event_tasks *table;
    } seats[64];
    struct event *event;
    event_task *run;
    void *arg;
};

static void *dine(void *p)
{
    const struct seat *seat = p;
    struct event_tasks *table = seat->table;
    pthread_rwlock_rdlock(&table->starting);
    const bool complete = table->complete;
    pthread_rwlock_unlock(&table->starting);
    if (!complete)
        return NULL;
    event_wait(table->event);
    table->run(table->arg, seat->index);
    return NULL;
}

struct event_tasks *event_tasks_start(struct event *event, size_t n, event_task *run, void *arg)
{
    struct event_tasks *table = malloc(sizeof(struct event_tasks));
    if (table == NULL)
        return NULL;
    table->event = event;
    table->run = run;
    table->arg = arg;
    table->count = 0;
    pthread_rwlock_init(&table->starting, NULL);
    pthread_rwlock_wrlock(&table->starting);
    for (struct seat *seat = table->seats; table->count < n; seat++) {
        seat->index = table->count;
        seat->table = table;
        if (pthread_create(&seat->id, NULL, dine, seat) != 0)
            break;
        table->count++;
    }
    const bool complete = table->count == n;
    table->complete = complete;
    pthread_rwlock_unlock(&table->starting);
    if (!complete) {
        event_tasks_join(table);
        return NULL;
    }
    return table;
}

void event_tasks_join(struct event_tasks *table)
{
    if (table == NULL)
        return;
    while (table->count > 0)
        pthread_join(table->seats[--table->count].id, NULL);
    pthread_rwlock_destroy(&table->starting);
    free(table);
}
