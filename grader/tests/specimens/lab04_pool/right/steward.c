/* expect: right | the whole pool lives in a process between: a steward, forked at pool_create, forks, serves and buries the workers; the caller streams blocks of numbers to it and gets bundles of results back */
#define _GNU_SOURCE
/*
 *   caller  == blocks of inputs ==>  steward  -- one item -->  worker
 *           <== bundles of results ==         <-- answer ----
 *
 * The steward keeps some inputs in stock. When the stock runs low it asks for more (a bundle with `more` set), and so
 * nothing waits for the caller. If somebody kills the steward, the workers see the end of their orders, and the caller
 * makes a new one.
 */
#include "pool.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_WORKERS 64
#define BLOCK 512
#define STOCK (2 * BLOCK)
#define LOW 256
#define BUNDLE 128

struct block { /* caller -> steward */
    pool_fn *fn;
    uint64_t first; /* index of inputs[0] */
    uint64_t total; /* items of the whole call */
    uint32_t n;
    int64_t inputs[BLOCK];
};

struct result {
    uint64_t item;
    int64_t output;
    uint64_t failed;
};

struct bundle { /* steward -> caller */
    uint32_t n;
    uint32_t more;
    struct result results[BUNDLE];
};

struct order { /* steward -> worker */
    pool_fn *fn;
    int64_t input;
};

/* A packet as a whole. 0 when nobody is there any more. Sockets are of type SEQPACKET: packets stay packets. */
static size_t receive(int sock, void *packet, size_t size)
{
    ssize_t n;
    do
        n = recv(sock, packet, size, 0);
    while (n < 0 && errno == EINTR);
    return n > 0 ? (size_t)n : 0;
}

static bool transmit(int sock, const void *packet, size_t size)
{
    ssize_t n;
    do
        n = send(sock, packet, size, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return n == (ssize_t)size;
}

static void wait_for(pid_t pid)
{
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

/* ============================================================================ worker */

static _Noreturn void worker_main(int sock)
{
    struct order o;
    while (receive(sock, &o, sizeof o) == sizeof o) {
        int64_t y = o.fn(o.input);
        if (!transmit(sock, &y, sizeof y))
            break;
    }
    _exit(0);
}

/* ============================================================================ steward */

struct hand {
    pid_t pid; /* 0: nobody */
    int sock;
    bool busy;
    uint64_t item;
};

struct steward {
    int caller;
    unsigned n;
    const sigset_t *workers_mask;
    struct hand hands[MAX_WORKERS];
    bool no_process; /* none to be had since the last death or the beginning of the call */

    pool_fn *fn;
    uint64_t total, received, dealt, settled;
    bool asked; /* for more */
    int64_t stock[STOCK]; /* item i lies in stock[i % STOCK], for dealt <= i < received */

    struct bundle bundle;
};

static bool recruit(struct steward *s, struct hand *h)
{
    int sv[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) != 0)
        return false;
    pid_t pid = fork();
    if (pid == 0) {
        close(s->caller);
        close(sv[0]);
        for (unsigned i = 0; i < s->n; i++)
            if (s->hands[i].pid != 0)
                close(s->hands[i].sock);
        pthread_sigmask(SIG_SETMASK, s->workers_mask, NULL);
        worker_main(sv[1]);
    }
    close(sv[1]);
    if (pid < 0) {
        close(sv[0]);
        return false;
    }
    *h = (struct hand){.pid = pid, .sock = sv[0]};
    return true;
}

static void bury(struct steward *s, struct hand *h)
{
    close(h->sock);
    wait_for(h->pid);
    *h = (struct hand){0};
    s->no_process = false;
}

/* Sends all workers home, waits for them and ends the steward. */
static _Noreturn void retire(struct steward *s, int status)
{
    for (unsigned i = 0; i < s->n; i++)
        if (s->hands[i].pid != 0)
            close(s->hands[i].sock);
    for (unsigned i = 0; i < s->n; i++)
        if (s->hands[i].pid != 0)
            wait_for(s->hands[i].pid);
    _exit(status);
}

static void dispatch_bundle(struct steward *s)
{
    size_t size = offsetof(struct bundle, results) + s->bundle.n * sizeof(struct result);
    if (!transmit(s->caller, &s->bundle, size))
        retire(s, 1);
    s->bundle.n = 0;
    s->bundle.more = 0;
}

static void note(struct steward *s, uint64_t item, bool failed, int64_t output)
{
    s->bundle.results[s->bundle.n++] = (struct result){.item = item, .output = output, .failed = failed};
    s->settled++;
    if (s->bundle.n == BUNDLE)
        dispatch_bundle(s);
}

static void take_block(struct steward *s)
{
    struct block b;
    if (receive(s->caller, &b, sizeof b) == 0)
        retire(s, 0);
    if (b.first == 0) {
        s->fn = b.fn;
        s->total = b.total;
        s->received = s->dealt = s->settled = 0;
        s->no_process = false;
    }
    for (uint32_t i = 0; i < b.n; i++)
        s->stock[s->received++ % STOCK] = b.inputs[i];
    s->asked = false;
}

static bool in_stock(const struct steward *s)
{
    return s->dealt < s->received;
}

/* Gives h an item if there is one. A worker that died in its idleness is replaced. */
static void occupy(struct steward *s, struct hand *h)
{
    while (in_stock(s) && !h->busy) {
        if (h->pid == 0 && (s->no_process || !recruit(s, h))) {
            s->no_process = true;
            return;
        }
        struct order o = {.fn = s->fn, .input = s->stock[s->dealt % STOCK]};
        if (transmit(h->sock, &o, sizeof o)) {
            h->busy = true;
            h->item = s->dealt++;
        } else {
            bury(s, h);
        }
    }
}

static void hear(struct steward *s, struct hand *h)
{
    int64_t y;
    bool well = receive(h->sock, &y, sizeof y) == sizeof y;
    bool had_item = h->busy;
    uint64_t item = h->item;
    h->busy = false;
    if (!well)
        bury(s, h); /* before the caller hears of it */
    if (had_item)
        note(s, item, !well, well ? y : 0);
}

static _Noreturn void steward_main(int caller, unsigned n, const sigset_t *workers_mask)
{
    struct steward s = {.caller = caller, .n = n, .workers_mask = workers_mask};

    for (unsigned i = 0; i < n; i++)
        if (!recruit(&s, &s.hands[i]))
            retire(&s, 1);
    dispatch_bundle(&s); /* an empty one: all are there */

    for (;;) {
        unsigned busy = 0;
        for (unsigned i = 0; i < n; i++) {
            occupy(&s, &s.hands[i]);
            busy += s.hands[i].busy;
        }
        if (busy == 0 && in_stock(&s)) /* no worker, none to be had */
            while (in_stock(&s))
                note(&s, s.dealt++, true, 0);

        /* Results may wait, but not the last ones, and not if we need more. */
        if (s.received < s.total && s.received - s.dealt < LOW && !s.asked) {
            s.asked = true;
            s.bundle.more = 1;
        }
        if (s.bundle.more || (s.bundle.n > 0 && s.settled == s.total))
            dispatch_bundle(&s);

        struct pollfd pf[1 + MAX_WORKERS];
        pf[0] = (struct pollfd){.fd = caller, .events = POLLIN};
        for (unsigned i = 0; i < n; i++)
            pf[1 + i] = (struct pollfd){.fd = s.hands[i].pid != 0 ? s.hands[i].sock : -1, .events = POLLIN};
        if (poll(pf, 1 + n, -1) <= 0)
            continue;
        if (pf[0].revents != 0)
            take_block(&s);
        for (unsigned i = 0; i < n; i++) {
            if (pf[1 + i].revents != 0) {
                hear(&s, &s.hands[i]);
                occupy(&s, &s.hands[i]);
            }
        }
    }
}

/* ============================================================================ caller */

struct pool {
    unsigned n;
    pid_t steward; /* 0: none */
    int sock;
};

static void end_steward(struct pool *pool)
{
    close(pool->sock);
    wait_for(pool->steward);
    pool->steward = 0;
}

static bool start_steward(struct pool *pool)
{
    int sv[2];
    sigset_t all, old;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    pid_t pid = -1;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) == 0) {
        pid = fork();
        if (pid == 0) {
            close(sv[0]);
            steward_main(sv[1], pool->n, &old); /* all signals stay blocked in the steward */
        }
        close(sv[1]);
        if (pid < 0)
            close(sv[0]);
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (pid < 0)
        return false;

    pool->steward = pid;
    pool->sock = sv[0];
    struct bundle ready;
    if (receive(pool->sock, &ready, sizeof ready) == 0) {
        end_steward(pool); /* it could not have all its workers, and has none now */
        return false;
    }
    return true;
}

struct pool *pool_create(unsigned workers)
{
    if (workers < 1 || workers > MAX_WORKERS)
        return NULL;
    struct pool *pool = calloc(1, sizeof *pool);
    if (pool == NULL)
        return NULL;
    pool->n = workers;
    if (!start_steward(pool)) {
        free(pool);
        return NULL;
    }
    return pool;
}

/* Sends the next block of the items from *sent on. */
static bool send_block(struct pool *pool, pool_fn *fn, const int64_t *inputs, bool *failed, size_t start, size_t *sent,
                       size_t count)
{
    struct block b = {.fn = fn, .first = *sent - start, .total = count - start};
    while (b.n < BLOCK && *sent < count) {
        failed[*sent] = true; /* until it is done */
        b.inputs[b.n++] = inputs[(*sent)++];
    }
    return transmit(pool->sock, &b, sizeof b);
}

size_t pool_map(struct pool *pool, pool_fn *fn, const int64_t *inputs, int64_t *outputs, bool *failed, size_t count)
{
    size_t sent = 0, good = 0;

    if (count == 0)
        return 0;
    if (pool->steward != 0) {
        pid_t r = waitpid(pool->steward, NULL, WNOHANG);
        if (r == pool->steward || (r < 0 && errno == ECHILD)) {
            close(pool->sock);
            pool->steward = 0;
        }
    }

    while (sent < count) { /* once, unless the steward is killed */
        if (pool->steward == 0 && !start_steward(pool)) {
            while (sent < count)
                failed[sent++] = true;
            break;
        }
        size_t start = sent, settled = start;
        bool alive = send_block(pool, fn, inputs, failed, start, &sent, count);
        while (alive && settled < count) {
            struct bundle b;
            alive = receive(pool->sock, &b, sizeof b) != 0;
            if (!alive)
                break;
            for (uint32_t i = 0; i < b.n; i++) {
                const struct result *r = &b.results[i];
                settled++;
                if (!r->failed) {
                    outputs[start + r->item] = r->output;
                    failed[start + r->item] = false;
                    good++;
                }
            }
            if (b.more && sent < count)
                alive = send_block(pool, fn, inputs, failed, start, &sent, count);
        }
        if (!alive)
            end_steward(pool);
    }
    return count - good;
}

void pool_close(struct pool *pool)
{
    if (pool == NULL)
        return;
    if (pool->steward != 0)
        end_steward(pool);
    free(pool);
}
