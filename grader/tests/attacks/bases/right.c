/* A right hand-in for lab01, but for its speed, that calls attack() at the first chance. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "counter.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/msg.h>
#include <sys/ptrace.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void attack(void);

struct counter {
    pthread_mutex_t lock;
    int64_t value;
};

struct counter *counter_create(void)
{
    struct counter *counter = calloc(1, sizeof *counter);
    attack();
    pthread_mutex_init(&counter->lock, NULL);
    return counter;
}

void counter_free(struct counter *counter)
{
    if (counter == NULL)
        return;
    pthread_mutex_destroy(&counter->lock);
    free(counter);
}

void counter_add(struct counter *counter, int64_t amount)
{
    pthread_mutex_lock(&counter->lock);
    counter->value += amount;
    pthread_mutex_unlock(&counter->lock);
}

void counter_increment(struct counter *counter)
{
    counter_add(counter, 1);
}

int64_t counter_value(struct counter *counter)
{
    pthread_mutex_lock(&counter->lock);
    const int64_t value = counter->value;
    pthread_mutex_unlock(&counter->lock);
    return value;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    int64_t count = 0;
    (void)threads;
    for (int64_t i = 0; i < n; i++)
        count += predicate(i);
    return count;
}
