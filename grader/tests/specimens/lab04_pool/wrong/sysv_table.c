/* expect: tests create_fails_cleanly | where pool_create fails it detaches its System V segment and does not remove it */
/* Lab 04: orders and results lie in a System V segment, pipes only carry wake-ups. */
#define _GNU_SOURCE
#include "pool.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

/* One row of the table, which caller and worker share. */
struct row {
    pool_fn *fn;
    int64_t in;
    int64_t out;
};

struct man {
    pid_t pid; /* 0: none */
    int wake;  /* a byte: there is an order in your row */
    int done;  /* a byte: there is a result in my row */
    bool has_item;
    size_t item;
};

struct pool {
    unsigned count;
    int shm;
    struct row *table;
    struct man man[64];
};

static bool send_byte(int fd)
{
    const char byte = 1;
    ssize_t n;
    while ((n = write(fd, &byte, 1)) < 0 && errno == EINTR)
        continue;
    return n == 1;
}

static bool wait_byte(int fd)
{
    char byte;
    ssize_t n;
    while ((n = read(fd, &byte, 1)) < 0 && errno == EINTR)
        continue;
    return n == 1;
}

static void man_main(volatile struct row *row, int wake, int done)
{
    while (wait_byte(wake)) {
        row->out = row->fn(row->in);
        if (!send_byte(done))
            break;
    }
    _exit(0);
}

static bool man_start(struct pool *pool, unsigned nr)
{
    struct man *man = &pool->man[nr];
    int wake[2], done[2];

    if (pipe(wake) == -1)
        return false;
    if (pipe(done) == -1) {
        close(wake[0]);
        close(wake[1]);
        return false;
    }
    const pid_t pid = fork();
    if (pid == -1) {
        close(wake[0]);
        close(wake[1]);
        close(done[0]);
        close(done[1]);
        return false;
    }
    if (pid == 0) {
        for (unsigned i = 0; i < pool->count; i++) {
            if (pool->man[i].pid == 0)
                continue;
            close(pool->man[i].wake);
            close(pool->man[i].done);
        }
        close(wake[1]);
        close(done[0]);
        man_main(&pool->table[nr], wake[0], done[1]);
    }
    close(wake[0]);
    close(done[1]);
    man->pid = pid;
    man->wake = wake[1];
    man->done = done[0];
    man->has_item = false;
    return true;
}

static void man_wait(struct man *man)
{
    while (waitpid(man->pid, NULL, 0) == -1 && errno == EINTR)
        continue;
    man->pid = 0;
}

static void man_hang_up(struct man *man)
{
    close(man->wake);
    close(man->done);
}

static void all_go(struct pool *pool)
{
    for (unsigned i = 0; i < pool->count; i++)
        if (pool->man[i].pid != 0)
            man_hang_up(&pool->man[i]);
    for (unsigned i = 0; i < pool->count; i++)
        if (pool->man[i].pid != 0)
            man_wait(&pool->man[i]);
}

struct pool *pool_create(unsigned workers)
{
    struct pool *pool = calloc(1, sizeof *pool);
    if (pool == NULL)
        return NULL;

    pool->shm = shmget(IPC_PRIVATE, workers * sizeof(struct row), IPC_CREAT | 0600);
    if (pool->shm == -1)
        goto no_segment;
    pool->table = shmat(pool->shm, NULL, 0);
    if (pool->table == (void *)-1)
        goto no_table;
    pool->count = workers;
    for (unsigned i = 0; i < workers; i++)
        if (!man_start(pool, i))
            goto no_man;
    return pool;

no_man:
    all_go(pool);
    shmdt(pool->table);
    free(pool);
    return NULL;
no_table:
    shmctl(pool->shm, IPC_RMID, NULL);
no_segment:
    free(pool);
    return NULL;
}

static bool order(struct pool *pool, unsigned nr, pool_fn *fn, int64_t in)
{
    struct man *man = &pool->man[nr];
    while (man->pid != 0 || man_start(pool, nr)) {
        pool->table[nr].fn = fn;
        pool->table[nr].in = in;
        if (send_byte(man->wake))
            return true;
        man_hang_up(man);
        man_wait(man);
    }
    return false;
}

size_t pool_map(struct pool *pool, pool_fn *fn, const int64_t *inputs, int64_t *outputs, bool *failed, size_t count)
{
    struct pollfd fds[64];
    size_t next = 0, lost = 0;
    unsigned with_item = 0;
    struct sigaction before, ignore = {.sa_handler = SIG_IGN};

    for (size_t i = 0; i < count; i++)
        failed[i] = false;
    sigaction(SIGPIPE, &ignore, &before);

    for (;;) {
        for (unsigned i = 0; i < pool->count && next < count; i++) {
            if (pool->man[i].has_item || !order(pool, i, fn, inputs[next]))
                continue;
            pool->man[i].has_item = true;
            pool->man[i].item = next++;
            with_item++;
        }
        if (with_item == 0)
            break;
        for (unsigned i = 0; i < pool->count; i++) {
            fds[i].fd = pool->man[i].has_item ? pool->man[i].done : -1;
            fds[i].events = POLLIN;
        }
        if (poll(fds, pool->count, -1) == -1)
            continue;
        for (unsigned i = 0; i < pool->count; i++) {
            struct man *man = &pool->man[i];
            if (fds[i].fd == -1 || fds[i].revents == 0)
                continue;
            man->has_item = false;
            with_item--;
            if (wait_byte(man->done)) {
                outputs[man->item] = pool->table[i].out;
                continue;
            }
            failed[man->item] = true;
            lost++;
            man_hang_up(man);
            man_wait(man);
            man_start(pool, i);
        }
    }

    for (; next < count; next++, lost++)
        failed[next] = true;
    sigaction(SIGPIPE, &before, NULL);
    return lost;
}

void pool_close(struct pool *pool)
{
    if (pool == NULL)
        return;
    all_go(pool);
    shmdt(pool->table);
    shmctl(pool->shm, IPC_RMID, NULL);
    free(pool);
}
