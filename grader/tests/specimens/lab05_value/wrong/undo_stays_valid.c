/* expect: schedules killed_while_adding | the copy for taking an update back is not marked as used up, so the next death brings the old number back once more */
#include "value.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum state { AT_REST, UPDATING };

struct shared {
    pthread_mutex_t guard;
    enum state state;
    int64_t now;
    int64_t saved; /* what it was before the update that is being made */
};

struct value {
    struct shared *shared;
};

static void take(struct shared *s)
{
    int rc = pthread_mutex_lock(&s->guard);
    if (rc == EOWNERDEAD) {
        if (s->state == UPDATING)
            s->now = s->saved; /* its update has never been made */
        pthread_mutex_consistent(&s->guard);
    }
}

struct value *value_create(int64_t initial)
{
    struct value *v = malloc(sizeof(*v));
    if (!v)
        return NULL;
    v->shared = mmap(NULL, sizeof(struct shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (v->shared == MAP_FAILED) {
        free(v);
        return NULL;
    }

    pthread_mutexattr_t attr;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&v->shared->guard, &attr);
    pthread_mutexattr_destroy(&attr);

    v->shared->state = AT_REST;
    v->shared->now = initial;
    return v;
}

int64_t value_get(struct value *v)
{
    take(v->shared);
    int64_t x = v->shared->now;
    pthread_mutex_unlock(&v->shared->guard);
    return x;
}

void value_add(struct value *v, int64_t amount)
{
    take(v->shared);
    v->shared->now += amount;
    pthread_mutex_unlock(&v->shared->guard);
}

int64_t value_update(struct value *v, value_fn *fn, void *arg)
{
    struct shared *s = v->shared;
    take(s);
    s->saved = s->now;
    s->state = UPDATING;
    s->now = fn(s->saved, arg);
    int64_t x = s->now;
    s->state = AT_REST;
    pthread_mutex_unlock(&s->guard);
    return x;
}

static void child_main(struct value *v, value_item *item, uint64_t first, uint64_t end)
{
    int64_t sum = 0;
    for (uint64_t i = first; i != end; ++i)
        sum += item(i);
    if (sum != 0)
        value_add(v, sum);
    _exit(0);
}

int value_reduce(struct value *v, value_item *item, uint64_t count, unsigned processes)
{
    pid_t child[64];
    unsigned running = 0;
    int result = 0;

    for (uint64_t first = 0; running < processes; running++) {
        uint64_t end = first + (count - first) / (processes - running);
        child[running] = fork();
        if (child[running] == -1) {
            result = -1;
            break;
        }
        if (child[running] == 0)
            child_main(v, item, first, end);
        first = end;
    }
    while (running > 0) {
        int status;
        pid_t done = waitpid(child[running - 1], &status, 0);
        if (done == -1 && errno == EINTR)
            continue;
        if (done == -1 || WIFSIGNALED(status))
            result = -1;
        running--;
    }
    return result;
}

void value_free(struct value *v)
{
    if (!v)
        return;
    pthread_mutex_destroy(&v->shared->guard);
    munmap(v->shared, sizeof(struct shared));
    free(v);
}
