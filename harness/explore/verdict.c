#include "verdict.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "protocol.h"
#include "schedule.h"

static struct verdict current;

static const char *const names[] = {
    [VERDICT_RACE] = "data race",
    [VERDICT_OUT_OF_BOUNDS] = "out of bounds",
    [VERDICT_USE_AFTER_FREE] = "use after free",
    [VERDICT_DOUBLE_FREE] = "double free",
    [VERDICT_MISUSE] = "misuse",
    [VERDICT_EXIT_WITH_LOCK] = "exit with lock",
    [VERDICT_DEADLOCK] = "deadlock",
    [VERDICT_LOST_WAKEUP] = "lost wake-up",
    [VERDICT_LIVELOCK] = "livelock",
    [VERDICT_ASSERTION] = "assertion",
    [VERDICT_CRASH] = "crash",
    [VERDICT_EXIT] = "exit status",
    [VERDICT_THREAD_LEAK] = "thread never joined",
    [VERDICT_ZOMBIE] = "child never waited for",
    [VERDICT_MEMORY_LEAK] = "memory leak",
    [VERDICT_NONE] = "nothing",
    [VERDICT_CUT] = "too long",
    [VERDICT_REDUNDANT] = "seen before",
    [VERDICT_UNSUPPORTED] = "unsupported",
};

const char *verdict_name(enum verdict_kind kind)
{
    return names[kind];
}

struct verdict *verdict_current(void)
{
    return &current;
}

void verdict_reset(void)
{
    current.kind = VERDICT_NONE;
    current.text[0] = '\0';
    current.count = 0;
    current.address = 0;
}

/* Where the running thread stands, its callers are known; where another one is, or something was before, they are not:
 * only the first place is told with them. */
static void remember_callers(struct verdict_place *place)
{
    const struct thread *self = thread_self();
    memset(place->callers, 0, sizeof place->callers);
    if (place != current.places || place->thread != self->id || place->pc == 0 || self->depth > CALLS_MAX)
        return;
    for (unsigned i = 0; i < VERDICT_CALLERS && i + 1 < self->depth; i++) {
        const unsigned at = self->depth - 1 - i;
        place->callers[i] = self->handling > 0 && at == self->handler_depth ? self->handler_pc : self->calls[at];
    }
}

void verdict_place(int thread, uintptr_t pc, const char *format, ...)
{
    if (current.count == VERDICT_PLACES)
        return;
    struct verdict_place *place = &current.places[current.count++];
    place->thread = thread;
    place->pc = pc;
    remember_callers(place);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(place->words, sizeof place->words, format, arguments);
    va_end(arguments);
}

_Noreturn void verdict_end(enum verdict_kind kind, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(current.text, sizeof current.text, format, arguments);
    va_end(arguments);
    current.kind = kind;
    schedule_leave();
}

_Noreturn void verdict_end_silent(enum verdict_kind kind)
{
    current.kind = kind;
    schedule_leave();
}

_Noreturn void verdict_unsupported(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(current.text, sizeof current.text, format, arguments);
    va_end(arguments);
    current.kind = VERDICT_UNSUPPORTED;
    schedule_leave();
}

_Noreturn void verdict_broken(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "explore: ");
    vfprintf(stderr, format, arguments);
    fprintf(stderr, "\n");
    va_end(arguments);
    _exit(EXIT_BROKEN);
}
