/* processors.c: on which processor a thread runs is of no account here: all are told of the same few. */
#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "memory.h"
#include "model.h"
#include "sync.h"

enum { PROCESSORS = 4 };

static int tell(size_t size, cpu_set_t *into, uintptr_t pc)
{
    memory_access((uintptr_t)into, size, ACCESS_WRITE, pc);
    memset(into, 0, size);
    for (int i = 0; i < PROCESSORS; i++)
        CPU_SET_S(i, size, into);
    return 0;
}

MODEL(int, sched_getaffinity, (pid_t pid, size_t size, cpu_set_t *into))
{
    (void)pid;
    return tell(size, into, PC);
}

MODEL(int, pthread_getaffinity_np, (pthread_t thread, size_t size, cpu_set_t *into))
{
    (void)thread;
    return tell(size, into, PC);
}

MODEL(int, sched_setaffinity, (pid_t pid, size_t size, const cpu_set_t *set))
{
    (void)pid;
    memory_access((uintptr_t)set, size, ACCESS_READ, PC);
    return 0;
}

MODEL(int, pthread_setaffinity_np, (pthread_t thread, size_t size, const cpu_set_t *set))
{
    (void)thread;
    memory_access((uintptr_t)set, size, ACCESS_READ, PC);
    return 0;
}

MODEL(int, sched_getcpu, (void))
{
    return 0;
}
