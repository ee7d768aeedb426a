/* expect: tests close_leaves_nothing_behind | the pool unmaps the size of its header instead of the size it has mapped: with many workers pages are left */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "pool.h"

#include <errno.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum state { FREE, WORKING, READY };

struct slot {
    _Alignas(128) sem_t go; /* no two workers in one cache line */
    _Atomic int state;
    pool_fn *fn; /* NULL: go home */
    int64_t input, output;
};

struct board {
    sem_t news;
    struct slot slots[];
};

struct pool {
    unsigned n;
    struct board *board;
    struct {
        pid_t pid;
        size_t item;
    } w[64];
};

static void down(sem_t *s)
{
    while (sem_wait(s) == -1 && errno == EINTR)
        continue;
}

static void begin(struct pool *p, unsigned i)
{
    struct slot *s = &p->board->slots[i];
    pid_t parent = getpid();
    sem_init(&s->go, 1, 0);
    s->state = FREE;
    p->w[i].pid = fork();
    if (p->w[i].pid != 0)
        return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) /* it died before prctl */
        _exit(1);
    for (;;) {
        down(&s->go);
        if (s->fn == NULL)
            _exit(0);
        s->output = s->fn(s->input);
        s->state = READY;
        sem_post(&p->board->news);
    }
}

struct pool *pool_create(unsigned workers)
{
    struct pool *p = malloc(sizeof *p);
    if (p == NULL)
        return NULL;
    p->n = 0;
    size_t bytes = sizeof(struct board) + workers * sizeof(struct slot);
    p->board = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (p->board == MAP_FAILED) {
        free(p);
        return NULL;
    }
    sem_init(&p->board->news, 1, 0);
    for (; p->n < workers; p->n++) {
        begin(p, p->n);
        if (p->w[p->n].pid < 0) {
            pool_close(p);
            return NULL;
        }
    }
    return p;
}

size_t pool_map(struct pool *p, pool_fn *fn, const int64_t *inputs, int64_t *outputs, bool *failed, size_t count)
{
    size_t next = 0, ended = 0, failures = 0;
    while (ended < count) {
        for (unsigned i = 0; i < p->n; i++) {
            struct slot *s = &p->board->slots[i];
            if (p->w[i].pid < 0) /* no process was to be had when it was to be replaced */
                begin(p, i);
            if (p->w[i].pid < 0)
                continue;
            if (s->state != READY && waitpid(p->w[i].pid, NULL, WNOHANG) == p->w[i].pid) {
                if (s->state == WORKING) {
                    failed[p->w[i].item] = true;
                    failures++;
                    ended++;
                }
                if (s->state == READY) { /* it finished just before it died */
                    outputs[p->w[i].item] = s->output;
                    failed[p->w[i].item] = false;
                    ended++;
                }
                begin(p, i);
                if (p->w[i].pid < 0)
                    continue;
            }
            if (s->state == READY) {
                outputs[p->w[i].item] = s->output;
                failed[p->w[i].item] = false;
                ended++;
                s->state = FREE;
            }
            if (s->state == FREE && next < count) {
                p->w[i].item = next;
                s->fn = fn;
                s->input = inputs[next++];
                s->state = WORKING;
                sem_post(&s->go);
            }
        }
        /* A worker that dies posts nothing: look for the dead a hundred times a second. */
        struct timespec t;
        clock_gettime(CLOCK_REALTIME, &t);
        t.tv_nsec += 10000000;
        if (t.tv_nsec >= 1000000000) {
            t.tv_nsec -= 1000000000;
            t.tv_sec++;
        }
        if (ended < count)
            sem_timedwait(&p->board->news, &t);
    }
    return failures;
}

void pool_close(struct pool *p)
{
    if (p == NULL)
        return;
    for (unsigned i = 0; i < p->n; i++) {
        p->board->slots[i].fn = NULL;
        sem_post(&p->board->slots[i].go);
    }
    for (unsigned i = 0; i < p->n; i++) {
        while (p->w[i].pid > 0 && waitpid(p->w[i].pid, NULL, 0) == -1 && errno == EINTR)
            continue;
    }
    munmap(p->board, sizeof *p->board);
    free(p);
}
