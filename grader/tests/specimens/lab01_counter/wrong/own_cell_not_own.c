/* expect: schedules crowd_increments | a cell for each of 64 threads, changed with no lock because nobody else writes to it: when 65 live at once two share one */
#include "counter.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define CELLS 64

struct cell {
    _Alignas(64) _Atomic int64_t n;
};

struct counter {
    struct cell cell[CELLS];
};

/* Who uses which cell. A thread that ends gives its cell back. */
static pthread_mutex_t users_lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned users[CELLS];
static pthread_key_t cell_key;
static pthread_once_t key_made = PTHREAD_ONCE_INIT;

static void give_back(void *taken)
{
    pthread_mutex_lock(&users_lock);
    (*(unsigned *)taken)--;
    pthread_mutex_unlock(&users_lock);
}

static void make_key(void)
{
    pthread_key_create(&cell_key, give_back);
}

static int my_cell(void)
{
    pthread_once(&key_made, make_key);
    unsigned *mine = pthread_getspecific(cell_key);
    if (!mine) {
        pthread_mutex_lock(&users_lock);
        mine = &users[0];
        for (int i = 1; i < CELLS && *mine > 0; i++)
            if (users[i] < *mine)
                mine = &users[i];
        (*mine)++;
        pthread_mutex_unlock(&users_lock);
        pthread_setspecific(cell_key, mine);
    }
    return (int)(mine - users);
}

struct counter *counter_create(void)
{
    struct counter *c = aligned_alloc(64, sizeof *c);
    if (c)
        for (int i = 0; i < CELLS; i++)
            atomic_init(&c->cell[i].n, 0);
    return c;
}

void counter_free(struct counter *c)
{
    free(c);
}

/* Only this thread writes to its cell, so reading and writing need not be one step. */
void counter_add(struct counter *c, int64_t amount)
{
    _Atomic int64_t *mine = &c->cell[my_cell()].n;
    atomic_store_explicit(mine, atomic_load_explicit(mine, memory_order_relaxed) + amount, memory_order_release);
}

void counter_increment(struct counter *c)
{
    counter_add(c, 1);
}

int64_t counter_value(struct counter *c)
{
    int64_t sum = 0;
    for (int i = 0; i < CELLS; i++)
        sum += atomic_load_explicit(&c->cell[i].n, memory_order_acquire);
    return sum;
}

struct part {
    pthread_t thread;
    counter_predicate *predicate;
    int64_t from, to, hits;
};

static void *count_part(void *argument)
{
    struct part *part = argument;
    int64_t hits = 0;
    for (int64_t i = part->from; i < part->to; i++)
        hits += part->predicate(i);
    part->hits = hits;
    return NULL;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    if (threads == 0)
        threads = 1;
    struct part *parts = calloc(threads, sizeof *parts);
    if (!parts)
        return -1;
    int64_t sum = 0, share = n / threads, rest = n % threads, from = 0;
    unsigned started = 0;
    while (started < threads) {
        struct part *part = &parts[started];
        part->predicate = predicate;
        part->from = from;
        part->to = from = from + share + (started < rest);
        if (pthread_create(&part->thread, NULL, count_part, part) != 0)
            break;
        started++;
    }
    for (unsigned i = 0; i < started; i++) {
        pthread_join(parts[i].thread, NULL);
        sum += parts[i].hits;
    }
    free(parts);
    return started == threads ? sum : -1;
}
