/*
 * region.h: where the explored program's memory lies, and how it is put back before each schedule.
 *
 *   heap    at a fixed address, HEAP_BYTES          filled from the bottom, see heap.h
 *   stacks  right above it, one slot for each thread (main's is larger), a guard page at each slot's bottom
 *   globals the program's .data and .bss, between the marks the objects first.o and last.o leave in both
 *   TLS     thread-local variables, between marks too; each thread slot has a block of its own
 *
 * Addresses are the same in every run: the executable is not position independent, and the rest is fixed.
 */
#ifndef EXPLORE_REGION_H
#define EXPLORE_REGION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    THREADS_MAX = 128,
    MAIN_STACK_BYTES = 8 << 20,
    STACK_BYTES = 512 << 10,
    HEAP_BYTES = 64 << 20, /* the private part */
    SHARED_BYTES = 8 << 20,
    GUARD_BYTES = 4096,
    DEAD_FRAMES = 4096, /* of main's stack: what returned functions left there is still looked at, see heap.c */
};
#define REGION_BASE  0x100000000000ul
#define SHARED_BASE  (REGION_BASE + HEAP_BYTES)
#define STACKS_BASE  (SHARED_BASE + SHARED_BYTES)
#define REGION_BYTES ((uintptr_t)HEAP_BYTES + SHARED_BYTES + MAIN_STACK_BYTES + (uintptr_t)THREADS_MAX * STACK_BYTES)

struct range {
    char *begin, *end;
};

/* region_open: maps the heap and the stacks and remembers the program's globals as they are now. Call once, before
 * anything of the program has run. Ends the process with EXIT_BROKEN if memory cannot be had. */
void region_open(void);

/* region_restore: puts the globals back to what region_open saw, and clears the first DEAD_FRAMES bytes that main will
 * use of its stack. */
void region_restore(void);

/* region_stack: the stack of thread slot `id`, without its guard page. */
struct range region_stack(int id);

/* region_is_guard: whether `address` lies in a stack's guard page (then the stack was too small). */
bool region_is_guard(uintptr_t address);

/* region_data, region_bss: the program's own globals. region_tls: the thread-local variables of thread slot `id`, empty
 * if the program has none. */
struct range region_data(void);
struct range region_bss(void);
struct range region_tls(int id);

/* region_has_tls: whether the program has thread-local variables. */
bool region_has_tls(void);

/* region_tls_end: the end of what lies above region_stack(id).end for thread-local variables. */
char *region_tls_end(int id);

/* region_tls_reset: gives thread slot `id` its thread-local variables as the program's file has them.
 * region_tls_enter: makes slot `id`'s (-1: the explorer's own) the ones the running code sees.
 * Only when region_has_tls. */
void region_tls_reset(int id);
void region_tls_enter(int id);

#endif
