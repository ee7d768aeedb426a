/*
 * location.h: atomic variables: which clocks travel with their values, and, in weak-memory mode, which older values a
 * load may still return.
 *
 * Happened-before follows C17: a release store hands on the thread's clock, to whoever reads it or a read-modify-write
 * that continues its sequence, or a later relaxed store by the same thread; a relaxed store hands on what the thread
 * knew at its last release fence; a relaxed load keeps what it read for the next acquire fence.
 * Weak mode keeps the last stores of each variable. A load must not return one that is older than a store it knows of
 * (itself, or that another event it knows of has read or written). Sequentially consistent operations and fences
 * share one clock more: what was stored before one is seen after the next.
 */
#ifndef EXPLORE_LOCATION_H
#define EXPLORE_LOCATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct location;

/* location_find: the variable at `address`; never NULL. */
struct location *location_find(uintptr_t address, uintptr_t pc);

/* location_read: the running thread loads; `value` is what memory holds. Returns what it is told (in weak
 * mode perhaps an older value). location_read_last: it can be told nothing but `value`. location_write: it stores.
 * location_update: read-modify-write from `old` to `value`. `order`: memory_order. */
uint64_t location_read(struct location *location, uint64_t value, int order);
void location_read_last(struct location *location, uint64_t value, int order);
void location_write(struct location *location, uint64_t old, uint64_t value, int order);
void location_update(struct location *location, uint64_t old, uint64_t value, int order);

/* location_fence: atomic_thread_fence by the running thread. location_reset: before each run. */
void location_fence(int order);
void location_reset(void);

/* location_weak_orders_seen: whether the program has used an order weaker than sequentially consistent in any run. */
bool location_weak_orders_seen(void);

#endif
