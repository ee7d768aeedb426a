/* expect: tests failed; schedules assertion | failed[i] is set for the lost items, and left as it was for the others */
#define _GNU_SOURCE
#include "pool.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct mail {
    pool_fn *fn;
    int64_t question, answer;
    int written;
};

struct agent {
    pid_t pid;
    int pidfd, wire;
    size_t item;
    bool busy;
};

struct pool {
    unsigned agents;
    struct mail *mails;
    struct agent a[64];
};

static bool signal_agent(int wire)
{
    ssize_t n;
    do
        n = send(wire, "!", 1, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return n == 1;
}

static bool await(int wire)
{
    char c;
    ssize_t n;
    do
        n = recv(wire, &c, 1, 0);
    while (n < 0 && errno == EINTR);
    return n == 1;
}

static void agent_main(struct mail *l, int wire)
{
    while (await(wire)) {
        l->answer = l->fn(l->question);
        l->written = 1;
        if (!signal_agent(wire))
            break;
    }
    _exit(0);
}

static bool recruit(struct pool *p, unsigned i)
{
    struct agent *a = &p->a[i];
    int line[2];
    a->busy = false;
    a->pid = 0;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, line) < 0)
        return false;
    pid_t pid = fork();
    if (pid == 0) {
        close(line[0]);
        for (unsigned k = 0; k < p->agents; k++)
            if (p->a[k].pid > 0) {
                close(p->a[k].wire);
                close(p->a[k].pidfd);
            }
        agent_main(&p->mails[i], line[1]);
    }
    close(line[1]);
    if (pid < 0) {
        close(line[0]);
        return false;
    }
    a->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (a->pidfd < 0) {
        close(line[0]);
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            ;
        return false;
    }
    a->wire = line[0];
    a->pid = pid;
    return true;
}

static void release(struct agent *a)
{
    if (a->pid <= 0)
        return;
    close(a->wire);
    while (waitpid(a->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    close(a->pidfd);
    a->pid = 0;
}

struct pool *pool_create(unsigned workers)
{
    struct pool *p = calloc(1, sizeof *p);
    if (p == NULL)
        return NULL;
    p->agents = workers;
    p->mails = mmap(NULL, 64 * sizeof *p->mails, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (p->mails == MAP_FAILED) {
        free(p);
        return NULL;
    }
    for (unsigned i = 0; i < workers; i++) {
        if (!recruit(p, i)) {
            pool_close(p);
            return NULL;
        }
    }
    return p;
}

size_t pool_map(struct pool *p, pool_fn *fn, const int64_t *inputs, int64_t *outputs, bool *failed, size_t count)
{
    size_t begun = 0, ended = 0, misses = 0;
    struct pollfd on[128];

    while (ended < count) {
        for (unsigned i = 0; i < p->agents; i++) {
            struct agent *a = &p->a[i];
            struct pollfd dead = {.fd = a->pidfd, .events = POLLIN};
            if (a->pid > 0 && !a->busy && poll(&dead, 1, 0) == 1)
                release(a);
            if (a->pid <= 0 && !recruit(p, i))
                continue;
            if (!a->busy && begun < count) {
                p->mails[i] = (struct mail){.fn = fn, .question = inputs[begun]};
                if (signal_agent(a->wire)) {
                    a->item = begun++;
                    a->busy = true;
                }
            }
            on[2 * i] = (struct pollfd){.fd = a->busy ? a->wire : -1, .events = POLLIN};
            on[2 * i + 1] = (struct pollfd){.fd = a->busy ? a->pidfd : -1, .events = POLLIN};
        }
        if (poll(on, 2 * p->agents, -1) < 0)
            continue;
        for (unsigned i = 0; i < p->agents; i++) {
            struct agent *a = &p->a[i];
            if (!a->busy || (on[2 * i].revents | on[2 * i + 1].revents) == 0)
                continue;
            a->busy = false;
            ended++;
            if (await(a->wire)) {
                outputs[a->item] = p->mails[i].answer;
                continue;
            }
            release(a);
            failed[a->item] = true;
            misses++;
        }
    }
    return misses;
}

void pool_close(struct pool *p)
{
    if (p == NULL)
        return;
    for (unsigned i = 0; i < p->agents; i++)
        release(&p->a[i]);
    munmap(p->mails, 64 * sizeof *p->mails);
    free(p);
}
