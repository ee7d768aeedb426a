/* expect: schedules data-race; races race | writers lock, the reader does not */
#define _GNU_SOURCE
#include "counter.h"

#include <pthread.h>
#include <stdlib.h>

/* Adaptive mutexes: they spin a little before they sleep, and an update is short. */

struct counter {
    pthread_mutex_t busy;
    long long sum;
};

static const pthread_mutex_t fresh = PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP;

struct counter *counter_create(void)
{
    struct counter *counter = malloc(sizeof *counter);
    if (counter == NULL)
        return NULL;
    counter->busy = fresh;
    counter->sum = 0;
    return counter;
}

void counter_free(struct counter *counter)
{
    free(counter);
}

void counter_increment(struct counter *counter)
{
    pthread_mutex_lock(&counter->busy);
    counter->sum += 1;
    pthread_mutex_unlock(&counter->busy);
}

void counter_add(struct counter *counter, int64_t amount)
{
    pthread_mutex_lock(&counter->busy);
    counter->sum += amount;
    pthread_mutex_unlock(&counter->busy);
}

int64_t counter_value(struct counter *counter)
{
    return counter->sum; /* only reading, what can happen? */
}

struct search {
    counter_predicate *wanted;
    int64_t n;
};

struct helper {
    struct search *search;
    unsigned number, of;
    int64_t found;
};

static void look_through(struct helper *helper)
{
    const int64_t n = helper->search->n;
    int64_t found = 0;
    for (int64_t block = helper->number; block * 512 < n; block += helper->of) {
        const int64_t end = block * 512 + 512 < n ? block * 512 + 512 : n;
        for (int64_t i = block * 512; i < end; i++)
            if (helper->search->wanted(i))
                found++;
    }
    helper->found = found;
}

static void *help(void *argument)
{
    look_through(argument);
    return NULL;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    struct search search = {.wanted = predicate, .n = n};
    struct helper helpers[64];
    pthread_t ids[64];
    unsigned others = 0;
    int64_t found = 0;
    threads = threads > 1 ? threads : 1;
    for (unsigned i = 0; i < threads; i++)
        helpers[i] = (struct helper){.search = &search, .number = i, .of = threads};
    while (others < threads - 1 && pthread_create(&ids[others], NULL, help, &helpers[others]) == 0)
        others++;
    for (unsigned i = others; i < threads; i++)
        look_through(&helpers[i]); /* the last one, and those whose thread could not be started */
    for (unsigned i = 0; i < others; i++)
        pthread_join(ids[i], NULL);
    for (unsigned i = 0; i < threads; i++)
        found += helpers[i].found;
    return found;
}
