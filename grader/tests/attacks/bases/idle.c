/* A hand-in for lab01 that does nothing of what is asked, and calls attack() at the first chance. The attacks that are
 * appended to it may use everything declared here. */
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
    attack();
    return calloc(1, sizeof(struct counter));
}

void counter_free(struct counter *counter)
{
    free(counter);
}

void counter_add(struct counter *counter, int64_t amount)
{
    (void)counter;
    (void)amount;
}

void counter_increment(struct counter *counter)
{
    (void)counter;
}

int64_t counter_value(struct counter *counter)
{
    (void)counter;
    return 7;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
    attack();
    (void)predicate;
    (void)n;
    (void)threads;
    return 0;
}
