/* expect: tests System V shared memory | the segment is detached by value_free and never removed: it stays until the machine is restarted */
/* lab05. One function does everything. Memory: System V, marked for removal at once (it goes with its last user). */
#define _GNU_SOURCE 1
#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "value.h"

struct value { int64_t x; pthread_mutex_t mx; };

enum op { GET, ADD, UPDATE };

static int64_t operate(struct value *v, enum op op, int64_t amount, value_fn *fn, void *arg)
{
    int64_t x;

    if (pthread_mutex_lock(&v->mx) == EOWNERDEAD)
        pthread_mutex_consistent(&v->mx);
    x = v->x;
    switch (op) {
    case GET:
        break;
    case ADD:
        x = (int64_t)((uint64_t)x + (uint64_t)amount);
        v->x = x;
        break;
    case UPDATE:
        x = fn(x, arg);
        v->x = x;
        break;
    }
    pthread_mutex_unlock(&v->mx);
    return x;
}

int64_t value_get(struct value *v) { return operate(v, GET, 0, NULL, NULL); }
void value_add(struct value *v, int64_t amount) { operate(v, ADD, amount, NULL, NULL); }
int64_t value_update(struct value *v, value_fn *fn, void *arg) { return operate(v, UPDATE, 0, fn, arg); }

struct value *value_create(int64_t initial)
{
    int id = shmget(IPC_PRIVATE, sizeof(struct value), IPC_CREAT | 0600);
    if (id == -1)
        return NULL;
    void *p = shmat(id, NULL, 0);
    if (p == (void *)-1)
        return NULL;

    struct value *v = p;
    pthread_mutexattr_t a;
    int rc = pthread_mutexattr_init(&a);
    if (rc == 0) {
        rc = pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
        if (rc == 0)
            rc = pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
        if (rc == 0)
            rc = pthread_mutex_init(&v->mx, &a);
        pthread_mutexattr_destroy(&a);
    }
    if (rc != 0) {
        shmdt(p);
        return NULL;
    }
    v->x = initial;
    return v;
}

void value_free(struct value *v)
{
    if (v) {
        pthread_mutex_destroy(&v->mx);
        shmdt(v);
    }
}

int value_reduce(struct value *v, value_item *item, uint64_t count, unsigned processes)
{
    struct { _Alignas(64) uint64_t sum; int there; } *out;
    struct { pid_t pid; int alive; } kid[64];
    unsigned k, alive = 0;
    int ret = 0;

    if (processes < 1 || processes > 64)
        return -1;
    out = mmap(NULL, 64 * sizeof *out, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (out == MAP_FAILED)
        return -1;

    for (k = 0; k < processes; k++) {
        kid[k].alive = 0;
        if (ret == -1)
            continue; /* one could not be forked: do not start more */
        kid[k].pid = fork();
        if (kid[k].pid == 0) {
            uint64_t per = count / processes, sum = 0, i, e;
            i = per * k;
            e = i + per;
            while (i < e)
                sum += (uint64_t)item(i++);
            /* what is left over, counted from the back */
            if (k < count % processes)
                sum += (uint64_t)item(count - 1 - k);
            out[k].sum = sum;
            out[k].there = 1;
            _exit(0);
        }
        if (kid[k].pid == -1) {
            ret = -1;
        } else {
            kid[k].alive = 1;
            alive++;
        }
    }

    /* look after one and the other until all have ended */
    while (alive > 0) {
        unsigned before = alive;
        for (k = 0; k < processes; k++) {
            int status = 0;
            pid_t r;
            if (!kid[k].alive)
                continue;
            r = waitpid(kid[k].pid, &status, WNOHANG);
            if (r == 0 || (r == -1 && errno == EINTR))
                continue;
            if (r > 0 && WIFSIGNALED(status))
                ret = -1;
            kid[k].alive = 0;
            alive--;
            if (!out[k].there)
                ret = -1;
        }
        if (alive > 0 && alive == before) {
            struct timespec t = { 0, 300 * 1000 };
            nanosleep(&t, NULL);
        }
    }

    uint64_t total = 0;
    for (k = 0; k < processes; k++)
        if (out[k].there)
            total += out[k].sum;
    munmap(out, 64 * sizeof *out);
    if (count != 0)
        value_add(v, (int64_t)total);
    return ret;
}
