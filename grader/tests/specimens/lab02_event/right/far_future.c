/* expect: right | one kind of wait only, with a time-out: for ever is a moment in the far future, (time_t)1 << 60; tasks in a list without a tail pointer, each a copy of everything */
#define _GNU_SOURCE
#include "event.h"
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct event {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    char word[3]; /* "set" or "clr" */
};

static void say(struct event *event, const char *word)
{
    pthread_mutex_lock(&event->mutex);
    memmove(event->word, word, 3);
    pthread_cond_broadcast(&event->cond);
    pthread_mutex_unlock(&event->mutex);
}

static int reads(const struct event *event, const char *word)
{
    return strncmp(event->word, word, sizeof event->word) == 0;
}

struct event *event_create(void)
{
    struct event *e = malloc(sizeof *e);
    pthread_condattr_t attr;
    if (e == NULL)
        return NULL;
    memcpy(e->word, "clr", 3);
    if (pthread_condattr_init(&attr) != 0)
        goto bad;
    int rc = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    assert(rc == 0);
    rc = pthread_cond_init(&e->cond, &attr);
    pthread_condattr_destroy(&attr);
    if (rc != 0)
        goto bad;
    if (pthread_mutex_init(&e->mutex, NULL) != 0) {
        pthread_cond_destroy(&e->cond);
        goto bad;
    }
    return e;
bad:
    free(e);
    return NULL;
}

void event_free(struct event *e)
{
    if (e == NULL)
        return;
    pthread_mutex_destroy(&e->mutex);
    pthread_cond_destroy(&e->cond);
    free(e);
}

void event_set(struct event *e) { say(e, "set"); }
void event_clear(struct event *e) { say(e, "clr"); }

bool event_is_set(struct event *e)
{
    bool answer = false;
    pthread_mutex_lock(&e->mutex);
    if (reads(e, "set"))
        answer = true;
    pthread_mutex_unlock(&e->mutex);
    return answer;
}

static bool wait_till(struct event *e, struct timespec t)
{
    pthread_mutex_lock(&e->mutex);
    while (!reads(e, "set"))
        if (pthread_cond_timedwait(&e->cond, &e->mutex, &t) == ETIMEDOUT)
            break;
    bool was = reads(e, "set");
    pthread_mutex_unlock(&e->mutex);
    return was;
}

void event_wait(struct event *e)
{
    struct timespec doomsday = {.tv_sec = (time_t)1 << 60, .tv_nsec = 0};
    while (!wait_till(e, doomsday))
        continue;
}

bool event_wait_for(struct event *e, unsigned milliseconds)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += milliseconds / 1000;
    t.tv_nsec += (long)(milliseconds % 1000) * 1000000L;
    if (t.tv_nsec >= 1000000000L) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000L;
    }
    return wait_till(e, t);
}

struct node {
    struct node *next;
    struct event_tasks *group;
    struct event *event;
    size_t index;
    event_task *run;
    void *arg;
    pthread_t thread;
};

struct event_tasks {
    pthread_mutex_t m;
    pthread_cond_t c;
    char answer[5]; /* "wait", "go", "stop" */
    struct node *first;
};

static void *body(void *v)
{
    struct node *node = v;
    pthread_mutex_lock(&node->group->m);
    while (strcmp(node->group->answer, "wait") == 0)
        pthread_cond_wait(&node->group->c, &node->group->m);
    char copy[5];
    strcpy(copy, node->group->answer);
    pthread_mutex_unlock(&node->group->m);
    if (strcmp(copy, "go") == 0) {
        event_wait(node->event);
        node->run(node->arg, node->index);
    }
    return NULL;
}

static void answer(struct event_tasks *g, const char *a)
{
    pthread_mutex_lock(&g->m);
    snprintf(g->answer, sizeof g->answer, "%s", a);
    pthread_cond_broadcast(&g->c);
    pthread_mutex_unlock(&g->m);
}

void event_tasks_join(struct event_tasks *g)
{
    if (g == NULL)
        return;
    while (g->first != NULL) {
        struct node *next = g->first->next;
        pthread_join(g->first->thread, NULL);
        free(g->first);
        g->first = next;
    }
    pthread_cond_destroy(&g->c);
    pthread_mutex_destroy(&g->m);
    free(g);
}

struct event_tasks *event_tasks_start(struct event *event, size_t n, event_task *run, void *arg)
{
    struct event_tasks *g = calloc(1, sizeof *g);
    if (!g)
        return NULL;
    pthread_mutex_init(&g->m, NULL);
    pthread_cond_init(&g->c, NULL);
    strcpy(g->answer, "wait");
    for (size_t i = 0; i < n; i++) {
        struct node *fresh = malloc(sizeof *fresh);
        if (fresh == NULL)
            goto stop;
        *fresh = (struct node){NULL, g, event, i, run, arg, 0};
        if (pthread_create(&fresh->thread, NULL, body, fresh) != 0) {
            free(fresh);
            goto stop;
        }
        struct node **end = &g->first;
        while (*end != NULL)
            end = &(*end)->next;
        *end = fresh;
    }
    answer(g, "go");
    return g;
stop:
    fprintf(stderr, "event_tasks_start: no thread or no memory\n");
    answer(g, "stop");
    event_tasks_join(g);
    return NULL;
}
