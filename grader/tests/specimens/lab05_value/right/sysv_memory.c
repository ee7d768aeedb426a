/* expect: right | System V shared memory, marked for removal at once; the robust mutex sits behind macros */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "value.h"

struct value
{
    int64_t         counter;
    pthread_mutex_t mutex;
};

#define LOCK(v)                                        \
    do {                                               \
        int rc_ = pthread_mutex_lock(&(v)->mutex);     \
        if (rc_ == EOWNERDEAD)                         \
            rc_ = pthread_mutex_consistent(&(v)->mutex); \
        if (rc_ != 0)                                  \
            abort();                                   \
    } while (0)

#define UNLOCK(v)                                      \
    do {                                               \
        if (pthread_mutex_unlock(&(v)->mutex) != 0)    \
            abort();                                   \
    } while (0)

#define WITH(v, statement) do { LOCK(v); statement; UNLOCK(v); } while (0)

struct value *value_create(int64_t initial)
{
    pthread_mutexattr_t attributes;
    struct value *self;
    int id = shmget(IPC_PRIVATE, sizeof(struct value), IPC_CREAT | 0600);

    if (id < 0)
        return NULL;
    self = shmat(id, NULL, 0);
    shmctl(id, IPC_RMID, NULL); /* goes when the last process has detached it */
    if (self == (void *)-1)
        return NULL;

    if (pthread_mutexattr_init(&attributes)
        || pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED)
        || pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST)
        || pthread_mutex_init(&self->mutex, &attributes))
    {
        shmdt(self);
        return NULL;
    }
    pthread_mutexattr_destroy(&attributes);
    self->counter = initial;
    return self;
}

void value_free(struct value *self)
{
    if (self)
    {
        pthread_mutex_destroy(&self->mutex);
        shmdt(self);
    }
}

int64_t value_get(struct value *self)
{
    int64_t copy;
    WITH(self, copy = self->counter);
    return copy;
}

void value_add(struct value *self, int64_t amount)
{
    WITH(self, self->counter += amount);
}

int64_t value_update(struct value *self, value_fn *fn, void *arg)
{
    int64_t fresh;
    WITH(self, fresh = self->counter = fn(self->counter, arg));
    return fresh;
}

/* Slices differ by at most one item. */
static void do_slice(struct value *self, value_item *item, uint64_t count, unsigned rank, unsigned size)
{
    uint64_t base = count / size, rest = count % size;
    uint64_t from = rank * base + (rank < rest ? rank : rest);
    uint64_t to = from + base + (rank < rest);
    int64_t total = 0;

    for (; from != to; from++)
        total += item(from);
    value_add(self, total);
}

int value_reduce(struct value *self, value_item *item, uint64_t count, unsigned processes)
{
    pid_t *team = calloc(processes, sizeof(pid_t));
    int ok = (team != NULL);

    for (unsigned r = 0; ok && r < processes; r++)
    {
        team[r] = fork();
        switch (team[r])
        {
        case -1:
            ok = 0;
            break;
        case 0:
            do_slice(self, item, count, r, processes);
            _exit(0);
        }
    }
    for (unsigned r = 0; team && r < processes; r++)
    {
        int status = 0;
        if (team[r] <= 0)
            continue;
        while (waitpid(team[r], &status, 0) < 0 && errno == EINTR)
            ;
        ok = ok && WIFEXITED(status);
    }
    free(team);
    return ok ? 0 : -1;
}
