/* expect: schedules killed_while_adding | an addition is noted before it is made, and made again by whoever finds the note, though it may have been made already */
#include "value.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * A redo log of one line, as in a database: first it is written down what will be done, then it is done, then the
 * line is wiped out. "No addition is ever lost."
 */
typedef struct {
    bool valid;
    int64_t amount;
} log_line;

struct value {
    pthread_mutex_t mutex;
    log_line log;
    int64_t current;
};

static void finish(struct value *value)
{
    if (value->log.valid) {
        value->current += value->log.amount;
        value->log.valid = false;
    }
}

static void acquire(struct value *value)
{
    switch (pthread_mutex_lock(&value->mutex)) {
    case 0:
        break;
    case EOWNERDEAD:
        finish(value);
        pthread_mutex_consistent(&value->mutex);
        break;
    default:
        abort();
    }
}

static void release(struct value *value)
{
    pthread_mutex_unlock(&value->mutex);
}

struct value *value_create(int64_t initial)
{
    struct value *value = NULL;
    void *memory = mmap(NULL, sizeof *value, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory != MAP_FAILED) {
        pthread_mutexattr_t kind;
        value = memory;
        value->current = initial;
        pthread_mutexattr_init(&kind);
        pthread_mutexattr_setpshared(&kind, PTHREAD_PROCESS_SHARED);
        pthread_mutexattr_setrobust(&kind, PTHREAD_MUTEX_ROBUST);
        pthread_mutex_init(&value->mutex, &kind);
        pthread_mutexattr_destroy(&kind);
    }
    return value;
}

void value_free(struct value *value)
{
    if (value != NULL) {
        pthread_mutex_destroy(&value->mutex);
        munmap(value, sizeof *value);
    }
}

void value_add(struct value *value, int64_t amount)
{
    acquire(value);
    value->log.amount = amount;
    value->log.valid = true;
    finish(value);
    release(value);
}

int64_t value_get(struct value *value)
{
    acquire(value);
    int64_t seen = value->current;
    release(value);
    return seen;
}

int64_t value_update(struct value *value, value_fn *fn, void *arg)
{
    acquire(value);
    int64_t result = fn(value->current, arg);
    value->current = result;
    release(value);
    return result;
}

struct team {
    unsigned size;
    pid_t member[64];
};

static bool all_well(const struct team *team)
{
    bool well = true;
    for (unsigned i = 0; i < team->size; i++) {
        int status = 0;
        while (waitpid(team->member[i], &status, 0) == -1)
            if (errno != EINTR)
                return false;
        if (WIFSIGNALED(status))
            well = false;
    }
    return well;
}

int value_reduce(struct value *value, value_item *item, uint64_t count, unsigned processes)
{
    struct team team = {.size = 0};
    bool complete = true;
    for (unsigned rank = 0; rank < processes && complete; rank++) {
        pid_t pid = fork();
        if (pid == 0) {
            int64_t part = 0;
            for (uint64_t i = rank; i < count; i += processes)
                part += item(i);
            value_add(value, part);
            _exit(EXIT_SUCCESS);
        }
        if (pid > 0)
            team.member[team.size++] = pid;
        else
            complete = false;
    }
    return all_well(&team) && complete ? 0 : -1;
}
