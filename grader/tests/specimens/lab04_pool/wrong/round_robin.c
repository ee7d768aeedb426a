/* expect: tests free; schedules lost-wake-up | item i always goes to worker i modulo n */
#include "pool.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct {
    pool_fn *fn;
    int64_t arg;
} call;

typedef struct {
    pid_t pid;
    int in, out;
    bool alive;
    size_t next;
} worker_t;

struct pool {
    unsigned n;
    worker_t procs[64];
    pthread_mutex_t lock; /* guards what follows, and forking */
    pool_fn *fn;
    const int64_t *inputs;
    int64_t *outputs;
    bool *failed;
    size_t count, failures;
};

struct helper {
    struct pool *pool;
    worker_t *proc;
    pthread_t thread;
};

static bool rd(int fd, void *buf, size_t n)
{
    ssize_t k;
    while ((k = read(fd, buf, n)) < 0 && errno == EINTR)
        ;
    return k == (ssize_t)n;
}

static bool wr(int fd, const void *buf, size_t n)
{
    ssize_t k;
    while ((k = write(fd, buf, n)) < 0 && errno == EINTR)
        ;
    return k == (ssize_t)n;
}

static void run(int in, int out)
{
    sigset_t none;
    call c;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    while (rd(in, &c, sizeof c)) {
        int64_t result = c.fn(c.arg);
        if (!wr(out, &result, sizeof result))
            break;
    }
    _exit(0);
}

/* Call with the lock held: no other thread may open pipes between pipe() and fork(). */
static bool launch(struct pool *pool, worker_t *proc)
{
    int a[2], b[2];
    proc->alive = false;
    if (pipe(a))
        return false;
    if (pipe(b)) {
        close(a[0]);
        close(a[1]);
        return false;
    }
    proc->pid = fork();
    if (proc->pid == 0) {
        for (unsigned i = 0; i < pool->n; i++)
            if (pool->procs[i].alive) {
                close(pool->procs[i].in);
                close(pool->procs[i].out);
            }
        close(a[1]);
        close(b[0]);
        run(a[0], b[1]);
    }
    close(a[0]);
    close(b[1]);
    proc->in = a[1];
    proc->out = b[0];
    proc->alive = proc->pid > 0;
    if (!proc->alive) {
        close(a[1]);
        close(b[0]);
    }
    return proc->alive;
}

static void finish(worker_t *proc)
{
    if (!proc->alive)
        return;
    proc->alive = false;
    close(proc->in);
    close(proc->out);
    while (waitpid(proc->pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

struct pool *pool_create(unsigned workers)
{
    struct pool *pool = calloc(1, sizeof *pool);
    if (!pool)
        return NULL;
    pthread_mutex_init(&pool->lock, NULL);
    pool->n = workers;
    for (unsigned i = 0; i < workers; i++)
        if (!launch(pool, &pool->procs[i])) {
            pool_close(pool);
            return NULL;
        }
    return pool;
}

/* Deals the items like cards: one to each worker in turn. */
static bool take(struct pool *pool, worker_t *proc, size_t *mine)
{
    pthread_mutex_lock(&pool->lock);
    *mine = proc->next;
    proc->next += pool->n;
    pthread_mutex_unlock(&pool->lock);
    return *mine < pool->count;
}

static void relaunch(struct pool *pool, worker_t *proc)
{
    pthread_mutex_lock(&pool->lock);
    finish(proc);
    launch(pool, proc);
    pthread_mutex_unlock(&pool->lock);
}

static void *help(void *arg)
{
    struct helper *h = arg;
    struct pool *pool = h->pool;
    size_t mine;
    while (take(pool, h->proc, &mine)) {
        call c = {pool->fn, pool->inputs[mine]};
        int64_t result;
        bool given = wr(h->proc->in, &c, sizeof c);
        if (!given) { /* it died while idle */
            relaunch(pool, h->proc);
            given = wr(h->proc->in, &c, sizeof c);
        }
        pool->failed[mine] = !given || !rd(h->proc->out, &result, sizeof result);
        if (!pool->failed[mine]) {
            pool->outputs[mine] = result;
            continue;
        }
        relaunch(pool, h->proc);
        pthread_mutex_lock(&pool->lock);
        pool->failures++;
        pthread_mutex_unlock(&pool->lock);
    }
    return NULL;
}

size_t pool_map(struct pool *pool, pool_fn *fn, const int64_t *inputs, int64_t *outputs, bool *failed, size_t count)
{
    struct helper helpers[64];
    sigset_t all, old;
    sigfillset(&all);
    pool->fn = fn;
    pool->inputs = inputs;
    pool->outputs = outputs;
    pool->failed = failed;
    pool->failures = 0;
    pool->count = count;
    /* The helpers inherit a full mask: SIGPIPE stays pending for them and dies with them. */
    pthread_sigmask(SIG_SETMASK, &all, &old);
    for (unsigned i = 0; i < pool->n; i++) {
        helpers[i].pool = pool;
        pool->procs[i].next = i;
        helpers[i].proc = &pool->procs[i];
        pthread_create(&helpers[i].thread, NULL, help, &helpers[i]);
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    for (unsigned i = 0; i < pool->n; i++)
        pthread_join(helpers[i].thread, NULL);
    return pool->failures;
}

void pool_close(struct pool *pool)
{
    if (!pool)
        return;
    for (unsigned i = 0; i < pool->n; i++)
        finish(&pool->procs[i]);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}
