/*
 * tsan.c: the functions gcc and clang call before each plain access when they compile with -fsanitize=thread.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "coverage.h"
#include "family.h"
#include "memory.h"
#include "schedule.h"
#include "sync.h"
#include "trace.h"

enum { PLAIN_MAX = 50000 };

void __tsan_init(void);
void __tsan_init(void)
{
}

void __tsan_func_entry(void *caller);
void __tsan_func_entry(void *caller)
{
    struct thread *self = thread_self();
    if (self->depth < CALLS_MAX)
        self->calls[self->depth] = (uintptr_t)caller;
    self->depth++;
}

void __tsan_func_exit(void);
void __tsan_func_exit(void)
{
    thread_self()->depth--;
}

/* A loop on a plain variable never meets a scheduling point: others must get their turn, too. */
static void plain_turn(uintptr_t pc)
{
    schedule_yield();
    schedule_point((struct operation){.words = "compute", .pc = pc}, NULL);
}

static inline void plain(const void *address, size_t size, unsigned access, uintptr_t pc)
{
    coverage_note(pc);
    if (++schedule.plain > PLAIN_MAX)
        plain_turn(pc);
    if (schedule.split != 0 && (uintptr_t)address / 8 <= schedule.split / 8 &&
        ((uintptr_t)address + size - 1) / 8 >= schedule.split / 8)
        schedule_point((struct operation){.object = schedule.split, .words = "access", .pc = pc}, NULL);
    if (schedule.doomed != 0 && access & ACCESS_WRITE && schedule.doomed >> thread_self()->process % 64 & 1 &&
        family_is_shared((uintptr_t)address)) {
        schedule_point((struct operation){.object = (uintptr_t)address / 8 * 8, .words = "write", .pc = pc}, NULL);
        trace_event(pc, "writes");
    }
    if (access & ACCESS_WRITE && !schedule_own_stack((uintptr_t)address)) {
        schedule.idle = 0;
        schedule.changed_at = schedule.steps;
    }
    if (trace_active)
        trace_plain((uintptr_t)address, size, access & ACCESS_WRITE, pc);
    memory_access((uintptr_t)address, size, access, pc);
}

#define PLAIN_ONE(name, size, access)                                                                                  \
    void name(void *address);                                                                                          \
    void name(void *address)                                                                                           \
    {                                                                                                                  \
        plain(address, size, access, PC);                                                                              \
    }

#define PLAIN(size)                                                                                                    \
    PLAIN_ONE(__tsan_read##size, size, ACCESS_READ)                                                                    \
    PLAIN_ONE(__tsan_write##size, size, ACCESS_WRITE)                                                                  \
    PLAIN_ONE(__tsan_unaligned_read##size, size, ACCESS_READ)                                                          \
    PLAIN_ONE(__tsan_unaligned_write##size, size, ACCESS_WRITE)                                                        \
    PLAIN_ONE(__tsan_volatile_read##size, size, ACCESS_READ)                                                           \
    PLAIN_ONE(__tsan_volatile_write##size, size, ACCESS_WRITE)                                                         \
    PLAIN_ONE(__tsan_unaligned_volatile_read##size, size, ACCESS_READ)                                                 \
    PLAIN_ONE(__tsan_unaligned_volatile_write##size, size, ACCESS_WRITE)                                               \
    PLAIN_ONE(__tsan_read_write##size, size, ACCESS_WRITE)                                                             \
    PLAIN_ONE(__tsan_unaligned_read_write##size, size, ACCESS_WRITE)

PLAIN(1)
PLAIN(2)
PLAIN(4)
PLAIN(8)
PLAIN(16)

void __tsan_read_range(void *address, size_t size);
void __tsan_read_range(void *address, size_t size)
{
    plain(address, size, ACCESS_READ, PC);
}

void __tsan_write_range(void *address, size_t size);
void __tsan_write_range(void *address, size_t size)
{
    plain(address, size, ACCESS_WRITE, PC);
}

void *__tsan_memcpy(void *into, const void *from, size_t size);
void *__tsan_memcpy(void *into, const void *from, size_t size)
{
    plain(from, size, ACCESS_READ, PC);
    plain(into, size, ACCESS_WRITE, PC);
    return memmove(into, from, size);
}

void *__tsan_memmove(void *into, const void *from, size_t size);
void *__tsan_memmove(void *into, const void *from, size_t size)
{
    plain(from, size, ACCESS_READ, PC);
    plain(into, size, ACCESS_WRITE, PC);
    return memmove(into, from, size);
}

void *__tsan_memset(void *into, int byte, size_t size);
void *__tsan_memset(void *into, int byte, size_t size)
{
    plain(into, size, ACCESS_WRITE, PC);
    return memset(into, byte, size);
}
