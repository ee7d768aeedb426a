/*
 * schedule.h: the threads of the program, which of them can go on, and whose turn it is.
 *
 * Theory of operation. All threads are fibers of one OS thread. A thread runs until it is about to do something another
 * thread could notice (lock, atomic access, create, end ...): a scheduling point. There it states what it is about to
 * do and under which condition it can (`ready`), and schedule_point picks who goes on: the decision. Decisions are
 * numbered from 0 within a run; the default (go on with the same thread; if it cannot, the next in a circle) is
 * value-free, so a schedule is the short list of its deviations, see token.h.
 *
 * Signals with a handler (signals.h) are pending until some thread of the process takes them: that, too, is an
 * alternative of each decision. The handler runs on the thread's fiber within schedule_point, and what happens to the
 * call that was going to be made or waited is what handlers.h says.
 */
#ifndef EXPLORE_SCHEDULE_H
#define EXPLORE_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#include "clocks.h"
#include "fiber.h"

#define NEVER UINT64_MAX

enum { CALLS_MAX = 64, STEPS_MAX = 200000, ONE_ORDER_STEPS_MAX = 10000000, TLS_KEYS = 64, SEEN_MAX = 72 };

/* Signal: only within schedule_point, a handler is to run. Interrupted: one has run, and the call fails with EINTR. */
enum wake { WAKE_READY, WAKE_TIMEOUT, WAKE_SPURIOUS, WAKE_SIGNAL, WAKE_INTERRUPTED };

/* What a handled signal does to a call that waits: nothing; ends it unless SA_RESTART was asked for; ends it. Entered:
 * ends it, and it is certain that the thread waits already. */
enum interrupt { INTERRUPT_NOT, INTERRUPT_RESTARTS, INTERRUPT_FAILS, INTERRUPT_ENTERED };

/* An operation on more than two objects. What is done to an open file is not noticed by others as long as somebody
 * else has it open, too: `uses` is looked at when two operations are compared. */
struct footprint {
    unsigned count;
    struct {
        uintptr_t object;
        const int *uses; /* NULL: noticed in any case; else while it is 1 */
    } items[];
};

/* What a thread is about to do, for partial-order reduction: two operations that share no object, or only read it, can
 * be done in either order. */
struct operation {
    uintptr_t object, other; /* 0: none */
    bool reads;              /* does not change `object` */
    bool all;                /* depends on everything */
    bool data;               /* for what another writes, or the end of it */
    enum interrupt interrupt;
    const struct footprint *more;
    const char *words; /* e.g. "lock mutex" */
    uintptr_t pc;      /* where, in the program */
};

struct wait {
    bool (*ready)(void *argument); /* NULL: at any time */
    void *argument;                /* not on a stack: another process may run then */
    uint64_t deadline;             /* virtual nanoseconds; NEVER */
    bool spurious;                 /* may wake for no reason, also before the deadline */
};

struct thread {
    int id, process, slot; /* slot: of its stack, see region.h; its own but after a fork */
    bool alive, started, detached, joined, yielded;
    bool timer;  /* no thread of the program: an alarm clock, see timers.c */
    bool masked; /* `blocked` holds for the call going on only */
    bool rests;  /* somebody was told that it sleeps, so it is certain that its call has begun */
    enum wake woken;
    struct wait wait;
    struct operation operation;
    struct fiber fiber;
    unsigned seen_count, repeats, turns, depth;
    int held;              /* locks */
    unsigned starts_left;  /* how many threads more it can start */
    unsigned start_missed; /* the how-manieth of the next ones it cannot start; 0: none */
    unsigned blocks_left;  /* how often it gets memory from the heap */
    int error_number;
    uintptr_t stack_end, created; /* created: where, in the program */
    void *(*start)(void *);
    void *argument, *result;
    void *cleanup;                          /* what pthread_cleanup_push registered last */
    struct clock clock, acquired, released; /* own; what an acquire fence would add; as of the last release fence */
    struct clock view;                      /* weak memory: what sequentially consistent fences let it see */
    uintptr_t calls[CALLS_MAX];
    struct {
        uintptr_t pc, object;
        uint64_t value, stack; /* a sum of the thread's stack at that time */
    } seen[SEEN_MAX];          /* loads since it last changed something */
    void *keys[TLS_KEYS];
    uint64_t blocked, pending; /* signals, a bit each from signal 1 on */
    unsigned handling;         /* handlers it is in; the innermost: */
    unsigned handler_depth;    /* its place in `calls` */
    uintptr_t handler_pc;      /* where it interrupted the program */
};

struct schedule {
    struct thread threads[THREADS_MAX];
    int count, alive;
    struct thread *current;
    uint32_t number;      /* of this run, from 1 */
    uint64_t now;         /* virtual nanoseconds since the run began */
    uint64_t date;        /* by how much the date has been set forward since */
    bool restless;        /* it is after each look at it */
    uint32_t decisions;   /* taken so far */
    uint64_t work;        /* threads looked at, in all runs: what the budget counts */
    uint32_t steps, idle; /* scheduling points; those since anything changed */
    uint32_t changed_at;  /* steps when the program last changed something, its own stack and the time apart */
    uint32_t spurious_left;
    uint32_t shorts_left; /* reads and writes of less than there is, or fits */
    bool signals;         /* some signal has been pending */
    bool spurious, sleepers_last, weak;
    bool one_order;  /* nothing is decided, the default is taken; see scenario.h */
    uintptr_t split; /* accesses to these 8 bytes are scheduling points, and races are not judged; 0: none */
    uint64_t plain;  /* plain accesses since the last scheduling point */
    /* Processes that another is about to send a signal, a bit each: what such a one writes to shared memory is a
     * scheduling point, for it may die between any two of its writes. */
    uint64_t doomed;
};

/* The one state of the run; written by schedule.c, and by the models where the comment of a field lets them. */
extern struct schedule schedule;

static inline struct thread *thread_self(void)
{
    return schedule.current;
}

/* schedule_run: one run of entry() as thread 0, from memory just restored. Returns when the run has ended; the
 * outcome is verdict_current(). */
void schedule_run(void (*entry)(void));

/* schedule_leave: ends the run now. */
_Noreturn void schedule_leave(void);

/* schedule_turn: the rest of schedule_point. */
enum wake schedule_turn(struct thread *self);

/* schedule_point: the running thread is about to do `operation`; returns when it may and it is its turn. Others run
 * meanwhile. `wait` NULL: it can at any time. (Inline and member by member: so the operation is written at once where
 * it is kept.) */
static inline enum wake schedule_point(struct operation operation, const struct wait *wait)
{
    struct thread *self = schedule.current;
    self->operation.object = operation.object;
    self->operation.other = operation.other;
    self->operation.reads = operation.reads;
    self->operation.all = operation.all;
    self->operation.data = operation.data;
    self->operation.interrupt = operation.interrupt;
    self->operation.more = operation.more;
    self->operation.words = operation.words;
    self->operation.pc = operation.pc;
    self->wait.ready = wait != NULL ? wait->ready : NULL;
    self->wait.argument = wait != NULL ? wait->argument : NULL;
    self->wait.deadline = wait != NULL ? wait->deadline : NEVER;
    self->wait.spurious = wait != NULL && wait->spurious;
    self->rests = false;
    return schedule_turn(self);
}

/* schedule_choose: a decision of another kind, e.g. which of `count` waiters to wake; 0 is the default. */
unsigned schedule_choose(unsigned count);

/* schedule_short: a decision: whether a read or a write that may end with a part only does so. */
bool schedule_short(void);

/* schedule_yield: the running thread has nothing to do but wait for others: it goes on last. Not a scheduling
 * point itself. schedule_changed: something another thread may wait for has changed. schedule_looked:
 * a load or a try at `pc` told `value`; a thread that is told the same again and again yields. */
void schedule_yield(void);
void schedule_changed(void);
void schedule_looked(uintptr_t pc, uint64_t value);

/* schedule_doom: the scheduling point of the running thread that is about to send a signal to `process`, -1 if there is
 * no such process. */
void schedule_doom(int process, uintptr_t pc);

/* schedule_own_stack: whether `address` is on the running thread's stack. */
static inline bool schedule_own_stack(uintptr_t address)
{
    return address >= (uintptr_t)__builtin_frame_address(0) && address < schedule.current->stack_end;
}

/* schedule_create: a new thread, ready to run; its clock starts as the creator's. */
struct thread *schedule_create(void *(*start)(void *), void *argument);

/* schedule_resume_another: the running thread cannot go on, and never will. */
_Noreturn void schedule_resume_another(void);

/* schedule_finish: the running thread has ended; never returns. */
_Noreturn void schedule_finish(void *result);

/* Clock edges. schedule_release: `into` learns all that the running thread knows (join), and the thread's own entry
 * ticks. schedule_acquire: the thread learns what `from` knows. */
void schedule_release(struct clock *into);
void schedule_acquire(const struct clock *from);

#endif
