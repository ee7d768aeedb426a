/* expect: right | each worker holds a robust mutex for life: who finds EOWNERDEAD knows that it is gone. Semaphores wake both sides. */
#define _GNU_SOURCE
#include "pool.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { IDLE, GIVEN, BEGUN, DONE, LEAVE };

struct desk { /* in shared memory */
    pthread_mutex_t life;
    sem_t order;
    atomic_int state;
    pool_fn *fn;
    int64_t value;
};

struct shared {
    sem_t news;
    struct desk desk[];
};

struct pool {
    unsigned n;
    size_t bytes;
    struct shared *sh;
    pid_t pid[64];
    size_t item[64];
};

static void wait_sem(sem_t *s)
{
    while (sem_wait(s) != 0 && errno == EINTR)
        ;
}

static _Noreturn void work(struct shared *sh, struct desk *d)
{
    if (pthread_mutex_lock(&d->life) != 0)
        _exit(1);
    for (;;) {
        wait_sem(&d->order);
        if (atomic_load(&d->state) == LEAVE)
            break;
        atomic_store(&d->state, BEGUN);
        d->value = d->fn(d->value);
        atomic_store(&d->state, DONE);
        sem_post(&sh->news);
    }
    pthread_mutex_unlock(&d->life);
    _exit(0);
}

static bool spawn(struct pool *p, unsigned i)
{
    struct desk *d = &p->sh->desk[i];
    pthread_mutexattr_t a;
    if (pthread_mutexattr_init(&a) != 0)
        return false;
    pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
    int e = pthread_mutex_init(&d->life, &a);
    pthread_mutexattr_destroy(&a);
    if (e != 0)
        return false;
    sem_init(&d->order, 1, 0);
    atomic_store(&d->state, IDLE);
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(0);
        work(p->sh, d);
    }
    if (pid < 0) {
        sem_destroy(&d->order);
        pthread_mutex_destroy(&d->life);
        return false;
    }
    p->pid[i] = pid;
    return true;
}

static void clear(struct pool *p, unsigned i)
{
    struct desk *d = &p->sh->desk[i];
    if (pthread_mutex_trylock(&d->life) == EOWNERDEAD)
        pthread_mutex_consistent(&d->life);
    pthread_mutex_unlock(&d->life);
    pthread_mutex_destroy(&d->life);
    sem_destroy(&d->order);
    p->pid[i] = 0;
}

static void reap(struct pool *p, unsigned i)
{
    while (waitpid(p->pid[i], NULL, 0) < 0 && errno == EINTR)
        ;
    clear(p, i);
}

/* Is the worker gone? Then its place is empty afterwards. */
static bool gone(struct pool *p, unsigned i)
{
    struct desk *d = &p->sh->desk[i];
    int e = pthread_mutex_trylock(&d->life);
    if (e == EBUSY)
        return false;
    if (e == EOWNERDEAD)
        pthread_mutex_consistent(&d->life);
    if (e == EOWNERDEAD || e == 0)
        pthread_mutex_unlock(&d->life);
    if (e == EOWNERDEAD) {
        reap(p, i);
        return true;
    }
    pid_t r = waitpid(p->pid[i], NULL, WNOHANG); /* it has not begun to live, or never will */
    if (r == 0 || (r < 0 && errno != ECHILD))
        return false;
    clear(p, i);
    return true;
}

struct pool *pool_create(unsigned workers)
{
    struct pool *p = calloc(1, sizeof *p);
    if (p == NULL)
        return NULL;
    p->n = workers;
    p->bytes = sizeof *p->sh + workers * sizeof p->sh->desk[0];
    p->sh = mmap(NULL, p->bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (p->sh == MAP_FAILED) {
        free(p);
        return NULL;
    }
    sem_init(&p->sh->news, 1, 0);
    for (unsigned i = 0; i < workers; i++) {
        if (!spawn(p, i)) {
            pool_close(p);
            return NULL;
        }
    }
    return p;
}

size_t pool_map(struct pool *p, pool_fn *fn, const int64_t *inputs, int64_t *outputs, bool *failed, size_t count)
{
    size_t next = 0, done = 0, lost = 0;
    bool busy[64] = {false};
    while (done < count) {
        for (unsigned i = 0; i < p->n && next < count; i++) {
            struct desk *d = &p->sh->desk[i];
            if (busy[i])
                continue;
            if ((p->pid[i] == 0 || gone(p, i)) && !spawn(p, i))
                continue;
            d->fn = fn;
            d->value = inputs[next];
            p->item[i] = next++;
            busy[i] = true;
            atomic_store(&d->state, GIVEN);
            sem_post(&d->order);
        }
        struct timespec t;
        clock_gettime(CLOCK_REALTIME, &t);
        t.tv_nsec += 2000000;
        if (t.tv_nsec >= 1000000000) {
            t.tv_nsec -= 1000000000;
            t.tv_sec++;
        }
        int r = sem_timedwait(&p->sh->news, &t);
        bool look = r != 0 && errno == ETIMEDOUT;
        for (unsigned i = 0; i < p->n; i++) {
            struct desk *d = &p->sh->desk[i];
            if (!busy[i])
                continue;
            bool dead = look && atomic_load(&d->state) != DONE && gone(p, i);
            if (atomic_load(&d->state) == DONE) {
                outputs[p->item[i]] = d->value;
                failed[p->item[i]] = false;
                atomic_store(&d->state, IDLE);
            } else if (dead) {
                failed[p->item[i]] = true;
                lost++;
            } else {
                continue;
            }
            busy[i] = false;
            done++;
        }
    }
    return lost;
}

void pool_close(struct pool *p)
{
    if (p == NULL)
        return;
    for (unsigned i = 0; i < p->n; i++) {
        if (p->pid[i] != 0) {
            atomic_store(&p->sh->desk[i].state, LEAVE);
            sem_post(&p->sh->desk[i].order);
        }
    }
    for (unsigned i = 0; i < p->n; i++)
        if (p->pid[i] != 0)
            reap(p, i);
    sem_destroy(&p->sh->news);
    munmap(p->sh, p->bytes);
    free(p);
}
