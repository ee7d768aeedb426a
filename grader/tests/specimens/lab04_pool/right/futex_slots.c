/* expect: right | slots in shared memory, futex calls both ways; workers look now and then whether their parent lives */
#define _GNU_SOURCE
#include "pool.h"

#include <errno.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

typedef _Atomic uint32_t word;

enum { IDLE, ASSIGNED, FINISHED, QUIT };

struct slot {
    word state;
    pool_fn *fn;
    int64_t x;
};

struct shared {
    word news; /* counts answers; the caller sleeps on it */
    struct slot slot[64];
};

struct pool {
    unsigned n;
    struct shared *s;
    pid_t pid[64];
    size_t item[64];
};

/* Sleeps while *w is `seen`, for a tenth of a second at most. */
static void doze(word *w, uint32_t seen)
{
    struct timespec t = {0, 100000000};
    syscall(SYS_futex, w, FUTEX_WAIT, seen, &t, NULL, 0);
}

static void set(word *w, uint32_t to)
{
    atomic_store_explicit(w, to, memory_order_release);
    syscall(SYS_futex, w, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void be_worker(struct shared *s, struct slot *me, pid_t parent)
{
    for (;;) {
        uint32_t state = atomic_load_explicit(&me->state, memory_order_acquire);
        if (state == QUIT || getppid() != parent)
            _exit(0);
        if (state != ASSIGNED) {
            doze(&me->state, state);
            continue;
        }
        me->x = me->fn(me->x);
        atomic_store_explicit(&me->state, FINISHED, memory_order_release);
        atomic_fetch_add(&s->news, 1);
        syscall(SYS_futex, &s->news, FUTEX_WAKE, 1, NULL, NULL, 0);
    }
}

static void launch(struct pool *p, unsigned i)
{
    const pid_t self = getpid();
    atomic_store(&p->s->slot[i].state, IDLE);
    p->pid[i] = fork();
    if (p->pid[i] == 0)
        be_worker(p->s, &p->s->slot[i], self);
}

struct pool *pool_create(unsigned workers)
{
    struct pool *p = malloc(sizeof *p);
    if (p == NULL)
        return NULL;
    p->s = mmap(NULL, sizeof *p->s, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (p->s == MAP_FAILED) {
        free(p);
        return NULL;
    }
    for (p->n = 0; p->n < workers; p->n++) {
        launch(p, p->n);
        if (p->pid[p->n] < 0) {
            pool_close(p);
            return NULL;
        }
    }
    return p;
}

size_t pool_map(struct pool *p, pool_fn *fn, const int64_t *inputs, int64_t *outputs, bool *failed, size_t count)
{
    size_t out = 0, back = 0, lost = 0;
    for (;;) {
        const uint32_t news = atomic_load(&p->s->news);
        for (unsigned i = 0; i < p->n; i++) {
            struct slot *s = &p->s->slot[i];
            bool gone = p->pid[i] <= 0 || waitpid(p->pid[i], NULL, WNOHANG) == p->pid[i];
            uint32_t state = atomic_load_explicit(&s->state, memory_order_acquire);
            if (state == FINISHED || (state == ASSIGNED && gone)) {
                failed[p->item[i]] = state != FINISHED;
                lost += state != FINISHED;
                if (state == FINISHED)
                    outputs[p->item[i]] = s->x;
                back++;
                atomic_store(&s->state, IDLE);
                state = IDLE;
            }
            if (gone)
                launch(p, i);
            if (p->pid[i] > 0 && state == IDLE && out < count) {
                s->fn = fn;
                s->x = inputs[out];
                p->item[i] = out++;
                set(&s->state, ASSIGNED);
            }
        }
        if (back == count)
            return lost;
        doze(&p->s->news, news); /* a death rings no bell: look again in a while */
    }
}

void pool_close(struct pool *p)
{
    if (p == NULL)
        return;
    for (unsigned i = 0; i < p->n; i++)
        set(&p->s->slot[i].state, QUIT);
    for (unsigned i = 0; i < p->n; i++)
        while (p->pid[i] > 0 && waitpid(p->pid[i], NULL, 0) < 0 && errno == EINTR)
            continue;
    munmap(p->s, sizeof *p->s);
    free(p);
}
