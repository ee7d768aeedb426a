/* expect: right | recursive mutex: increment calls add with the lock held; stolen halves of ranges */
#include "counter.h"

#include <pthread.h>
#include <stdlib.h>

struct counter {
    pthread_mutex_t mutex;
    int64_t value;
};

struct counter *counter_create(void)
{
    struct counter *counter = malloc(sizeof(struct counter));
    if (counter == NULL)
        return NULL;
    pthread_mutexattr_t attr;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&counter->mutex, &attr);
    pthread_mutexattr_destroy(&attr);
    counter->value = 0;
    return counter;
}

void counter_free(struct counter *counter)
{
    if (counter == NULL)
        return;
    pthread_mutex_destroy(&counter->mutex);
    free(counter);
}

void counter_add(struct counter *counter, int64_t amount)
{
    pthread_mutex_lock(&counter->mutex);
    counter->value += amount;
    pthread_mutex_unlock(&counter->mutex);
}

void counter_increment(struct counter *counter)
{
    pthread_mutex_lock(&counter->mutex);
    counter_add(counter, 1);
    pthread_mutex_unlock(&counter->mutex);
}

int64_t counter_value(struct counter *counter)
{
    pthread_mutex_lock(&counter->mutex);
    int64_t value = counter->value;
    pthread_mutex_unlock(&counter->mutex);
    return value;
}

enum { GRAIN = 2000 };

/* What a thread still has to do. Others may take the upper half. */
struct range {
    _Alignas(64) pthread_mutex_t mutex;
    int64_t from, to;
};

struct team {
    counter_predicate *predicate;
    unsigned size;
    struct range ranges[64];
};

struct member {
    _Alignas(64) struct team *team;
    unsigned me;
    int64_t found;
    pthread_t thread;
};

/* Takes up to GRAIN numbers from the bottom of the own range. */
static int64_t take(struct range *r, int64_t *from)
{
    pthread_mutex_lock(&r->mutex);
    int64_t many = r->to - r->from < GRAIN ? r->to - r->from : GRAIN;
    *from = r->from;
    r->from += many;
    pthread_mutex_unlock(&r->mutex);
    return many;
}

static bool steal(struct team *team, unsigned me)
{
    for (unsigned k = 1; k < team->size; k++) {
        struct range *other = &team->ranges[(me + k) % team->size], *own = &team->ranges[me];
        pthread_mutex_lock(&other->mutex);
        int64_t to = other->to, middle = other->from + (to - other->from) / 2;
        other->to = middle;
        pthread_mutex_unlock(&other->mutex);
        if (middle == to)
            continue;
        pthread_mutex_lock(&own->mutex);
        own->from = middle;
        own->to = to;
        pthread_mutex_unlock(&own->mutex);
        return true;
    }
    return false;
}

static void *run(void *arg)
{
    struct member *m = arg;
    int64_t found = 0, from, many;
    do {
        while ((many = take(&m->team->ranges[m->me], &from)) > 0)
            for (int64_t i = from; i < from + many; i++)
                if (m->team->predicate(i))
                    found++;
    } while (steal(m->team, m->me));
    m->found = found;
    return NULL;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    if (threads == 0)
        threads = 1;
    struct team *team = aligned_alloc(64, sizeof *team);
    struct member *members = aligned_alloc(64, threads * sizeof *members);
    if (team == NULL || members == NULL) {
        free(team);
        free(members);
        return -1;
    }
    team->predicate = predicate;
    team->size = threads;
    for (unsigned i = 0; i < threads; i++) {
        pthread_mutex_init(&team->ranges[i].mutex, NULL);
        team->ranges[i].from = i == 0 ? 0 : team->ranges[i - 1].to;
        team->ranges[i].to = team->ranges[i].from + (n - team->ranges[i].from) / (threads - i);
        members[i] = (struct member){.team = team, .me = i};
    }
    /* The caller is member 0. Ranges of threads that could not be started are stolen by the others. */
    unsigned started = 1;
    while (started < threads && pthread_create(&members[started].thread, NULL, run, &members[started]) == 0)
        started++;
    run(&members[0]);
    int64_t total = members[0].found;
    for (unsigned i = 1; i < started; i++) {
        pthread_join(members[i].thread, NULL);
        total += members[i].found;
    }
    for (unsigned i = 0; i < threads; i++)
        pthread_mutex_destroy(&team->ranges[i].mutex);
    free(members);
    free(team);
    return total;
}
