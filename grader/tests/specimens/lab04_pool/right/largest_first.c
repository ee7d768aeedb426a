/* expect: right | the largest inputs are given first; FIONREAD of the order pipe tells whether a dead worker had begun its item */
#define _GNU_SOURCE
#include "pool.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

typedef struct Worker Worker;
struct Worker {
    Worker *next;
    pid_t pid;
    int ask, ask_far, answer;
    size_t item;
};

struct pool {
    unsigned size;
    unsigned living;
    Worker *idle, *busy;
    Worker *spare; /* places without a process */
    Worker places[];
};

typedef struct Work {
    pool_fn *fn;
    int64_t input;
} Work;

static void push(Worker **list, Worker *w)
{
    w->next = *list;
    *list = w;
}

static Worker *pop(Worker **list)
{
    Worker *w = *list;
    if (w)
        *list = w->next;
    return w;
}

static bool again(ssize_t result)
{
    return result < 0 && errno == EINTR;
}

static bool read_exact(int fd, void *p, size_t n)
{
    ssize_t r;
    do
        r = read(fd, p, n);
    while (again(r));
    return r == (ssize_t)n;
}

static void write_exact(int fd, const void *p, size_t n)
{
    ssize_t r;
    do
        r = write(fd, p, n);
    while (again(r));
}

static void close_ends(const Worker *w)
{
    close(w->ask);
    close(w->ask_far);
    close(w->answer);
}

static void close_list(const Worker *w)
{
    for (; w; w = w->next)
        close_ends(w);
}

/* A second small read marks the begin: the caller looks whether the mark is still in the pipe. */
static void serve(int ask, int answer)
{
    Work work;
    char mark;
    while (read_exact(ask, &work, sizeof work) && work.fn && read_exact(ask, &mark, 1)) {
        int64_t result = work.fn(work.input);
        write_exact(answer, &result, sizeof result);
    }
    _exit(EXIT_SUCCESS);
}

static void order(const Worker *w, pool_fn *fn, int64_t input)
{
    struct {
        Work work;
        char mark[8];
    } packet = {{fn, input}, {0}};
    write_exact(w->ask, &packet, sizeof packet.work + 1);
}

static bool spawn(struct pool *pool)
{
    int q[2], a[2];
    pid_t caller = getpid();
    if (pipe2(q, O_CLOEXEC) != 0)
        return false;
    if (pipe2(a, O_CLOEXEC) != 0) {
        close(q[0]);
        close(q[1]);
        return false;
    }
    pid_t pid = fork();
    if (pid < 0) {
        close(q[0]);
        close(q[1]);
        close(a[0]);
        close(a[1]);
        return false;
    }
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != caller)
            _exit(EXIT_FAILURE);
        close_list(pool->idle);
        close_list(pool->busy);
        close(q[1]);
        close(a[0]);
        serve(q[0], a[1]);
    }
    close(a[1]);
    Worker *w = pop(&pool->spare);
    w->pid = pid;
    w->ask = q[1];
    w->ask_far = q[0];
    w->answer = a[0];
    push(&pool->idle, w);
    pool->living++;
    return true;
}

static void spawn_all(struct pool *pool)
{
    while (pool->spare && spawn(pool))
        ;
}

static void bury(struct pool *pool, Worker *w)
{
    close_ends(w);
    push(&pool->spare, w);
    pool->living--;
}

static void wait_dead(pid_t pid)
{
    while (again(waitpid(pid, NULL, 0)))
        ;
}

static bool dead(pid_t pid)
{
    pid_t r;
    do
        r = waitpid(pid, NULL, WNOHANG);
    while (again(r));
    return r != 0;
}

static void sweep_idle(struct pool *pool)
{
    Worker **at = &pool->idle;
    while (*at) {
        Worker *w = *at;
        if (!dead(w->pid)) {
            at = &w->next;
            continue;
        }
        *at = w->next;
        bury(pool, w);
    }
}

struct pool *pool_create(unsigned workers)
{
    struct pool *pool = malloc(sizeof *pool + workers * sizeof(Worker));
    if (!pool)
        return NULL;
    memset(pool, 0, sizeof *pool);
    pool->size = workers;
    for (unsigned i = 0; i < workers; i++)
        push(&pool->spare, &pool->places[i]);
    spawn_all(pool);
    if (pool->living < workers) {
        pool_close(pool);
        return NULL;
    }
    return pool;
}

static int larger_first(const void *a, const void *b, void *inputs)
{
    int64_t x = ((const int64_t *)inputs)[*(const size_t *)a], y = ((const int64_t *)inputs)[*(const size_t *)b];
    return (x < y) - (x > y);
}

/* NULL (no memory, or nothing to sort): the order of the list will do. */
static size_t *sorted(const int64_t *inputs, size_t count)
{
    size_t *rank = count > 1 ? malloc(count * sizeof *rank) : NULL;
    if (!rank)
        return NULL;
    for (size_t i = 0; i < count; i++)
        rank[i] = i;
    qsort_r(rank, count, sizeof *rank, larger_first, (void *)inputs);
    return rank;
}

static bool unread(const Worker *w)
{
    int n = 0;
    return ioctl(w->ask_far, FIONREAD, &n) == 0 && n > 0;
}

static nfds_t add_list(struct pollfd *fds, nfds_t n, const Worker *w)
{
    for (; w; w = w->next)
        fds[n++] = (struct pollfd){.fd = w->answer, .events = POLLIN};
    return n;
}

size_t pool_map(struct pool *pool, pool_fn *fn, const int64_t *inputs, int64_t *outputs, bool *failed, size_t count)
{
    size_t *rank = sorted(inputs, count);
    size_t next = 0, open = count, lost = 0, returned[64], returned_n = 0;

    sweep_idle(pool);
    while (open > 0) {
        spawn_all(pool);
        while (pool->idle && (returned_n > 0 || next < count)) {
            Worker *w = pop(&pool->idle);
            if (returned_n > 0) {
                w->item = returned[--returned_n];
            } else {
                w->item = rank ? rank[next] : next;
                next++;
            }
            push(&pool->busy, w);
            order(w, fn, inputs[w->item]);
        }
        if (pool->living == 0) {
            nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
            continue;
        }
        struct pollfd fds[64];
        nfds_t busy = add_list(fds, 0, pool->busy), all = add_list(fds, busy, pool->idle);
        if (poll(fds, all, -1) < 0)
            continue;
        for (nfds_t k = busy; k < all; k++)
            if (fds[k].revents) { /* an idle one has ended; it may need a moment to be waited for */
                for (Worker **at = &pool->idle; *at; at = &(*at)->next)
                    if ((*at)->answer == fds[k].fd) {
                        Worker *w = *at;
                        *at = w->next;
                        wait_dead(w->pid);
                        bury(pool, w);
                        break;
                    }
            }
        Worker *list = pool->busy;
        pool->busy = NULL;
        for (nfds_t k = 0; k < busy; k++) {
            Worker *w = pop(&list);
            int64_t result;
            if (!fds[k].revents) {
                push(&pool->busy, w);
            } else if (read_exact(w->answer, &result, sizeof result)) {
                outputs[w->item] = result;
                failed[w->item] = false;
                open--;
                push(&pool->idle, w);
            } else {
                wait_dead(w->pid);
                if (unread(w)) {
                    returned[returned_n++] = w->item;
                } else {
                    failed[w->item] = true;
                    lost++;
                    open--;
                }
                bury(pool, w);
            }
        }
    }
    sweep_idle(pool);
    spawn_all(pool);
    free(rank);
    return lost;
}

void pool_close(struct pool *pool)
{
    if (!pool)
        return;
    for (Worker *w = pool->idle; w; w = w->next)
        order(w, NULL, 0);
    for (Worker *w; (w = pop(&pool->idle));) {
        wait_dead(w->pid);
        bury(pool, w);
    }
    free(pool);
}
