/* expect: tests value_get returned; schedules assertion | update takes the old number off and puts the new one on, and get reads in between */
#include "value.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct value {
    atomic_llong count; /* atomic, so it can be read and added to at any time */
    pthread_mutex_t update_mutex;
};

struct value *value_create(int64_t initial)
{
    struct value *v = mmap(NULL, sizeof *v, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (v == MAP_FAILED)
        return NULL;

    pthread_mutexattr_t attr;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&v->update_mutex, &attr);
    pthread_mutexattr_destroy(&attr);

    atomic_init(&v->count, initial);
    return v;
}

int64_t value_get(struct value *v)
{
    return atomic_load(&v->count);
}

static void lock_updates(struct value *v)
{
    if (pthread_mutex_lock(&v->update_mutex) == EOWNERDEAD)
        pthread_mutex_consistent(&v->update_mutex);
}

void value_add(struct value *v, int64_t amount)
{
    lock_updates(v);
    atomic_fetch_add(&v->count, amount);
    pthread_mutex_unlock(&v->update_mutex);
}

int64_t value_update(struct value *v, value_fn *fn, void *arg)
{
    lock_updates(v);
    int64_t old = atomic_load(&v->count);
    int64_t result = fn(old, arg);
    /* out with the old, in with the new */
    atomic_fetch_sub(&v->count, old);
    atomic_fetch_add(&v->count, result);
    pthread_mutex_unlock(&v->update_mutex);
    return result;
}

int value_reduce(struct value *v, value_item *item, uint64_t count, unsigned processes)
{
    pid_t pids[64];
    int failed = 0;

    for (unsigned i = 0; i < processes; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            int64_t sum = 0;
            for (uint64_t k = i; k < count; k += processes)
                sum += item(k);
            value_add(v, sum);
            _exit(0);
        }
        if (pids[i] < 0)
            failed = 1;
    }

    for (unsigned i = 0; i < processes; i++) {
        int status = 1;
        pid_t r;
        if (pids[i] < 0)
            continue;
        do {
            r = waitpid(pids[i], &status, 0);
        } while (r < 0 && errno == EINTR);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
            failed = 1;
    }
    return failed ? -1 : 0;
}

void value_free(struct value *v)
{
    if (v == NULL)
        return;
    pthread_mutex_destroy(&v->update_mutex);
    munmap(v, sizeof *v);
}
