/*
 * fiber.h: threads of execution that share one OS thread and change over only when told to.
 *
 * A fiber is a saved stack pointer; its stack belongs to the caller. Nothing here is thread safe and nothing
 * blocks. Registers a function must preserve are kept (System V x86_64); floating-point modes are not.
 */
#ifndef EXPLORE_FIBER_H
#define EXPLORE_FIBER_H

#include <stddef.h>

struct fiber {
    void *stack_pointer; /* valid while the fiber is not running */
};

/* fiber_prepare: makes the first switch to `fiber` call entry(), which must not return. `stack` (lowest
 * address, 16-aligned) of `size` bytes must outlive the fiber. */
void fiber_prepare(struct fiber *fiber, void *stack, size_t size, void (*entry)(void));

/* fiber_switch: saves the running fiber in `from` and goes on with `to`; returns when somebody switches back to
 * `from`, or never. */
void fiber_switch(struct fiber *from, const struct fiber *to);

#endif
