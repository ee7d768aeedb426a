/* expect: assertion | each process believes that it has the lock, because a flag of its own says so */
#define _GNU_SOURCE
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct shared {
    pthread_mutex_t lock;
    atomic_int value;
};

static _Thread_local bool has_lock;
static struct shared *shared;

static void add(int amount)
{
    const bool had = has_lock;
    if (!had)
        pthread_mutex_lock(&shared->lock);
    atomic_store(&shared->value, atomic_load(&shared->value) + amount);
    if (!had)
        pthread_mutex_unlock(&shared->lock);
}

int main(void)
{
    pthread_mutexattr_t attributes;
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(&shared->lock, &attributes);
    has_lock = true; /* and is copied */
    const pid_t child = fork();
    add(1);
    if (child == 0)
        _exit(0);
    waitpid(child, NULL, 0);
    assert(atomic_load(&shared->value) == 2);
    return 0;
}
