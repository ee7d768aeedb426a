/* expect: tests lost; schedules assertion | additions are atomic, but an update stores over those that came meanwhile */
#include "value.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct value {
    atomic_llong sum;          // additions: one instruction, no lock
    pthread_mutex_t updating;  // updates: one at a time
};

struct value *value_create(int64_t initial)
{
    pthread_mutexattr_t ma;
    struct value *v = mmap(NULL, sizeof *v, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (v == MAP_FAILED)
        return NULL;

    atomic_init(&v->sum, initial);

    pthread_mutexattr_init(&ma);
    pthread_mutexattr_setpshared(&ma, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&ma, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&v->updating, &ma);
    pthread_mutexattr_destroy(&ma);

    return v;
}

int64_t value_get(struct value *v)
{
    return atomic_load(&v->sum);
}

void value_add(struct value *v, int64_t amount)
{
    atomic_fetch_add(&v->sum, amount);
}

int64_t value_update(struct value *v, value_fn *fn, void *arg)
{
    int64_t before, after;

    if (pthread_mutex_lock(&v->updating) == EOWNERDEAD)
        pthread_mutex_consistent(&v->updating);

    before = atomic_load(&v->sum);
    after = fn(before, arg);
    atomic_store(&v->sum, after);

    pthread_mutex_unlock(&v->updating);

    return after;
}

int value_reduce(struct value *v, value_item *item, uint64_t count, unsigned processes)
{
    pid_t pids[64];
    unsigned started, well = 0;

    for (started = 0; started < processes; started++) {
        pids[started] = fork();
        if (pids[started] < 0)
            break;
        if (pids[started] == 0) {
            long long part = 0;
            for (uint64_t i = started; i < count; i += processes)
                part += item(i);
            atomic_fetch_add(&v->sum, part);
            _exit(0);
        }
    }

    for (unsigned i = 0; i < started; i++) {
        int how = 1;
        waitpid(pids[i], &how, 0);
        if (how == 0)
            well++;
    }

    return well == processes ? 0 : -1;
}

void value_free(struct value *v)
{
    if (v == NULL)
        return;
    pthread_mutex_destroy(&v->updating);
    munmap(v, sizeof *v);
}
