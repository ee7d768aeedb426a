/* expect: right | two atomics, what was gained and what was lost; the workers wait until it is known how many could be started */
#include "counter.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

/*
 * Negative amounts go to another variable than positive ones. A reader that reads one and then the other may
 * see, of updates that are under way while it reads, the second without the first; the contract leaves that
 * open. All that was finished before is in both. Unsigned, since either may grow beyond int64_t.
 */
struct counter {
    _Atomic uint64_t gained;
    _Atomic uint64_t lost;
};

struct counter *counter_create(void)
{
    struct counter *counter = malloc(sizeof *counter);

    if (counter != NULL) {
        atomic_init(&counter->gained, 0);
        atomic_init(&counter->lost, 0);
    }
    return counter;
}

void counter_free(struct counter *counter)
{
    free(counter);
}

void counter_increment(struct counter *counter)
{
    atomic_fetch_add(&counter->gained, 1);
}

void counter_add(struct counter *counter, int64_t amount)
{
    if (amount > 0)
        atomic_fetch_add(&counter->gained, (uint64_t)amount);
    else if (amount < 0)
        atomic_fetch_add(&counter->lost, 0 - (uint64_t)amount);
}

int64_t counter_value(struct counter *counter)
{
    uint64_t gained = atomic_load(&counter->gained);
    uint64_t lost = atomic_load(&counter->lost);

    return (int64_t)(gained - lost);
}

struct crew {
    pthread_mutex_t mutex;
    pthread_cond_t known;
    unsigned size;              /* 0: not known yet */
    int64_t total;
    counter_predicate *predicate;
    int64_t n;
};

struct hand {
    struct crew *crew;
    unsigned index;
    pthread_t id;
};

static void do_share(struct crew *crew, unsigned index, unsigned size)
{
    int64_t base = crew->n / size, more = crew->n % size;
    int64_t i = base * index + ((int64_t)index < more ? (int64_t)index : more);
    int64_t length = base + ((int64_t)index < more ? 1 : 0);
    int64_t hits = 0;
    counter_predicate *predicate = crew->predicate;

    for (; length > 0; length--)
        if (predicate(i++))
            hits++;

    pthread_mutex_lock(&crew->mutex);
    crew->total += hits;
    pthread_mutex_unlock(&crew->mutex);
}

static void *hand_main(void *argument)
{
    struct hand *hand = argument;
    struct crew *crew = hand->crew;
    unsigned size;

    pthread_mutex_lock(&crew->mutex);
    while (crew->size == 0)
        pthread_cond_wait(&crew->known, &crew->mutex);
    size = crew->size;
    pthread_mutex_unlock(&crew->mutex);

    do_share(crew, hand->index, size);
    return NULL;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    struct crew crew = { .predicate = predicate, .n = n };
    struct hand hands[64];
    unsigned size;

    if (pthread_mutex_init(&crew.mutex, NULL) != 0)
        return -1;
    if (pthread_cond_init(&crew.known, NULL) != 0) {
        pthread_mutex_destroy(&crew.mutex);
        return -1;
    }

    /* hand 0 is the caller */
    for (size = 1; size < threads && size < n; size++) {
        hands[size].crew = &crew;
        hands[size].index = size;
        if (pthread_create(&hands[size].id, NULL, hand_main, &hands[size]) != 0)
            break;
    }

    pthread_mutex_lock(&crew.mutex);
    crew.size = size;
    pthread_cond_broadcast(&crew.known);
    pthread_mutex_unlock(&crew.mutex);

    do_share(&crew, 0, size);
    for (unsigned i = 1; i < size; i++)
        pthread_join(hands[i].id, NULL);

    pthread_cond_destroy(&crew.known);
    pthread_mutex_destroy(&crew.mutex);
    return crew.total;
}
