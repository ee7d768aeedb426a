/* expect: tests waiters; schedules lost-wake-up | wakes one waiter and leaves the others asleep */
#include "event.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#define NS_PER_S  INT64_C(1000000000)
#define NS_PER_MS INT64_C(1000000)

typedef enum { OFF = 0, ON = 1 } Light;

struct event {
    Light light;
    pthread_mutex_t guard;
    pthread_cond_t turned_on;
};

struct event *event_create(void) {
    struct event *this = malloc(sizeof(*this));
    if (this == NULL) return NULL;
    this->light = OFF;
    pthread_mutex_init(&this->guard, NULL);

    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    int err = pthread_cond_init(&this->turned_on, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (err) {
        pthread_mutex_destroy(&this->guard);
        free(this);
        return NULL;
    }
    return this;
}

void event_free(struct event *this) {
    if (this != NULL) {
        pthread_cond_destroy(&this->turned_on);
        pthread_mutex_destroy(&this->guard);
        free(this);
    }
}

void event_set(struct event *this) {
    pthread_mutex_lock(&this->guard);
    this->light = ON;
    pthread_cond_signal(&this->turned_on);
    pthread_mutex_unlock(&this->guard);
}

void event_clear(struct event *this) {
    pthread_mutex_lock(&this->guard);
    this->light = OFF;
    pthread_mutex_unlock(&this->guard);
}

bool event_is_set(struct event *this) {
    pthread_mutex_lock(&this->guard);
    Light light = this->light;
    pthread_mutex_unlock(&this->guard);
    return light == ON;
}

void event_wait(struct event *this) {
    pthread_mutex_lock(&this->guard);
    while (this->light == OFF) pthread_cond_wait(&this->turned_on, &this->guard);
    pthread_mutex_unlock(&this->guard);
}

bool event_wait_for(struct event *this, unsigned milliseconds) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    int64_t ns = (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec + milliseconds * NS_PER_MS;
    t.tv_sec = ns / NS_PER_S;
    t.tv_nsec = ns % NS_PER_S;

    bool in_time = true;
    pthread_mutex_lock(&this->guard);
    while (this->light == OFF && in_time) in_time = pthread_cond_timedwait(&this->turned_on, &this->guard, &t) == 0;
    in_time = this->light == ON;
    pthread_mutex_unlock(&this->guard);
    return in_time;
}

/* ---- tasks: a list of them, newest first ---- */

struct event_tasks {
    struct link {
        struct link *next;
        struct event_tasks *list;
        size_t index;
        pthread_t thread;
        sem_t go;
    } *first;
    struct event *event;
    event_task *run;
    void *arg;
    bool cancelled;
};

static void *run_link(void *p) {
    struct link *self = p;
    struct event_tasks *list = self->list;
    while (sem_wait(&self->go)) {}
    if (!list->cancelled) {
        event_wait(list->event);
        list->run(list->arg, self->index);
    }
    return NULL;
}

static bool add(struct event_tasks *list, size_t index) {
    struct link *l = malloc(sizeof *l);
    if (l == NULL) return false;
    l->list = list;
    l->index = index;
    sem_init(&l->go, 0, 0);
    if (pthread_create(&l->thread, NULL, run_link, l)) {
        sem_destroy(&l->go);
        free(l);
        return false;
    }
    l->next = list->first;
    list->first = l;
    return true;
}

struct event_tasks *event_tasks_start(struct event *event, size_t n, event_task *run, void *arg) {
    struct event_tasks *list = malloc(sizeof *list);
    if (list == NULL) return NULL;
    *list = (struct event_tasks){.event = event, .run = run, .arg = arg};
    for (size_t i = 0; i < n && !list->cancelled; i++) list->cancelled = !add(list, i);
    bool cancelled = list->cancelled;
    for (struct link *l = list->first; l != NULL; l = l->next) sem_post(&l->go);
    if (cancelled) {
        event_tasks_join(list);
        return NULL;
    }
    return list;
}

void event_tasks_join(struct event_tasks *list) {
    if (list == NULL) return;
    while (list->first != NULL) {
        struct link *l = list->first;
        pthread_join(l->thread, NULL);
        sem_destroy(&l->go);
        list->first = l->next;
        free(l);
    }
    free(list);
}
