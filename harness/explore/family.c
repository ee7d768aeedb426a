#include "family.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arena.h"
#include "deadlock.h"
#include "heap.h"
#include "memory.h"
#include "model.h"
#include "pipes.h"
#include "sync.h"
#include "trace.h"
#include "verdict.h"

enum { FAMILY_MAX = 32, SWAPPER_STACK = 64 << 10, FIRST_PID = 5000, PAGE = 4096 };

struct part {
    char *copy;
    size_t size, room;
};

struct member {
    int id, parent, status;
    bool ended, reaped;
    struct thread *main;
    struct part data, bss, heap, stack;
    struct heap_state heap_state;
    struct clock clock; /* of all its threads that ended */
    int handlers;
};

static struct member *members[FAMILY_MAX];
static int member_count;
static char *shared_top;
static struct fiber swapper;
static char swapper_stack[SWAPPER_STACK] __attribute__((aligned(16)));
static struct thread *leaves, *comes;
static struct member *born; /* a fork, not a switch */

void family_reset(void)
{
    member_count = 0;
    shared_top = (char *)SHARED_BASE;
}

bool family_forked(void)
{
    return member_count > 1;
}

bool family_is_shared(uintptr_t address)
{
    return address - SHARED_BASE < SHARED_BYTES;
}

static void keep(struct part *part, const char *begin, const char *end)
{
    part->size = (size_t)(end - begin);
    if (part->size > part->room) {
        part->room = part->size * 2;
        part->copy = arena_take(part->room);
    }
    memcpy(part->copy, begin, part->size);
}

static void put_back(const struct part *part, char *begin)
{
    memcpy(begin, part->copy, part->size);
}

static void keep_all(struct member *member, const struct fiber *fiber)
{
    const struct range data = region_data(), bss = region_bss();
    keep(&member->data, data.begin, data.end);
    keep(&member->bss, bss.begin, bss.end);
    keep(&member->heap, (char *)REGION_BASE, heap_get_state().top);
    keep(&member->stack, fiber->stack_pointer, region_stack(0).end);
    member->heap_state = heap_get_state();
}

static void put_back_all(const struct member *member)
{
    put_back(&member->data, region_data().begin);
    put_back(&member->bss, region_bss().begin);
    put_back(&member->heap, (char *)REGION_BASE);
    put_back(&member->stack, region_stack(0).end - member->stack.size);
    heap_set_state(member->heap_state);
}

/* Runs on a stack of its own, because it exchanges the other's. */
static void swap(void)
{
    for (;;) {
        if (born != NULL) {
            born->main->fiber = leaves->fiber;
            keep_all(born, &leaves->fiber);
            born = NULL;
        } else {
            struct member *from = members[leaves->process];
            if (!from->ended)
                keep_all(from, &from->main->fiber);
            put_back_all(members[comes->process]);
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

static struct member *add_member(int parent, struct thread *main)
{
    if (member_count == FAMILY_MAX)
        verdict_unsupported("more than %d processes in one run", FAMILY_MAX);
    struct member *member = arena_zero(sizeof *member);
    member->id = member_count;
    member->parent = parent;
    member->main = main;
    members[member_count++] = member;
    return member;
}

static pid_t pid_of(int process)
{
    return FIRST_PID + process;
}

static struct thread *thread_of_child(struct thread *self)
{
    struct thread *thread = schedule_create(NULL, NULL);
    thread->process = member_count;
    thread->stack_end = self->stack_end;
    thread->detached = true;
    thread->depth = self->depth;
    memcpy(thread->calls, self->calls, sizeof self->calls);
    return thread;
}

MODEL(pid_t, fork, (void))
{
    struct thread *self = thread_self();
    if (region_has_tls())
        verdict_unsupported("fork in a program with thread-local variables");
    if (member_count == 0) {
        add_member(-1, self);
        fiber_prepare(&swapper, swapper_stack, sizeof swapper_stack, swap);
    }
    if (members[self->process]->main != self)
        verdict_unsupported("fork by another thread than main");
    struct thread *thread = thread_of_child(self);
    const int process = thread->process;
    thread->operation.pc = thread->created = PC;
    born = add_member(self->process, thread);
    pipes_fork(self->process, process);
    trace_event(PC, "forks process %d, thread %d", process, thread->id);
    family_switch(self, self);
    return schedule.current->process == process ? 0 : pid_of(process); /* in both */
}

static void stop_threads(struct member *member)
{
    for (int id = 0; id < schedule.count; id++) {
        struct thread *thread = &schedule.threads[id];
        if (thread->process != member->id || !thread->alive)
            continue;
        clock_join(&member->clock, &thread->clock);
        thread->alive = false;
        schedule.alive--;
        deadlock_leave_robust(thread);
    }
}

static void end_member(struct member *member, int status)
{
    stop_threads(member);
    member->ended = true;
    pipes_end(member->id);
    member->status = status;
    schedule_changed();
}

_Noreturn void family_end(int status)
{
    end_member(members[thread_self()->process], status);
    schedule_resume_another();
}

struct wanted {
    int parent, which; /* process; -1: any child */
};

static struct member *find_child(const struct wanted *wanted, bool ended)
{
    for (int i = 1; i < member_count; i++)
        if (members[i]->parent == wanted->parent && !members[i]->reaped && (!ended || members[i]->ended) &&
            (wanted->which == -1 || wanted->which == i))
            return members[i];
    return NULL;
}

static bool has_ended(void *wanted)
{
    return find_child(wanted, true) != NULL;
}

static pid_t wait_for(pid_t pid, int *status, int options, uintptr_t pc)
{
    struct wanted *wanted = arena_take(sizeof *wanted); /* others look at it, and the stack is not always there */
    *wanted = (struct wanted){thread_self()->process, pid > 0 ? pid - FIRST_PID : -1};
    if (find_child(wanted, false) == NULL) {
        errno = ECHILD;
        return -1;
    }
    const struct wait wait = {has_ended, wanted, NEVER, false};
    const struct operation operation = {.all = true, .words = "wait for a child process", .pc = pc};
    schedule_point(operation, options & WNOHANG ? NULL : &wait);
    struct member *child = find_child(wanted, true);
    if (child == NULL) {
        schedule_looked(pc, 0);
        return 0;
    }
    child->reaped = true;
    schedule_acquire(&child->clock);
    trace_event(pc, "has waited for process %d", child->id);
    if (status != NULL) {
        memory_access((uintptr_t)status, sizeof *status, ACCESS_WRITE, pc);
        *status = child->status;
    }
    return pid_of(child->id);
}

MODEL(pid_t, waitpid, (pid_t pid, int *status, int options))
{
    return wait_for(pid, status, options, PC);
}

MODEL(pid_t, wait, (int *status))
{
    return wait_for(-1, status, 0, PC);
}

MODEL(pid_t, getpid, (void))
{
    return pid_of(thread_self()->process);
}

MODEL(pid_t, getppid, (void))
{
    return member_count > 0 && thread_self()->process > 0 ? pid_of(members[thread_self()->process]->parent)
                                                          : FIRST_PID - 1;
}

MODEL(int, kill, (pid_t pid, int number))
{
    const int process = pid - FIRST_PID;
    if (process <= 0 || process >= member_count || process == thread_self()->process ||
        (number != SIGKILL && number != SIGTERM))
        verdict_unsupported("kill with signal %d, other than SIGKILL and SIGTERM to a child", number);
    schedule_point((struct operation){.all = true, .words = "kill a process", .pc = PC}, NULL);
    trace_event(PC, "kills process %d", process);
    if (!members[process]->ended)
        end_member(members[process], number);
    return 0;
}

void family_check(void)
{
    for (int i = 1; i < member_count; i++)
        if (members[i]->parent == 0 && !members[i]->reaped) {
            verdict_place(members[i]->main->id, members[i]->main->created, "was forked here, %s",
                          members[i]->ended ? "has ended" : "still runs");
            verdict_end(VERDICT_ZOMBIE, "the program ends without having waited for a child process");
        }
}

MODEL(void *, mmap, (void *address, size_t length, int protection, int flags, int descriptor, off_t offset))
{
    (void)protection;
    (void)offset;
    if (descriptor != -1 || !(flags & MAP_ANONYMOUS) || flags & MAP_FIXED || address != NULL)
        verdict_unsupported("mmap of anything but anonymous memory");
    length = (length + PAGE - 1) & ~(size_t)(PAGE - 1);
    if (!(flags & MAP_SHARED))
        return memset(heap_take(length, PAGE, PC), 0, length);
    char *taken = shared_top;
    if (taken + length > (char *)SHARED_BASE + SHARED_BYTES)
        verdict_unsupported("a program that maps more than %d MiB", SHARED_BYTES >> 20);
    shared_top += length;
    return memset(taken, 0, length);
}

MODEL(int, munmap, (void *address, size_t length))
{
    (void)address;
    (void)length;
    return 0; /* what is mapped later lies elsewhere */
}
