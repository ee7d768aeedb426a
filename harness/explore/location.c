#include "location.h"

#include <stdatomic.h>

#include "arena.h"
#include "memory.h"
#include "schedule.h"

enum { HISTORY = 8, NO_THREAD = -1 };

struct reader {
    struct reader *next;
    int thread;
    uint32_t clock;
};

struct store {
    uint64_t value;
    int thread; /* NO_THREAD: was there before everything */
    uint32_t clock;
    struct clock *released; /* NULL: nothing travels with it */
    struct reader *readers;
};

struct location {
    struct clock released;
    int releaser;         /* thread whose release sequence this is, NO_THREAD: none */
    struct store *stores; /* weak mode: HISTORY of them, in a circle */
    uint32_t count;
};

static bool weak_orders;
static struct clock strict; /* of the sequentially consistent operations so far */

void location_reset(void)
{
    clock_clear(&strict);
}

struct location *location_find(uintptr_t address, uintptr_t pc)
{
    void **slot = memory_attached(address, ATTACHED_ATOMIC, pc);
    if (slot != NULL && *slot != NULL)
        return *slot;
    struct location *location = arena_take(sizeof *location);
    clock_clear(&location->released);
    location->releaser = NO_THREAD;
    location->stores = NULL;
    location->count = 0;
    if (slot != NULL)
        *slot = location;
    return location;
}

static bool acquires(int order)
{
    return order == memory_order_acquire || order == memory_order_consume || order == memory_order_acq_rel ||
           order == memory_order_seq_cst;
}

static bool releases(int order)
{
    return order == memory_order_release || order == memory_order_acq_rel || order == memory_order_seq_cst;
}

static void strict_enter(int order)
{
    weak_orders |= order != memory_order_seq_cst;
    if (schedule.weak && order == memory_order_seq_cst)
        clock_join(&thread_self()->view, &strict);
}

static void strict_leave(int order)
{
    if (schedule.weak && order == memory_order_seq_cst)
        schedule_release(&strict);
}

static void learn(const struct clock *released, int order)
{
    if (released == NULL)
        return;
    if (acquires(order))
        schedule_acquire(released);
    else
        clock_join(&thread_self()->acquired, released);
}

static struct store *store_at(const struct location *location, uint32_t index)
{
    return &location->stores[index % HISTORY];
}

static void push(struct location *location, uint64_t value, int thread, uint32_t clock)
{
    struct store *store = store_at(location, location->count++);
    *store = (struct store){.value = value, .thread = thread};
    if (thread == NO_THREAD)
        return;
    store->clock = clock;
    if (location->released.length > 0) {
        store->released = arena_take(sizeof *store->released);
        clock_copy(store->released, &location->released);
    }
}

/* The history starts, or starts again after a plain write (of an initialisation), with what memory holds. */
static void refresh(struct location *location, uint64_t value)
{
    if (location->stores == NULL)
        location->stores = arena_zero(HISTORY * sizeof *location->stores);
    if (location->count > 0 && store_at(location, location->count - 1)->value == value)
        return;
    location->count = 0;
    push(location, value, NO_THREAD, 0);
}

static bool knows(const struct thread *thread, int other, uint32_t clock)
{
    return other == NO_THREAD || other == thread->id || clock <= clock_get(&thread->clock, (uint32_t)other) ||
           clock <= clock_get(&thread->view, (uint32_t)other);
}

static bool is_floor(const struct thread *self, const struct store *store)
{
    if (knows(self, store->thread, store->clock))
        return true;
    for (const struct reader *reader = store->readers; reader != NULL; reader = reader->next)
        if (knows(self, reader->thread, reader->clock))
            return true;
    return false;
}

static uint64_t read_weak(struct location *location, uint64_t value, int order)
{
    struct thread *self = thread_self();
    refresh(location, value);
    const uint32_t kept = location->count < HISTORY ? location->count : HISTORY;
    uint32_t possible = 1;
    while (possible < kept && !is_floor(self, store_at(location, location->count - possible)))
        possible++;
    /* who asks again and again must be told the news at last */
    const unsigned back = schedule_choose(self->repeats > 2 ? 1 : possible);
    struct store *store = store_at(location, location->count - 1 - back);
    struct reader *reader = arena_take(sizeof *reader);
    *reader = (struct reader){store->readers, self->id, self->clock.at[self->id]};
    store->readers = reader;
    learn(store->released, order);
    return store->value;
}

uint64_t location_read(struct location *location, uint64_t value, int order)
{
    strict_enter(order);
    if (schedule.weak)
        return read_weak(location, value, order);
    learn(&location->released, order);
    return value;
}

/* A compare-and-exchange that fails. That it might be told an older value is not modelled. */
void location_read_last(struct location *location, uint64_t value, int order)
{
    (void)value;
    strict_enter(order);
    learn(&location->released, order);
}

void location_write(struct location *location, uint64_t old, uint64_t value, int order)
{
    struct thread *self = thread_self();
    const uint32_t clock = self->clock.at[self->id]; /* before the release ticks */
    strict_enter(order);
    if (schedule.weak)
        refresh(location, old);
    if (releases(order)) {
        clock_clear(&location->released);
        schedule_release(&location->released);
        location->releaser = self->id;
    } else if (location->releaser != self->id) {
        clock_copy(&location->released, &self->released);
        location->releaser = self->released.length > 0 ? self->id : NO_THREAD;
    } else {
        clock_join(&location->released, &self->released);
    }
    if (schedule.weak)
        push(location, value, self->id, clock);
    strict_leave(order);
}

void location_update(struct location *location, uint64_t old, uint64_t value, int order)
{
    struct thread *self = thread_self();
    const uint32_t clock = self->clock.at[self->id]; /* before the release ticks */
    strict_enter(order);
    if (schedule.weak)
        refresh(location, old);
    learn(&location->released, order);
    if (releases(order))
        schedule_release(&location->released);
    else
        clock_join(&location->released, &self->released);
    if (schedule.weak)
        push(location, value, self->id, clock);
    strict_leave(order);
}

void location_fence(int order)
{
    struct thread *self = thread_self();
    if (acquires(order))
        clock_join(&self->clock, &self->acquired);
    strict_enter(order);
    if (releases(order)) {
        clock_copy(&self->released, &self->clock);
        self->clock.at[self->id]++;
    }
    strict_leave(order);
}

bool location_weak_orders_seen(void)
{
    return weak_orders;
}
