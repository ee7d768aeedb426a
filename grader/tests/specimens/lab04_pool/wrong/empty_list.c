/* expect: tests few_items_for_many_workers | where the list is empty pool_map returns before it unblocks SIGPIPE again */
/* Lab 4, process pool with pipes and poll(). SIGPIPE is held back while a list is worked on. */
#define _GNU_SOURCE
#include "pool.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct job_s
{
    pool_fn *fn;
    int64_t  x;
} job_t;

typedef struct slave_s
{
    pid_t  pid;
    int    in;       /* we write jobs here     */
    int    out;      /* we read results here   */
    bool   alive;
    bool   working;
    size_t index;
} slave_t;

struct pool
{
    slave_t       *slaves;
    struct pollfd *pfd;
    unsigned       n;
};

/* ------------------------------------------------------------------ signals */

typedef struct hold_s
{
    sigset_t mask;          /* the caller's */
    bool     was_pending;   /* then it is not one of ours */
} hold_t;

static void hold_sigpipe(hold_t *h)
{
    sigset_t set;

    sigpending(&set);
    h->was_pending = sigismember(&set, SIGPIPE) == 1;
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    sigprocmask(SIG_BLOCK, &set, &h->mask);
}

static void release_sigpipe(const hold_t *h)
{
    sigset_t set;
    struct timespec zero = { 0, 0 };

    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    if (!h->was_pending)
        while (sigtimedwait(&set, NULL, &zero) < 0 && errno == EINTR)
            ;
    sigprocmask(SIG_SETMASK, &h->mask, NULL);
}

/* ------------------------------------------------------------------ pipes */

static int read_exactly(int fd, void *to, size_t len)
{
    unsigned char *p = to;

    while (len)
    {
        ssize_t r = read(fd, p, len);
        if (r == 0)
            return 0;
        if (r < 0)
        {
            if (errno == EINTR)
                continue;
            return 0;
        }
        p += r;
        len -= (size_t)r;
    }
    return 1;
}

static int write_exactly(int fd, const void *from, size_t len)
{
    const unsigned char *p = from;

    while (len)
    {
        ssize_t r = write(fd, p, len);
        if (r < 0)
        {
            if (errno == EINTR)
                continue;
            return 0;
        }
        p += r;
        len -= (size_t)r;
    }
    return 1;
}

/* ------------------------------------------------------------------ slaves */

static void slave_loop(int in, int out)
{
    job_t job;

    while (read_exactly(in, &job, sizeof job))
    {
        int64_t y = job.fn(job.x);
        if (!write_exactly(out, &y, sizeof y))
            break;
    }
    _exit(0);
}

/* mask: what the slave shall have, NULL if it is right already */
static bool buy_slave(struct pool *pool, slave_t *s, const sigset_t *mask)
{
    int a[2], b[2];
    pid_t pid;

    if (pipe(a) < 0)
        return false;
    if (pipe(b) < 0)
    {
        close(a[0]);
        close(a[1]);
        return false;
    }
    pid = fork();
    if (pid < 0)
    {
        close(a[0]);
        close(a[1]);
        close(b[0]);
        close(b[1]);
        return false;
    }
    if (pid == 0)
    {
        unsigned i;
        for (i = 0; i < pool->n; i++)
            if (pool->slaves[i].alive)
            {
                close(pool->slaves[i].in);
                close(pool->slaves[i].out);
            }
        close(a[1]);
        close(b[0]);
        if (mask != NULL)
            sigprocmask(SIG_SETMASK, mask, NULL);
        slave_loop(a[0], b[1]);
    }
    close(a[0]);
    close(b[1]);
    s->pid = pid;
    s->in = a[1];
    s->out = b[0];
    s->alive = true;
    s->working = false;
    return true;
}

static void forget_slave(slave_t *s)
{
    close(s->in);
    close(s->out);
    while (waitpid(s->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    s->alive = false;
    s->working = false;
}

/* ------------------------------------------------------------------ interface */

struct pool *pool_create(unsigned workers)
{
    unsigned i;
    struct pool *pool = malloc(sizeof *pool);

    if (pool == NULL)
        return NULL;
    pool->n = workers;
    pool->slaves = calloc(workers, sizeof *pool->slaves);
    pool->pfd = calloc(workers, sizeof *pool->pfd);
    if (pool->slaves == NULL || pool->pfd == NULL)
    {
        pool->n = 0;
        pool_close(pool);
        return NULL;
    }
    for (i = 0; i < workers; i++)
        if (!buy_slave(pool, &pool->slaves[i], NULL))
        {
            pool_close(pool);
            return NULL;
        }
    return pool;
}

/* true if the slave has the job now */
static bool send_job(struct pool *pool, slave_t *s, const job_t *job, const hold_t *hold)
{
    for (;;)
    {
        if (!s->alive && !buy_slave(pool, s, &hold->mask))
            return false;
        if (write_exactly(s->in, job, sizeof *job))
            return true;
        forget_slave(s);
    }
}

size_t pool_map(struct pool *pool, pool_fn *fn, const int64_t *inputs, int64_t *outputs, bool *failed, size_t count)
{
    hold_t   hold;
    size_t   next = 0, bad = 0;
    unsigned i, working;

    hold_sigpipe(&hold);
    if (count == 0)
        return 0;
    memset(failed, 0, count * sizeof *failed);

    for (;;)
    {
        working = 0;
        for (i = 0; i < pool->n; i++)
        {
            slave_t *s = &pool->slaves[i];

            if (!s->working && next < count)
            {
                job_t job;
                job.fn = fn;
                job.x = inputs[next];
                if (send_job(pool, s, &job, &hold))
                {
                    s->working = true;
                    s->index = next++;
                }
            }
            pool->pfd[i].fd = s->working ? s->out : -1;
            pool->pfd[i].events = POLLIN;
            pool->pfd[i].revents = 0;
            working += s->working;
        }
        if (working == 0)
            break;

        if (poll(pool->pfd, pool->n, -1) < 0)
            continue;

        for (i = 0; i < pool->n; i++)
        {
            slave_t *s = &pool->slaves[i];
            int64_t y;

            if (pool->pfd[i].fd < 0 || pool->pfd[i].revents == 0)
                continue;
            if (read_exactly(s->out, &y, sizeof y))
            {
                outputs[s->index] = y;
                s->working = false;
            }
            else
            {
                failed[s->index] = true;
                bad++;
                forget_slave(s);
                buy_slave(pool, s, &hold.mask);
            }
        }
    }

    /* no slave could be had for these */
    while (next < count)
    {
        failed[next++] = true;
        bad++;
    }
    release_sigpipe(&hold);
    return bad;
}

void pool_close(struct pool *pool)
{
    unsigned i;

    if (pool == NULL)
        return;
    for (i = 0; i < pool->n; i++)
        if (pool->slaves[i].alive)
            close(pool->slaves[i].in);
    for (i = 0; i < pool->n; i++)
        if (pool->slaves[i].alive)
        {
            close(pool->slaves[i].out);
            while (waitpid(pool->slaves[i].pid, NULL, 0) < 0 && errno == EINTR)
                ;
        }
    free(pool->slaves);
    free(pool->pfd);
    free(pool);
}
