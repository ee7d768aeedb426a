#include "pipes.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "arena.h"
#include "memory.h"
#include "model.h"
#include "schedule.h"
#include "sync.h"
#include "trace.h"
#include "verdict.h"

enum { DESCRIPTORS = 64, FIRST = 3, PROCESSES = 32, CAPACITY = 65536 };

struct channel {
    bool event, semaphore; /* an eventfd */
    int readers, writers;  /* descriptors, in all processes */
    size_t count;          /* bytes; an eventfd's number */
    char *bytes;
    struct clock clock;
};

struct descriptor {
    struct channel *channel; /* NULL: not open */
    bool writes, waits;      /* waits: not O_NONBLOCK */
};

static struct descriptor tables[PROCESSES][DESCRIPTORS];
static int used_tables;
static bool ignores_broken;

static struct descriptor *table_of(int process)
{
    while (used_tables <= process)
        memset(tables[used_tables++], 0, sizeof tables[0]);
    return tables[process];
}

void pipes_reset(void)
{
    used_tables = 0;
    ignores_broken = false;
}

static void count_one(const struct descriptor *descriptor, int by)
{
    if (descriptor->channel->event || !descriptor->writes)
        descriptor->channel->readers += by;
    if (descriptor->channel->event || descriptor->writes)
        descriptor->channel->writers += by;
}

void pipes_fork(int parent, int child)
{
    const struct descriptor *from = table_of(parent);
    struct descriptor *into = table_of(child);
    for (int i = 0; i < DESCRIPTORS; i++) {
        into[i] = from[i];
        if (into[i].channel != NULL)
            count_one(&into[i], 1);
    }
}

void pipes_end(int process)
{
    struct descriptor *table = table_of(process);
    for (int i = 0; i < DESCRIPTORS; i++)
        if (table[i].channel != NULL) {
            count_one(&table[i], -1);
            table[i].channel = NULL;
        }
    schedule_changed();
}

static int fail(int error)
{
    errno = error;
    return -1;
}

static struct descriptor *find(int number)
{
    if (number < FIRST || number >= DESCRIPTORS)
        return NULL;
    struct descriptor *descriptor = &table_of(thread_self()->process)[number];
    return descriptor->channel != NULL ? descriptor : NULL;
}

static int open_one(struct channel *channel, bool writes, bool waits)
{
    struct descriptor *table = table_of(thread_self()->process);
    for (int i = FIRST; i < DESCRIPTORS; i++)
        if (table[i].channel == NULL) {
            table[i] = (struct descriptor){channel, writes, waits};
            count_one(&table[i], 1);
            return i;
        }
    verdict_unsupported("more than %d open descriptors", DESCRIPTORS);
}

static bool may_read(void *argument)
{
    const struct channel *channel = argument;
    return channel->count > 0 || channel->writers == 0;
}

static bool may_write(void *argument)
{
    const struct channel *channel = argument;
    return channel->event || channel->count < CAPACITY / 2 || channel->readers == 0;
}

static int make_pipe(int *ends, bool waits)
{
    struct channel *channel = arena_zero(sizeof *channel);
    channel->bytes = arena_take(CAPACITY);
    ends[0] = open_one(channel, false, waits);
    ends[1] = open_one(channel, true, waits);
    return 0;
}

MODEL(int, pipe, (int *ends))
{
    memory_access((uintptr_t)ends, 2 * sizeof *ends, ACCESS_WRITE, PC);
    return make_pipe(ends, true);
}

MODEL(int, pipe2, (int *ends, int flags))
{
    memory_access((uintptr_t)ends, 2 * sizeof *ends, ACCESS_WRITE, PC);
    return make_pipe(ends, !(flags & O_NONBLOCK));
}

MODEL(int, eventfd, (unsigned value, int flags))
{
    struct channel *channel = arena_zero(sizeof *channel);
    channel->event = true;
    channel->semaphore = flags & EFD_SEMAPHORE;
    channel->count = value;
    return open_one(channel, false, !(flags & EFD_NONBLOCK));
}

static size_t take_bytes(struct channel *channel, void *into, size_t size)
{
    const size_t taken = size < channel->count ? size : channel->count;
    memcpy(into, channel->bytes, taken);
    channel->count -= taken;
    memmove(channel->bytes, channel->bytes + taken, channel->count);
    return taken;
}

static size_t take_number(struct channel *channel, void *into)
{
    const uint64_t number = channel->semaphore ? 1 : channel->count;
    memcpy(into, &number, sizeof number);
    channel->count -= number;
    return sizeof number;
}

MODEL(ssize_t, read, (int number, void *into, size_t size))
{
    struct descriptor *descriptor = find(number);
    if (descriptor == NULL)
        verdict_unsupported("read from descriptor %d, which is no pipe of the program", number);
    struct channel *channel = descriptor->channel;
    if (descriptor->writes)
        return fail(EBADF);
    const struct wait wait = {may_read, channel, NEVER, false};
    const struct operation operation = {.object = (uintptr_t)channel, .words = "read from a pipe", .pc = PC};
    schedule_point(operation, descriptor->waits ? &wait : NULL);
    if (!may_read(channel)) {
        schedule_looked(PC, 0);
        return fail(EAGAIN);
    }
    schedule_acquire(&channel->clock);
    if (channel->count == 0)
        return 0;
    memory_access((uintptr_t)into, channel->event || size > channel->count ? channel->event ? 8 : channel->count : size,
                  ACCESS_WRITE, PC);
    schedule_changed();
    schedule_release(&channel->clock); /* there is room again: a writer may wait for that */
    trace_event(PC, "reads from descriptor %d", number);
    return (ssize_t)(channel->event ? take_number(channel, into) : take_bytes(channel, into, size));
}

static ssize_t put(struct channel *channel, const void *data, size_t size)
{
    if (channel->event) {
        uint64_t number;
        memcpy(&number, data, sizeof number);
        channel->count += number;
        return sizeof number;
    }
    if (size > CAPACITY / 2)
        verdict_unsupported("more than %d bytes written to a pipe at once", CAPACITY / 2);
    memcpy(channel->bytes + channel->count, data, size);
    channel->count += size;
    return (ssize_t)size;
}

ssize_t pipes_write(int number, const void *data, size_t size, uintptr_t pc)
{
    struct descriptor *descriptor = find(number);
    if (descriptor == NULL)
        verdict_unsupported("write to descriptor %d, which is no pipe of the program", number);
    struct channel *channel = descriptor->channel;
    if (!descriptor->writes && !channel->event)
        return fail(EBADF);
    memory_access((uintptr_t)data, size, ACCESS_READ, pc);
    const struct wait wait = {may_write, channel, NEVER, false};
    const struct operation operation = {.object = (uintptr_t)channel, .words = "write to a pipe", .pc = pc};
    schedule_point(operation, descriptor->waits ? &wait : NULL);
    if (!may_write(channel))
        return fail(EAGAIN);
    if (channel->readers == 0) {
        if (ignores_broken)
            return fail(EPIPE);
        verdict_place(thread_self()->id, pc, "writes");
        verdict_end(VERDICT_CRASH, "a process is ended by SIGPIPE: it writes to a pipe nobody reads from any more");
    }
    schedule_acquire(&channel->clock);
    schedule_release(&channel->clock);
    schedule_changed();
    trace_event(pc, "writes to descriptor %d", number);
    return put(channel, data, size);
}

MODEL(int, close, (int number))
{
    struct descriptor *descriptor = find(number);
    if (descriptor == NULL)
        return fail(EBADF);
    schedule_point(
        (struct operation){.object = (uintptr_t)descriptor->channel, .words = "close a descriptor", .pc = PC}, NULL);
    if (descriptor->channel == NULL)
        return fail(EBADF);
    schedule_release(&descriptor->channel->clock);
    count_one(descriptor, -1);
    descriptor->channel = NULL;
    schedule_changed();
    return 0;
}

struct look {
    struct pollfd *items;
    nfds_t count;
    struct channel *channels[DESCRIPTORS]; /* of each item; NULL: none */
};

static short events_of(const struct pollfd *item, struct channel *channel)
{
    short events = 0;
    if (channel->count > 0)
        events |= (short)(item->events & POLLIN);
    if (channel->writers == 0)
        events |= POLLHUP;
    if (may_write(channel))
        events |= (short)(item->events & POLLOUT);
    return events;
}

/* The program's array may be out of reach when another process runs: a copy is looked at. */
static bool any_ready(void *argument)
{
    const struct look *look = argument;
    for (nfds_t i = 0; i < look->count; i++)
        if (look->items[i].fd >= 0 && (look->channels[i] == NULL || events_of(&look->items[i], look->channels[i]) != 0))
            return true;
    return false;
}

static int poll_until(struct pollfd *items, nfds_t count, uint64_t nanoseconds, uintptr_t pc)
{
    if (count > DESCRIPTORS)
        verdict_unsupported("poll of more than %d descriptors", DESCRIPTORS);
    struct look *look = arena_zero(sizeof *look);
    look->count = count;
    look->items = arena_take(count * sizeof *items + 1);
    memcpy(look->items, items, count * sizeof *items);
    for (nfds_t i = 0; i < count; i++)
        look->channels[i] = find(items[i].fd) != NULL ? find(items[i].fd)->channel : NULL;
    const uint64_t deadline = nanoseconds == NEVER ? NEVER : schedule.now + nanoseconds;
    const struct wait wait = {any_ready, look, deadline, false};
    schedule_point((struct operation){.all = true, .words = "poll", .pc = pc}, nanoseconds == 0 ? NULL : &wait);
    memory_access((uintptr_t)items, count * sizeof *items, ACCESS_WRITE, pc);
    int ready = 0;
    for (nfds_t i = 0; i < count; i++) {
        items[i].revents = 0;
        if (items[i].fd >= 0)
            items[i].revents = look->channels[i] != NULL ? events_of(&items[i], look->channels[i]) : POLLNVAL;
        if (items[i].revents != 0 && look->channels[i] != NULL)
            schedule_acquire(&look->channels[i]->clock); /* what it tells was done before */
        ready += items[i].revents != 0;
    }
    if (ready == 0)
        schedule_looked(pc, 0);
    return ready;
}

MODEL(int, poll, (struct pollfd * items, nfds_t count, int milliseconds))
{
    return poll_until(items, count, milliseconds < 0 ? NEVER : (uint64_t)milliseconds * 1000000, PC);
}

MODEL(int, ppoll, (struct pollfd * items, nfds_t count, const struct timespec *time, const sigset_t *mask))
{
    (void)mask;
    if (time == NULL)
        return poll_until(items, count, NEVER, PC);
    return poll_until(items, count, (uint64_t)time->tv_sec * 1000000000u + (uint64_t)time->tv_nsec, PC);
}

typedef void handler(int);

MODEL(handler *, signal, (int number, handler *new))
{
    if (number != SIGPIPE || (new != SIG_IGN &&new != SIG_DFL))
        verdict_unsupported("signal handlers");
    handler *old = ignores_broken ? SIG_IGN : SIG_DFL;
    ignores_broken = new == SIG_IGN;
    return old;
}

MODEL(int, sigaction, (int number, const struct sigaction *new, struct sigaction *old))
{
    handler *before = ignores_broken ? SIG_IGN : SIG_DFL;
    if (number != SIGPIPE || (new != NULL &&new->sa_handler != SIG_IGN &&new->sa_handler != SIG_DFL))
        verdict_unsupported("signal handlers");
    if (new != NULL)
        ignores_broken = new->sa_handler == SIG_IGN;
    if (old != NULL)
        *old = (struct sigaction){.sa_handler = before};
    return 0;
}
