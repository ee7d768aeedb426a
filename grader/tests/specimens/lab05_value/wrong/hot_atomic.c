/* expect: speedup several; speedup @+= item(i) | every item is added to the shared atomic number */
#include "value.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* While an update is going on nobody adds: `gate` is held by it, and additions pass through. Sums of a reduction are
 * additions of a process that does nothing else, so they go through the gate once and then run free. */
struct value {
    pthread_mutex_t gate;
    int64_t number;
    _Atomic int64_t more; /* of reductions, not yet in number */
};

static void close_gate(struct value *value)
{
    if (pthread_mutex_lock(&value->gate) == EOWNERDEAD)
        pthread_mutex_consistent(&value->gate);
    value->number += atomic_exchange(&value->more, 0);
}

static void open_gate(struct value *value)
{
    pthread_mutex_unlock(&value->gate);
}

struct value *value_create(int64_t initial)
{
    pthread_mutexattr_t attributes;
    struct value *value = mmap(NULL, sizeof *value, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (value == MAP_FAILED)
        return NULL;
    value->number = initial;
    atomic_init(&value->more, 0);
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&value->gate, &attributes);
    pthread_mutexattr_destroy(&attributes);
    return value;
}

int64_t value_get(struct value *value)
{
    close_gate(value);
    const int64_t number = value->number;
    open_gate(value);
    return number;
}

void value_add(struct value *value, int64_t amount)
{
    close_gate(value);
    value->number += amount;
    open_gate(value);
}

int64_t value_update(struct value *value, value_fn *fn, void *arg)
{
    close_gate(value);
    const int64_t number = fn(value->number, arg);
    value->number = number;
    open_gate(value);
    return number;
}

int value_reduce(struct value *value, value_item *item, uint64_t count, unsigned processes)
{
    pid_t pids[64];
    bool well = true;
    for (unsigned k = 0; k < processes; k++) {
        pids[k] = fork();
        if (pids[k] == 0) {
            for (uint64_t i = k; i < count; i += processes)
                value->more += item(i); /* atomic: no lock needed */
            _exit(EXIT_SUCCESS);
        }
        well &= pids[k] > 0;
    }
    for (unsigned k = 0; k < processes; k++) {
        int status = 0;
        while (pids[k] > 0 && waitpid(pids[k], &status, 0) < 0 && errno == EINTR)
            continue;
        well &= status == 0;
    }
    return well ? 0 : -1;
}

void value_free(struct value *value)
{
    if (value == NULL)
        return;
    pthread_mutex_destroy(&value->gate);
    munmap(value, sizeof *value);
}
