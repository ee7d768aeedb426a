#include "memory.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "arena.h"
#include "family.h"
#include "heap.h"
#include "region.h"
#include "schedule.h"
#include "verdict.h"

struct record {
    struct record *next;
    uintptr_t pc;
    uint32_t clock;
    uint16_t thread;
    uint8_t mask, access; /* bytes of the cell; enum access */
};

struct attached {
    struct attached *next;
    struct cell *cell;
    uintptr_t address;
    enum attached_kind kind;
    int process;
    void *model;
};

struct cell {
    struct record *records;
    struct attached *attached;
    uint32_t number; /* of the run it belongs to */
    bool freed;      /* a record of ACCESS_FREE is among them */
    uint8_t outside; /* bytes that lie between blocks of the heap */
};

static struct cell *region_cells, *data_cells, *bss_cells;
static uintptr_t data_begin, data_size, bss_begin, bss_size;

static struct cell *map_cells(uintptr_t bytes)
{
    void *cells = mmap(NULL, (bytes / 8 + 1) * sizeof(struct cell), PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (cells == MAP_FAILED)
        verdict_broken("cannot map the shadow memory");
    return cells;
}

void memory_open(void)
{
    const struct range data = region_data(), bss = region_bss();
    data_begin = (uintptr_t)data.begin;
    data_size = (uintptr_t)(data.end - data.begin);
    bss_begin = (uintptr_t)bss.begin;
    bss_size = (uintptr_t)(bss.end - bss.begin);
    region_cells = map_cells(REGION_BYTES);
    data_cells = map_cells(data_size);
    bss_cells = map_cells(bss_size);
}

static inline struct cell *raw_cell(uintptr_t address)
{
    uintptr_t at;
    if ((at = address - REGION_BASE) < REGION_BYTES)
        return &region_cells[at / 8];
    if ((at = address - data_begin) < data_size)
        return &data_cells[at / 8];
    if ((at = address - bss_begin) < bss_size)
        return &bss_cells[at / 8];
    return NULL;
}

static inline struct cell *cell_of(uintptr_t address)
{
    struct cell *cell = raw_cell(address);
    if (cell != NULL && cell->number != schedule.number)
        *cell = (struct cell){.number = schedule.number};
    return cell;
}

static const char *verb(unsigned access)
{
    if (access & ACCESS_FREE)
        return "frees";
    if (access & ACCESS_DESTROY)
        return "destroys";
    if (access & ACCESS_ATOMIC)
        return access & ACCESS_WRITE ? "writes (atomic)" : "reads (atomic)";
    return access & ACCESS_WRITE ? "writes" : "reads";
}

static _Noreturn void report(const struct record *before, uintptr_t address, unsigned access, uintptr_t pc)
{
    verdict_current()->address = address;
    verdict_place(thread_self()->id, pc, "%s", verb(access));
    verdict_place(before->thread, before->pc, "%s", verb(before->access));
    if (before->access & ACCESS_FREE && access & ACCESS_FREE)
        verdict_end(VERDICT_DOUBLE_FREE, "the same memory is freed twice");
    if (before->access & ACCESS_FREE)
        verdict_end(VERDICT_USE_AFTER_FREE, "memory is used after it was freed");
    if (access & ACCESS_FREE)
        verdict_end(VERDICT_USE_AFTER_FREE,
                    "memory is freed while nothing makes sure that another thread is done with it");
    if ((access | before->access) & ACCESS_DESTROY)
        verdict_end(VERDICT_MISUSE, "a synchronisation object is destroyed while nothing makes sure that another "
                                    "thread is done with it");
    verdict_end(VERDICT_RACE, "two threads access the same variable, at least one of them writes, and "
                              "nothing orders the two accesses");
}

static bool conflict(unsigned one, unsigned other)
{
    return ((one | other) & ACCESS_WRITE) && !(one & other & ACCESS_ATOMIC);
}

/* Whether every access that races with `old`, which happened before `new`, would race with `new`, too: `old` is atomic
 * if `new` is, reads if `new` does, and frees nothing. */
static bool covers(unsigned new, unsigned old)
{
    const unsigned asked = ACCESS_FREE | (new &ACCESS_ATOMIC) | (~new &ACCESS_WRITE);
    return (old & asked) == (new &ACCESS_ATOMIC);
}

static inline void fill(struct record *record, uint8_t mask, unsigned access, uintptr_t pc)
{
    const struct thread *self = thread_self();
    record->pc = pc;
    record->clock = self->clock.at[self->id];
    record->thread = (uint16_t)self->id;
    record->mask = mask;
    record->access = (uint8_t)access;
}

/* Into `record`, or a new one if that is NULL. */
static inline void add_record(struct cell *cell, struct record *record, uint8_t mask, unsigned access, uintptr_t pc)
{
    if (record == NULL)
        record = arena_take(sizeof *record);
    fill(record, mask, access, pc);
    record->next = cell->records;
    cell->records = record;
    cell->freed |= (access & ACCESS_FREE) != 0;
}

static bool is_judged(unsigned one, unsigned other)
{
    return schedule.split == 0 || (one | other) & ACCESS_FREE;
}

static bool other_process(const struct record *record)
{
    return schedule.threads[record->thread].process != thread_self()->process;
}

static inline __attribute__((always_inline)) void walk(struct cell *cell, uintptr_t address, uint8_t mask,
                                                       unsigned access, uintptr_t pc, bool private)
{
    const struct thread *self = thread_self();
    struct record *reuse = NULL;
    for (struct record **at = &cell->records, *record; (record = *at) != NULL;) {
        if ((record->mask & mask) == 0 || (private && other_process(record))) {
            at = &record->next;
            continue;
        }
        const bool own = record->thread == self->id;
        const bool ordered = own || record->clock <= clock_get(&self->clock, record->thread);
        const bool races = record->access & ACCESS_FREE || (!ordered && conflict(access, record->access));
        if (races && is_judged(access, record->access))
            report(record, address, access, pc);
        if (own && record->access == access && record->clock == self->clock.at[self->id] &&
            (record->mask & mask) == mask)
            return; /* known */
        if (ordered && covers(access, record->access))
            record->mask &= (uint8_t)~mask;
        if (record->mask == 0) {
            *at = record->next;
            reuse = record;
        } else {
            at = &record->next;
        }
    }
    add_record(cell, reuse, mask, access, pc);
}

static __attribute__((noinline)) void access_in_family(struct cell *cell, uintptr_t address, uint8_t mask,
                                                       unsigned access, uintptr_t pc)
{
    walk(cell, address, mask, access, pc, !family_is_shared(address));
}

static __attribute__((noinline)) void access_used_cell(struct cell *cell, uintptr_t address, uint8_t mask,
                                                       unsigned access, uintptr_t pc)
{
    walk(cell, address, mask, access, pc, false);
}

/* A cell with a single record, the most frequent case, without a walk. False: nothing was done. */
static inline bool access_single(struct cell *cell, struct record *only, uint8_t mask, unsigned access, uintptr_t pc)
{
    const struct thread *self = thread_self();
    const bool ordered = only->thread == self->id || only->clock <= clock_get(&self->clock, only->thread);
    if (only->mask != mask || only->access & ACCESS_FREE || (!ordered && conflict(access, only->access)))
        return false;
    if (ordered && covers(access, only->access))
        fill(only, mask, access, pc);
    else
        add_record(cell, NULL, mask, access, pc);
    return true;
}

static __attribute__((noinline)) void access_cell(struct cell *cell, uintptr_t address, uint8_t mask, unsigned access,
                                                  uintptr_t pc)
{
    struct record *last = cell->records;
    if (last == NULL)
        add_record(cell, NULL, mask, access, pc);
    else if (family_forked())
        access_in_family(cell, address, mask, access, pc);
    else if (last->next != NULL || !access_single(cell, last, mask, access, pc))
        access_used_cell(cell, address, mask, access, pc);
}

static inline void access_fresh_cell(struct cell *cell, uintptr_t address, uint8_t mask, unsigned access, uintptr_t pc)
{
    const struct record *last = cell->records;
    const struct thread *self = thread_self();
    if (last == NULL || last->thread != self->id || last->clock != self->clock.at[self->id] || last->access != access ||
        (last->mask & mask) != mask)
        access_cell(cell, address, mask, access, pc);
}

static _Noreturn void report_outside(uintptr_t address, unsigned access, uintptr_t pc)
{
    verdict_current()->address = address;
    verdict_place(thread_self()->id, pc, "%s", verb(access));
    heap_tell_outside(address);
}

static inline void access_one(uintptr_t address, size_t size, unsigned access, uintptr_t pc)
{
    struct cell *cell = cell_of(address);
    if (cell == NULL)
        return;
    const uint8_t mask = (uint8_t)(((1u << size) - 1) << (address & 7));
    const uint8_t outside = cell->outside & mask;
    if (outside != 0 && (access & ACCESS_FREE) == 0)
        report_outside((address & ~(uintptr_t)7) + (uintptr_t)__builtin_ctz(outside), access, pc);
    access_fresh_cell(cell, address, mask, access, pc);
}

static __attribute__((noinline)) void access_cells(uintptr_t address, size_t size, unsigned access, uintptr_t pc)
{
    while (size > 0) {
        const size_t room = 8 - (address & 7), here = size < room ? size : room;
        access_one(address, here, access, pc);
        address += here;
        size -= here;
    }
}

void memory_access(uintptr_t address, size_t size, unsigned access, uintptr_t pc)
{
    if (size - 1 < 8 - (address & 7)) /* not 0, and within one cell */
        access_one(address, size, access, pc);
    else
        access_cells(address, size, access, pc);
}

void memory_free(uintptr_t address, size_t size, uintptr_t pc)
{
    memory_access(address, size > 0 ? size : 1, ACCESS_WRITE | ACCESS_FREE, pc);
}

void memory_mark_outside(uintptr_t begin, uintptr_t end, bool outside)
{
    for (uintptr_t at = begin; at < end; at++) {
        struct cell *cell = cell_of(at);
        const unsigned from = at & 7, count = end - at < 8 - from ? (unsigned)(end - at) : 8 - from;
        const uint8_t mask = (uint8_t)(((1u << count) - 1) << from);
        cell->outside = (uint8_t)(outside ? cell->outside | mask : cell->outside & ~mask);
        at += count - 1;
    }
}

static void check_not_freed(const struct cell *cell, uintptr_t address, bool private, uintptr_t pc)
{
    for (const struct record *record = cell->records; record != NULL; record = record->next)
        if (record->access & ACCESS_FREE && record->mask & (1u << (address & 7)) &&
            (!private || schedule.threads[record->thread].process == thread_self()->process))
            report(record, address, ACCESS_ATOMIC | ACCESS_WRITE, pc);
}

static __attribute__((noinline)) void **attach(struct cell *cell, uintptr_t address, enum attached_kind kind,
                                               uintptr_t pc)
{
    const int process = thread_self()->process;
    const bool private = family_forked() && !family_is_shared(address);
    if (cell->freed)
        check_not_freed(cell, address, private, pc);
    if (cell->outside & 1u << (address & 7))
        report_outside(address, ACCESS_ATOMIC | ACCESS_WRITE, pc);
    for (struct attached *found = cell->attached; found != NULL; found = found->next)
        if (found->address == address && found->kind == kind && (!private || found->process == process))
            return &found->model;
    struct attached *attached = arena_take(sizeof *attached);
    *attached =
        (struct attached){.next = cell->attached, .cell = cell, .address = address, .kind = kind, .process = process};
    cell->attached = attached;
    return &attached->model;
}

void **memory_attached(uintptr_t address, enum attached_kind kind, uintptr_t pc)
{
    struct cell *cell = cell_of(address);
    if (cell == NULL)
        return NULL;
    struct attached *first = cell->attached; /* most often it is this one */
    if (first != NULL && first->address == address && first->kind == kind && first->process == thread_self()->process &&
        !cell->freed)
        return &first->model;
    return attach(cell, address, kind, pc);
}

void memory_use(void **slot, uintptr_t pc)
{
    const struct attached *attached = (struct attached *)((char *)slot - offsetof(struct attached, model));
    const uint8_t mask = (uint8_t)(1u << (attached->address & 7));
    access_fresh_cell(attached->cell, attached->address, mask, ACCESS_READ | ACCESS_ATOMIC, pc);
}
