/* expect: tests outputs; schedules assertion | index and result are written to the common pipe one after the other: those of two workers mix */
#include "pool.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

struct worker {
    pid_t pid;
    int fd;       /* jobs go here */
    int life;     /* readable when it has died */
    int busy;
    size_t index;
};

struct pool {
    int size;
    int answers[2];
    struct worker w[64];
};

struct job {
    pool_fn *fn;
    size_t index;
    int64_t input;
};

static int readn(int fd, void *to, size_t n)
{
    char *p = to;
    while (n > 0) {
        ssize_t k = read(fd, p, n);
        if (k == -1 && errno == EINTR)
            continue;
        if (k <= 0)
            return -1;
        p += k;
        n -= (size_t)k;
    }
    return 0;
}

static int writen(int fd, const void *from, size_t n)
{
    const char *p = from;
    while (n > 0) {
        ssize_t k = write(fd, p, n);
        if (k == -1 && errno == EINTR)
            continue;
        if (k == -1)
            return -1;
        p += k;
        n -= (size_t)k;
    }
    return 0;
}

static void run(struct pool *p, int in)
{
    struct job j;
    while (readn(in, &j, sizeof j) == 0) {
        int64_t result = j.fn(j.input);
        if (writen(p->answers[1], &j.index, sizeof j.index) || writen(p->answers[1], &result, sizeof result))
            break;
    }
    _exit(0);
}

static int start(struct pool *p, int i)
{
    int job[2], life[2];
    struct worker *w = &p->w[i];
    w->pid = 0;
    w->busy = 0;
    if (pipe(job) == -1)
        return 0;
    if (pipe(life) == -1) {
        close(job[0]);
        close(job[1]);
        return 0;
    }
    w->pid = fork();
    if (w->pid == 0) {
        for (int k = 0; k < p->size; k++)
            if (k != i && p->w[k].pid > 0) {
                close(p->w[k].fd);
                close(p->w[k].life);
            }
        close(job[1]);
        close(life[0]);
        close(p->answers[0]);
        run(p, job[0]);
    }
    close(job[0]);
    close(life[1]);
    w->fd = job[1];
    w->life = life[0];
    if (w->pid > 0)
        return 1;
    close(w->fd);
    close(w->life);
    w->pid = 0;
    return 0;
}

static void stop(struct worker *w)
{
    if (w->pid == 0)
        return;
    close(w->fd);
    close(w->life);
    while (waitpid(w->pid, NULL, 0) == -1 && errno == EINTR)
        continue;
    w->pid = 0;
}

struct pool *pool_create(unsigned workers)
{
    struct pool *p = calloc(1, sizeof *p);
    if (p == NULL || pipe(p->answers) == -1) {
        free(p);
        return NULL;
    }
    signal(SIGPIPE, SIG_IGN);
    p->size = (int)workers;
    for (int i = 0; i < p->size; i++)
        if (!start(p, i)) {
            pool_close(p);
            return NULL;
        }
    return p;
}

size_t pool_map(struct pool *p, pool_fn *fn, const int64_t *inputs, int64_t *outputs, bool *failed, size_t count)
{
    size_t next = 0, done = 0, dead = 0;
    struct pollfd f[65];
    while (done < count) {
        for (int i = 0; i < p->size; i++) {
            struct worker *w = &p->w[i];
            struct pollfd gone = {.fd = w->life, .events = POLLIN};
            if (!w->busy && w->pid != 0 && poll(&gone, 1, 0) == 1)
                stop(w);
            if (w->pid == 0 && !start(p, i))
                continue;
            if (!w->busy && next < count) {
                struct job j = {fn, next, inputs[next]};
                if (writen(w->fd, &j, sizeof j) == 0) {
                    w->busy = 1;
                    w->index = next++;
                }
            }
            f[i] = (struct pollfd){.fd = w->life, .events = POLLIN};
        }
        f[p->size] = (struct pollfd){.fd = p->answers[0], .events = POLLIN};
        if (poll(f, (nfds_t)p->size + 1, -1) < 0)
            continue;
        if (f[p->size].revents & POLLIN) {
            size_t index;
            int64_t result;
            if (readn(p->answers[0], &index, sizeof index) == 0 && readn(p->answers[0], &result, sizeof result) == 0) {
                if (index < count) {
                    outputs[index] = result;
                    failed[index] = false;
                }
                done++;
                for (int i = 0; i < p->size; i++)
                    if (p->w[i].busy && p->w[i].index == index)
                        p->w[i].busy = 0;
            }
            continue; /* answers first, then the dead */
        }
        for (int i = 0; i < p->size; i++)
            if (p->w[i].pid != 0 && f[i].revents != 0) {
                if (p->w[i].busy) {
                    failed[p->w[i].index] = true;
                    dead++;
                    done++;
                }
                stop(&p->w[i]);
                start(p, i);
            }
    }
    return dead;
}

void pool_close(struct pool *p)
{
    if (p == NULL)
        return;
    for (int i = 0; i < p->size; i++)
        stop(&p->w[i]);
    close(p->answers[0]);
    close(p->answers[1]);
    free(p);
}
