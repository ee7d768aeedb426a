#include "schedule.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "deadlock.h"
#include "exhaustive.h"
#include "family.h"
#include "handlers.h"
#include "process.h"
#include "signals.h"
#include "strategy.h"
#include "tls_keys.h"
#include "trace.h"
#include "verdict.h"

/* QUANTUM: steps in a row before others get a turn. PATIENCE: rounds in which all that run look at the same values
 * again and write nothing, before that is called a livelock; a loop that ends by counting is shorter. */
enum { QUANTUM = 300, PATIENCE = 2000, PLAIN_PER_WORK = 4, BARREN = STEPS_MAX / 2 };

struct schedule schedule;

static struct fiber host;
static void (*program)(void);
static bool any_yielded; /* some thread has perhaps */
static struct prefix prefix;

/* What the next decision is between: threads that can go on, and such that only would wait for time to pass, have
 * nothing to do, or might wake for no reason, or have a signal to take. */
static uint16_t values[2 * THREADS_MAX], timed[THREADS_MAX], lazy[THREADS_MAX], spurious[THREADS_MAX];
static uint16_t signalled[THREADS_MAX];
struct counts {
    unsigned values, timed, lazy, spurious, signalled;
};

/* The value that lets thread `id` take a signal; odd, as all are that do more than let a thread go on. */
static inline uint16_t value_of_signal(int id)
{
    return (uint16_t)(2 * (THREADS_MAX + id) + 1);
}

static inline bool is_signal(unsigned value)
{
    return value >= 2 * THREADS_MAX;
}

static bool is_ready(const struct thread *thread)
{
    return thread->wait.ready == NULL || thread->wait.ready(thread->wait.argument);
}

/* Who can go on takes a signal first that nobody else could take. */
static inline bool must_take(const struct thread *thread)
{
    return schedule.signals && signals_must_take(thread);
}

static inline __attribute__((always_inline)) void sort_thread(struct counts *counts, struct thread *thread)
{
    const uint16_t value = (uint16_t)(2 * thread->id);
    const bool ready = is_ready(thread), must = must_take(thread);
    if (schedule.signals && !(ready && must) && signals_may_take(thread))
        signalled[counts->signalled++] = value_of_signal(thread->id);
    if (ready) {
        if (thread->yielded && !must)
            lazy[counts->lazy++] = value;
        else
            values[counts->values++] = value;
    } else if (thread->wait.deadline != NEVER && !must) {
        timed[counts->timed++] = value + 1;
    } else if (thread->wait.spurious && schedule.spurious && schedule.spurious_left > 0) {
        spurious[counts->spurious++] = value + 1;
    }
}

/* In a circle from the running thread on, so that the first is the default. */
static inline struct counts collect(void)
{
    struct counts counts = {0};
    struct thread *thread = schedule.current;
    const struct thread *last = &schedule.threads[schedule.count - 1];
    for (int left = schedule.count; left > 0; left--) {
        if (thread->alive)
            sort_thread(&counts, thread);
        thread = thread == last ? schedule.threads : thread + 1;
    }
    return counts;
}

static inline void append(struct counts *counts, const uint16_t *more, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        values[counts->values++] = more[i];
}

/* Time passes only when nobody has anything to do: the earliest goes first. */
static void earliest_first(unsigned count)
{
    unsigned first = 0;
    for (unsigned i = 1; i < count; i++)
        if (schedule.threads[timed[i] / 2].wait.deadline < schedule.threads[timed[first] / 2].wait.deadline)
            first = i;
    const uint16_t value = timed[first];
    memmove(&timed[1], &timed[0], first * sizeof value);
    timed[0] = value;
}

static void nobody_busy(struct counts *counts)
{
    if (counts->timed > 0) {
        earliest_first(counts->timed);
        append(counts, timed, counts->timed);
        append(counts, lazy, counts->lazy);
        return;
    }
    if (counts->lazy == 0)
        deadlock_report();
    bool all_look = true;
    for (unsigned i = 0; i < counts->lazy; i++)
        all_look &= schedule.threads[lazy[i] / 2].repeats > 0;
    if (all_look && ++schedule.idle > PATIENCE * (unsigned)schedule.alive)
        deadlock_report_livelock();
    append(counts, lazy, counts->lazy);
    for (unsigned i = 0; i < counts->lazy; i++)
        schedule.threads[lazy[i] / 2].yielded = false;
}

static __attribute__((noinline)) uint16_t decide_anew(uint32_t number)
{
    struct counts counts = collect();
    append(&counts, signalled, counts.signalled);
    const bool idle = counts.values == 0;
    const bool stays = !idle && values[0] == 2 * schedule.current->id;
    if (idle) {
        nobody_busy(&counts);
    } else {
        if (!schedule.sleepers_last)
            append(&counts, timed, counts.timed);
        append(&counts, spurious, counts.spurious);
    }
    if (schedule.one_order)
        return values[0];
    const struct choice choice = {values, counts.values, true, stays, idle};
    return values[strategy_pick(&choice, number)];
}

static bool is_possible(unsigned value)
{
    const unsigned id = value / 2 % THREADS_MAX;
    const struct thread *thread = &schedule.threads[id];
    if (id >= (unsigned)schedule.count || !thread->alive)
        return false;
    if (is_signal(value))
        return signals_may_take(thread);
    return value % 2 == 0 ? is_ready(thread) : thread->wait.deadline != NEVER || schedule.spurious_left > 0;
}

static inline unsigned decide(void)
{
    const uint32_t number = schedule.decisions++;
    if (number >= prefix.count || prefix.items[number].idle)
        return decide_anew(number);
    const unsigned known = prefix.items[number].value;
    if (!is_possible(known))
        exhaustive_not_repeated();
    return known;
}

/* A thread that goes on and on is asked to let the others have a turn. */
static void watch_turns(const struct thread *next)
{
    if (next == schedule.current && ++schedule.current->turns > QUANTUM) {
        schedule.current->turns = 0;
        schedule.current->yielded = any_yielded = true;
    } else if (next != schedule.current) {
        schedule.current->turns = 0;
    }
}

/* A timed wait, too, may end for no reason, e.g. when half of its time is over. A decision whether or not there is a
 * choice. */
static bool ends_early(const struct thread *thread)
{
    const bool may = schedule.spurious && schedule.spurious_left > 0;
    return thread->wait.spurious && schedule_choose(may ? 2 : 1) == 1;
}

static void wake_early(struct thread *thread)
{
    thread->woken = WAKE_SPURIOUS;
    schedule.spurious_left--;
    if (thread->wait.deadline > schedule.now)
        schedule.now += (thread->wait.deadline - schedule.now) / 2;
    schedule_changed();
}

/* Those that had nothing to do may have again. */
static void rouse(void)
{
    schedule.idle = 0;
    schedule.current->seen_count = schedule.current->repeats = 0;
    if (!any_yielded)
        return;
    any_yielded = schedule.current->yielded;
    for (int id = 0; id < schedule.count; id++)
        if (&schedule.threads[id] != schedule.current)
            schedule.threads[id].yielded = false;
}

static void wake(struct thread *thread, unsigned value)
{
    const bool odd = value % 2 == 1;
    thread->woken = WAKE_READY;
    if (is_signal(value) || (!odd && must_take(thread))) {
        thread->woken = WAKE_SIGNAL;
    } else if (odd && thread->wait.deadline != NEVER && ends_early(thread)) {
        wake_early(thread);
    } else if (odd && thread->wait.deadline != NEVER) {
        thread->woken = WAKE_TIMEOUT;
        if (thread->wait.deadline > schedule.now)
            schedule.now = thread->wait.deadline;
        rouse();
    } else if (odd) {
        thread->woken = WAKE_SPURIOUS;
        schedule.spurious_left--;
    }
}

static void enter(struct thread *next)
{
    schedule.current = next;
    if (region_has_tls())
        region_tls_enter(next->slot);
}

/* So many steps without a change are no loop that ends by counting. */
static void watch_length(void)
{
    schedule.steps++;
    if (schedule.steps - schedule.changed_at > BARREN)
        deadlock_report_livelock();
    const unsigned steps_max = schedule.one_order ? ONE_ORDER_STEPS_MAX : STEPS_MAX;
    if (schedule.steps > steps_max)
        verdict_end(VERDICT_CUT, "a schedule of more than %u steps", steps_max);
}

static inline __attribute__((always_inline)) void resume_another(void)
{
    struct thread *self = schedule.current;
    watch_length();
    schedule.work += (unsigned)schedule.count + schedule.plain / PLAIN_PER_WORK;
    schedule.plain = 0;
    const unsigned value = decide();
    struct thread *next = &schedule.threads[value / 2 % THREADS_MAX];
    watch_turns(next);
    wake(next, value);
    if (next == self)
        return;
    self->error_number = errno;
    enter(next);
    if (next->process == self->process)
        fiber_switch(&self->fiber, &next->fiber);
    else
        family_switch(self, next);
    errno = schedule.current->error_number;
}

static __attribute__((noinline)) enum wake take_signals(struct thread *self)
{
    while (self->woken == WAKE_SIGNAL) {
        if (handlers_interrupt(self))
            return WAKE_INTERRUPTED;
        resume_another();
    }
    return self->woken;
}

enum wake schedule_turn(struct thread *self)
{
    if (trace_active)
        trace_settle();
    resume_another();
    return self->woken == WAKE_SIGNAL ? take_signals(self) : self->woken;
}

unsigned schedule_choose(unsigned count)
{
    static uint16_t numbers[2 * THREADS_MAX];
    if (schedule.one_order)
        return 0;
    if (count > 2 * THREADS_MAX)
        count = 2 * THREADS_MAX;
    for (unsigned i = 0; i < count; i++)
        numbers[i] = (uint16_t)i;
    const struct choice choice = {numbers, count, false, false, false};
    return strategy_pick(&choice, schedule.decisions++);
}

void schedule_doom(int process, uintptr_t pc)
{
    const bool other = process >= 0 && process != thread_self()->process;
    const uint64_t bit = other ? UINT64_C(1) << process % 64 : 0;
    schedule.doomed |= bit;
    schedule_point((struct operation){.all = true, .words = "kill a process", .pc = pc}, NULL);
    schedule.doomed &= ~bit;
}

bool schedule_short(void)
{
    const bool is_short = schedule_choose(schedule.shorts_left > 0 ? 2 : 1) == 1;
    schedule.shorts_left -= is_short;
    return is_short;
}

void schedule_yield(void)
{
    schedule.current->yielded = any_yielded = true;
    strategy_yielded(schedule.current->id);
}

void schedule_changed(void)
{
    schedule.changed_at = schedule.steps;
    rouse();
}

/* Who looks at the same value again with other local variables than before has not come back to the same state. */
static uint64_t sum_of_stack(void)
{
    uint64_t sum = 0;
    for (const uint64_t *word = (const uint64_t *)__builtin_frame_address(0);
         (uintptr_t)(word + 1) <= schedule.current->stack_end; word++)
        sum = (sum ^ *word) * 0x9E3779B97F4A7C15ull;
    return sum;
}

static void compare_stack(struct thread *self, unsigned i)
{
    const uint64_t sum = sum_of_stack();
    if (sum != self->seen[i].stack)
        schedule.idle = 0;
    self->seen[i].stack = sum;
}

/* The same line that looks at one object after another, as in a scan of cells, is no loop that waits: only who has been
 * through all of them twice and found nothing else has. */
void schedule_looked(uintptr_t pc, uint64_t value)
{
    struct thread *self = schedule.current;
    const uintptr_t object = self->operation.object;
    unsigned i = 0;
    while (i < self->seen_count && (self->seen[i].pc != pc || self->seen[i].object != object))
        i++;
    if (i == self->seen_count) {
        i = i == SEEN_MAX ? 0 : self->seen_count++;
        self->repeats = 0;
    } else if (self->seen[i].value != value) {
        self->repeats = 0;
    } else {
        compare_stack(self, i);
        if (++self->repeats >= 2 * self->seen_count)
            schedule_yield();
    }
    self->seen[i].pc = pc;
    self->seen[i].object = object;
    self->seen[i].value = value;
}

static void thread_entry(void)
{
    struct thread *self = schedule.current;
    self->started = true;
    errno = 0;
    schedule_finish(self->start(self->argument));
}

static struct thread *add_thread(void *(*start)(void *), void *argument)
{
    if (schedule.count == THREADS_MAX)
        verdict_unsupported("more than %d threads in one run", THREADS_MAX);
    struct thread *thread = &schedule.threads[schedule.count];
    thread->id = schedule.count++;
    thread->process = 0;
    thread->slot = thread->id;
    thread->blocked = thread->pending = 0;
    thread->timer = thread->masked = thread->rests = false;
    thread->handling = 0;
    thread->alive = true;
    thread->started = thread->detached = thread->joined = thread->yielded = false;
    thread->operation = (struct operation){.words = "start"};
    thread->wait = (struct wait){.deadline = NEVER};
    thread->start = start;
    thread->argument = argument;
    thread->result = thread->cleanup = NULL;
    thread->depth = thread->seen_count = thread->repeats = thread->turns = 0;
    thread->held = 0;
    thread->starts_left = thread->blocks_left = UINT_MAX;
    clock_clear(&thread->clock);
    clock_clear(&thread->acquired);
    clock_clear(&thread->released);
    clock_clear(&thread->view);
    tls_keys_clear(thread);
    schedule.alive++;
    const struct range stack = region_stack(thread->id);
    if (region_has_tls())
        region_tls_reset(thread->id);
    thread->stack_end = (uintptr_t)stack.end;
    fiber_prepare(&thread->fiber, stack.begin, (size_t)(stack.end - stack.begin), thread_entry);
    return thread;
}

struct thread *schedule_create(void *(*start)(void *), void *argument)
{
    struct thread *thread = add_thread(start, argument);
    thread->process = schedule.current->process;
    thread->blocked = schedule.current->blocked;
    schedule_release(&thread->clock);
    clock_set(&thread->clock, (uint32_t)thread->id, 1);
    return thread;
}

_Noreturn void schedule_resume_another(void)
{
    resume_another();
    __builtin_unreachable();
}

_Noreturn void schedule_finish(void *result)
{
    struct thread *self = schedule.current;
    tls_keys_destroy(self);
    if (trace_active)
        trace_settle();
    /* No point here: that a thread has ended only a join can notice, and it waits for this. */
    self->result = result;
    self->alive = false;
    schedule.alive--;
    schedule_changed();
    deadlock_check_end(self);
    family_thread_ended(self);
    process_thread_ended();
    schedule_resume_another();
}

void schedule_release(struct clock *into)
{
    struct thread *self = schedule.current;
    clock_join(into, &self->clock);
    self->clock.at[self->id]++;
}

void schedule_acquire(const struct clock *from)
{
    clock_join(&schedule.current->clock, from);
}

static void *run_program(void *argument)
{
    (void)argument;
    program();
    return NULL;
}

void schedule_run(void (*entry)(void))
{
    program = entry;
    prefix = strategy_prefix();
    schedule.count = schedule.alive = 0;
    schedule.number++;
    schedule.now = schedule.date = 0;
    schedule.restless = false;
    schedule.decisions = schedule.steps = schedule.idle = schedule.changed_at = 0;
    schedule.plain = 0;
    schedule.doomed = 0;
    struct thread *first = add_thread(run_program, NULL);
    clock_set(&first->clock, 0, 1);
    enter(first);
    fiber_switch(&host, &first->fiber);
    if (region_has_tls())
        region_tls_enter(-1);
}

_Noreturn void schedule_leave(void)
{
    struct fiber abandoned;
    fiber_switch(&abandoned, &host);
    __builtin_unreachable();
}
