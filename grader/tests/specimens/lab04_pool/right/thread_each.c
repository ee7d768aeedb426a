/* expect: right | in the caller one thread looks after each worker with plain blocking read and write */
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
} worker_t;

struct pool {
    unsigned n;
    worker_t procs[64];
    pthread_mutex_t lock; /* guards what follows, and forking */
    pool_fn *fn;
    const int64_t *inputs;
    int64_t *outputs;
    bool *failed;
    size_t back[64]; /* items taken by those who got no process for them */
    unsigned backs;
    size_t next, count, failures;
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

static bool take(struct pool *pool, size_t *mine)
{
    pthread_mutex_lock(&pool->lock);
    const bool any = pool->backs > 0 || pool->next < pool->count;
    if (any)
        *mine = pool->backs > 0 ? pool->back[--pool->backs] : pool->next++;
    pthread_mutex_unlock(&pool->lock);
    return any;
}

static void give_back(struct pool *pool, size_t mine)
{
    pthread_mutex_lock(&pool->lock);
    pool->back[pool->backs++] = mine;
    pthread_mutex_unlock(&pool->lock);
}

static bool relaunch(struct pool *pool, worker_t *proc)
{
    pthread_mutex_lock(&pool->lock);
    finish(proc);
    const bool alive = launch(pool, proc);
    pthread_mutex_unlock(&pool->lock);
    return alive;
}

static void *help(void *arg)
{
    struct helper *h = arg;
    struct pool *pool = h->pool;
    size_t mine;
    while ((h->proc->alive || relaunch(pool, h->proc)) && take(pool, &mine)) {
        call c = {pool->fn, pool->inputs[mine]};
        int64_t result;
        bool given = wr(h->proc->in, &c, sizeof c);
        if (!given) { /* it died while idle */
            if (!relaunch(pool, h->proc)) { /* the others do it */
                give_back(pool, mine);
                break;
            }
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
    pool->next = pool->failures = 0;
    pool->count = count;
    pool->backs = 0;
    bool alive = true;
    while (alive && (pool->next < count || pool->backs > 0)) {
        /* The helpers inherit a full mask: SIGPIPE stays pending for them and dies with them. */
        pthread_sigmask(SIG_SETMASK, &all, &old);
        for (unsigned i = 0; i < pool->n; i++) {
            helpers[i].pool = pool;
            helpers[i].proc = &pool->procs[i];
            pthread_create(&helpers[i].thread, NULL, help, &helpers[i]);
        }
        pthread_sigmask(SIG_SETMASK, &old, NULL);
        for (unsigned i = 0; i < pool->n; i++)
            pthread_join(helpers[i].thread, NULL);
        alive = false;
        for (unsigned i = 0; i < pool->n; i++)
            alive |= pool->procs[i].alive;
    }
    for (size_t left; take(pool, &left); pool->failures++) /* no worker, and none to be had */
        failed[left] = true;
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
