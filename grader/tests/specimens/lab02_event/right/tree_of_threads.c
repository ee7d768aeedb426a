/* expect: right | each thread of a group starts two more and later joins them; each reports, and nobody runs before all have */
#define _GNU_SOURCE
#include "event.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

struct event {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool set;
};

struct event *event_create(void)
{
    struct event *e = malloc(sizeof *e);
    if (e == NULL)
        return NULL;
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_mutex_init(&e->mutex, NULL);
    pthread_cond_init(&e->changed, &attr);
    pthread_condattr_destroy(&attr);
    e->set = false;
    return e;
}

void event_free(struct event *e)
{
    if (e == NULL)
        return;
    pthread_cond_destroy(&e->changed);
    pthread_mutex_destroy(&e->mutex);
    free(e);
}

void event_set(struct event *e)
{
    pthread_mutex_lock(&e->mutex);
    e->set = true;
    pthread_cond_broadcast(&e->changed);
    pthread_mutex_unlock(&e->mutex);
}

void event_clear(struct event *e)
{
    pthread_mutex_lock(&e->mutex);
    e->set = false;
    pthread_mutex_unlock(&e->mutex);
}

bool event_is_set(struct event *e)
{
    pthread_mutex_lock(&e->mutex);
    bool set = e->set;
    pthread_mutex_unlock(&e->mutex);
    return set;
}

void event_wait(struct event *e)
{
    pthread_mutex_lock(&e->mutex);
    while (!e->set)
        pthread_cond_wait(&e->changed, &e->mutex);
    pthread_mutex_unlock(&e->mutex);
}

bool event_wait_for(struct event *e, unsigned milliseconds)
{
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += milliseconds / 1000;
    end.tv_nsec += (long)(milliseconds % 1000) * 1000000;
    if (end.tv_nsec >= 1000000000) {
        end.tv_nsec -= 1000000000;
        end.tv_sec++;
    }
    int rc = 0;
    pthread_mutex_lock(&e->mutex);
    while (rc == 0 && !e->set)
        rc = pthread_cond_timedwait(&e->changed, &e->mutex, &end);
    pthread_mutex_unlock(&e->mutex);
    return rc == 0;
}

struct twig {
    struct event_tasks *tree;
    pthread_t thread;
};

struct event_tasks {
    pthread_mutex_t lock;
    pthread_cond_t report;
    size_t n, reported;
    bool broken;
    struct event *event;
    event_task *run;
    void *arg;
    struct twig twig[];
};

static void *grow(void *p);

/* Starts the thread of twig i; what cannot be started reports for itself and for all that would have hung on it. */
static size_t missing(const struct event_tasks *tree, size_t i)
{
    return i >= tree->n ? 0 : 1 + missing(tree, 2 * i + 1) + missing(tree, 2 * i + 2);
}

static bool start(struct event_tasks *tree, size_t i)
{
    if (i >= tree->n)
        return false;
    tree->twig[i].tree = tree;
    if (pthread_create(&tree->twig[i].thread, NULL, grow, &tree->twig[i]) == 0)
        return true;
    pthread_mutex_lock(&tree->lock);
    tree->broken = true;
    tree->reported += missing(tree, i);
    pthread_cond_broadcast(&tree->report);
    pthread_mutex_unlock(&tree->lock);
    return false;
}

static bool all_there(struct event_tasks *tree, size_t mine)
{
    pthread_mutex_lock(&tree->lock);
    tree->reported += mine;
    pthread_cond_broadcast(&tree->report);
    while (tree->reported < tree->n)
        pthread_cond_wait(&tree->report, &tree->lock);
    const bool all = !tree->broken;
    pthread_mutex_unlock(&tree->lock);
    return all;
}

static void *grow(void *p)
{
    struct twig *twig = p;
    struct event_tasks *tree = twig->tree;
    const size_t i = (size_t)(twig - tree->twig);
    const bool left = start(tree, 2 * i + 1), right = start(tree, 2 * i + 2);
    if (all_there(tree, 1)) {
        event_wait(tree->event);
        tree->run(tree->arg, i);
    }
    if (left)
        pthread_join(tree->twig[2 * i + 1].thread, NULL);
    if (right)
        pthread_join(tree->twig[2 * i + 2].thread, NULL);
    return NULL;
}

static void fell(struct event_tasks *tree, bool root)
{
    if (root)
        pthread_join(tree->twig[0].thread, NULL);
    pthread_cond_destroy(&tree->report);
    pthread_mutex_destroy(&tree->lock);
    free(tree);
}

struct event_tasks *event_tasks_start(struct event *event, size_t n, event_task *run, void *arg)
{
    struct event_tasks *tree = malloc(sizeof *tree + n * sizeof tree->twig[0]);
    if (tree == NULL)
        return NULL;
    *tree = (struct event_tasks){.n = n, .event = event, .run = run, .arg = arg};
    pthread_mutex_init(&tree->lock, NULL);
    pthread_cond_init(&tree->report, NULL);
    const bool root = start(tree, 0);
    if (all_there(tree, 0))
        return tree;
    fell(tree, root);
    return NULL;
}

void event_tasks_join(struct event_tasks *tree)
{
    if (tree != NULL)
        fell(tree, tree->n > 0);
}
