#include "trace.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "schedule.h"

enum { EVENTS_MAX = 4000 };

bool trace_active;

static struct event events[EVENTS_MAX];
static size_t count;
static uintptr_t watched;
static struct {
    uintptr_t address;
    size_t size, event;
    bool set;
} pending[THREADS_MAX]; /* a write whose value is seen only after it was done */

void trace_on(bool on)
{
    trace_active = on;
    count = 0;
    memset(pending, 0, sizeof pending);
}

void trace_watch(uintptr_t address)
{
    watched = address;
}

/* Numbers the locks called `the` ("the mutex") in the order in which they occur, if there are several. */
static void number_locks(const char *the)
{
    static unsigned numbers[EVENTS_MAX];
    unsigned locks = 0;
    for (size_t i = 0; i < count; i++) {
        numbers[i] = 0;
        if (events[i].lock == 0 || strstr(events[i].words, the) == NULL)
            continue;
        for (size_t k = 0; k < i && numbers[i] == 0; k++)
            if (events[k].lock == events[i].lock)
                numbers[i] = numbers[k];
        if (numbers[i] == 0)
            numbers[i] = ++locks;
    }
    for (size_t i = 0; i < count && locks > 1; i++) {
        char words[sizeof events[i].words];
        const char *found = numbers[i] > 0 ? strstr(events[i].words, the) : NULL;
        if (found == NULL)
            continue;
        snprintf(words, sizeof words, "%.*s%s %u%s", (int)(found - events[i].words), events[i].words,
                 the + strlen("the "), numbers[i], found + strlen(the));
        memcpy(events[i].words, words, sizeof words);
    }
}

const struct event *trace_events(size_t *number)
{
    static const char *const kinds[] = {"the mutex", "the rwlock", "the spin lock", "the semaphore"};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        number_locks(kinds[i]);
    *number = count;
    return events;
}

static uint64_t value_at(uintptr_t address, size_t size)
{
    uint64_t value = 0;
    memcpy(&value, (const void *)address, size < sizeof value ? size : sizeof value);
    return value;
}

static void show_value(struct event *event, const char *verb, uint64_t value, size_t size)
{
    if (size > sizeof value)
        snprintf(event->words, sizeof event->words, "%s", verb);
    else if (value < 1u << 20)
        snprintf(event->words, sizeof event->words, "%s %llu", verb, (unsigned long long)value);
    else if (size == 4 && value >= 0xfff00000u)
        snprintf(event->words, sizeof event->words, "%s %d", verb, (int)(uint32_t)value);
    else
        snprintf(event->words, sizeof event->words, "%s 0x%llx", verb, (unsigned long long)value);
}

static void settle(int thread)
{
    if (!pending[thread].set)
        return;
    pending[thread].set = false;
    show_value(&events[pending[thread].event], "writes", value_at(pending[thread].address, pending[thread].size),
               pending[thread].size);
}

void trace_settle(void)
{
    settle(thread_self()->id);
}

static struct event *add(uintptr_t pc)
{
    const int thread = thread_self()->id;
    settle(thread);
    if (count == EVENTS_MAX)
        count--; /* the last one is what matters */
    events[count] = (struct event){.thread = thread, .pc = pc};
    return &events[count++];
}

void trace_keep(uintptr_t lock, uintptr_t pc, const char *format, ...)
{
    struct event *event = add(pc);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(event->words, sizeof event->words, format, arguments);
    va_end(arguments);
    event->lock = lock;
}

void trace_value(const char *verb, uintptr_t address, uint64_t value, uintptr_t pc)
{
    (void)address;
    if (trace_active)
        show_value(add(pc), verb, value, 4);
}

void trace_plain(uintptr_t address, size_t size, bool writes, uintptr_t pc)
{
    settle(thread_self()->id);
    if (address / 8 > watched / 8 || (address + size - 1) / 8 < watched / 8)
        return;
    struct event *event = add(pc);
    show_value(event, writes ? "writes" : "reads", value_at(address, size), size);
    if (!writes)
        return;
    snprintf(event->words, sizeof event->words, "writes");
    pending[event->thread].set = true;
    pending[event->thread].address = address;
    pending[event->thread].size = size;
    pending[event->thread].event = (size_t)(event - events);
}
