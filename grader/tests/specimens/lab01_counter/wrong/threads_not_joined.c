/* expect: tests left; schedules thread-never-joined | waits for its threads with a semaphore and never joins them */
#include "counter.h"

#include <pthread.h>
#include <stdlib.h>

struct counter {
    pthread_mutex_t lock;
    int64_t n;
};

struct counter *counter_create(void)
{
    struct counter *c = calloc(1, sizeof(struct counter));
    if (c)
        pthread_mutex_init(&c->lock, NULL);
    return c;
}

void counter_free(struct counter *c)
{
    if (c) {
        pthread_mutex_destroy(&c->lock);
        free(c);
    }
}

void counter_increment(struct counter *c)
{
    pthread_mutex_lock(&c->lock);
    c->n++;
    pthread_mutex_unlock(&c->lock);
}

void counter_add(struct counter *c, int64_t amount)
{
    pthread_mutex_lock(&c->lock);
    c->n += amount;
    pthread_mutex_unlock(&c->lock);
}

int64_t counter_value(struct counter *c)
{
    int64_t n;
    pthread_mutex_lock(&c->lock);
    n = c->n;
    pthread_mutex_unlock(&c->lock);
    return n;
}

#include <semaphore.h>

struct team {
    counter_predicate *predicate;
    int64_t n, step, first;
    int64_t found;
    pthread_mutex_t lock;
    sem_t done;
};

static void *help(void *arg)
{
    struct team *team = arg;
    int64_t found = 0;
    pthread_mutex_lock(&team->lock);
    int64_t i = team->first++;
    pthread_mutex_unlock(&team->lock);
    for (; i < team->n; i += team->step)
        found += team->predicate(i) ? 1 : 0;
    pthread_mutex_lock(&team->lock);
    team->found += found;
    pthread_mutex_unlock(&team->lock);
    sem_post(&team->done);
    return NULL;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    if (threads == 0)
        threads = 1;
    struct team *team = malloc(sizeof *team);
    pthread_t ignored;
    unsigned ok = 0;
    if (team == NULL)
        return -1;
    *team = (struct team){.predicate = predicate, .n = n, .step = threads};
    pthread_mutex_init(&team->lock, NULL);
    sem_init(&team->done, 0, 0);
    while (ok < threads && pthread_create(&ignored, NULL, help, team) == 0)
        ok++;
    for (unsigned i = 0; i < ok; i++)
        while (sem_wait(&team->done) != 0)
            continue;
    int64_t found = ok == threads ? team->found : -1;
    sem_destroy(&team->done);
    pthread_mutex_destroy(&team->lock);
    free(team);
    return found;
}
