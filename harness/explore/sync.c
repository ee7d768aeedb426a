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

void sync_fork(const struct thread *self, struct thread *child)
{
    for (const struct sync *sync = all; sync != NULL; sync = sync->next) {
        if (sync->kind != SYNC_MUTEX || sync->destroyed || sync->owner != self->id || family_is_shared(sync->address) ||
            sync->errorcheck || sync->recursive || sync->robust) /* those know that the child is another thread */
            continue;
        struct sync *copy = arena_take(sizeof *copy);
        *copy = *sync;
        copy->owner = child->id;
        copy->process = child->process;
        copy->inherited = true;
        copy->next = all;
        all = copy;
        child->held++;
    }
}

static struct sync *inherited_locked(uintptr_t address)
{
    for (struct sync *sync = all; sync != NULL; sync = sync->next)
        if (sync->inherited && sync->process == thread_self()->process && sync->address == address)
            return sync;
    return NULL;
}

/* A child has a copy of its parent's objects; that other threads of the parent may hold one of them is not copied. */
static struct sync *inherit(uintptr_t address, enum sync_kind kind)
{
    if (!family_forked())
        return NULL;
    struct sync *const locked = inherited_locked(address);
    if (locked != NULL && locked->kind == kind) {
        locked->inherited = false;
        return locked;
    }
    for (const struct sync *other = all; other != NULL; other = other->next) {
        if (other->address != address || other->kind != kind || other->destroyed)
            continue;
        struct sync *copy = make(address, kind);
        copy->initialised = other->initialised;
        copy->recursive = other->recursive;
        copy->errorcheck = other->errorcheck;
        copy->robust = other->robust;
        copy->monotonic = other->monotonic;
        copy->between = other->between;
        copy->limit = other->limit;
        copy->count = kind == SYNC_SEMAPHORE || kind == SYNC_ONCE ? other->count : 0;
        return copy;
    }
    return NULL;
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
    struct sync *const locked = *found == NULL ? inherited_locked((uintptr_t)address) : NULL;
    if (locked != NULL) { /* and made anew in the child: a way to be rid of it */
        locked->inherited = false;
        locked->destroyed = true;
        thread_self()->held--;
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
