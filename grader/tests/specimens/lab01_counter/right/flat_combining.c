/* expect: right | flat combining: requests are queued on the stacks of their callers, and one thread does them all */
#include "counter.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

/*
 * Flat combining. A thread writes down what it wants and puts the note on a pile. Whoever finds the office free goes in
 * and works off the whole pile, for the others too; they only wait until their note is stamped. The value is touched by one
 * thread at a time and stays in that thread's cache meanwhile.
 *
 * A note lies on the stack of the thread that wants something. After the stamp it may be gone: so `below` is read first.
 */
struct note {
    struct note *below;
    int64_t amount;
    int64_t answer;     /* the value after it was added */
    atomic_bool stamped;
};

struct counter {
    _Atomic(struct note *) pile;
    atomic_flag office;
    int64_t value;      /* only for who is in the office */
};

static void work_off(struct counter *counter)
{
    struct note *note = atomic_exchange(&counter->pile, NULL);

    while (note != NULL) {
        struct note *below = note->below;
        counter->value += note->amount;
        note->answer = counter->value;
        atomic_store(&note->stamped, true);
        note = below;
    }
}

static int64_t request(struct counter *counter, int64_t amount)
{
    struct note mine = { .amount = amount };

    mine.below = atomic_load(&counter->pile);
    while (!atomic_compare_exchange_weak(&counter->pile, &mine.below, &mine))
        ;
    while (!atomic_load(&mine.stamped)) {
        if (!atomic_flag_test_and_set(&counter->office)) {
            work_off(counter);
            atomic_flag_clear(&counter->office);
        } else {
            sched_yield();
        }
    }
    return mine.answer;
}

struct counter *counter_create(void)
{
    struct counter *counter = malloc(sizeof(struct counter));
    if (counter == NULL)
        return NULL;
    atomic_init(&counter->pile, NULL);
    atomic_flag_clear(&counter->office);
    counter->value = 0;
    return counter;
}

void counter_free(struct counter *counter)
{
    free(counter);
}

void counter_increment(struct counter *counter)
{
    request(counter, 1);
}

void counter_add(struct counter *counter, int64_t amount)
{
    request(counter, amount);
}

int64_t counter_value(struct counter *counter)
{
    return request(counter, 0);
}

/* A thread gets its job from the heap and says what it found with its return value: 64 bits fit into a pointer. */

struct job {
    counter_predicate *predicate;
    int64_t begin, end;
};

_Static_assert(sizeof(void *) == sizeof(int64_t), "results are returned as pointers");

static void *do_job(void *arg)
{
    struct job job = *(struct job *)arg;
    int64_t found = 0;

    while (job.begin < job.end)
        if (job.predicate(job.begin++))
            found++;
    return (void *)(intptr_t)found;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    if (threads == 0)
        threads = 1;
    if (n < (int64_t)threads)
        threads = n > 0 ? (unsigned)n : 1;

    struct job *jobs = calloc(threads, sizeof(struct job));
    pthread_t *ids = calloc(threads, sizeof(pthread_t));
    int64_t total = 0;

    if (jobs == NULL || ids == NULL) {
        total = -1;
        goto done;
    }

    unsigned started = 0;
    int64_t begin = 0;
    for (unsigned k = 0; k < threads; k++) {
        jobs[k].predicate = predicate;
        jobs[k].begin = begin;
        jobs[k].end = begin += n / threads + (k < n % threads);
        if (pthread_create(&ids[k], NULL, do_job, &jobs[k]) != 0) {
            /* then one job for all that is left, done right here: one of `threads` that count at the same time */
            struct job rest = { predicate, jobs[k].begin, n };
            total = (intptr_t)do_job(&rest);
            break;
        }
        started++;
    }
    for (unsigned k = 0; k < started; k++) {
        void *found;
        pthread_join(ids[k], &found);
        total += (intptr_t)found;
    }
done:
    free(ids);
    free(jobs);
    return total;
}
