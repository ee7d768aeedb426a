/* expect: tests reduce_reports_a_death | all signals are blocked while processes are forked, and stay so in them: an item that ends its process by SIGTERM goes on */
#include "value.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST = 64 };

struct value {
    int64_t number;
    pthread_mutex_t mutex;
};

struct value *value_create(int64_t initial)
{
    struct value *const value = mmap(NULL, sizeof *value, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (value == MAP_FAILED)
        return NULL;
    pthread_mutexattr_t robust;
    pthread_mutexattr_init(&robust);
    pthread_mutexattr_setpshared(&robust, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&robust, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&value->mutex, &robust);
    pthread_mutexattr_destroy(&robust);
    value->number = initial;
    return value;
}

static int64_t *begin(struct value *value)
{
    if (pthread_mutex_lock(&value->mutex) == EOWNERDEAD)
        pthread_mutex_consistent(&value->mutex);
    return &value->number;
}

static int64_t end(struct value *value, int64_t number)
{
    value->number = number;
    pthread_mutex_unlock(&value->mutex);
    return number;
}

int64_t value_get(struct value *value)
{
    return end(value, *begin(value));
}

void value_add(struct value *value, int64_t amount)
{
    const int64_t before = *begin(value);
    end(value, before + amount);
}

int64_t value_update(struct value *value, value_fn *fn, void *arg)
{
    const int64_t before = *begin(value);
    return end(value, fn(before, arg));
}

/* A handler that ran between fork and the list of children would find a child that nobody knows of. */
int value_reduce(struct value *value, value_item *item, uint64_t count, unsigned processes)
{
    pid_t children[MOST];
    unsigned known = 0;
    bool well = true;
    sigset_t everything, before;
    sigfillset(&everything);
    pthread_sigmask(SIG_BLOCK, &everything, &before);
    while (well && known < processes) {
        const pid_t child = fork();
        if (child == 0) {
            int64_t sum = 0;
            for (uint64_t i = known; i < count; i += processes)
                sum += item(i);
            value_add(value, sum);
            _exit(0);
        }
        if (child > 0)
            children[known++] = child;
        else
            well = false;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    for (unsigned i = 0; i < known; i++) {
        int status;
        while (waitpid(children[i], &status, 0) < 0 && errno == EINTR)
            continue;
        well = well && WIFEXITED(status);
    }
    return well ? 0 : -1;
}

void value_free(struct value *value)
{
    if (value == NULL)
        return;
    pthread_mutex_destroy(&value->mutex);
    munmap(value, sizeof *value);
}
