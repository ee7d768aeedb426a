/* expect: schedules predicate_uses_the_header | the hits stand in a thread-local variable that is not put back when n is 0: a predicate that counts to 0 loses the hits of the count around it */
#define _GNU_SOURCE
#include "counter.h"

#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>

struct counter {
    pthread_mutex_t lock;
    int64_t value;
};

struct counter *counter_create(void)
{
    struct counter *counter = malloc(sizeof *counter);
    if (counter == NULL)
        return NULL;
    if (pthread_mutex_init(&counter->lock, NULL) != 0) {
        free(counter);
        return NULL;
    }
    counter->value = 0;
    return counter;
}

void counter_free(struct counter *counter)
{
    if (counter == NULL)
        return;
    pthread_mutex_destroy(&counter->lock);
    free(counter);
}

void counter_add(struct counter *counter, int64_t amount)
{
    pthread_mutex_lock(&counter->lock);
    counter->value += amount;
    pthread_mutex_unlock(&counter->lock);
}

int64_t counter_value(struct counter *counter)
{
    pthread_mutex_lock(&counter->lock);
    int64_t value = counter->value;
    pthread_mutex_unlock(&counter->lock);
    return value;
}

void counter_increment(struct counter *counter)
{
    counter_add(counter, 1);
}

/* The hits of the part that this thread is counting: no other thread comes near them. */
static _Thread_local int64_t hits;

struct part {
    counter_predicate *predicate;
    int64_t from, to;
    int64_t hits;
    pthread_t thread;
};

static void *count_part(void *argument)
{
    struct part *part = argument;
    counter_predicate *predicate = part->predicate;
    int64_t to = part->to;
    int64_t outer = hits; /* predicate may count, too */

    hits = 0;
    for (int64_t number = part->from; number < to; number++)
        if (predicate(number))
            hits++;
    part->hits = hits;
    hits = outer;
    return NULL;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    struct part parts[64];

    if (n == 0)
        return hits = 0;
    if (threads == 0)
        threads = 1;
    if (threads > n)
        threads = (unsigned)n;

    int64_t each = n / threads, rest = n % threads, from = 0;
    for (unsigned i = 0; i < threads; i++) {
        int64_t to = from + each + (i < rest);
        parts[i] = (struct part){ .predicate = predicate, .from = from, .to = to };
        from = to;
    }

    /* The calling thread counts part 0, and whatever no thread could be started for. */
    unsigned started = 1;
    while (started < threads
           && pthread_create(&parts[started].thread, NULL, count_part, &parts[started]) == 0)
        started++;

    count_part(&parts[0]);
    int64_t total = parts[0].hits;
    for (unsigned i = started; i < threads; i++) {
        count_part(&parts[i]);
        total += parts[i].hits;
    }
    for (unsigned i = 1; i < started; i++) {
        pthread_join(parts[i].thread, NULL);
        total += parts[i].hits;
    }
    return total;
}
