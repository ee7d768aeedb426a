/* expect: right | two robust mutexes: a gate held during fn, which additions pass by, and a short one for the number */
#define _GNU_SOURCE
#include "value.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct robust_mutex {
    pthread_mutex_t mutex;
};

/*
 * Order of the locks: gate before number_lock, everywhere.
 * Additions during an update count as later than it; a reader could tell that they are not, so readers go through the gate.
 */
struct value {
    struct robust_mutex gate;        /* updates and reads */
    struct robust_mutex number_lock; /* additions, and the single stores of updates */
    uint64_t number;
};

static int robust_init(struct robust_mutex *m)
{
    pthread_mutexattr_t a;
    int e = pthread_mutexattr_init(&a);
    if (e)
        return e;
    if (!(e = pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED)) && !(e = pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST)))
        e = pthread_mutex_init(&m->mutex, &a);
    pthread_mutexattr_destroy(&a);
    return e;
}

static void robust_lock(struct robust_mutex *m)
{
    switch (pthread_mutex_lock(&m->mutex)) {
    case 0:
        return;
    case EOWNERDEAD:
        pthread_mutex_consistent(&m->mutex);
        return;
    default:
        abort();
    }
}

static void robust_unlock(struct robust_mutex *m)
{
    pthread_mutex_unlock(&m->mutex);
}

/* adds and tells what there was before; number_lock is held for two instructions */
static uint64_t exchange_add(struct value *v, uint64_t amount)
{
    robust_lock(&v->number_lock);
    uint64_t before = v->number;
    v->number = before + amount;
    robust_unlock(&v->number_lock);
    return before;
}

struct value *value_create(int64_t initial)
{
    struct value *v = mmap(0, sizeof *v, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (v == MAP_FAILED)
        return NULL;
    v->number = (uint64_t)initial;
    if (robust_init(&v->gate) == 0) {
        if (robust_init(&v->number_lock) == 0)
            return v;
        pthread_mutex_destroy(&v->gate.mutex);
    }
    munmap(v, sizeof *v);
    return NULL;
}

int64_t value_get(struct value *v)
{
    robust_lock(&v->gate);
    uint64_t n = exchange_add(v, 0);
    robust_unlock(&v->gate);
    return (int64_t)n;
}

void value_add(struct value *v, int64_t amount)
{
    exchange_add(v, (uint64_t)amount);
}

int64_t value_update(struct value *v, value_fn *fn, void *arg)
{
    robust_lock(&v->gate);
    uint64_t old = exchange_add(v, 0);
    uint64_t new = (uint64_t)fn((int64_t)old, arg);
    exchange_add(v, new - old);
    robust_unlock(&v->gate);
    return (int64_t)new;
}

struct part {
    pid_t pid;
    uint64_t begin;
    uint64_t length;
};

static void work(struct value *v, value_item *item, const struct part *p)
{
    uint64_t sum = 0;
    for (uint64_t k = 0; k < p->length; k++)
        sum += (uint64_t)item(p->begin + k);
    exchange_add(v, sum);
}

int value_reduce(struct value *v, value_item *item, uint64_t count, unsigned processes)
{
    struct part parts[64];
    struct part *const end = parts + processes, *p;
    int failures = 0;
    uint64_t given = 0;

    for (p = parts; p < end; p++) {
        p->begin = given;
        p->length = count / processes + ((uint64_t)(p - parts) < count % processes);
        given += p->length;
        if ((p->pid = fork()) == 0) {
            work(v, item, p);
            _exit(0);
        }
        failures += p->pid < 0; /* and try the next: it may work again */
    }
    for (p = parts; p < end; p++) {
        int status = 0;
        if (p->pid < 0)
            continue;
        while (waitpid(p->pid, &status, 0) < 0) {
            if (errno != EINTR) {
                status = -1;
                break;
            }
        }
        failures += status != 0;
    }
    return failures ? -1 : 0;
}

void value_free(struct value *v)
{
    if (!v)
        return;
    pthread_mutex_destroy(&v->number_lock.mutex);
    pthread_mutex_destroy(&v->gate.mutex);
    munmap(v, sizeof *v);
}
