/* expect: tests idle; schedules assertion | an item given to a worker that was dead already counts as lost */
#define _GNU_SOURCE
#include "pool.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct slot {
    pool_fn *fn;
    int64_t number;
    atomic_bool answered;
};

struct proc {
    pid_t pid;
    int wake_fd;  /* eventfd: there is work */
    int life_fd; /* read end of a pipe whose write end only the worker has: ends with it */
    bool busy;
    size_t item;
};

struct pool {
    unsigned n;
    int done;         /* eventfd: an answer is there */
    int parent[2];    /* workers hold [0]; its end means that the caller is gone */
    struct slot *slots;
    struct proc procs[64];
};

static void ring(int fd)
{
    uint64_t one = 1;
    while (write(fd, &one, sizeof one) == -1 && errno == EINTR)
        ;
}

static void work(struct pool *p, unsigned me)
{
    struct slot *d = &p->slots[me];
    struct pollfd on[2] = {{.fd = p->procs[me].wake_fd, .events = POLLIN}, {.fd = p->parent[0], .events = POLLIN}};
    uint64_t sink;
    close(p->parent[1]);
    for (;;) {
        if (poll(on, 2, -1) < 0)
            continue;
        if (on[1].revents)
            _exit(0);
        if (on[0].revents && read(p->procs[me].wake_fd, &sink, sizeof sink) == sizeof sink) {
            d->number = d->fn(d->number);
            atomic_store(&d->answered, true);
            ring(p->done);
        }
    }
}

static int start_proc(struct pool *p, unsigned i)
{
    struct proc *s = &p->procs[i];
    int life[2];
    s->busy = false;
    s->pid = -1;
    s->wake_fd = eventfd(0, EFD_NONBLOCK);
    if (s->wake_fd < 0)
        return -1;
    if (pipe2(life, O_CLOEXEC) < 0) {
        close(s->wake_fd);
        return -1;
    }
    s->pid = fork();
    if (s->pid == 0) {
        close(life[0]);
        work(p, i);
    }
    close(life[1]);
    s->life_fd = life[0];
    if (s->pid > 0)
        return 0;
    close(s->life_fd);
    close(s->wake_fd);
    return -1;
}

static void end_proc(struct proc *s)
{
    while (waitpid(s->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    close(s->wake_fd);
    close(s->life_fd);
    s->pid = -1;
}

struct pool *pool_create(unsigned workers)
{
    struct pool *p = calloc(1, sizeof *p);
    if (p == NULL)
        return NULL;
    p->n = workers;
    p->slots = mmap(NULL, workers * sizeof *p->slots, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    p->done = eventfd(0, EFD_NONBLOCK);
    if (p->slots == MAP_FAILED || p->done < 0 || pipe(p->parent) < 0) {
        if (p->slots != MAP_FAILED)
            munmap(p->slots, workers * sizeof *p->slots);
        if (p->done >= 0)
            close(p->done);
        free(p);
        return NULL;
    }
    for (unsigned i = 0; i < workers; i++)
        p->procs[i].pid = -1;
    for (unsigned i = 0; i < workers; i++)
        if (start_proc(p, i) < 0) {
            pool_close(p);
            return NULL;
        }
    return p;
}

size_t pool_map(struct pool *p, pool_fn *fn, const int64_t *inputs, int64_t *outputs, bool *failed, size_t count)
{
    size_t next = 0, finished = 0, losses = 0;
    struct pollfd on[65];
    while (finished < count) {
        for (unsigned i = 0; i < p->n; i++) {
            struct proc *s = &p->procs[i];
            if (s->pid < 0 && start_proc(p, i) < 0)
                continue;
            if (!s->busy && next < count) {
                p->slots[i].fn = fn;
                p->slots[i].number = inputs[next];
                atomic_store(&p->slots[i].answered, false);
                s->item = next++;
                s->busy = true;
                ring(s->wake_fd);
            }
            on[i] = (struct pollfd){.fd = s->life_fd, .events = POLLIN};
        }
        on[p->n] = (struct pollfd){.fd = p->done, .events = POLLIN};
        if (poll(on, p->n + 1, -1) < 0)
            continue;
        uint64_t sink;
        if (on[p->n].revents && read(p->done, &sink, sizeof sink) < 0)
            continue;
        for (unsigned i = 0; i < p->n; i++) {
            struct proc *s = &p->procs[i];
            if (s->busy && atomic_load(&p->slots[i].answered)) {
                outputs[s->item] = p->slots[i].number;
                failed[s->item] = false;
                finished++;
                s->busy = false;
            }
            if (s->pid > 0 && on[i].revents) {
                end_proc(s);
                /* It may have answered between the look above and its death, or never begun: killed while
                 * idle. */
                if (s->busy && atomic_load(&p->slots[i].answered)) {
                    outputs[s->item] = p->slots[i].number;
                    failed[s->item] = false;
                    finished++;
                } else if (s->busy) {
                    failed[s->item] = true;
                    finished++;
                    losses++;
                }
                s->busy = false;
            }
        }
    }
    return losses;
}

void pool_close(struct pool *p)
{
    if (p == NULL)
        return;
    close(p->parent[1]);
    for (unsigned i = 0; i < p->n; i++)
        if (p->procs[i].pid > 0)
            end_proc(&p->procs[i]);
    close(p->parent[0]);
    close(p->done);
    munmap(p->slots, p->n * sizeof *p->slots);
    free(p);
}
