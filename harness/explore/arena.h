/*
 * arena.h: the explorer's own memory for one schedule: given out from the bottom, all taken back at once.
 */
#ifndef EXPLORE_ARENA_H
#define EXPLORE_ARENA_H

#include <stddef.h>

/* arena_take: `bytes` of memory, 16-aligned, not cleared, until the next arena_reset. Ends the run as
 * unsupported when a schedule needs too much; never returns NULL. */
void *arena_take(size_t bytes);

/* arena_zero: the same, cleared. arena_take_cleared: only its first `cleared` bytes. */
void *arena_zero(size_t bytes);
void *arena_take_cleared(size_t bytes, size_t cleared);

void arena_reset(void);

#endif
