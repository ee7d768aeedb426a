#include "sync.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "arena.h"
#include "family.h"
#include "handlers.h"
#include "memory.h"
#include "verdict.h"

enum { DESTROYED = 0xdb };

static struct sync *all;

static const char *const names[] = {
    [SYNC_MUTEX] = "mutex",
    [SYNC_COND] = "condition variable",
    [SYNC_RWLOCK] = "read-write lock",
    [SYNC_SPIN] = "spin lock",
    [SYNC_BARRIER] = "barrier",
    [SYNC_SEMAPHORE] = "semaphore",
    [SYNC_ONCE] = "once flag",
    [SYNC_FUTEX] = "futex",
};

const char *sync_name(enum sync_kind kind)
{
    return names[kind];
}

struct sync *sync_all(void)
{
    return all;
}

void sync_reset(void)
{
    all = NULL;
}

_Noreturn void sync_misuse(uintptr_t pc, const char *format, ...)
{
    char text[VERDICT_TEXT];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    verdict_place(thread_self()->id, pc, "here");
    verdict_end(VERDICT_MISUSE, "%s", text);
}

_Noreturn void sync_destroyed_locked(const struct sync *sync, uintptr_t pc)
{
    if (sync->owner == thread_self()->id)
        verdict_place(sync->owner, sync->pc, "took it and has not given it back");
    sync_misuse(pc, "a %s is destroyed while it is locked", sync_name(sync->kind));
}

static struct sync *make(uintptr_t address, enum sync_kind kind)
{
    struct sync *sync = arena_take_cleared(sizeof *sync, offsetof(struct sync, clock));
    clock_clear(&sync->clock);
    clock_clear(&sync->readers);
    sync->kind = kind;
    sync->address = address;
    sync->owner = NOBODY;
    sync->process = thread_self()->process;
    sync->between = kind == SYNC_FUTEX;
    sync->next = all;
    all = sync;
    return sync;
}

static struct sync **slot(const void *address, uintptr_t pc)
{
    struct sync **found = (struct sync **)memory_attached((uintptr_t)address, ATTACHED_OBJECT, pc);
    if (found == NULL)
        sync_misuse(pc, "this is not the address of a variable of the program: %p", address);
    return found;
}

static bool lives_again(const struct sync *sync, enum sync_kind kind)
{
    const unsigned char *bytes = (const unsigned char *)sync->address;
    if (sync->destroyed)
        for (size_t i = 0; i < sync->size; i++)
            if (bytes[i] != DESTROYED)
                return true;
    return !sync->destroyed && sync->kind != kind && sync->owner == NOBODY && sync->count == 0 && sync->waiters == NULL;
}

/* The newest at its address in its process: what was there before lives no more. */
static bool is_current(const struct sync *sync)
{
    for (const struct sync *newer = all; newer != sync; newer = newer->next)
        if (newer->process == sync->process && newer->address == sync->address)
            return false;
    return true;
}

/* Whether `thread` holds it in a way that its copy in a child is the child's: the other kinds know threads apart. */
static bool is_held_by(const struct sync *sync, const struct thread *thread)
{
    return sync->owner == thread->id && (sync->kind == SYNC_ONCE || (sync->kind == SYNC_MUTEX && !sync->errorcheck &&
                                                                     !sync->recursive && !sync->robust));
}

static void copy_to(struct thread *child, const struct sync *sync, const struct thread *self)
{
    struct sync *copy = arena_take(sizeof *copy);
    const bool held = is_held_by(sync, self);
    *copy = *sync;
    copy->process = child->process;
    copy->inherited = true;
    copy->waiters = NULL;
    copy->partner = 0;
    copy->owner = held ? child->id : NOBODY;
    copy->owner_died = copy->broken = false;
    /* A once function that another thread is in begins anew in the child (glibc, pthread_once.c). */
    if (!held && sync->kind != SYNC_SEMAPHORE && (sync->kind != SYNC_ONCE || sync->owner != NOBODY))
        copy->count = copy->round = 0;
    memset(copy->reading, 0, sizeof copy->reading);
    copy->next = all;
    all = copy;
    child->held += held && sync->kind == SYNC_MUTEX;
}

void sync_fork(const struct thread *self, struct thread *child)
{
    for (const struct sync *sync = all; sync != NULL; sync = sync->next)
        if (sync->process == self->process && !sync->destroyed && !family_is_shared(sync->address) && is_current(sync))
            copy_to(child, sync, self);
}

/* The calling process's copy of what its parent had at `address` when it forked, unless it has used it. */
static struct sync *find_copy(uintptr_t address)
{
    for (struct sync *sync = family_forked() ? all : NULL; sync != NULL; sync = sync->next)
        if (sync->inherited && sync->process == thread_self()->process && sync->address == address)
            return sync;
    return NULL;
}

static struct sync *inherit(uintptr_t address, enum sync_kind kind)
{
    struct sync *const copy = find_copy(address);
    if (copy == NULL || copy->kind != kind)
        return NULL;
    copy->inherited = false;
    return copy;
}

struct sync *sync_find(const void *address, enum sync_kind kind, uintptr_t pc)
{
    if (kind != SYNC_SEMAPHORE && kind != SYNC_FUTEX)
        handlers_forbid(names[kind]);
    struct sync **found = slot(address, pc);
    if (*found == NULL)
        *found = inherit((uintptr_t)address, kind);
    if (*found == NULL || lives_again(*found, kind))
        *found = make((uintptr_t)address, kind);
    if ((*found)->destroyed)
        sync_misuse(pc, "this %s is used after it was destroyed", names[kind]);
    if ((*found)->kind != kind)
        sync_misuse(pc, "this is a %s, used as a %s", names[(*found)->kind], names[kind]);
    if (!(*found)->between && (*found)->process != thread_self()->process)
        sync_misuse(pc, "this %s is used by two processes, but was not made process-shared", names[kind]);
    memory_use((void **)found, pc);
    return *found;
}

struct sync *sync_renew(const void *address, enum sync_kind kind, uintptr_t pc)
{
    struct sync **found = slot(address, pc);
    if (*found != NULL && !(*found)->destroyed && (*found)->owner != NOBODY)
        sync_misuse(pc, "this %s is initialised while it is locked", names[kind]);
    struct sync *const copy = *found == NULL ? find_copy((uintptr_t)address) : NULL;
    if (copy != NULL) { /* made anew in the child: a way to be rid of one that is locked */
        copy->inherited = false;
        copy->destroyed = true;
        thread_self()->held -= copy->kind == SYNC_MUTEX && copy->owner != NOBODY;
    }
    *found = make((uintptr_t)address, kind);
    (*found)->initialised = true;
    memory_access((uintptr_t)address, 1, ACCESS_WRITE, pc);
    return *found;
}

void sync_destroy(struct sync *sync, size_t size, uintptr_t pc)
{
    memory_access(sync->address, size, ACCESS_WRITE | ACCESS_DESTROY, pc);
    sync->destroyed = true;
    sync->size = size;
    memset((void *)sync->address, DESTROYED, size); /* whoever gives it a value again makes a new one */
}
