/* expect: tests nothing_is_left_behind | closes its descriptor only if it is greater than 0; if the program runs with stdin closed the eventfd is descriptor 0 */
#define _GNU_SOURCE
#include "counter.h"

#include <pthread.h>
#include <stdlib.h>
#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* an eventfd that stands at 1 while nobody is inside */
struct counter {
    int gate;
    int64_t value;
};

struct counter *counter_create(void)
{
    struct counter *counter = calloc(1, sizeof *counter);
    if (counter == NULL)
        return NULL;
    counter->gate = eventfd(1, EFD_CLOEXEC);
    if (counter->gate < 0) {
        free(counter);
        return NULL;
    }
    return counter;
}

void counter_free(struct counter *counter)
{
    if (counter == NULL)
        return;
    if (counter->gate > 0)
        close(counter->gate);
    free(counter);
}

static void enter(struct counter *counter)
{
    uint64_t one;
    while (read(counter->gate, &one, sizeof one) != sizeof one)
        ;
}

static void leave(struct counter *counter)
{
    uint64_t one = 1;
    while (write(counter->gate, &one, sizeof one) != sizeof one)
        ;
}

void counter_add(struct counter *counter, int64_t amount)
{
    enter(counter);
    counter->value += amount;
    leave(counter);
}

void counter_increment(struct counter *counter)
{
    counter_add(counter, 1);
}

int64_t counter_value(struct counter *counter)
{
    enter(counter);
    int64_t value = counter->value;
    leave(counter);
    return value;
}

struct part {
    pthread_t id;
    counter_predicate *predicate;
    int64_t begin, end;
    int64_t hits;
};

static void *run_part(void *arg)
{
    struct part *p = arg;
    int64_t hits = 0;
    for (int64_t i = p->begin; i < p->end; i++)
        if (p->predicate(i))
            hits++;
    p->hits = hits;
    return NULL;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    if (threads == 0)
        threads = 1;
    struct part parts[64];
    bool started[64];
    int64_t begin = 0;
    for (unsigned t = 0; t < threads; t++) {
        int64_t size = n / threads + (t < n % threads ? 1 : 0);
        parts[t] = (struct part){.predicate = predicate, .begin = begin, .end = begin + size};
        begin += size;
    }
    for (unsigned t = 1; t < threads; t++)
        started[t] = pthread_create(&parts[t].id, NULL, run_part, &parts[t]) == 0;
    run_part(&parts[0]);
    int64_t total = parts[0].hits;
    for (unsigned t = 1; t < threads; t++) {
        if (started[t])
            pthread_join(parts[t].id, NULL);
        else
            run_part(&parts[t]);
        total += parts[t].hits;
    }
    return total;
}
