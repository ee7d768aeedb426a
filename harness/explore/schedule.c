#include "schedule.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "deadlock.h"
#include "family.h"
#include "process.h"
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

struct options {
    uint16_t values[2 * THREADS_MAX];
    unsigned count;
    uint16_t timed[THREADS_MAX], lazy[THREADS_MAX], spurious[THREADS_MAX];
    unsigned timed_count, lazy_count, spurious_count;
};

static void sort_thread(struct options *options, struct thread *thread)
{
    const uint16_t id = (uint16_t)thread->id;
    if (thread->wait.ready == NULL || thread->wait.ready(thread->wait.argument)) {
        if (thread->yielded)
            options->lazy[options->lazy_count++] = (uint16_t)(2 * id);
        else
            options->values[options->count++] = (uint16_t)(2 * id);
    } else if (thread->wait.deadline != NEVER) {
        options->timed[options->timed_count++] = (uint16_t)(2 * id + 1);
    } else if (thread->wait.spurious && schedule.spurious && schedule.spurious_left > 0) {
        options->spurious[options->spurious_count++] = (uint16_t)(2 * id + 1);
    }
}

/* In a circle from the running thread on, so that the first is the default. */
static void collect(struct options *options)
{
    options->count = options->timed_count = options->lazy_count = options->spurious_count = 0;
    const int from = schedule.current->id;
    schedule.work += (unsigned)schedule.count;
    for (int id = from; id < schedule.count; id++)
        if (schedule.threads[id].alive)
            sort_thread(options, &schedule.threads[id]);
    for (int id = 0; id < from; id++)
        if (schedule.threads[id].alive)
            sort_thread(options, &schedule.threads[id]);
}

static void append(struct options *options, const uint16_t *values, unsigned count)
{
    memcpy(&options->values[options->count], values, count * sizeof *values);
    options->count += count;
}

/* Time passes only when nobody has anything to do: the earliest goes first. */
static void earliest_first(struct options *options)
{
    unsigned first = 0;
    for (unsigned i = 1; i < options->timed_count; i++)
        if (schedule.threads[options->timed[i] / 2].wait.deadline <
            schedule.threads[options->timed[first] / 2].wait.deadline)
            first = i;
    const uint16_t value = options->timed[first];
    memmove(&options->timed[1], &options->timed[0], first * sizeof value);
    options->timed[0] = value;
}

static void nobody_busy(struct options *options)
{
    if (options->timed_count > 0) {
        earliest_first(options);
        append(options, options->timed, options->timed_count);
        append(options, options->lazy, options->lazy_count);
        return;
    }
    if (options->lazy_count == 0)
        deadlock_report();
    bool all_look = true;
    for (unsigned i = 0; i < options->lazy_count; i++)
        all_look &= schedule.threads[options->lazy[i] / 2].repeats > 0;
    if (all_look && ++schedule.idle > PATIENCE * (unsigned)schedule.alive)
        deadlock_report_livelock();
    append(options, options->lazy, options->lazy_count);
    for (unsigned i = 0; i < options->lazy_count; i++)
        schedule.threads[options->lazy[i] / 2].yielded = false;
}

static uint16_t decide(void)
{
    static struct options options;
    collect(&options);
    const bool stays = options.count > 0 && options.values[0] == 2 * schedule.current->id;
    if (options.count == 0) {
        nobody_busy(&options);
    } else {
        if (!schedule.sleepers_last)
            append(&options, options.timed, options.timed_count);
        append(&options, options.spurious, options.spurious_count);
    }
    const struct choice choice = {options.values, options.count, true, stays};
    return options.values[strategy_pick(&choice, schedule.decisions++)];
}

/* A thread that goes on and on is asked to let the others have a turn. */
static void watch_turns(const struct thread *next)
{
    if (next == schedule.current && ++schedule.current->turns > QUANTUM) {
        schedule.current->turns = 0;
        schedule.current->yielded = true;
    } else if (next != schedule.current) {
        schedule.current->turns = 0;
    }
}

/* Those that had nothing to do may have again. */
static void rouse(void)
{
    schedule.idle = 0;
    schedule.current->seen_count = schedule.current->repeats = 0;
    for (int id = 0; id < schedule.count; id++)
        if (&schedule.threads[id] != schedule.current)
            schedule.threads[id].yielded = false;
}

static void wake(struct thread *thread, bool odd)
{
    thread->woken = WAKE_READY;
    if (odd && thread->wait.deadline != NEVER) {
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
        region_tls_enter(next->id);
}

/* So many steps without a change are no loop that ends by counting. */
static void watch_length(void)
{
    schedule.steps++;
    if (schedule.steps - schedule.changed_at > BARREN)
        deadlock_report_livelock();
    if (schedule.steps > STEPS_MAX)
        verdict_end(VERDICT_CUT, "a schedule of more than %d steps", STEPS_MAX);
}

static void resume_another(void)
{
    struct thread *self = schedule.current;
    watch_length();
    schedule.work += schedule.plain / PLAIN_PER_WORK;
    schedule.plain = 0;
    const uint16_t value = decide();
    struct thread *next = &schedule.threads[value / 2];
    watch_turns(next);
    wake(next, value % 2 == 1);
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

enum wake schedule_point(struct operation operation, const struct wait *wait)
{
    static const struct wait at_once = {.deadline = NEVER};
    struct thread *self = schedule.current;
    if (trace_active)
        trace_settle();
    self->operation = operation;
    self->wait = wait != NULL ? *wait : at_once;
    resume_another();
    return self->woken;
}

unsigned schedule_choose(unsigned count)
{
    static uint16_t numbers[2 * THREADS_MAX];
    if (count > 2 * THREADS_MAX)
        count = 2 * THREADS_MAX;
    for (unsigned i = 0; i < count; i++)
        numbers[i] = (uint16_t)i;
    const struct choice choice = {numbers, count, false, false};
    return strategy_pick(&choice, schedule.decisions++);
}

void schedule_yield(void)
{
    schedule.current->yielded = true;
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

void schedule_looked(uintptr_t pc, uint64_t value)
{
    struct thread *self = schedule.current;
    unsigned i = 0;
    while (i < self->seen_count && self->seen[i].pc != pc)
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
    thread->alive = true;
    thread->started = thread->detached = thread->joined = thread->yielded = false;
    thread->operation = (struct operation){.words = "start"};
    thread->wait = (struct wait){.deadline = NEVER};
    thread->start = start;
    thread->argument = argument;
    thread->result = NULL;
    thread->depth = thread->seen_count = thread->repeats = thread->turns = 0;
    thread->held = 0;
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
    schedule.count = schedule.alive = 0;
    schedule.number++;
    schedule.now = 0;
    schedule.decisions = schedule.steps = schedule.idle = schedule.changed_at = 0;
    schedule.plain = 0;
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
