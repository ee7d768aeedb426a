#include "process.h"

#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <uv.h>

#include "process_interrupt.h"
#include "process_priority.h"
#include "process_slot.h"

struct batch {
    uv_loop_t loop;
    uv_poll_t interrupt;
    bool watches_interrupts;
    const struct process_spec *specs;
    struct process_result *results;
    size_t count, next;
    struct process_slot **slots;
    size_t slot_count;
    bool failed; /* our own fault: no memory, no supervisor */
};

void process_release(struct process_result *result)
{
    free(result->out);
    free(result->err);
    *result = (struct process_result){0};
}

static void end_all(struct batch *batch)
{
    for (size_t i = 0; i < batch->slot_count; i++)
        process_slot_end(batch->slots[i], PROCESS_INTERRUPTED);
}

/* Lets a free slot take the next program, if there is one. */
static void start_next(struct batch *batch, struct process_slot *slot)
{
    if (batch->next >= batch->count || batch->failed || process_interrupted())
        return;
    const size_t index = batch->next++;
    process_slot_start(slot, &batch->specs[index], &batch->results[index]);
}

static void on_free(struct process_slot *slot, bool good, void *context)
{
    struct batch *batch = context;
    if (!good) {
        batch->failed = true;
        end_all(batch);
    }
    start_next(batch, slot);
}

static void on_interrupt(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    uv_poll_stop(poll);
    end_all(poll->data);
}

static bool watch_interrupts(struct batch *batch)
{
    if (process_interrupt_event() < 0)
        return true;
    if (uv_poll_init(&batch->loop, &batch->interrupt, process_interrupt_event()) != 0)
        return false;
    batch->watches_interrupts = true;
    batch->interrupt.data = batch;
    uv_poll_start(&batch->interrupt, UV_READABLE, on_interrupt);
    uv_unref((uv_handle_t *)&batch->interrupt); /* the loop ends when the last program has */
    return true;
}

/* Gives what was never started its results. */
static bool settle_rest(struct batch *batch)
{
    for (size_t i = batch->next; i < batch->count; i++) {
        batch->results[i] = (struct process_result){.end = PROCESS_INTERRUPTED, .out = strdup(""), .err = strdup("")};
        if (batch->results[i].out == NULL || batch->results[i].err == NULL)
            return false;
    }
    return true;
}

/* Returns false without memory. */
static bool create_slots(struct batch *batch, size_t jobs)
{
    const size_t wanted = jobs < 1 ? 1 : jobs < batch->count ? jobs : batch->count;
    batch->slots = calloc(wanted, sizeof *batch->slots);
    while (batch->slots != NULL && batch->slot_count < wanted) {
        struct process_slot *slot = process_slot_create(&batch->loop, on_free, batch);
        if (slot == NULL)
            return false;
        batch->slots[batch->slot_count++] = slot;
    }
    return batch->slots != NULL;
}

static void free_slots(struct batch *batch)
{
    for (size_t i = 0; i < batch->slot_count; i++)
        free(batch->slots[i]);
    free(batch->slots);
}

static bool run_batch(struct batch *batch)
{
    if (!watch_interrupts(batch))
        return false;
    for (size_t i = 0; i < batch->slot_count; i++)
        start_next(batch, batch->slots[i]);
    uv_run(&batch->loop, UV_RUN_DEFAULT);
    if (batch->watches_interrupts)
        uv_close((uv_handle_t *)&batch->interrupt, NULL);
    uv_run(&batch->loop, UV_RUN_DEFAULT);
    return !batch->failed && settle_rest(batch);
}

bool process_run(const struct process_spec *specs, size_t count, size_t jobs, struct process_result *results)
{
    struct batch batch = {.specs = specs, .results = results, .count = count};
    if (count == 0)
        return true;
    memset(results, 0, count * sizeof *results);
    prctl(PR_SET_CHILD_SUBREAPER, 1); /* see process_tree_end_strays */
    if (uv_loop_init(&batch.loop) != 0)
        return false;
    const struct process_priority before = specs[0].stopwatch ? process_priority_raise() : process_priority_unchanged;
    const bool good = create_slots(&batch, jobs) && run_batch(&batch);
    process_priority_restore(&before);
    uv_loop_close(&batch.loop);
    free_slots(&batch);
    for (size_t i = 0; !good && i < count; i++)
        process_release(&results[i]);
    return good;
}
