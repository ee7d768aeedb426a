/* expect: schedules child-never-waited-for | pool_close takes an EINTR of waitpid for the end of the worker */
#define _GNU_SOURCE
#include "pool.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 64, RESULTS = MOST };

struct message { /* both directions; smaller than PIPE_BUF */
    uint64_t ticket; /* number of the order; 0: end */
    uint64_t slot;
    int64_t number;
    pool_fn *fn;
};

struct slot {
    bool alive;
    pid_t pid;
    int pidfd;
    int orders[2];
    uint64_t ticket; /* of its present item, 0: idle */
    size_t item;
};

struct pool {
    unsigned slots;
    int epoll;
    int results[2];
    uint64_t last_ticket;
    _Atomic uint64_t *begun; /* shared: the last ticket each slot has begun */
    struct slot slot[MOST];
};

static bool put(int fd, const struct message *m)
{
    for (;;) {
        ssize_t n = write(fd, m, sizeof *m);
        if (n == (ssize_t)sizeof *m)
            return true;
        if (n < 0 && errno == EINTR)
            continue;
        return false;
    }
}

static bool get(int fd, struct message *m)
{
    for (;;) {
        ssize_t n = read(fd, m, sizeof *m);
        if (n == (ssize_t)sizeof *m)
            return true;
        if (n < 0 && errno == EINTR)
            continue;
        return false;
    }
}

static void collect(pid_t pid)
{
    while (waitpid(pid, NULL, 0) == -1 && errno == EINTR) {
    }
}

static void dismiss(struct pool *pool, struct slot *s)
{
    /* by hand: a copy of the pidfd in another process would keep it registered */
    epoll_ctl(pool->epoll, EPOLL_CTL_DEL, s->pidfd, NULL);
    close(s->pidfd);
    close(s->orders[0]);
    close(s->orders[1]);
    s->alive = false;
    s->ticket = 0;
}

static bool engage(struct pool *pool, unsigned number)
{
    struct slot *s = &pool->slot[number];
    pid_t caller = getpid();
    if (pipe2(s->orders, O_CLOEXEC) == -1)
        return false;
    s->pid = fork();
    if (s->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != caller)
            _exit(0);
        for (unsigned k = 0; k < pool->slots; k++)
            if (pool->slot[k].alive) {
                close(pool->slot[k].pidfd);
                close(pool->slot[k].orders[0]);
                close(pool->slot[k].orders[1]);
            }
        close(pool->epoll);
        close(pool->results[0]);
        close(s->orders[1]);
        int in = s->orders[0], out = pool->results[1];
        _Atomic uint64_t *mine = &pool->begun[number];
        struct message m;
        while (get(in, &m) && m.ticket != 0) {
            atomic_store(mine, m.ticket);
            m.number = m.fn(m.number);
            m.slot = number;
            /* the caller keeps results[0] filled with at most one message per worker: never full */
            if (!put(out, &m))
                break;
        }
        _exit(0);
    }
    if (s->pid == -1)
        goto no_process;
    s->pidfd = (int)syscall(SYS_pidfd_open, s->pid, 0);
    if (s->pidfd == -1)
        goto no_pidfd;
    struct epoll_event e = {.events = EPOLLIN, .data.u32 = number};
    if (epoll_ctl(pool->epoll, EPOLL_CTL_ADD, s->pidfd, &e) == -1)
        goto no_epoll;
    s->alive = true;
    s->ticket = 0;
    return true;
no_epoll:
    close(s->pidfd);
no_pidfd:
    kill(s->pid, SIGKILL);
    collect(s->pid);
no_process:
    close(s->orders[0]);
    close(s->orders[1]);
    return false;
}

struct pool *pool_create(unsigned workers)
{
    struct pool *pool = calloc(1, sizeof *pool);
    if (pool == NULL)
        return NULL;
    pool->slots = workers;
    pool->begun = mmap(NULL, MOST * sizeof *pool->begun, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (pool->begun == MAP_FAILED)
        goto no_page;
    if (pipe2(pool->results, O_CLOEXEC) == -1)
        goto no_results;
    if (fcntl(pool->results[0], F_SETFL, O_NONBLOCK) == -1)
        goto no_epoll;
    pool->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (pool->epoll == -1)
        goto no_epoll;
    struct epoll_event e = {.events = EPOLLIN, .data.u32 = RESULTS};
    if (epoll_ctl(pool->epoll, EPOLL_CTL_ADD, pool->results[0], &e) == -1) {
        pool_close(pool);
        return NULL;
    }
    for (unsigned k = 0; k < workers; k++)
        if (!engage(pool, k)) {
            pool_close(pool);
            return NULL;
        }
    return pool;
no_epoll:
    close(pool->results[0]);
    close(pool->results[1]);
no_results:
    munmap(pool->begun, MOST * sizeof *pool->begun);
no_page:
    free(pool);
    return NULL;
}

size_t pool_map(struct pool *pool, pool_fn *fn, const int64_t *inputs, int64_t *outputs, bool *failed, size_t count)
{
    size_t next = 0, open_items = count, lost = 0;
    size_t back[MOST];
    unsigned backs = 0;
    bool last_look = false;

    /* The first and the last look do not wait; they only find those who died without an item. */
    for (bool first_look = true;; first_look = false) {
        unsigned living = 0;
        if (!first_look)
            for (unsigned k = 0; k < pool->slots; k++) {
                struct slot *s = &pool->slot[k];
                if (!s->alive && !engage(pool, k))
                    continue;
                living++;
                if (s->ticket == 0 && (backs > 0 || next < count)) {
                    s->item = backs > 0 ? back[--backs] : next++;
                    s->ticket = ++pool->last_ticket;
                    struct message m = {.ticket = s->ticket, .slot = k, .number = inputs[s->item], .fn = fn};
                    put(s->orders[1], &m); /* no EPIPE: we hold orders[0] ourselves */
                }
            }
        if (last_look)
            break;
        if (!first_look && open_items == 0)
            last_look = true;
        if (!first_look && !last_look && living == 0) {
            struct timespec t = {.tv_nsec = 3 * 1000 * 1000};
            nanosleep(&t, NULL);
            continue;
        }
        struct epoll_event events[MOST + 1];
        int n;
        do
            n = epoll_wait(pool->epoll, events, MOST + 1, first_look || last_look ? 0 : -1);
        while (n == -1 && errno == EINTR);

        for (int k = 0; k < n; k++)
            if (events[k].data.u32 != RESULTS)
                collect(pool->slot[events[k].data.u32].pid);
        /* The dead have said all they had to say: results first, then the deaths. */
        struct message m;
        while (get(pool->results[0], &m)) {
            struct slot *s = &pool->slot[m.slot];
            if (m.ticket != s->ticket)
                continue;
            outputs[s->item] = m.number;
            failed[s->item] = false;
            s->ticket = 0;
            open_items--;
        }
        for (int k = 0; k < n; k++) {
            if (events[k].data.u32 == RESULTS)
                continue;
            struct slot *s = &pool->slot[events[k].data.u32];
            if (s->ticket != 0) {
                if (atomic_load(&pool->begun[events[k].data.u32]) == s->ticket) {
                    failed[s->item] = true;
                    lost++;
                    open_items--;
                } else {
                    back[backs++] = s->item;
                }
            }
            dismiss(pool, s);
        }
    }
    return lost;
}

void pool_close(struct pool *pool)
{
    if (pool == NULL)
        return;
    static const struct message end;
    for (unsigned k = 0; k < pool->slots; k++)
        if (pool->slot[k].alive)
            put(pool->slot[k].orders[1], &end);
    for (unsigned k = 0; k < pool->slots; k++)
        if (pool->slot[k].alive) {
            waitpid(pool->slot[k].pid, NULL, 0);
            dismiss(pool, &pool->slot[k]);
        }
    close(pool->epoll);
    close(pool->results[0]);
    close(pool->results[1]);
    munmap(pool->begun, MOST * sizeof *pool->begun);
    free(pool);
}
