#include "heap.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "handlers.h"
#include "memory.h"
#include "model.h"
#include "region.h"
#include "schedule.h"
#include "sync.h"
#include "tls_keys.h"
#include "trace.h"
#include "verdict.h"

enum { LIVE = 0x4c495645, FREED = 0x46524545, PATTERN = 0xa5, GUARD = 64 };

struct header {
    struct header *next;  /* allocated after this one */
    uintptr_t pc, caller; /* where it was allocated, and the call of the function that did */
    size_t size;
    uint32_t state;
    bool reached; /* by the search for leaks */
};

static char *top = (char *)REGION_BASE;
static uintptr_t guarded; /* up to here what is above `top` is known as nobody's */
static struct header *first, *last;

void heap_reset(void)
{
    top = (char *)REGION_BASE;
    guarded = 0;
    first = last = NULL;
}

const char *heap_top(void)
{
    return top;
}

struct heap_state heap_get_state(void)
{
    return (struct heap_state){first, last};
}

void heap_set_state(struct heap_state state)
{
    first = state.first;
    last = state.last;
}

static char *block_of(struct header *header)
{
    return (char *)(header + 1);
}

/* The explorer itself calls the outermost function of a thread. */
static uintptr_t caller(void)
{
    const struct thread *self = thread_self();
    return self->depth > 1 && self->depth <= CALLS_MAX ? self->calls[self->depth - 1] : 0;
}

/* Puts the block from `begin` up to `end` on top: what is before it and some bytes behind it are nobody's. */
static void guard(uintptr_t begin, uintptr_t end)
{
    memory_mark_outside((uintptr_t)top, begin, true);
    memory_mark_outside(begin, end < guarded ? end : guarded, false);
    top = (char *)((end + 16) & ~(uintptr_t)15);
    guarded = (uintptr_t)top + GUARD;
    memory_mark_outside(end, guarded, true);
}

void *heap_take(size_t bytes, size_t alignment, uintptr_t pc)
{
    handlers_forbid("malloc");
    if (bytes > HEAP_BYTES || alignment > HEAP_BYTES)
        verdict_unsupported("a program that allocates more than %d MiB in one run", HEAP_BYTES >> 20);
    uintptr_t at = (uintptr_t)top + sizeof(struct header);
    at = (at + alignment - 1) & ~(alignment - 1);
    if (at + bytes + 16 > REGION_BASE + HEAP_BYTES)
        verdict_unsupported("a program that allocates more than %d MiB in one run", HEAP_BYTES >> 20);
    struct header *header = (struct header *)at - 1;
    *header = (struct header){.pc = pc, .caller = caller(), .size = bytes, .state = LIVE};
    guard(at, at + bytes);
    if (last != NULL)
        last->next = header;
    else
        first = header;
    last = header;
    return memset(block_of(header), PATTERN, bytes);
}

static struct header *header_of(void *block, uintptr_t pc)
{
    const uintptr_t at = (uintptr_t)block;
    struct header *header = (struct header *)at - 1;
    if (at % 16 == 0 && at > REGION_BASE && at <= (uintptr_t)top && (header->state == LIVE || header->state == FREED))
        return header;
    sync_misuse(pc, "free of something that malloc did not give");
}

void heap_give_back(void *block, uintptr_t pc)
{
    if (block == NULL)
        return;
    handlers_forbid("free");
    struct header *header = header_of(block, pc);
    memory_free((uintptr_t)block, header->size, pc);
    header->state = FREED;
}

void heap_tell_outside(uintptr_t address)
{
    const struct header *before = NULL, *after = first;
    for (; after != NULL && (uintptr_t)after < address; after = after->next)
        before = after;
    /* Within a header: of the block behind it. */
    if (before != NULL && address < (uintptr_t)(before + 1)) {
        after = before;
        for (before = first; before != NULL && before->next != after; before = before->next)
            continue;
    }
    const uintptr_t missed = before != NULL ? address - ((uintptr_t)(before + 1) + before->size) : UINTPTR_MAX;
    const bool behind = after == NULL || missed <= (uintptr_t)(after + 1) - address;
    const struct header *block = behind && before != NULL ? before : after;
    if (block != NULL) {
        verdict_place(-1, block->pc, "allocated %zu bytes", block->size);
        if (block->caller != 0)
            verdict_place(-1, block->caller, "called from here");
    }
    verdict_end(VERDICT_OUT_OF_BOUNDS, block == before
                                           ? "what is used here lies past the end of the block that was allocated"
                                           : "what is used here lies in front of the block that was allocated");
}

/* Leaks: from all the program's variables and stacks, whatever looks like an address of a block is followed. */

struct blocks {
    struct header **items;
    size_t count, todo_count;
    struct header **todo;
};

static struct header *containing(const struct blocks *blocks, uintptr_t address)
{
    size_t low = 0, high = blocks->count;
    while (low < high) {
        const size_t middle = (low + high) / 2;
        if ((uintptr_t)blocks->items[middle] <= address)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return NULL;
    struct header *header = blocks->items[low - 1];
    const uintptr_t begin = (uintptr_t)block_of(header);
    return address >= begin && address <= begin + header->size ? header : NULL;
}

static void scan(struct blocks *blocks, const char *begin, const char *end)
{
    for (const uintptr_t *word = (const uintptr_t *)(((uintptr_t)begin + 7) & ~7ul); (const char *)(word + 1) <= end;
         word++) {
        if (*word - REGION_BASE >= HEAP_BYTES)
            continue;
        struct header *header = containing(blocks, *word);
        if (header != NULL && !header->reached && header->state == LIVE) {
            header->reached = true;
            blocks->todo[blocks->todo_count++] = header;
        }
    }
}

static void scan_roots(struct blocks *blocks)
{
    scan(blocks, region_data().begin, region_data().end);
    scan(blocks, region_bss().begin, region_bss().end);
    for (int id = 0; id < schedule.count; id++) {
        const struct thread *thread = &schedule.threads[id];
        const struct range stack = region_stack(id);
        const char *low = stack.end - DEAD_FRAMES; /* main has returned, but what it held when it did is not lost */
        const char *pointer = thread == thread_self() ? __builtin_frame_address(0) : thread->fiber.stack_pointer;
        if (!thread->alive && id != 0)
            continue;
        scan(blocks, pointer < low && pointer > stack.begin ? pointer : low, stack.end);
        scan(blocks, (const char *)thread->keys, (const char *)(thread->keys + tls_keys_count()));
        if (region_has_tls())
            scan(blocks, stack.end, region_tls_end(id));
    }
}

void heap_check_leaks(void)
{
    struct blocks blocks = {0};
    size_t live = 0;
    for (struct header *header = first; header != NULL; header = header->next) {
        blocks.count++;
        live += header->state == LIVE;
    }
    if (live == 0)
        return;
    blocks.items = arena_take(blocks.count * sizeof *blocks.items);
    blocks.todo = arena_take(blocks.count * sizeof *blocks.todo);
    size_t i = 0;
    for (struct header *header = first; header != NULL; header = header->next)
        blocks.items[i++] = header;
    scan_roots(&blocks);
    while (blocks.todo_count > 0) {
        struct header *header = blocks.todo[--blocks.todo_count];
        scan(&blocks, block_of(header), block_of(header) + header->size);
    }
    for (struct header *header = first; header != NULL; header = header->next)
        if (header->state == LIVE && !header->reached) {
            verdict_place(-1, header->pc, "allocated %zu bytes", header->size);
            if (header->caller != 0)
                verdict_place(-1, header->caller, "called from here");
            verdict_end(VERDICT_MEMORY_LEAK,
                        "what is allocated here is never freed: when the program ends, nothing leads to it any more");
        }
}

void *heap_ask(size_t size, size_t alignment, uintptr_t pc)
{
    if (thread_self()->blocks_left == 0) {
        trace_event(pc, "gets no memory");
        errno = ENOMEM;
        return NULL;
    }
    thread_self()->blocks_left--;
    return heap_take(size, alignment, pc);
}

MODEL(void, scenario_limit_memory, (unsigned more))
{
    thread_self()->blocks_left = more;
}

MODEL(void *, malloc, (size_t size))
{
    return heap_ask(size, 16, PC);
}

MODEL(void *, calloc, (size_t count, size_t size))
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    void *block = heap_ask(bytes, 16, PC);
    return block != NULL ? memset(block, 0, bytes) : NULL;
}

MODEL(void, free, (void *block))
{
    heap_give_back(block, PC);
}

MODEL(void *, realloc, (void *block, size_t size))
{
    void *new = heap_ask(size, 16, PC);
    if (new != NULL && block != NULL) {
        const struct header *header = header_of(block, PC);
        memcpy(new, block, header->size < size ? header->size : size);
        heap_give_back(block, PC);
    }
    return new;
}

MODEL(void *, reallocarray, (void *block, size_t count, size_t size))
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    return x_realloc(block, bytes);
}

MODEL(void *, aligned_alloc, (size_t alignment, size_t size))
{
    return heap_ask(size, alignment < 16 ? 16 : alignment, PC);
}

MODEL(int, posix_memalign, (void **block, size_t alignment, size_t size))
{
    if (alignment % sizeof(void *) != 0 || (alignment & (alignment - 1)) != 0)
        return EINVAL;
    void *new = heap_ask(size, alignment < 16 ? 16 : alignment, PC);
    if (new == NULL)
        return ENOMEM;
    *block = new;
    return 0;
}

/* `looked_at`: bytes, the NUL included if it was reached. */
static char *duplicate(const char *text, size_t length, size_t looked_at, uintptr_t pc)
{
    memory_access((uintptr_t)text, looked_at, ACCESS_READ, pc);
    char *copy = heap_ask(length + 1, 16, pc);
    if (copy == NULL)
        return NULL;
    memcpy(copy, text, length);
    copy[length] = '\0';
    return copy;
}

MODEL(char *, strdup, (const char *text))
{
    const size_t length = strlen(text);
    return duplicate(text, length, length + 1, PC);
}

MODEL(char *, strndup, (const char *text, size_t length))
{
    const size_t found = strnlen(text, length);
    return duplicate(text, found, found < length ? found + 1 : length, PC);
}
