/* expect: tests share; schedules assertion | MAP_PRIVATE in place of MAP_SHARED */
#include "value.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct value {
    int64_t number;
    pthread_mutex_t mutex;
    pthread_mutexattr_t attributes;
};

#define WITH_LOCK(v, what)                                     \
    do {                                                       \
        if (pthread_mutex_lock(&(v)->mutex) == EOWNERDEAD)     \
            pthread_mutex_consistent(&(v)->mutex);             \
        what;                                                  \
        pthread_mutex_unlock(&(v)->mutex);                     \
    } while (0)

/* The mapping is private to us and the processes we fork: no name in the file system, nobody else can open it. */
struct value *value_create(int64_t initial)
{
    struct value *v = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (v == (void *)-1)
        return NULL;
    memset(v, 0, sizeof *v);
    v->number = initial;
    pthread_mutexattr_init(&v->attributes);
    pthread_mutexattr_setpshared(&v->attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&v->attributes, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&v->mutex, &v->attributes);
    return v;
}

int64_t value_get(struct value *v)
{
    int64_t n;
    WITH_LOCK(v, n = v->number);
    return n;
}

void value_add(struct value *v, int64_t amount)
{
    WITH_LOCK(v, v->number += amount);
}

int64_t value_update(struct value *v, value_fn *fn, void *arg)
{
    int64_t n;
    WITH_LOCK(v, n = v->number = fn(v->number, arg));
    return n;
}

int value_reduce(struct value *v, value_item *item, uint64_t count, unsigned processes)
{
    pid_t child[64] = {0};
    int bad = 0, status;
    for (unsigned p = 0; p < processes && !bad; p++)
        switch (child[p] = fork()) {
        case -1:
            bad = 1;
            break;
        case 0: {
            int64_t mine = 0;
            for (uint64_t i = p; i < count; i += processes)
                mine += item(i);
            WITH_LOCK(v, v->number += mine);
            _exit(0);
        }
        }
    for (unsigned p = 0; p < processes; p++)
        if (child[p] > 0 && (waitpid(child[p], &status, 0) == -1 || WIFSIGNALED(status)))
            bad = 1;
    return -bad;
}

void value_free(struct value *v)
{
    if (v == NULL)
        return;
    pthread_mutex_destroy(&v->mutex);
    pthread_mutexattr_destroy(&v->attributes);
    munmap(v, 4096);
}
