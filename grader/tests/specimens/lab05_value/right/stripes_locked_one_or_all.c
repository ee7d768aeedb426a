/* expect: right | sixteen robust mutexes with a part of the sum each: an addition locks one, get and update lock all */
#define _GNU_SOURCE
#include "value.h"

#include <errno.h>
#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* The value is spread out: it is base + the sum of all stripes.
 *
 *   value_add     takes one stripe's lock, chosen by thread number: additions by different threads seldom meet
 *   value_get     takes all locks, in order, so it sees one moment
 *   value_update  takes all locks too, runs fn, and corrects `base` by one store
 *
 * Every lock is robust. A process that dies with all of them in hand leaves sixteen EOWNERDEADs and no damage. */

enum { STRIPES = 16 };

struct stripe {
    alignas(64) pthread_mutex_t lock;
    uint64_t sum;
};

struct value {
    struct stripe stripe[STRIPES];
    uint64_t base; /* changed by whoever holds all the locks */
};

static void stripe_lock(struct stripe *s)
{
    if (pthread_mutex_lock(&s->lock) == EOWNERDEAD)
        pthread_mutex_consistent(&s->lock);
}

static void lock_all(struct value *v)
{
    for (int i = 0; i < STRIPES; i++)
        stripe_lock(&v->stripe[i]);
}

static void unlock_all(struct value *v)
{
    for (int i = STRIPES - 1; i >= 0; i--)
        pthread_mutex_unlock(&v->stripe[i].lock);
}

/* needs all locks */
static uint64_t spread(const struct value *v)
{
    uint64_t sum = 0;
    for (int i = 0; i < STRIPES; i++)
        sum += v->stripe[i].sum;
    return sum;
}

struct value *value_create(int64_t initial)
{
    struct value *v = mmap(NULL, sizeof(*v), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (v == MAP_FAILED)
        return NULL;
    pthread_mutexattr_t attr;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    for (int i = 0; i < STRIPES; i++)
        pthread_mutex_init(&v->stripe[i].lock, &attr);
    pthread_mutexattr_destroy(&attr);
    v->base = (uint64_t)initial;
    return v;
}

int64_t value_get(struct value *v)
{
    lock_all(v);
    uint64_t now = v->base + spread(v);
    unlock_all(v);
    return (int64_t)now;
}

void value_add(struct value *v, int64_t amount)
{
    struct stripe *s = &v->stripe[(unsigned)gettid() % STRIPES];
    stripe_lock(s);
    s->sum += (uint64_t)amount;
    pthread_mutex_unlock(&s->lock);
}

int64_t value_update(struct value *v, value_fn *fn, void *arg)
{
    lock_all(v);
    uint64_t elsewhere = spread(v);
    int64_t now = fn((int64_t)(v->base + elsewhere), arg);
    v->base = (uint64_t)now - elsewhere; /* the one store */
    unlock_all(v);
    return now;
}

void value_free(struct value *v)
{
    if (v == NULL)
        return;
    for (int i = 0; i < STRIPES; i++)
        pthread_mutex_destroy(&v->stripe[i].lock);
    munmap(v, sizeof(*v));
}

struct worker {
    pid_t pid;
    uint64_t from, to;
};

static _Noreturn void run(const struct worker *w, struct value *v, value_item *item, atomic_bool *delivered)
{
    int64_t part = 0;
    for (uint64_t i = w->from; i != w->to; ++i)
        part = (int64_t)((uint64_t)part + (uint64_t)item(i));
    value_add(v, part);
    atomic_store(delivered, true);
    _exit(0);
}

int value_reduce(struct value *v, value_item *item, uint64_t count, unsigned processes)
{
    struct worker w[64];
    for (unsigned k = 0; k < processes; k++) {
        w[k].pid = -1;
        w[k].from = k == 0 ? 0 : w[k - 1].to;
        w[k].to = w[k].from + count / processes + (k < count % processes ? 1 : 0);
    }

    atomic_bool *delivered = mmap(NULL, processes * sizeof(*delivered), PROT_READ | PROT_WRITE,
                                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (delivered == MAP_FAILED)
        return -1;

    for (unsigned k = 0; k < processes; k++) {
        w[k].pid = fork();
        if (w[k].pid == 0)
            run(&w[k], v, item, &delivered[k]);
        if (w[k].pid < 0)
            break;
    }

    /* workers that were never forked have pid -1 and have delivered nothing: the loop below sees them, too */
    bool all_well = true;
    for (unsigned k = 0; k < processes; k++) {
        int status = 0;
        while (w[k].pid > 0) {
            pid_t p = waitpid(w[k].pid, &status, 0);
            if (p == w[k].pid || errno != EINTR) {
                if (p == w[k].pid && WIFSIGNALED(status))
                    all_well = false;
                break;
            }
        }
        if (!atomic_load(&delivered[k]))
            all_well = false;
    }
    munmap(delivered, processes * sizeof(*delivered));
    return all_well ? 0 : -1;
}
