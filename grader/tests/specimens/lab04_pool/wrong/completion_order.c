/* expect: tests order; schedules assertion | results are stored in the order in which they arrive */
#include "pool.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* Python: results = []; for r in as_completed(jobs): results.append(r) */

struct mate { pid_t pid; int out, in; bool at_work; };

struct pool { size_t n; struct mate mate[64]; };

struct letter { pool_fn *fn; int64_t n; };

static bool wake(struct pool *pool, struct mate *mate)
{
    int there[2], back[2];
    struct letter letter;
    if (pipe(there) != 0)
        return false;
    if (pipe(back) != 0 || (mate->pid = fork()) < 0) {
        close(there[0]);
        close(there[1]);
        mate->pid = 0;
        return false;
    }
    if (mate->pid > 0) {
        close(there[0]);
        close(back[1]);
        mate->out = there[1];
        mate->in = back[0];
        mate->at_work = false;
        return true;
    }
    for (size_t i = 0; i < pool->n; i++)
        if (&pool->mate[i] != mate && pool->mate[i].pid > 0) {
            close(pool->mate[i].out);
            close(pool->mate[i].in);
        }
    close(there[1]);
    close(back[0]);
    while (read(there[0], &letter, sizeof letter) == sizeof letter) {
        int64_t n = letter.fn(letter.n);
        while (write(back[1], &n, sizeof n) < 0 && errno == EINTR)
            continue;
    }
    _exit(0);
}

static void rest(struct mate *mate)
{
    if (mate->pid == 0)
        return;
    close(mate->out);
    close(mate->in);
    while (waitpid(mate->pid, NULL, 0) < 0)
        if (errno != EINTR)
            break;
    mate->pid = 0;
    mate->at_work = false;
}

struct pool *pool_create(unsigned workers)
{
    struct pool *pool = calloc(1, sizeof *pool);
    if (pool == NULL)
        return NULL;
    signal(SIGPIPE, SIG_IGN);
    while (pool->n < workers && wake(pool, &pool->mate[pool->n]))
        pool->n++;
    if (pool->n < workers) {
        pool_close(pool);
        pool = NULL;
    }
    return pool;
}

size_t pool_map(struct pool *pool, pool_fn *fn, const int64_t *inputs, int64_t *outputs, bool *failed, size_t count)
{
    size_t sent = 0, received = 0, dead = 0;
    while (received < count) {
        struct pollfd fds[64];
        for (size_t i = 0; i < pool->n; i++) {
            struct mate *mate = &pool->mate[i];
            while (!mate->at_work && sent < count && (mate->pid != 0 || wake(pool, mate))) {
                struct letter letter = {fn, inputs[sent]};
                mate->at_work = write(mate->out, &letter, sizeof letter) == sizeof letter;
                if (mate->at_work)
                    sent++;
                else
                    rest(mate);
            }
            fds[i] = (struct pollfd){.fd = mate->at_work ? mate->in : -1, .events = POLLIN};
        }
        if (poll(fds, pool->n, -1) <= 0)
            continue;
        for (size_t i = 0; i < pool->n; i++) {
            if (!fds[i].revents)
                continue;
            failed[received] = read(fds[i].fd, &outputs[received], 8) != 8;
            pool->mate[i].at_work = false;
            if (failed[received]) {
                rest(&pool->mate[i]);
                wake(pool, &pool->mate[i]);
                dead++;
            }
            received++;
        }
    }
    return dead;
}

void pool_close(struct pool *pool)
{
    if (pool == NULL)
        return;
    while (pool->n > 0)
        rest(&pool->mate[--pool->n]);
    free(pool);
}
