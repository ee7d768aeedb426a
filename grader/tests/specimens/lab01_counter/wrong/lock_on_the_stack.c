/* expect: tests lost; schedules data-race | each call makes a lock of its own, so nobody is kept out */
#include "counter.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

struct counter {
    char digits[sizeof(int64_t)];
};

struct counter *counter_create(void)
{
    struct counter *c = malloc(sizeof *c);
    if (c != NULL)
        memset(c->digits, 0, sizeof c->digits);
    return c;
}

void counter_free(struct counter *c)
{
    free(c);
}

/* Adds and says what the sum was before. A binary semaphore lets one thread in at a time. */
static int64_t change(struct counter *c, int64_t by)
{
    int64_t before, after;
    sem_t turn;

    sem_init(&turn, 0, 1);
    while (sem_wait(&turn) == -1)
        ;
    memcpy(&before, c->digits, sizeof before);
    after = before + by;
    memcpy(c->digits, &after, sizeof after);
    sem_post(&turn);
    sem_destroy(&turn);
    return before;
}

void counter_increment(struct counter *c)
{
    change(c, 1);
}

void counter_add(struct counter *c, int64_t amount)
{
    change(c, amount);
}

int64_t counter_value(struct counter *c)
{
    return change(c, 0);
}

struct team {
    counter_predicate *predicate;
    int64_t n;
    unsigned size;
};

struct member {
    const struct team *team;
    unsigned rank;
    pthread_t id;
    int64_t score;
};

static void *play(void *arg)
{
    struct member *self = arg;
    const struct team *team = self->team;
    int64_t number = team->n * self->rank / team->size, stop = team->n * (self->rank + 1) / team->size, score = 0;

    for (; number != stop; number++)
        if (team->predicate(number))
            score++;
    self->score = score;
    return NULL;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    struct team team = {predicate, n, threads > 0 ? threads : 1};
    struct member members[64], *m, *end = members;
    int64_t total = 0;

    for (m = members; m < members + team.size; m++, end++) {
        m->team = &team;
        m->rank = (unsigned)(m - members);
        if (pthread_create(&m->id, NULL, play, m) != 0)
            break;
    }
    for (m = members; m < end; m++) {
        pthread_join(m->id, NULL);
        total += m->score;
    }
    return end - members == team.size ? total : -1;
}
