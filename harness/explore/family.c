#include "family.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "arena.h"
#include "deadlock.h"
#include "descriptors.h"
#include "footprints.h"
#include "handlers.h"
#include "heap.h"
#include "model.h"
#include "process.h"
#include "signals.h"
#include "sync.h"
#include "sysv.h"
#include "trace.h"
#include "verdict.h"

enum { SWAPPER_STACK = 64 << 10, FIRST_PID = 5000 };

struct part {
    char *copy;
    size_t size, room;
};

struct image {
    struct part data, bss, heap;
    struct heap_state heap_state;
    struct process_state process_state;
};

static struct member *members[PROCESSES_MAX];
static int member_count;
static struct part stacks[THREADS_MAX];     /* of threads, while another process runs */
static struct part locals[THREADS_MAX];     /* their thread-local variables */
static bool slot_is_exchanged[THREADS_MAX]; /* belongs to several processes */
static size_t common;                       /* bytes of the heap that were there when somebody forked last */
static struct fiber swapper;
static char swapper_stack[SWAPPER_STACK] __attribute__((aligned(16)));
static struct thread *leaves, *comes, *born; /* born: a fork, not a switch */
static int ending;                           /* processes: the end of one may end another */

void family_reset(void)
{
    ending = 0;
    if (member_count == 0)
        return; /* nobody has forked since */
    member_count = 0;
    memset(stacks, 0, sizeof stacks);
    memset(locals, 0, sizeof locals);
    memset(slot_is_exchanged, 0, sizeof slot_is_exchanged);
}

bool family_forked(void)
{
    return member_count > 1;
}

bool family_is_shared(uintptr_t address)
{
    return address - SHARED_BASE < SHARED_BYTES;
}

/* What the part holds stays. */
static void make_room(struct part *part, size_t size)
{
    if (size <= part->room)
        return;
    char *copy = arena_take(size * 2);
    if (part->size > 0)
        memcpy(copy, part->copy, part->size);
    part->copy = copy;
    part->room = size * 2;
}

static void keep(struct part *part, const char *begin, const char *end)
{
    part->size = 0;
    make_room(part, (size_t)(end - begin));
    part->size = (size_t)(end - begin);
    if (part->size > 0)
        memcpy(part->copy, begin, part->size);
}

static void put_back(const struct part *part, char *begin)
{
    if (part->size > 0)
        memcpy(begin, part->copy, part->size);
}

static void keep_stack(const struct thread *thread)
{
    const struct range variables = region_tls(thread->slot);
    keep(&stacks[thread->id], thread->fiber.stack_pointer, (char *)thread->stack_end);
    keep(&locals[thread->id], variables.begin, variables.end);
}

static void keep_stacks(int process)
{
    for (int id = 0; id < schedule.count; id++)
        if (schedule.threads[id].alive && schedule.threads[id].process == process &&
            slot_is_exchanged[schedule.threads[id].slot])
            keep_stack(&schedule.threads[id]);
}

static void put_back_stacks(int process)
{
    for (int id = 0; id < schedule.count; id++)
        if (schedule.threads[id].alive && schedule.threads[id].process == process &&
            slot_is_exchanged[schedule.threads[id].slot]) {
            put_back(&stacks[id], (char *)schedule.threads[id].stack_end - stacks[id].size);
            put_back(&locals[id], region_tls(schedule.threads[id].slot).begin);
        }
}

static void keep_image(struct image *image)
{
    const struct range data = region_data(), bss = region_bss();
    keep(&image->data, data.begin, data.end);
    keep(&image->bss, bss.begin, bss.end);
    keep(&image->heap, (char *)REGION_BASE, (char *)REGION_BASE + common);
    image->heap_state = heap_get_state();
    image->process_state = process_get_state();
}

static void put_back_image(const struct image *image)
{
    put_back(&image->data, region_data().begin);
    put_back(&image->bss, region_bss().begin);
    put_back(&image->heap, (char *)REGION_BASE);
    heap_set_state(image->heap_state);
    process_set_state(image->process_state);
}

/* From now on all that is in the heap has to be exchanged. So far what was allocated since the last fork was its
 * owner's alone, and is still in place. */
static void extend_common(void)
{
    const char *heap = (char *)REGION_BASE;
    common = (size_t)(heap_top() - heap);
    for (int i = 0; i < member_count; i++) {
        struct part *part = &members[i]->image->heap;
        if (members[i]->ended)
            continue;
        make_room(part, common);
        memcpy(part->copy + part->size, heap + part->size, common - part->size);
        part->size = common;
    }
}

/* Runs on a stack of its own, because it exchanges the others'. */
static void swap(void)
{
    for (;;) {
        if (born != NULL) {
            born->fiber = leaves->fiber;
            extend_common();
            keep_stack(born);
            keep_image(members[born->process]->image);
            born = NULL;
        } else {
            if (!members[leaves->process]->ended) {
                keep_stacks(leaves->process);
                keep_image(members[leaves->process]->image);
            }
            put_back_stacks(comes->process);
            put_back_image(members[comes->process]->image);
        }
        fiber_switch(&swapper, &comes->fiber);
    }
}

void family_switch(struct thread *self, struct thread *next)
{
    leaves = self;
    comes = next;
    fiber_switch(&self->fiber, &swapper);
}

static struct member *add_member(int parent, const struct thread *first)
{
    if (member_count == PROCESSES_MAX)
        verdict_unsupported("more than %d processes in one run", PROCESSES_MAX);
    struct member *member = arena_zero(sizeof *member);
    member->id = member_count;
    member->parent = parent;
    member->thread = first->id;
    member->image = arena_zero(sizeof *member->image);
    members[member_count++] = member;
    return member;
}

static struct thread *copy_of(const struct thread *self)
{
    struct thread *thread = schedule_create(NULL, NULL);
    thread->process = member_count;
    thread->slot = self->slot;
    thread->stack_end = self->stack_end;
    thread->detached = true;
    thread->blocked = self->blocked;
    thread->cleanup = self->cleanup;
    thread->depth = self->depth;
    memcpy(thread->calls, self->calls, sizeof self->calls);
    memcpy(thread->keys, self->keys, sizeof self->keys);
    return thread;
}

MODEL(pid_t, fork, (void))
{
    struct thread *self = thread_self();
    handlers_forbid("fork");
    if (member_count == 0) {
        add_member(ORPHAN, self);
        fiber_prepare(&swapper, swapper_stack, sizeof swapper_stack, swap);
    }
    process_before_fork();
    born = copy_of(self);
    const int process = born->process, thread = born->id;
    slot_is_exchanged[self->slot] = true;
    born->operation.pc = born->created = PC;
    struct member *member = add_member(self->process, born);
    member->parent_thread = self->id;
    member->forked = PC;
    descriptors_fork(self->process, process);
    signals_fork(self->process, process);
    sync_fork(self, born);
    trace_event(PC, "forks process %d, thread %d", process, thread);
    family_switch(self, self);
    schedule.current->started = true; /* in both, from here on */
    const bool in_child = schedule.current->process == process;
    process_after_fork(in_child);
    return in_child ? 0 : family_pid(process);
}

static void stop_threads(struct member *member)
{
    for (int id = 0; id < schedule.count; id++) {
        struct thread *thread = &schedule.threads[id];
        if (thread->process != member->id)
            continue;
        clock_join(&member->clock, &thread->clock);
        if (!thread->alive)
            continue;
        thread->alive = false;
        schedule.alive--;
        deadlock_leave_robust(thread);
    }
}

/* Its children go to init, which waits for them. */
static void leave_children(const struct member *member)
{
    for (int i = 1; i < member_count; i++) {
        struct member *child = members[i];
        if (child->parent != member->id)
            continue;
        child->parent = ORPHAN;
        child->reaped |= child->ended;
        if (child->death_signal != 0 && !child->ended)
            signals_send(child->id, child->death_signal, 0);
    }
}

static void end_member(struct member *member, int status)
{
    ending++;
    stop_threads(member);
    member->ended = true;
    member->reaped = member->parent == ORPHAN || signals_ignored(member->parent, SIGCHLD);
    member->status = status;
    descriptors_end(member->id, &member->clock);
    sysv_end(member->id, &member->clock);
    leave_children(member);
    if (member->parent != ORPHAN && !members[member->parent]->ended)
        signals_child_ended(member->parent, member->id, &member->clock);
    schedule_changed();
    ending--;
}

static const struct footprint *touched_by(const struct member *member)
{
    unsigned most = DESCRIPTORS * FOOTPRINT_PER_FILE + (unsigned)member_count;
    for (const struct sync *sync = sync_all(); sync != NULL; sync = sync->next)
        most++;
    struct footprint *touched = footprint_make(most + SYSV_MOST);
    footprint_add(touched, (uintptr_t)member);
    for (int i = 1; i < member_count; i++)
        if (members[i]->parent == member->id)
            footprint_add(touched, (uintptr_t)members[i]);
    for (const struct sync *sync = sync_all(); sync != NULL; sync = sync->next)
        if (sync->robust && sync->owner == thread_self()->id)
            footprint_add(touched, sync->address);
    descriptors_touched(member->id, touched);
    sysv_touched(member->id, touched);
    return touched;
}

static bool parent_is_told(const struct member *member)
{
    return member->parent != ORPHAN && signals_caught(member->parent, SIGCHLD);
}

struct operation family_ending(void)
{
    const struct thread *self = thread_self();
    struct operation operation = {.words = "end the program", .all = true};
    if (self->process == 0 || parent_is_told(members[self->process]))
        return operation;
    for (int id = 0; id < schedule.count; id++)
        if (schedule.threads[id].process == self->process && id != self->id)
            return operation;
    operation.all = false;
    operation.more = touched_by(members[self->process]);
    return operation;
}

void family_kill(int process, int status)
{
    if (!members[process]->ended)
        end_member(members[process], status);
    if (ending == 0 && members[thread_self()->process]->ended)
        schedule_resume_another();
}

_Noreturn void family_end(int status)
{
    end_member(members[thread_self()->process], status);
    schedule_resume_another();
}

void family_thread_ended(const struct thread *thread)
{
    for (int i = 1; i < member_count; i++) {
        const struct member *child = members[i];
        if (child->parent_thread == thread->id && child->parent == thread->process && !child->ended &&
            child->death_signal != 0)
            signals_send(child->id, child->death_signal, 0);
    }
}

void family_check(void)
{
    for (int i = 1; i < member_count; i++)
        if (members[i]->parent == 0 && !members[i]->reaped) {
            verdict_place(members[i]->thread, members[i]->forked, "was forked here, %s",
                          members[i]->ended ? "has ended" : "still runs");
            verdict_end(VERDICT_ZOMBIE, "the program ends without having waited for a child process");
        }
}

struct member *const *family_members(int *count)
{
    *count = member_count;
    return members;
}

pid_t family_pid(int process)
{
    return FIRST_PID + process;
}

int family_process(pid_t pid)
{
    const int process = pid - FIRST_PID;
    const int count = member_count > 0 ? member_count : 1;
    return process >= 0 && process < count ? process : -1;
}

bool family_exists(int process)
{
    return process == 0 || !members[process]->reaped;
}

bool family_has_ended(int process)
{
    return process != 0 && members[process]->ended;
}
