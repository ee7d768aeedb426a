/* expect: tests at the same time; speedup count | joins each thread before it starts the next */
#include "counter.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

// ---------------------------------------------------------------------
// Part 1: the counter. One rwlock per counter.

struct counter
{
    int64_t amount;
    pthread_rwlock_t rw;
};

struct counter *counter_create(void)
{
    struct counter *const it = (struct counter *)malloc(sizeof(struct counter));
    if (it != NULL)
    {
        it->amount = 0;
        pthread_rwlock_init(&it->rw, NULL);
    }
    return it;
}

void counter_free(struct counter *it)
{
    if (it == NULL)
    {
        return;
    }
    pthread_rwlock_destroy(&it->rw);
    free(it);
}

void counter_increment(struct counter *it)
{
    counter_add(it, 1);
}

void counter_add(struct counter *it, int64_t amount)
{
    pthread_rwlock_wrlock(&it->rw);
    it->amount += amount;
    pthread_rwlock_unlock(&it->rw);
}

int64_t counter_value(struct counter *it)
{
    pthread_rwlock_rdlock(&it->rw);
    const int64_t result = it->amount;
    pthread_rwlock_unlock(&it->rw);
    return result;
}

// ---------------------------------------------------------------------
// Part 2: the count.

struct section
{
    counter_predicate *predicate;
    int64_t from;
    int64_t to;
    int64_t matches;
};

static void *examine(void *argument)
{
    struct section *const section = (struct section *)argument;
    int64_t matches = 0; // local, so no false sharing
    for (int64_t number = section->from; number < section->to; number += 1)
    {
        if (section->predicate(number))
        {
            matches += 1;
        }
    }
    section->matches = matches;
    return NULL;
}

// Lets a thread of its own do the section.
static bool run_in_thread(struct section *section)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, examine, section) != 0)
    {
        return false;
    }
    return pthread_join(thread, NULL) == 0;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    const int64_t parts = threads == 0 ? 1 : (int64_t)threads;
    int64_t matches = 0;
    for (int64_t i = 0; i < parts; i += 1)
    {
        struct section section = {predicate, i * n / parts, (i + 1) * n / parts, 0};
        if (!run_in_thread(&section))
        {
            return -1;
        }
        matches += section.matches;
    }
    return matches;
}
