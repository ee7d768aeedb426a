/* expect: right | a look at an atomic flag without the lock, and a second one with it */
#define _GNU_SOURCE
#include "event.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

struct event {
    atomic_bool up; // written with the mutex held, read with or without
    atomic_int sleepers;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
};

#define UP(e) atomic_load_explicit(&(e)->up, memory_order_acquire)

struct event *event_create(void) {
    struct event *e = malloc(sizeof(struct event));
    if (e == NULL) return NULL;
    atomic_init(&e->up, false);
    atomic_init(&e->sleepers, 0);
    pthread_mutex_init(&e->mutex, NULL);
    pthread_cond_init(&e->changed, NULL);
    return e;
}

void event_free(struct event *e) {
    if (e == NULL) return;
    pthread_cond_destroy(&e->changed);
    pthread_mutex_destroy(&e->mutex);
    free(e);
}

bool event_is_set(struct event *e) {
    return UP(e);
}

void event_set(struct event *e) {
    if (UP(e)) return; // a set event that is set: nothing changes, and nobody sleeps
    pthread_mutex_lock(&e->mutex);
    atomic_store_explicit(&e->up, true, memory_order_release);
    if (e->sleepers > 0) pthread_cond_broadcast(&e->changed);
    pthread_mutex_unlock(&e->mutex);
}

void event_clear(struct event *e) {
    pthread_mutex_lock(&e->mutex);
    atomic_store_explicit(&e->up, false, memory_order_release);
    pthread_mutex_unlock(&e->mutex);
}

void event_wait(struct event *e) {
    if (UP(e)) return;
    pthread_mutex_lock(&e->mutex);
    e->sleepers++;
    while (!UP(e)) pthread_cond_wait(&e->changed, &e->mutex);
    e->sleepers--;
    pthread_mutex_unlock(&e->mutex);
}

bool event_wait_for(struct event *e, unsigned milliseconds) {
    if (UP(e)) return true;
    if (milliseconds == 0) return false;

    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += milliseconds / 1000;
    end.tv_nsec += milliseconds % 1000 * 1000000L;
    if (end.tv_nsec > 999999999L) {
        end.tv_nsec -= 1000000000L;
        end.tv_sec += 1;
    }
    pthread_mutex_lock(&e->mutex);
    e->sleepers++;
    while (!UP(e)) {
        if (pthread_cond_clockwait(&e->changed, &e->mutex, CLOCK_MONOTONIC, &end) != 0) break;
    }
    e->sleepers--;
    const bool up = UP(e);
    pthread_mutex_unlock(&e->mutex);
    return up;
}

// A thread may go on when `decision` is no longer PENDING. It sleeps on an event of the group until then.
struct event_tasks {
    _Atomic(int) decision;
    struct event *decided;
    struct event *event;
    event_task *run;
    void *arg;
    struct part {
        struct event_tasks *whole;
        pthread_t thread;
        struct part *next;
        size_t index;
    } *parts;
};

enum { PENDING, PROCEED, ABANDON };

static void *play_part(void *p) {
    struct part *part = p;
    struct event_tasks *whole = part->whole;
    event_wait(whole->decided);
    if (atomic_load(&whole->decision) == ABANDON) return NULL;
    event_wait(whole->event);
    whole->run(whole->arg, part->index);
    return NULL;
}

static bool add_part(struct event_tasks *whole, size_t index) {
    struct part *part = malloc(sizeof *part);
    if (part == NULL) return false;
    part->whole = whole;
    part->index = index;
    part->next = whole->parts;
    if (pthread_create(&part->thread, NULL, play_part, part) != 0) {
        free(part);
        return false;
    }
    whole->parts = part;
    return true;
}

struct event_tasks *event_tasks_start(struct event *event, size_t n, event_task *run, void *arg) {
    struct event_tasks *whole = calloc(1, sizeof *whole);
    if (whole == NULL) return NULL;
    whole->decided = event_create();
    if (whole->decided == NULL) {
        free(whole);
        return NULL;
    }
    whole->event = event;
    whole->run = run;
    whole->arg = arg;
    size_t i = 0;
    while (i < n && add_part(whole, i)) i++;
    atomic_store(&whole->decision, i == n ? PROCEED : ABANDON);
    event_set(whole->decided);
    if (i == n) return whole;
    event_tasks_join(whole);
    return NULL;
}

void event_tasks_join(struct event_tasks *whole) {
    if (whole == NULL) return;
    while (whole->parts != NULL) {
        struct part *part = whole->parts;
        pthread_join(part->thread, NULL);
        whole->parts = part->next;
        free(part);
    }
    event_free(whole->decided);
    free(whole);
}
