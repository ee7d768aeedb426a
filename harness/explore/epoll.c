#include "epoll.h"

#include <signal.h>
#include <string.h>
#include <sys/epoll.h>

#include "arena.h"
#include "footprints.h"
#include "memory.h"
#include "model.h"
#include "readiness.h"
#include "schedule.h"
#include "signals.h"
#include "sync.h"
#include "trace.h"
#include "verdict.h"

struct interest {
    struct interest *next; /* in the order in which they were added */
    int number;
    struct file *file;
    struct epoll_event event;
    bool silent;     /* EPOLLONESHOT: has spoken */
    unsigned spoken; /* EPOLLET: readiness_changes when it last spoke, plus 1; 0: not yet */
};

/* The kernel forgets a file when its last descriptor is closed. The low bits of EPOLL... are those of POLL... */
static uint32_t events_of(const struct interest *interest)
{
    if (interest->silent || interest->file->uses == 0)
        return 0;
    if (interest->event.events & EPOLLET && interest->spoken == readiness_changes(interest->file) + 1)
        return 0;
    return (uint32_t)readiness_of(interest->file, (short)interest->event.events);
}

bool epoll_ready(const struct file *epoll)
{
    for (const struct interest *interest = epoll->interests; interest != NULL; interest = interest->next)
        if (events_of(interest) != 0)
            return true;
    return false;
}

static bool any_ready(void *argument)
{
    return epoll_ready(argument);
}

static struct file *find(int number)
{
    struct file *file = descriptors_find(number);
    return file != NULL && file->kind == FILE_EPOLL ? file : NULL;
}

MODEL(int, epoll_create1, (int flags))
{
    return descriptors_open(file_make(FILE_EPOLL, false), 0, flags & EPOLL_CLOEXEC);
}

MODEL(int, epoll_create, (int size))
{
    return size > 0 ? descriptors_open(file_make(FILE_EPOLL, false), 0, false) : model_fail(EINVAL);
}

/* Where the interest in this descriptor stands in the list, or its end. */
static struct interest **place_of(struct file *epoll, int number, const struct file *file)
{
    struct interest **at = &epoll->interests;
    while (*at != NULL && ((*at)->number != number || (*at)->file != file || (*at)->file->uses == 0))
        at = &(*at)->next;
    return at;
}

static void set(struct interest *interest, const struct epoll_event *event, uintptr_t pc)
{
    memory_access((uintptr_t)event, sizeof *event, ACCESS_READ, pc);
    interest->event = *event;
    interest->silent = false;
    interest->spoken = 0;
}

static int change(struct interest **at, int operation, int number, struct file *file, const struct epoll_event *event,
                  uintptr_t pc)
{
    if ((*at == NULL) != (operation == EPOLL_CTL_ADD))
        return model_fail(*at == NULL ? ENOENT : EEXIST);
    if (operation == EPOLL_CTL_DEL) {
        *at = (*at)->next;
        return 0;
    }
    if (operation == EPOLL_CTL_ADD) {
        *at = arena_zero(sizeof **at);
        (*at)->number = number;
        (*at)->file = file;
    }
    set(*at, event, pc);
    return 0;
}

MODEL(int, epoll_ctl, (int epoll_number, int operation, int number, struct epoll_event *event))
{
    struct file *epoll = find(epoll_number), *file = descriptors_find(number);
    if (epoll == NULL || file == NULL)
        return model_fail(EBADF);
    if (file->kind == FILE_MEMORY)
        return model_fail(EPERM);
    if (operation != EPOLL_CTL_ADD && operation != EPOLL_CTL_MOD && operation != EPOLL_CTL_DEL)
        return model_fail(EINVAL);
    schedule_point((struct operation){.object = (uintptr_t)epoll, .words = "change an epoll", .pc = PC}, NULL);
    schedule_changed();
    return change(place_of(epoll, number, file), operation, number, file, event, PC);
}

static const struct footprint *touched_by(const struct file *epoll)
{
    unsigned count = 1;
    for (const struct interest *interest = epoll->interests; interest != NULL; interest = interest->next)
        count += FOOTPRINT_PER_FILE;
    struct footprint *touched = footprint_make(count);
    footprint_add(touched, (uintptr_t)epoll);
    for (const struct interest *interest = epoll->interests; interest != NULL; interest = interest->next)
        footprint_add_file(touched, interest->file, false);
    return touched;
}

static int gather(const struct file *epoll, struct epoll_event *into, int most, uintptr_t pc)
{
    int count = 0;
    for (struct interest *interest = epoll->interests; interest != NULL && count < most; interest = interest->next) {
        const uint32_t events = events_of(interest);
        if (events == 0)
            continue;
        memory_access((uintptr_t)&into[count], sizeof into[count], ACCESS_WRITE, pc);
        into[count++] = (struct epoll_event){.events = events, .data = interest->event.data};
        interest->spoken = readiness_changes(interest->file) + 1;
        interest->silent = interest->event.events & EPOLLONESHOT;
        readiness_learn(interest->file);
    }
    return count;
}

static int wait_for(int number, struct epoll_event *into, int most, int milliseconds, const sigset_t *mask,
                    uintptr_t pc)
{
    struct file *epoll = find(number);
    if (epoll == NULL || most <= 0)
        return model_fail(epoll == NULL ? EBADF : EINVAL);
    const uint64_t deadline = milliseconds < 0 ? NEVER : schedule.now + (uint64_t)milliseconds * 1000000u;
    const struct wait wait = {any_ready, epoll, deadline, false};
    const struct operation operation = {
        .more = touched_by(epoll), .data = true, .interrupt = INTERRUPT_FAILS, .words = "wait on an epoll", .pc = pc};
    const uint64_t before = signals_mask_call(mask);
    const enum wake woken = schedule_point(operation, milliseconds == 0 ? NULL : &wait);
    signals_unmask_call(before);
    if (woken == WAKE_INTERRUPTED)
        return model_fail(EINTR);
    const int count = gather(epoll, into, most, pc);
    if (count == 0)
        schedule_looked(pc, 0);
    return count;
}

MODEL(int, epoll_wait, (int number, struct epoll_event *into, int most, int milliseconds))
{
    return wait_for(number, into, most, milliseconds, NULL, PC);
}

MODEL(int, epoll_pwait, (int number, struct epoll_event *into, int most, int milliseconds, const sigset_t *mask))
{
    return wait_for(number, into, most, milliseconds, mask, PC);
}
