/* expect: right | up to eight helper threads with small stacks fork and wait, and return malloc'd results through pthread_join; a cleanup handler gives the lock back */
#define _GNU_SOURCE
#include "value.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct value {
    pthread_mutex_t mutex;
    int64_t number;
};

static void acquire(struct value *v)
{
    /* clock only to show that no waiting is endless: wakes once a minute and goes on */
    for (;;) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += 60;
        int error = pthread_mutex_clocklock(&v->mutex, CLOCK_MONOTONIC, &until);
        if (error == EOWNERDEAD) {
            pthread_mutex_consistent(&v->mutex);
            return;
        }
        if (error == 0)
            return;
    }
}

static void release(void *value)
{
    pthread_mutex_unlock(&((struct value *)value)->mutex);
}

struct value *value_create(int64_t initial)
{
    long page = sysconf(_SC_PAGESIZE);
    char *area = mmap(NULL, (size_t)page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (area == MAP_FAILED)
        return NULL;
    struct value *v = (struct value *)area;
    pthread_mutexattr_t a;
    bool have = false;
    if (pthread_mutexattr_init(&a) == 0) {
        have = pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED) == 0 &&
               pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST) == 0 &&
               pthread_mutexattr_settype(&a, PTHREAD_MUTEX_ERRORCHECK) == 0 && pthread_mutex_init(&v->mutex, &a) == 0;
        pthread_mutexattr_destroy(&a);
    }
    if (!have) {
        munmap(area, (size_t)page);
        return NULL;
    }
    v->number = initial;
    return v;
}

int64_t value_get(struct value *v)
{
    acquire(v);
    int64_t number = v->number;
    release(v);
    return number;
}

void value_add(struct value *v, int64_t amount)
{
    acquire(v);
    v->number = (int64_t)((uint64_t)v->number + (uint64_t)amount);
    release(v);
}

int64_t value_update(struct value *v, value_fn *fn, void *arg)
{
    int64_t number;
    acquire(v);
    pthread_cleanup_push(release, v); /* fn may be a cancellation point */
    number = fn(v->number, arg);
    v->number = number;
    pthread_cleanup_pop(1);
    return number;
}

struct part {
    uint64_t begin, length;
    /* written by the child */
    uint64_t sum;
    bool done;
};

struct task {
    value_item *item;
    struct part *parts; /* shared with the children */
    unsigned first, step, processes;
    const sigset_t *mask; /* what the caller had blocked */
};

struct outcome {
    uint64_t sum;
    bool ok;
};

static void *helper(void *arg)
{
    const struct task *t = arg;
    struct outcome *out = malloc(sizeof *out);
    if (out == NULL)
        return NULL;
    *out = (struct outcome){0, true};
    pid_t pids[64];
    unsigned end;
    for (end = t->first; end < t->processes; end += t->step) {
        struct part *part = &t->parts[end];
        pids[end] = fork();
        if (pids[end] < 0) {
            out->ok = false;
            break;
        }
        if (pids[end] == 0) {
            pthread_sigmask(SIG_SETMASK, t->mask, NULL);
            uint64_t sum = 0;
            for (uint64_t k = 0; k < part->length; k++)
                sum += (uint64_t)t->item(part->begin + k);
            part->sum = sum;
            part->done = true;
            _exit(0);
        }
    }
    for (unsigned p = t->first; p < end; p += t->step) {
        int status = 0;
        pid_t got;
        while ((got = waitpid(pids[p], &status, 0)) < 0 && errno == EINTR)
            ;
        if (t->parts[p].done)
            out->sum += t->parts[p].sum;
        if (!t->parts[p].done || (got > 0 && WIFSIGNALED(status)))
            out->ok = false;
    }
    return out;
}

int value_reduce(struct value *v, value_item *item, uint64_t count, unsigned processes)
{
    size_t size = processes * sizeof(struct part);
    struct part *parts = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (parts == MAP_FAILED)
        return -1;
    uint64_t begin = 0;
    for (unsigned p = 0; p < processes; p++) {
        parts[p].begin = begin;
        parts[p].length = count / processes + (p < count % processes ? 1 : 0);
        begin += parts[p].length;
    }
    pthread_attr_t attr;
    if (pthread_attr_init(&attr) != 0) {
        munmap(parts, size);
        return -1;
    }
    pthread_attr_setstacksize(&attr, 1 << 20); /* items run on such a stack as well */

    /* Handled signals go to the caller's threads, as without helpers. */
    sigset_t all, mask;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &mask);
    pthread_t threads[8];
    struct task tasks[8];
    unsigned helpers = processes < 8 ? processes : 8, started = 0;
    while (started < helpers) {
        tasks[started] = (struct task){item, parts, started, helpers, processes, &mask};
        if (pthread_create(&threads[started], &attr, helper, &tasks[started]) != 0)
            break;
        started++;
    }
    pthread_sigmask(SIG_SETMASK, &mask, NULL);
    pthread_attr_destroy(&attr);

    int result = started == helpers ? 0 : -1;
    uint64_t total = 0;
    for (unsigned h = 0; h < started; h++) {
        void *returned = NULL;
        pthread_join(threads[h], &returned);
        struct outcome *out = returned;
        if (out == NULL || !out->ok)
            result = -1;
        if (out != NULL)
            total += out->sum;
        free(out);
    }
    munmap(parts, size);
    value_add(v, (int64_t)total);
    return result;
}

void value_free(struct value *v)
{
    if (v == NULL)
        return;
    pthread_mutex_destroy(&v->mutex);
    munmap(v, (size_t)sysconf(_SC_PAGESIZE));
}
