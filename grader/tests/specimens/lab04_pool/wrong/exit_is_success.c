/* expect: tests die; schedules assertion | only a signal counts as a death: who leaves by exit is taken to have answered */
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

struct cell {
    sem_t start;
    _Atomic int state; /* 0 free, 1 given, 2 running, 3 done */
    pool_fn *fn;
    int64_t in, out;
};

struct pool {
    unsigned n;
    struct cell *cells;
    sem_t *ready;
    pid_t pid[64];
    size_t item[64];
};

static void spawn(struct pool *p, unsigned i)
{
    struct cell *c = &p->cells[i];
    pid_t boss = getpid();
    sem_init(&c->start, 1, 0);
    c->state = 0;
    if ((p->pid[i] = fork()) != 0)
        return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (getppid() == boss) {
        if (sem_wait(&c->start) != 0)
            continue;
        if (c->fn == NULL)
            break;
        c->state = 2;
        c->out = c->fn(c->in);
        c->state = 3;
        sem_post(p->ready);
    }
    _exit(0);
}

struct pool *pool_create(unsigned workers)
{
    struct pool *p = malloc(sizeof *p);
    if (p == NULL)
        return NULL;
    char *shared = mmap(NULL, sizeof(sem_t) + 64 + 64 * sizeof(struct cell), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) {
        free(p);
        return NULL;
    }
    p->ready = (sem_t *)shared;
    p->cells = (struct cell *)(shared + 64);
    sem_init(p->ready, 1, 0);
    for (p->n = 0; p->n < workers; p->n++) {
        spawn(p, p->n);
        if (p->pid[p->n] < 0) {
            pool_close(p);
            return NULL;
        }
    }
    return p;
}

size_t pool_map(struct pool *p, pool_fn *fn, const int64_t *inputs, int64_t *outputs, bool *failed, size_t count)
{
    size_t given = 0, over = 0, killed = 0;
    while (over < count) {
        for (unsigned i = 0; i < p->n; i++) {
            struct cell *c = &p->cells[i];
            int how = 0;
            int gone = c->state != 3 && waitpid(p->pid[i], &how, WNOHANG) == p->pid[i];
            if (c->state == 3 || (gone && c->state == 2)) {
                failed[p->item[i]] = gone && WIFSIGNALED(how);
                killed += failed[p->item[i]];
                outputs[p->item[i]] = c->out;
                over++;
                c->state = 0;
            }
            int again = gone && c->state == 1;
            if (gone)
                spawn(p, i);
            if (again || (c->state == 0 && given < count)) {
                if (!again)
                    p->item[i] = given++;
                c->fn = fn;
                c->in = inputs[p->item[i]];
                c->state = 1;
                sem_post(&c->start);
            }
        }
        struct timespec t;
        clock_gettime(CLOCK_REALTIME, &t);
        if ((t.tv_nsec += 5000000) >= 1000000000) {
            t.tv_nsec -= 1000000000;
            t.tv_sec++;
        }
        if (over < count)
            sem_timedwait(p->ready, &t);
    }
    return killed;
}

void pool_close(struct pool *p)
{
    if (p == NULL)
        return;
    for (unsigned i = 0; i < p->n; i++) {
        p->cells[i].fn = NULL;
        sem_post(&p->cells[i].start);
    }
    for (unsigned i = 0; i < p->n; i++)
        while (waitpid(p->pid[i], NULL, 0) < 0 && errno == EINTR)
            ;
    munmap((void *)p->ready, sizeof(sem_t) + 64 + 64 * sizeof(struct cell));
    free(p);
}
