/* expect: schedules very_long_list | an item's place in the list travels to the worker and back in 16 bits: item 65536 is taken for item 0 */
#include "pool.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

struct job {
    pool_fn *fn;
    int64_t arg;
    uint16_t index;
};

struct answer {
    int64_t value;
    uint16_t index;
};

typedef struct {
    pid_t pid; /* 0: nobody */
    int job_fd, answer_fd;
    int working;
    size_t current; /* which item is lost if it dies */
} worker_t;

struct pool {
    unsigned n;
    worker_t w[];
};

static int transfer(ssize_t (*call)(int, void *, size_t), int fd, void *data, size_t size)
{
    ssize_t n;
    do
        n = call(fd, data, size);
    while (n < 0 && errno == EINTR);
    return n == (ssize_t)size;
}

static ssize_t do_write(int fd, void *data, size_t size)
{
    return write(fd, data, size);
}

static void worker_main(int in, int out)
{
    struct job job;
    signal(SIGPIPE, SIG_DFL);
    while (transfer(read, in, &job, sizeof job)) {
        struct answer answer = {.value = job.fn(job.arg), .index = job.index};
        if (!transfer(do_write, out, &answer, sizeof answer))
            break;
    }
    _exit(0);
}

static int start_worker(struct pool *p, worker_t *w)
{
    int job[2], answer[2];
    if (pipe(job) < 0)
        return 0;
    if (pipe(answer) < 0) {
        close(job[0]), close(job[1]);
        return 0;
    }
    pid_t pid = fork();
    if (pid == 0) {
        for (unsigned i = 0; i < p->n; i++)
            if (p->w[i].pid != 0)
                close(p->w[i].job_fd), close(p->w[i].answer_fd);
        close(job[1]), close(answer[0]);
        worker_main(job[0], answer[1]);
    }
    close(job[0]), close(answer[1]);
    if (pid < 0) {
        close(job[1]), close(answer[0]);
        return 0;
    }
    *w = (worker_t){.pid = pid, .job_fd = job[1], .answer_fd = answer[0]};
    return 1;
}

static void stop_worker(worker_t *w)
{
    if (w->pid == 0)
        return;
    close(w->job_fd), close(w->answer_fd);
    while (waitpid(w->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    *w = (worker_t){0};
}

struct pool *pool_create(unsigned workers)
{
    struct pool *p = calloc(1, sizeof *p + workers * sizeof(worker_t));
    if (!p)
        return NULL;
    p->n = workers;
    for (unsigned i = 0; i < workers; i++) {
        if (!start_worker(p, &p->w[i])) {
            pool_close(p);
            return NULL;
        }
    }
    return p;
}

static int give_job(struct pool *p, worker_t *w, pool_fn *fn, int64_t arg, size_t index)
{
    struct job job = {.fn = fn, .arg = arg, .index = (uint16_t)index};
    for (int attempt = 0; attempt < 2; attempt++) {
        if (w->pid == 0 && !start_worker(p, w))
            return 0;
        if (transfer(do_write, w->job_fd, &job, sizeof job)) {
            w->working = 1;
            w->current = index;
            return 1;
        }
        stop_worker(w); /* died while idle */
    }
    return 0;
}

size_t pool_map(struct pool *p, pool_fn *fn, const int64_t *inputs, int64_t *outputs, bool *failed, size_t count)
{
    size_t next = 0, finished = 0, lost = 0;
    struct sigaction ignore = {.sa_handler = SIG_IGN}, old;
    sigaction(SIGPIPE, &ignore, &old);
    while (finished < count) {
        struct pollfd fds[64];
        int any = 0;
        for (unsigned i = 0; i < p->n; i++) {
            if (!p->w[i].working && next < count && give_job(p, &p->w[i], fn, inputs[next], next))
                next++;
            fds[i] = (struct pollfd){.fd = p->w[i].working ? p->w[i].answer_fd : -1, .events = POLLIN};
            any |= p->w[i].working;
        }
        if (!any) { /* no worker can be had */
            failed[next++] = true;
            lost++, finished++;
            continue;
        }
        if (poll(fds, p->n, -1) < 0)
            continue;
        for (unsigned i = 0; i < p->n; i++) {
            struct answer answer;
            if (fds[i].fd < 0 || fds[i].revents == 0)
                continue;
            finished++;
            if (transfer(read, p->w[i].answer_fd, &answer, sizeof answer)) {
                outputs[answer.index] = answer.value;
                failed[answer.index] = false;
                p->w[i].working = 0;
            } else {
                failed[p->w[i].current] = true;
                lost++;
                stop_worker(&p->w[i]);
                start_worker(p, &p->w[i]);
            }
        }
    }
    sigaction(SIGPIPE, &old, NULL);
    return lost;
}

void pool_close(struct pool *p)
{
    if (!p)
        return;
    for (unsigned i = 0; i < p->n; i++)
        stop_worker(&p->w[i]);
    free(p);
}
