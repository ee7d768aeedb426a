/*
 * atomics.c: the functions gcc and clang call in place of C11 and __atomic operations. Each is a scheduling point.
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "coverage.h"
#include "location.h"
#include "memory.h"
#include "schedule.h"
#include "sync.h"
#include "trace.h"
#include "verdict.h"

enum { ORDER_BITS = 7 };

static struct location *enter(const volatile void *address, size_t size, bool reads, const char *words, uintptr_t pc)
{
    const uintptr_t at = (uintptr_t)address;
    coverage_note(pc);
    schedule_point((struct operation){.object = at, .reads = reads, .words = words, .pc = pc}, NULL);
    memory_access(at, size, ACCESS_ATOMIC | (reads ? ACCESS_READ : ACCESS_WRITE), pc);
    return location_find(at, pc);
}

static void told(uint64_t old, uint64_t value, uintptr_t pc)
{
    if (old == value)
        schedule_looked(pc, old);
    else
        schedule_changed();
}

/* A weak compare-and-exchange may fail for no reason. */
static bool fails_spuriously(void)
{
    const bool may = schedule.spurious && schedule.spurious_left > 0;
    if (schedule_choose(may ? 2 : 1) == 0)
        return false;
    schedule.spurious_left--;
    return true;
}

#define LOAD_STORE(bits, type)                                                                                         \
    type __tsan_atomic##bits##_load(const volatile type *at, int order);                                               \
    type __tsan_atomic##bits##_load(const volatile type *at, int order)                                                \
    {                                                                                                                  \
        struct location *location = enter(at, sizeof *at, true, "load", PC);                                           \
        const type value = (type)location_read(location, *at, order & ORDER_BITS);                                     \
        trace_value("reads", (uintptr_t)at, value, PC);                                                                \
        schedule_looked(PC, value);                                                                                    \
        return value;                                                                                                  \
    }                                                                                                                  \
    void __tsan_atomic##bits##_store(volatile type *at, type value, int order);                                        \
    void __tsan_atomic##bits##_store(volatile type *at, type value, int order)                                         \
    {                                                                                                                  \
        struct location *location = enter(at, sizeof *at, false, "store", PC);                                         \
        const type old = *at;                                                                                          \
        location_write(location, old, value, order &ORDER_BITS);                                                       \
        *at = value;                                                                                                   \
        trace_value("writes", (uintptr_t)at, value, PC);                                                               \
        told(old, value, PC);                                                                                          \
    }

#define UPDATE(bits, type, name, expression)                                                                           \
    type __tsan_atomic##bits##_##name(volatile type *at, type operand, int order);                                     \
    type __tsan_atomic##bits##_##name(volatile type *at, type operand, int order)                                      \
    {                                                                                                                  \
        struct location *location = enter(at, sizeof *at, false, #name, PC);                                           \
        const type old = *at, value = (type)(expression);                                                              \
        location_update(location, old, value, order &ORDER_BITS);                                                      \
        *at = value;                                                                                                   \
        trace_value("writes", (uintptr_t)at, value, PC);                                                               \
        told(old, value, PC);                                                                                          \
        return old;                                                                                                    \
    }

#define COMPARE(bits, type)                                                                                            \
    static type compare##bits(volatile type *at, type expected, type value, int order, int failed, bool weak,          \
                              bool *done, uintptr_t pc)                                                                \
    {                                                                                                                  \
        struct location *location = enter(at, sizeof *at, false, "compare_exchange", pc);                              \
        const type old = *at;                                                                                          \
        *done = (!weak || !fails_spuriously()) && old == expected;                                                     \
        if (*done) {                                                                                                   \
            location_update(location, old, value, order &ORDER_BITS);                                                  \
            *at = value;                                                                                               \
            trace_value("writes", (uintptr_t)at, value, pc);                                                           \
            told(old, value, pc);                                                                                      \
        } else {                                                                                                       \
            location_read_last(location, old, failed &ORDER_BITS);                                                     \
            trace_value("compares, finds", (uintptr_t)at, old, pc);                                                    \
            schedule_looked(pc, old);                                                                                  \
        }                                                                                                              \
        return old;                                                                                                    \
    }                                                                                                                  \
    COMPARE_ONE(bits, type, strong, false)                                                                             \
    COMPARE_ONE(bits, type, weak, true)                                                                                \
    type __tsan_atomic##bits##_compare_exchange_val(volatile type *at, type expected, type value, int order, int f);   \
    type __tsan_atomic##bits##_compare_exchange_val(volatile type *at, type expected, type value, int order, int f)    \
    {                                                                                                                  \
        bool done;                                                                                                     \
        return compare##bits(at, expected, value, order, f, false, &done, PC);                                         \
    }

#define COMPARE_ONE(bits, type, name, may_fail)                                                                        \
    int __tsan_atomic##bits##_compare_exchange_##name(volatile type *at, type *expected, type value, int order,        \
                                                      int failed);                                                     \
    int __tsan_atomic##bits##_compare_exchange_##name(volatile type *at, type *expected, type value, int order,        \
                                                      int failed)                                                      \
    {                                                                                                                  \
        bool done;                                                                                                     \
        const type old = compare##bits(at, *expected, value, order, failed, may_fail, &done, PC);                      \
        if (!done)                                                                                                     \
            *expected = old;                                                                                           \
        return done;                                                                                                   \
    }

#define ATOMICS(bits, type)                                                                                            \
    LOAD_STORE(bits, type)                                                                                             \
    UPDATE(bits, type, exchange, operand)                                                                              \
    UPDATE(bits, type, fetch_add, old + operand)                                                                       \
    UPDATE(bits, type, fetch_sub, old - operand)                                                                       \
    UPDATE(bits, type, fetch_and, old &operand)                                                                        \
    UPDATE(bits, type, fetch_or, old | operand)                                                                        \
    UPDATE(bits, type, fetch_xor, old ^ operand)                                                                       \
    UPDATE(bits, type, fetch_nand, ~(old & operand))                                                                   \
    COMPARE(bits, type)

ATOMICS(8, uint8_t)
ATOMICS(16, uint16_t)
ATOMICS(32, uint32_t)
ATOMICS(64, uint64_t)

void __tsan_atomic_thread_fence(int order);
void __tsan_atomic_thread_fence(int order)
{
    if ((order & ORDER_BITS) == memory_order_seq_cst)
        schedule_point((struct operation){.object = (uintptr_t)&schedule, .words = "fence", .pc = PC}, NULL);
    location_fence(order & ORDER_BITS);
}

void __tsan_atomic_signal_fence(int order);
void __tsan_atomic_signal_fence(int order)
{
    (void)order;
}
