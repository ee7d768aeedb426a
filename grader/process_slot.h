/*
 * process_slot.h: one place in which programs run, one after the other, on a libuv loop.
 */
#ifndef GRADER_PROCESS_SLOT_H
#define GRADER_PROCESS_SLOT_H

#include <stdbool.h>
#include <uv.h>

#include "process.h"

struct process_slot;

/* Called from the loop when a run is over and the slot can take the next. With `good` the result is filled; without,
 * our own machinery failed, and what there is of the result is to be released. */
typedef void process_slot_free_callback(struct process_slot *slot, bool good, void *context);

/* process_slot_create: an empty slot on `loop`. Returns NULL without memory; release with free() after the loop has
 * nothing to do any more. */
struct process_slot *process_slot_create(uv_loop_t *loop, process_slot_free_callback *on_free, void *context);

/* process_slot_start: starts a program in a free slot. Does not block; the loop must be run. `spec` may go, what it
 * points to and `result` must stay until on_free is called, which is in any case. */
void process_slot_start(struct process_slot *slot, const struct process_spec *spec, struct process_result *result);

/* process_slot_end: has the program in the slot, if there is one, killed because of `why`; the first reason counts. */
void process_slot_end(struct process_slot *slot, enum process_end why);

#endif
