/* expect: tests counter_value; schedules assertion | two atomic halves of 32 bits: a reader may see one before and one after the carry */
#include "counter.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

typedef struct counter {
    pthread_mutex_t add_lock;
    atomic_uint upper;
    atomic_uint lower;
} Counter;

Counter *counter_create(void)
{
    Counter *self = calloc(1, sizeof(Counter));
    if (self == NULL)
        return NULL;
    pthread_mutex_init(&self->add_lock, NULL);
    return self;
}

void counter_free(Counter *self)
{
    if (self == NULL)
        return;
    pthread_mutex_destroy(&self->add_lock);
    free(self);
}

/* no lock needed, both are atomic */
int64_t counter_value(Counter *self)
{
    uint64_t upper = atomic_load(&self->upper);
    uint64_t lower = atomic_load(&self->lower);
    return (int64_t)(upper << 32 | lower);
}

void counter_add(Counter *self, int64_t amount)
{
    pthread_mutex_lock(&self->add_lock);
    uint64_t sum = (uint64_t)counter_value(self) + (uint64_t)amount;
    atomic_store(&self->lower, (unsigned)(sum & 0xffffffff));
    atomic_store(&self->upper, (unsigned)(sum >> 32));
    pthread_mutex_unlock(&self->add_lock);
}

void counter_increment(Counter *self)
{
    counter_add(self, 1);
}

typedef struct {
    counter_predicate *predicate;
    int64_t start, stop;
    int64_t result;
    pthread_t thread;
} Slice;

static void *slice_run(void *pointer)
{
    Slice *slice = pointer;
    int64_t result = 0;
    for (int64_t number = slice->start; number < slice->stop; number++)
        if (slice->predicate(number))
            result++;
    slice->result = result;
    return NULL;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    unsigned workers = threads > 0 ? threads : 1;
    Slice *slices = calloc(workers, sizeof(Slice));
    int64_t total = 0, position = 0;
    unsigned launched;
    if (slices == NULL)
        return -1;
    for (launched = 0; launched < workers; launched++) {
        Slice *slice = &slices[launched];
        slice->predicate = predicate;
        slice->start = position;
        slice->stop = position += (n - position) / (workers - launched);
        if (pthread_create(&slice->thread, NULL, slice_run, slice) != 0)
            break;
    }
    for (unsigned i = 0; i < launched; i++) {
        pthread_join(slices[i].thread, NULL);
        total += slices[i].result;
    }
    free(slices);
    return launched == workers ? total : -1;
}
