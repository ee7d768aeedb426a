/* expect: schedules workers_end_with_caller | PR_SET_PDEATHSIG without a look at getppid: a caller that ends before the worker has asked for the signal leaves it for good */
#include "pool.h"

#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct slot {
    pool_fn *fn;
    int64_t value;
    atomic_int ready;
};

struct desk {
    sem_t *order;
    pid_t pid;
    int busy;
    size_t item;
};

struct pool {
    unsigned n;
    sem_t *answered;
    struct slot *slots; /* shared */
    struct desk *desks;
};

static sem_t *new_semaphore(void)
{
    static unsigned serial;
    char name[64];
    for (;;) {
        snprintf(name, sizeof name, "/pool-%ld-%u", (long)getpid(), serial++);
        sem_t *s = sem_open(name, O_CREAT | O_EXCL, 0600, 0);
        if (s != SEM_FAILED) {
            sem_unlink(name);
            return s;
        }
        if (errno != EEXIST && errno != EINTR)
            return NULL;
    }
}

/* Waits at most `ms` milliseconds. */
static int wait_for(sem_t *s, long ms)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    t.tv_nsec += ms * 1000000;
    t.tv_sec += t.tv_nsec / 1000000000;
    t.tv_nsec %= 1000000000;
    return sem_timedwait(s, &t);
}

static void worker(struct pool *p, unsigned k)
{
    struct slot *s = &p->slots[k];
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) {
        while (sem_wait(p->desks[k].order) != 0)
            continue;
        if (s->fn == NULL)
            _exit(0);
        s->value = s->fn(s->value);
        s->ready = 1;
        sem_post(p->answered);
    }
}

static int employ(struct pool *p, unsigned k)
{
    while (sem_trywait(p->desks[k].order) == 0) /* left over from one that died */
        continue;
    memset(&p->slots[k], 0, sizeof p->slots[k]);
    pid_t pid = fork();
    if (pid == 0)
        worker(p, k);
    p->desks[k].pid = pid > 0 ? pid : 0;
    p->desks[k].busy = 0;
    return pid > 0;
}

static int is_dead(struct desk *d)
{
    pid_t r;
    if (d->pid == 0)
        return 1;
    do
        r = waitpid(d->pid, NULL, WNOHANG);
    while (r < 0 && errno == EINTR);
    if (r == 0)
        return 0;
    d->pid = 0;
    return 1;
}

struct pool *pool_create(unsigned workers)
{
    struct pool *p = malloc(sizeof *p);
    if (p == NULL)
        return NULL;
    p->n = workers;
    p->answered = NULL;
    p->slots = MAP_FAILED;
    p->desks = calloc(workers, sizeof *p->desks);
    if (p->desks == NULL)
        goto fail;
    p->slots = mmap(NULL, workers * sizeof *p->slots, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (p->slots == MAP_FAILED)
        goto fail;
    p->answered = new_semaphore();
    if (p->answered == NULL)
        goto fail;
    for (unsigned k = 0; k < workers; k++)
        if ((p->desks[k].order = new_semaphore()) == NULL)
            goto fail;
    for (unsigned k = 0; k < workers; k++)
        if (!employ(p, k))
            goto fail;
    return p;
fail:
    pool_close(p);
    return NULL;
}

size_t pool_map(struct pool *p, pool_fn *fn, const int64_t *inputs, int64_t *outputs, bool *failed, size_t count)
{
    size_t next = 0, done = 0, lost = 0;
    for (unsigned k = 0; k < p->n; k++)
        if (is_dead(&p->desks[k]))
            employ(p, k);
    while (done < count) {
        unsigned busy = 0;
        for (unsigned k = 0; k < p->n; k++) {
            struct desk *d = &p->desks[k];
            if (!d->busy && next < count) {
                if (is_dead(d) && !employ(p, k))
                    continue;
                p->slots[k].fn = fn;
                p->slots[k].value = inputs[next];
                p->slots[k].ready = 0;
                d->item = next++;
                d->busy = 1;
                sem_post(d->order);
            }
            busy += (unsigned)d->busy;
        }
        if (busy == 0) {
            failed[next++] = true;
            done++;
            lost++;
            continue;
        }
        wait_for(p->answered, 4);
        for (unsigned k = 0; k < p->n; k++) {
            struct desk *d = &p->desks[k];
            if (!d->busy)
                continue;
            int dead = is_dead(d); /* before the look at `ready`: it may have answered and died since */
            if (!dead && !p->slots[k].ready)
                continue;
            if (p->slots[k].ready) {
                outputs[d->item] = p->slots[k].value;
                failed[d->item] = false;
            } else {
                failed[d->item] = true;
                lost++;
            }
            d->busy = 0;
            done++;
        }
    }
    return lost;
}

void pool_close(struct pool *p)
{
    if (p == NULL)
        return;
    for (unsigned k = 0; p->desks != NULL && k < p->n; k++)
        if (p->desks[k].pid > 0) {
            p->slots[k].fn = NULL;
            sem_post(p->desks[k].order);
        }
    for (unsigned k = 0; p->desks != NULL && k < p->n; k++) {
        while (p->desks[k].pid > 0 && waitpid(p->desks[k].pid, NULL, 0) < 0 && errno == EINTR)
            continue;
        if (p->desks[k].order != NULL)
            sem_close(p->desks[k].order);
    }
    if (p->answered != NULL)
        sem_close(p->answered);
    if (p->slots != MAP_FAILED)
        munmap(p->slots, p->n * sizeof *p->slots);
    free(p->desks);
    free(p);
}
