/* expect: right | trylock with a pause between tries; the end announced by a condition variable */
#include "counter.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

struct counter {
    pthread_mutex_t mutex;
    int64_t value;
};

static void grab(pthread_mutex_t *mutex)
{
    for (int tries = 0; tries < 20; tries++) {
        if (pthread_mutex_trylock(mutex) == 0)
            return;
        sched_yield();
    }
    pthread_mutex_lock(mutex);
}

struct counter *counter_create(void)
{
    struct counter *c = malloc(sizeof *c);
    if (c == NULL)
        return NULL;
    pthread_mutex_init(&c->mutex, NULL);
    c->value = 0;
    return c;
}

void counter_free(struct counter *c)
{
    if (c == NULL)
        return;
    pthread_mutex_destroy(&c->mutex);
    free(c);
}

void counter_increment(struct counter *c)
{
    grab(&c->mutex);
    c->value++;
    pthread_mutex_unlock(&c->mutex);
}

void counter_add(struct counter *c, int64_t amount)
{
    grab(&c->mutex);
    c->value += amount;
    pthread_mutex_unlock(&c->mutex);
}

int64_t counter_value(struct counter *c)
{
    grab(&c->mutex);
    int64_t value = c->value;
    pthread_mutex_unlock(&c->mutex);
    return value;
}

/* Lives on the caller's stack: nobody may touch it once `running` has come down to 0. */
struct crew {
    pthread_mutex_t mutex;
    pthread_cond_t finished;
    unsigned running, joined;
    unsigned size;
    counter_predicate *predicate;
    int64_t n, hits;
};

static void *toil(void *arg)
{
    struct crew *crew = arg;
    int64_t hits = 0;
    pthread_mutex_lock(&crew->mutex);
    unsigned me = crew->joined++;
    pthread_mutex_unlock(&crew->mutex);
    for (int64_t i = crew->n * me / crew->size, end = crew->n * (me + 1) / crew->size; i < end; i++)
        if (crew->predicate(i))
            hits++;
    pthread_mutex_lock(&crew->mutex);
    crew->hits += hits;
    if (--crew->running == 0)
        pthread_cond_signal(&crew->finished);
    pthread_mutex_unlock(&crew->mutex);
    return NULL;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    struct crew crew = {.size = threads ? threads : 1, .predicate = predicate, .n = n};
    pthread_t ids[64];
    unsigned made = 0;
    pthread_mutex_init(&crew.mutex, NULL);
    pthread_cond_init(&crew.finished, NULL);
    pthread_mutex_lock(&crew.mutex);
    while (made < crew.size && pthread_create(&ids[made], NULL, toil, &crew) == 0)
        made++;
    crew.running = made;
    while (crew.running > 0)
        pthread_cond_wait(&crew.finished, &crew.mutex);
    pthread_mutex_unlock(&crew.mutex);
    for (unsigned i = 0; i < made; i++)
        pthread_join(ids[i], NULL);
    pthread_cond_destroy(&crew.finished);
    pthread_mutex_destroy(&crew.mutex);
    return made == crew.size ? crew.hits : -1;
}
