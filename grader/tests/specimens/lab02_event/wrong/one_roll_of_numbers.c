/* expect: schedules assertion | the threads of all groups draw from one roll of numbers, each takes the rest by its group's size: two starts at once tear from it in turn, and two tasks get the same index */
#define _GNU_SOURCE
#include "event.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

/* ------------------------------------------------------------------ event */

enum state { RED, GREEN };

struct event {
    enum state light;
    unsigned long greens; /* how often it has turned green: a driver who saw red waits for another number */
    pthread_mutex_t post;
    pthread_cond_t turned;
};

static int set_up(struct event *e)
{
    pthread_condattr_t steady;
    int err = pthread_condattr_init(&steady);
    if (err != 0)
        return err;
    err = pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
    if (err == 0)
        err = pthread_cond_init(&e->turned, &steady);
    (void)pthread_condattr_destroy(&steady);
    if (err != 0)
        return err;
    err = pthread_mutex_init(&e->post, NULL);
    if (err != 0)
        (void)pthread_cond_destroy(&e->turned);
    return err;
}

struct event *event_create(void)
{
    struct event *e = calloc(1, sizeof(struct event));
    if (e != NULL && set_up(e) != 0) {
        free(e);
        e = NULL;
    }
    return e;
}

void event_free(struct event *e)
{
    if (e != NULL) {
        pthread_mutex_destroy(&e->post);
        pthread_cond_destroy(&e->turned);
    }
    free(e);
}

static void turn(struct event *e, enum state to)
{
    pthread_mutex_lock(&e->post);
    if (to == GREEN && e->light == RED) {
        e->greens += 1;
        pthread_cond_broadcast(&e->turned);
    }
    e->light = to;
    pthread_mutex_unlock(&e->post);
}

void event_set(struct event *e)
{
    turn(e, GREEN);
}

void event_clear(struct event *e)
{
    turn(e, RED);
}

bool event_is_set(struct event *e)
{
    enum state light;
    pthread_mutex_lock(&e->post);
    light = e->light;
    pthread_mutex_unlock(&e->post);
    return light == GREEN;
}

void event_wait(struct event *e)
{
    pthread_mutex_lock(&e->post);
    if (e->light == RED)
        for (const unsigned long seen = e->greens; e->greens == seen;)
            pthread_cond_wait(&e->turned, &e->post);
    pthread_mutex_unlock(&e->post);
}

bool event_wait_for(struct event *e, unsigned milliseconds)
{
    bool went = true;
    struct timespec latest;
    clock_gettime(CLOCK_MONOTONIC, &latest);
    const uint64_t ns = (uint64_t)latest.tv_nsec + (uint64_t)milliseconds * 1000000u;
    latest.tv_sec += (time_t)(ns / 1000000000u);
    latest.tv_nsec = (long)(ns % 1000000000u);

    pthread_mutex_lock(&e->post);
    if (e->light == RED) {
        const unsigned long seen = e->greens;
        int rc = 0;
        while (e->greens == seen && rc != ETIMEDOUT)
            rc = pthread_cond_timedwait(&e->turned, &e->post, &latest);
        went = e->greens != seen;
    }
    pthread_mutex_unlock(&e->post);
    return went;
}

/* ------------------------------------------------------------------ tasks */

struct event_tasks {
    struct event *event;
    event_task *run;
    void *arg;
    size_t size;
    pthread_mutex_t office;
    pthread_cond_t news;
    size_t drawn; /* threads that have their number */
    enum { OPEN, HIRED, SENT_HOME } verdict;
    size_t threads;
    pthread_t thread[64];
};

/* As in a bakery: of n numbers in a row each has another rest by n, so the roll never needs to be put back. */
static atomic_size_t roll;

static void *driver(void *p)
{
    struct event_tasks *group = p;
    const size_t index = atomic_fetch_add(&roll, 1) % group->size;

    pthread_mutex_lock(&group->office);
    group->drawn++;
    pthread_cond_broadcast(&group->news);
    while (group->verdict == OPEN)
        pthread_cond_wait(&group->news, &group->office);
    const bool hired = group->verdict == HIRED;
    pthread_mutex_unlock(&group->office);

    if (hired) {
        event_wait(group->event);
        group->run(group->arg, index);
    }
    return NULL;
}

struct event_tasks *event_tasks_start(struct event *event, size_t n, event_task *run, void *arg)
{
    struct event_tasks *group = malloc(sizeof *group);
    if (group == NULL)
        return NULL;
    group->event = event;
    group->run = run;
    group->arg = arg;
    group->size = n;
    group->drawn = group->threads = 0;
    group->verdict = OPEN;
    pthread_mutex_init(&group->office, NULL);
    pthread_cond_init(&group->news, NULL);

    while (group->threads < n && pthread_create(&group->thread[group->threads], NULL, driver, group) == 0)
        group->threads++;

    const bool complete = group->threads == n;
    pthread_mutex_lock(&group->office);
    while (group->drawn < group->threads) /* the next group must not get in between */
        pthread_cond_wait(&group->news, &group->office);
    group->verdict = complete ? HIRED : SENT_HOME;
    pthread_cond_broadcast(&group->news);
    pthread_mutex_unlock(&group->office);
    if (!complete) {
        event_tasks_join(group);
        group = NULL;
    }
    return group;
}

void event_tasks_join(struct event_tasks *group)
{
    if (group == NULL)
        return;
    for (size_t i = 0; i < group->threads; i++)
        pthread_join(group->thread[i], NULL);
    pthread_cond_destroy(&group->news);
    pthread_mutex_destroy(&group->office);
    free(group);
}
