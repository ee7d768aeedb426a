/* expect: right; schedules NOT_RUN | Two threads in the caller: a feeder, made for each call and cancelled at its end, takes free workers out of a ring and
 * gives them items; the calling thread collects results and puts workers into the ring. Without a feeder it does both. */
#define _GNU_SOURCE
#include "pool.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX 64

struct order {
    pool_fn *fn; /* NULL: go home */
    int64_t input;
};

struct worker {
    pid_t pid;
    int sock;
    bool busy;
    size_t item;
};

struct pool {
    unsigned n;
    pthread_mutex_t lock;
    pthread_cond_t work; /* a worker is free */
    unsigned ring[MAX], head, used;
    pool_fn *fn;
    const int64_t *inputs;
    size_t next, count;
    struct worker w[MAX];
};

static _Noreturn void work(int sock)
{
    for (;;) {
        struct order o;
        ssize_t got = recv(sock, &o, sizeof o, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got != (ssize_t)sizeof o || o.fn == NULL)
            _exit(0);
        int64_t value = o.fn(o.input);
        do
            got = send(sock, &value, sizeof value, MSG_NOSIGNAL);
        while (got < 0 && errno == EINTR);
        if (got < 0)
            _exit(1);
    }
}

static bool spawn(struct pool *p, struct worker *w)
{
    int s[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s) < 0)
        return false;
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(0);
        close(s[0]);
        for (unsigned k = 0; k < p->n; k++)
            if (p->w[k].pid != 0)
                close(p->w[k].sock);
        work(s[1]);
    }
    close(s[1]);
    if (pid < 0) {
        close(s[0]);
        return false;
    }
    w->pid = pid;
    w->sock = s[0];
    w->busy = false;
    return true;
}

static void bury(struct worker *w)
{
    while (waitpid(w->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    close(w->sock);
    w->pid = 0;
    w->busy = false;
}

static bool send_order(struct worker *w, struct order o)
{
    ssize_t r;
    do
        r = send(w->sock, &o, sizeof o, MSG_NOSIGNAL);
    while (r < 0 && errno == EINTR);
    return r > 0;
}

static void put_free(struct pool *p, unsigned i)
{
    p->ring[(p->head + p->used++) % MAX] = i;
}

/* With the lock: one free worker gets the next item. A worker that is found dead is left to the collector. */
static void feed_one(struct pool *p)
{
    struct worker *w = &p->w[p->ring[p->head]];
    p->head = (p->head + 1) % MAX;
    p->used--;
    if (send_order(w, (struct order){p->fn, p->inputs[p->next]})) {
        w->busy = true;
        w->item = p->next++;
    }
}

static void unlock(void *lock)
{
    pthread_mutex_unlock(lock);
}

static void *feeder(void *arg)
{
    struct pool *p = arg;
    pthread_mutex_lock(&p->lock);
    pthread_cleanup_push(unlock, &p->lock);
    for (;;) {
        while (p->used == 0 || p->next == p->count) {
            struct timespec t;
            clock_gettime(CLOCK_MONOTONIC, &t);
            t.tv_sec += 5;
            pthread_cond_timedwait(&p->work, &p->lock, &t);
        }
        int state;
        pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
        feed_one(p);
        pthread_setcancelstate(state, &state);
    }
    pthread_cleanup_pop(1);
    return NULL;
}

struct pool *pool_create(unsigned workers)
{
    void *mem;
    if (posix_memalign(&mem, 64, sizeof(struct pool)) != 0)
        return NULL;
    struct pool *p = mem;
    *p = (struct pool){.n = workers};
    pthread_condattr_t a;
    if (pthread_condattr_init(&a) != 0) {
        free(p);
        return NULL;
    }
    pthread_condattr_setclock(&a, CLOCK_MONOTONIC);
    int e = pthread_cond_init(&p->work, &a);
    pthread_condattr_destroy(&a);
    if (e != 0) {
        free(p);
        return NULL;
    }
    if (pthread_mutex_init(&p->lock, NULL) != 0) {
        pthread_cond_destroy(&p->work);
        free(p);
        return NULL;
    }
    for (unsigned i = 0; i < workers; i++) {
        if (!spawn(p, &p->w[i])) {
            pool_close(p);
            return NULL;
        }
    }
    return p;
}

size_t pool_map(struct pool *p, pool_fn *fn, const int64_t *inputs, int64_t *outputs, bool *failed, size_t count)
{
    size_t done = 0, lost = 0;
    p->fn = fn;
    p->inputs = inputs;
    p->next = 0;
    p->count = count;
    p->head = p->used = 0;
    for (unsigned i = 0; i < p->n; i++) {
        struct worker *w = &p->w[i];
        if (w->pid != 0) {
            pid_t r = waitpid(w->pid, NULL, WNOHANG);
            if (r == w->pid || (r < 0 && errno == ECHILD)) {
                close(w->sock);
                w->pid = 0;
            }
        }
        if (w->pid != 0 || (count > 0 && spawn(p, w)))
            put_free(p, i);
    }
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    pthread_t t;
    bool fed = count > 0 && pthread_create(&t, NULL, feeder, p) == 0;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    while (done < count) {
        struct pollfd fds[MAX];
        unsigned who[MAX];
        nfds_t n = 0;
        pthread_mutex_lock(&p->lock);
        for (unsigned i = 0; i < p->n; i++)
            if (p->w[i].pid == 0 && p->next < count && spawn(p, &p->w[i]))
                put_free(p, i);
        while (!fed && p->used > 0 && p->next < count)
            feed_one(p);
        if (fed && p->used > 0)
            pthread_cond_signal(&p->work);
        for (unsigned i = 0; i < p->n; i++) {
            if (p->w[i].pid != 0) {
                fds[n] = (struct pollfd){p->w[i].sock, POLLIN, 0};
                who[n++] = i;
            }
        }
        bool all_there = n == p->n || p->next == count;
        pthread_mutex_unlock(&p->lock);
        if (poll(fds, n, all_there ? -1 : 1) <= 0)
            continue;
        pthread_mutex_lock(&p->lock);
        for (nfds_t k = 0; k < n; k++) {
            struct worker *w = &p->w[who[k]];
            if (fds[k].revents == 0)
                continue;
            int64_t value;
            ssize_t r;
            do
                r = recv(w->sock, &value, sizeof value, 0);
            while (r < 0 && errno == EINTR);
            bool dead = r != (ssize_t)sizeof value;
            if (w->busy) {
                failed[w->item] = dead;
                if (dead)
                    lost++;
                else
                    outputs[w->item] = value;
                w->busy = false;
                done++;
            }
            if (!dead) {
                put_free(p, who[k]);
                continue;
            }
            for (unsigned u = p->used; u > 0; u--) { /* it may have been free */
                unsigned i = p->ring[p->head];
                p->head = (p->head + 1) % MAX;
                p->used--;
                if (i != who[k])
                    put_free(p, i);
            }
            bury(w);
        }
        pthread_mutex_unlock(&p->lock);
    }
    if (fed) {
        pthread_cancel(t);
        void *value;
        pthread_join(t, &value); /* PTHREAD_CANCELED */
    }
    return lost;
}

void pool_close(struct pool *p)
{
    if (p == NULL)
        return;
    for (unsigned i = 0; i < p->n; i++)
        if (p->w[i].pid != 0)
            send_order(&p->w[i], (struct order){NULL, 0});
    for (unsigned i = 0; i < p->n; i++)
        if (p->w[i].pid != 0)
            bury(&p->w[i]);
    pthread_cond_destroy(&p->work);
    pthread_mutex_destroy(&p->lock);
    free(p);
}
