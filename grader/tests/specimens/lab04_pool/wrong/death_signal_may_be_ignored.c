/* expect: tests workers_end_with_their_parent | idle workers wait on a semaphore and learn of the caller's end only by PR_SET_PDEATHSIG with SIGTERM (live): when the caller ignores, handles or blocks SIGTERM its workers do so, too, and after its end (exit without pool_close, SIGKILL) they wait for ever */
#include "pool.h"
#include <errno.h>
#include <poll.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* An order lies in shared memory and is announced by a semaphore; answers come back through a pipe, whose end also tells
 * of the worker's. */
struct desk {
    sem_t order;
    pool_fn *fn; /* NULL: go home */
    int64_t input;
};

struct pool {
    unsigned workers;
    struct desk *desks;
    struct {
        pid_t pid;
        int answers; /* -1: nobody sits here */
        bool busy, vacant;
        size_t item;
    } seat[64];
};

static _Noreturn void live(struct desk *desk, int answers, pid_t caller)
{
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != caller)
        _exit(1); /* it was faster */
    for (;;) {
        while (sem_wait(&desk->order) != 0)
            continue;
        if (!desk->fn)
            _exit(0);
        int64_t result = desk->fn(desk->input);
        ssize_t n;
        do
            n = write(answers, &result, sizeof result);
        while (n < 0 && errno == EINTR);
        if (n < 0)
            _exit(1);
    }
}

static bool seat_one(struct pool *pool, unsigned k)
{
    int ends[2];
    pid_t caller = getpid();
    if (pipe(ends) != 0)
        return false;
    if (sem_init(&pool->desks[k].order, 1, 0) != 0) {
        close(ends[0]);
        close(ends[1]);
        return false;
    }
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        for (unsigned i = 0; i < pool->workers; i++)
            if (pool->seat[i].answers >= 0)
                close(pool->seat[i].answers);
        live(&pool->desks[k], ends[1], caller);
    }
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        sem_destroy(&pool->desks[k].order);
        return false;
    }
    pool->seat[k].pid = pid;
    pool->seat[k].answers = ends[0];
    return true;
}

static void clear_seat(struct pool *pool, unsigned k)
{
    while (waitpid(pool->seat[k].pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    close(pool->seat[k].answers);
    pool->seat[k].answers = -1;
    sem_destroy(&pool->desks[k].order);
}

struct pool *pool_create(unsigned workers)
{
    struct pool *pool = calloc(1, sizeof *pool);
    if (!pool)
        return NULL;
    pool->workers = workers;
    pool->desks = mmap(NULL, workers * sizeof *pool->desks, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (pool->desks == MAP_FAILED) {
        free(pool);
        return NULL;
    }
    for (unsigned k = 0; k < workers; k++)
        pool->seat[k].answers = -1;
    for (unsigned k = 0; k < workers; k++)
        if (!seat_one(pool, k)) {
            pool_close(pool);
            return NULL;
        }
    return pool;
}

static bool is_dead(int answers)
{
    struct pollfd p = {answers, POLLIN, 0};
    int n;
    do
        n = poll(&p, 1, 0);
    while (n < 0);
    return n > 0; /* an idle worker says nothing: that is its end */
}

static bool deal(struct pool *pool, unsigned k, pool_fn *fn, int64_t input)
{
    if (pool->seat[k].answers >= 0 && is_dead(pool->seat[k].answers))
        clear_seat(pool, k);
    if (pool->seat[k].answers < 0 && !seat_one(pool, k)) {
        pool->seat[k].vacant = true;
        return false;
    }
    pool->desks[k].fn = fn;
    pool->desks[k].input = input;
    sem_post(&pool->desks[k].order);
    return true;
}

size_t pool_map(struct pool *pool, pool_fn *fn, const int64_t *inputs, int64_t *outputs, bool *failed, size_t count)
{
    size_t next = 0, lost = 0;
    for (unsigned k = 0; k < pool->workers; k++)
        pool->seat[k].vacant = false;
    for (;;) {
        struct pollfd fds[64];
        bool anyone = false;
        for (unsigned k = 0; k < pool->workers; k++) {
            if (next < count && !pool->seat[k].busy && !pool->seat[k].vacant && deal(pool, k, fn, inputs[next])) {
                pool->seat[k].busy = true;
                pool->seat[k].item = next++;
            }
            anyone |= pool->seat[k].busy;
            fds[k] = (struct pollfd){pool->seat[k].busy ? pool->seat[k].answers : -1, POLLIN, 0};
        }
        if (!anyone)
            break;
        if (poll(fds, pool->workers, -1) < 0)
            continue;
        for (unsigned k = 0; k < pool->workers; k++) {
            if (!fds[k].revents)
                continue;
            size_t i = pool->seat[k].item;
            int64_t result;
            ssize_t n;
            do
                n = read(fds[k].fd, &result, sizeof result);
            while (n < 0 && errno == EINTR);
            pool->seat[k].busy = false;
            failed[i] = n != (ssize_t)sizeof result;
            if (failed[i]) {
                lost++;
                clear_seat(pool, k);
            } else {
                outputs[i] = result;
            }
        }
    }
    for (; next < count; next++, lost++)
        failed[next] = true;
    return lost;
}

void pool_close(struct pool *pool)
{
    if (!pool)
        return;
    for (unsigned k = 0; k < pool->workers; k++)
        if (pool->seat[k].answers >= 0) {
            pool->desks[k].fn = NULL;
            sem_post(&pool->desks[k].order);
        }
    for (unsigned k = 0; k < pool->workers; k++)
        if (pool->seat[k].answers >= 0)
            clear_seat(pool, k);
    munmap(pool->desks, pool->workers * sizeof *pool->desks);
    free(pool);
}
