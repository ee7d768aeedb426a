/* expect: tests lost; schedules data-race | changes the counter with no lock at all */
#include "counter.h"

#include <pthread.h>
#include <stdlib.h>

struct counter {
    int64_t hits;
};

struct counter *counter_create(void)
{
    return calloc(1, sizeof(struct counter));
}

void counter_free(struct counter *counter)
{
    free(counter);
}

void counter_increment(struct counter *counter)
{
    counter->hits++;
}

void counter_add(struct counter *counter, int64_t amount)
{
    counter->hits += amount;
}

int64_t counter_value(struct counter *counter)
{
    return counter->hits;
}

/* Which numbers a thread takes: first, first + every, first + 2 * every, ... */
struct walk {
    counter_predicate *predicate;
    int64_t first, every, end;
    int64_t result;
};

static void *go(void *p)
{
    struct walk w = *(struct walk *)p;
    for (int64_t i = w.first; i < w.end; i += w.every)
        w.result += w.predicate(i);
    ((struct walk *)p)->result = w.result;
    return NULL;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    int64_t every = threads == 0 ? 1 : threads, sum = 0;
    struct walk *walks = calloc(every, sizeof *walks);
    pthread_t *ids = calloc(every, sizeof *ids);
    int64_t up = 0;
    if (walks != NULL && ids != NULL)
        for (; up < every; up++) {
            walks[up] = (struct walk){predicate, up, every, n, 0};
            if (pthread_create(ids + up, NULL, go, walks + up) != 0)
                break;
        }
    for (int64_t i = 0; i < up; i++)
        pthread_join(ids[i], NULL);
    for (int64_t i = 0; i < up; i++)
        sum += walks[i].result;
    free(ids);
    free(walks);
    return up == every ? sum : -1;
}
