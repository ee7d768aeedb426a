/*
 * heap.h: malloc and free of the program. Blocks come one after the other from the region's bottom, each behind a
 * small header, and are never given out twice within a run, so that every use after free is seen. What lies between two
 * of them belongs to nobody.
 */
#ifndef EXPLORE_HEAP_H
#define EXPLORE_HEAP_H

#include <stddef.h>
#include <stdint.h>

void heap_reset(void);

/* heap_top: what is allocated next will lie above it, by whichever process: only what was there when it was forked has
 * the same address in another one. */
const char *heap_top(void);

/* heap_get_state, heap_set_state: what must change with the heap's contents when another process gets the turn. */
struct heap_state {
    void *first, *last;
};
struct heap_state heap_get_state(void);
void heap_set_state(struct heap_state state);

/* heap_take: a block of `bytes`, filled with a pattern, at a multiple of `alignment` (a power of 2, at least 16). */
void *heap_take(size_t bytes, size_t alignment, uintptr_t pc);

/* heap_ask: the same for what the program asks for: NULL, and errno ENOMEM, when its thread has had all that it may
 * (scenario_limit_memory). */
void *heap_ask(size_t bytes, size_t alignment, uintptr_t pc);

/* heap_give_back: free(). Ends the run if `block` is not one that may be freed. NULL is ignored. */
void heap_give_back(void *block, uintptr_t pc);

/* heap_tell_outside: ends the run with VERDICT_OUT_OF_BOUNDS, since `address`, which lies between blocks, was used, and
 * says which block it has missed. */
_Noreturn void heap_tell_outside(uintptr_t address);

/* heap_check_leaks: ends the run with VERDICT_MEMORY_LEAK if a block is left that no variable of the program leads to.
 */
void heap_check_leaks(void);

#endif
