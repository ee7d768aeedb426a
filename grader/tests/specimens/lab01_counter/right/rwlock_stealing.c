/* expect: right | a read-write lock behind a turnstile; who is done steals half of what another thread still has to count */
#include "counter.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

struct counter {
    pthread_mutex_t turnstile;  /* a writer holds it, so that new readers do not overtake him for ever */
    pthread_rwlock_t guard;
    int64_t value;
};

struct counter *counter_create(void)
{
    struct counter *c = malloc(sizeof *c);
    if (!c)
        return NULL;
    if (pthread_mutex_init(&c->turnstile, NULL)) {
        free(c);
        return NULL;
    }
    if (pthread_rwlock_init(&c->guard, NULL)) {
        pthread_mutex_destroy(&c->turnstile);
        free(c);
        return NULL;
    }
    c->value = 0;
    return c;
}

void counter_free(struct counter *c)
{
    if (!c)
        return;
    pthread_rwlock_destroy(&c->guard);
    pthread_mutex_destroy(&c->turnstile);
    free(c);
}

void counter_add(struct counter *c, int64_t amount)
{
    pthread_mutex_lock(&c->turnstile);
    pthread_rwlock_wrlock(&c->guard);
    c->value += amount;
    pthread_rwlock_unlock(&c->guard);
    pthread_mutex_unlock(&c->turnstile);
}

void counter_increment(struct counter *c)
{
    counter_add(c, 1);
}

int64_t counter_value(struct counter *c)
{
    int64_t v;
    pthread_mutex_lock(&c->turnstile);
    while (pthread_rwlock_rdlock(&c->guard) == EAGAIN)
        ;                           /* too many readers at the moment; they go */
    pthread_mutex_unlock(&c->turnstile);
    v = c->value;
    pthread_rwlock_unlock(&c->guard);
    return v;
}

/* ------------------------------- counting ------------------------------- */

#define AT_ONCE 1024                /* numbers that an owner takes under one lock */

struct range { int64_t lo, hi; };

struct seat {
    _Alignas(64) pthread_mutex_t mutex;
    struct range rest;              /* under the mutex */
};

struct team {
    counter_predicate *predicate;
    unsigned size;
    struct seat seats[64];
};

struct member {
    struct team *team;
    unsigned index;
    pthread_t id;
    bool on;
    int64_t hits;
};

/* The owner takes from the front. */
static struct range take(struct seat *s)
{
    struct range r;
    pthread_mutex_lock(&s->mutex);
    r = s->rest;
    if (r.hi - r.lo > AT_ONCE)
        r.hi = r.lo + AT_ONCE;
    s->rest.lo = r.hi;
    pthread_mutex_unlock(&s->mutex);
    return r;
}

/* A thief takes the back half, or the last number. */
static struct range steal(struct seat *s)
{
    struct range r;
    pthread_mutex_lock(&s->mutex);
    r = s->rest;
    r.lo += (r.hi - r.lo) / 2;
    s->rest.hi = r.lo;
    pthread_mutex_unlock(&s->mutex);
    return r;
}

/* Only the owner puts, and only when his own rest is empty. Never two mutexes at once. */
static void put(struct seat *s, struct range r)
{
    pthread_mutex_lock(&s->mutex);
    s->rest = r;
    pthread_mutex_unlock(&s->mutex);
}

static bool find_work(struct team *t, unsigned me)
{
    for (unsigned k = 1; k < t->size; k++) {
        struct range loot = steal(&t->seats[(me + k) % t->size]);
        if (loot.lo < loot.hi) {
            put(&t->seats[me], loot);
            return true;
        }
    }
    return false;
}

static void *play(void *arg)
{
    struct member *m = arg;
    struct team *t = m->team;
    counter_predicate *predicate = t->predicate;
    int64_t hits = 0;

    do {
        for (;;) {
            struct range r = take(&t->seats[m->index]);
            if (r.lo >= r.hi)
                break;
            for (int64_t i = r.lo; i < r.hi; i++)
                if (predicate(i))
                    hits++;
        }
    } while (find_work(t, m->index));
    m->hits = hits;
    return NULL;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    struct team team = { .predicate = predicate, .size = threads ? threads : 1 };
    struct member members[64];
    int64_t total = 0, at = 0;
    unsigned made;

    for (made = 0; made < team.size; made++) {
        if (pthread_mutex_init(&team.seats[made].mutex, NULL) != 0) {
            total = -1;
            goto clean_up;
        }
        int64_t size = n / team.size + ((int64_t)made < n % team.size);
        team.seats[made].rest = (struct range){ at, at + size };
        at += size;
    }

    for (unsigned i = 0; i < team.size; i++)
        members[i] = (struct member){ .team = &team, .index = i };
    for (unsigned i = 1; i < team.size && i < n; i++)
        members[i].on = pthread_create(&members[i].id, NULL, play, &members[i]) == 0;
    play(&members[0]);
    for (unsigned i = 0; i < team.size; i++) {
        if (members[i].on)
            pthread_join(members[i].id, NULL);
        total += members[i].hits;
    }

clean_up:
    while (made > 0)
        pthread_mutex_destroy(&team.seats[--made].mutex);
    return total;
}
