/* expect: schedules looks_in_order | readers take no lock: of two buffers one is shown and the other written, but a reader may be late with the one that was shown */
#include "value.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 *   front --> buffer[0]    what readers see
 *             buffer[1]    what the writer prepares; then front is turned
 *
 * A writer that dies has prepared something that nobody will ever see. Readers never wait.
 */
struct value {
    atomic_uint front;
    _Atomic int64_t buffer[2];
    pthread_mutex_t writers;
};

static int64_t front_of(struct value *value)
{
    return atomic_load(&value->buffer[atomic_load(&value->front)]);
}

static void writers_enter(struct value *value)
{
    int error = pthread_mutex_lock(&value->writers);
    if (error == EOWNERDEAD)
        error = pthread_mutex_consistent(&value->writers);
    if (error != 0)
        abort();
}

static void writers_leave(struct value *value, int64_t number)
{
    unsigned back = 1 - atomic_load(&value->front);
    atomic_store(&value->buffer[back], number);
    atomic_store(&value->front, back);
    pthread_mutex_unlock(&value->writers);
}

struct value *value_create(int64_t initial)
{
    pthread_mutexattr_t attributes;
    struct value *value = mmap(NULL, sizeof(struct value), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (value == MAP_FAILED)
        return NULL;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(&value->writers, &attributes);
    pthread_mutexattr_destroy(&attributes);
    atomic_init(&value->front, 0);
    atomic_init(&value->buffer[0], initial);
    atomic_init(&value->buffer[1], initial);
    return value;
}

int64_t value_get(struct value *value)
{
    return front_of(value);
}

void value_add(struct value *value, int64_t amount)
{
    writers_enter(value);
    writers_leave(value, front_of(value) + amount);
}

int64_t value_update(struct value *value, value_fn *fn, void *arg)
{
    writers_enter(value);
    int64_t number = fn(front_of(value), arg);
    writers_leave(value, number);
    return number;
}

int value_reduce(struct value *value, value_item *item, uint64_t count, unsigned processes)
{
    pid_t *children = malloc(processes * sizeof(pid_t));
    if (children == NULL)
        return -1;
    unsigned forked;
    for (forked = 0; forked < processes; forked++) {
        children[forked] = fork();
        if (children[forked] < 0)
            break;
        if (children[forked] > 0)
            continue;
        int64_t sum = 0;
        for (uint64_t i = forked; i < count; i += processes)
            sum += item(i);
        value_add(value, sum);
        _exit(0);
    }
    int result = forked < processes ? -1 : 0;
    for (unsigned i = 0; i < forked; i++) {
        int status;
        pid_t ended;
        do {
            ended = waitpid(children[i], &status, 0);
        } while (ended < 0 && errno == EINTR);
        if (ended < 0 || !WIFEXITED(status))
            result = -1;
    }
    free(children);
    return result;
}

void value_free(struct value *value)
{
    if (value != NULL) {
        pthread_mutex_destroy(&value->writers);
        munmap(value, sizeof(struct value));
    }
}
