#include "transfers.h"

#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "arena.h"
#include "descriptors.h"
#include "files.h"
#include "memory.h"
#include "model.h"
#include "schedule.h"
#include "signals.h"
#include "sync.h"
#include "trace.h"
#include "verdict.h"

static bool socket_was_reset(struct channel *channel)
{
    const bool lost = channel->lost;
    channel->lost = false; /* told once */
    return lost;
}

static const char *const reading[] = {
    [FILE_PIPE] = "read from a pipe",    [FILE_EVENT] = "read from an eventfd", [FILE_SOCKET] = "receive from a socket",
    [FILE_EPOLL] = "read from an epoll", [FILE_PROCESS] = "read from a pidfd",  [FILE_MEMORY] = "read from a file",
};
static const char *const writing[] = {
    [FILE_PIPE] = "write to a pipe",    [FILE_EVENT] = "write to an eventfd", [FILE_SOCKET] = "send to a socket",
    [FILE_EPOLL] = "write to an epoll", [FILE_PROCESS] = "write to a pidfd",  [FILE_MEMORY] = "write to a file",
};

/* A pipe gives all that is there, up to what is asked; so a message that was written as a whole is read as one. POSIX
 * promises less of a stream socket, but on Linux a local one does the same for small messages (unix(7) sockets keep
 * what one call sent together), and a hand-in that relies on it never fails: only large pieces are divided. */
static size_t piece_taken(const struct file *file, size_t size, int flags)
{
    const size_t there = channel_ready(file->in, size);
    const bool may_be_short = file->kind == FILE_SOCKET && file->in->kind == CHANNEL_BYTES && there > PIPE_BUF;
    return may_be_short && !(flags & MSG_PEEK) && schedule_short() ? there / 2 : there;
}

/* A signal ends a transfer that has moved something, SA_RESTART or not: it returns how much. */
static enum interrupt interrupted_by_signal(size_t moved)
{
    return moved > 0 ? INTERRUPT_ENTERED : INTERRUPT_RESTARTS;
}

/* One piece, after `moved` bytes: what is there, or blocks until something is. */
static ssize_t take(const struct file *file, char *into, size_t moved, size_t size, int flags, uintptr_t pc)
{
    struct channel *channel = file->in;
    const struct wait wait = {channel_may_read, channel, NEVER, false};
    const struct operation operation = {.object = (uintptr_t)channel,
                                        .data = true,
                                        .interrupt = interrupted_by_signal(moved),
                                        .words = reading[file->kind],
                                        .pc = pc};
    if (schedule_point(operation, file->nonblocking || flags & MSG_DONTWAIT ? NULL : &wait) == WAKE_INTERRUPTED)
        return model_fail(EINTR);
    if (!channel_may_read(channel)) {
        schedule_looked(pc, 0);
        return model_fail(EAGAIN);
    }
    schedule_acquire(&channel->clock);
    if (channel->count == 0)
        return socket_was_reset(channel) ? model_fail(ECONNRESET) : 0;
    const size_t piece = piece_taken(file, size - moved, flags);
    memory_access((uintptr_t)into + moved, channel_ready(channel, piece), ACCESS_WRITE, pc);
    schedule_changed();
    schedule_release(&channel->clock); /* there is room again: a writer may wait for that */
    const size_t whole = channel_ready(channel, SIZE_MAX),
                 taken = channel_take(channel, into + moved, piece, flags & MSG_PEEK);
    return (ssize_t)(flags & MSG_TRUNC && channel->kind == CHANNEL_MESSAGES ? whole : taken);
}

ssize_t transfer_in(int number, void *into, size_t size, int flags, uintptr_t pc)
{
    struct file *file = descriptors_find(number);
    if (number >= 0 && number < FIRST_DESCRIPTOR)
        verdict_unsupported("read from descriptor %d, which is no pipe of the program", number);
    if (file != NULL && file->kind == FILE_MEMORY)
        return files_read(file, into, size, pc);
    if (file == NULL || file->in == NULL)
        return model_fail(file != NULL && file->kind > FILE_SOCKET ? EINVAL : EBADF);
    if (file->kind == FILE_EVENT && size < sizeof(uint64_t))
        return model_fail(EINVAL);
    trace_event(pc, "reads from descriptor %d", number);
    size_t got = 0;
    do {
        const ssize_t piece = take(file, into, got, size, flags, pc);
        if (piece <= 0)
            return got > 0 ? (ssize_t)got : piece;
        got += (size_t)piece;
    } while (flags & MSG_WAITALL && got < size && file->in->kind == CHANNEL_BYTES);
    return (ssize_t)got;
}

static ssize_t broken(int flags, uintptr_t pc)
{
    if (!(flags & MSG_NOSIGNAL))
        signals_broken_pipe(pc);
    return model_fail(EPIPE);
}

/* A write of at most PIPE_BUF bytes is done as a whole; of a larger one, others may see parts, and all that fits may be
 * less than all. */
static size_t piece_put(const struct channel *channel, size_t size)
{
    const size_t room = channel_room(channel, size);
    const bool divides = channel->kind == CHANNEL_BYTES && size > CHANNEL_ATOMIC;
    return divides && schedule_short() ? (room + 1) / 2 : room;
}

/* Whether a write would return at once, and what it looks at for that: as a wait without end. */
static struct wait wait_for_room(const struct file *file, const char *data)
{
    struct channel *channel = file->out;
    if (file->kind != FILE_EVENT)
        return (struct wait){channel_may_write, channel, NEVER, false};
    struct channel_addition *addition = arena_take(sizeof *addition);
    addition->channel = channel;
    memcpy(&addition->number, data, sizeof addition->number);
    return (struct wait){channel_fits, addition, NEVER, false};
}

/* One piece, after `moved` bytes: what fits, or blocks until something does. */
static ssize_t put(const struct file *file, const char *data, size_t moved, size_t size, int flags, uintptr_t pc)
{
    struct channel *channel = file->out;
    const struct wait wait = wait_for_room(file, data + moved);
    const struct operation operation = {.object = (uintptr_t)channel,
                                        .other = file->kind == FILE_SOCKET ? (uintptr_t)file->in : 0,
                                        .interrupt = interrupted_by_signal(moved),
                                        .words = writing[file->kind],
                                        .pc = pc};
    if (schedule_point(operation, file->nonblocking || flags & MSG_DONTWAIT ? NULL : &wait) == WAKE_INTERRUPTED)
        return model_fail(EINTR);
    if (!wait.ready(wait.argument)) {
        schedule_looked(pc, 0);
        return model_fail(EAGAIN);
    }
    if (file->kind == FILE_SOCKET && socket_was_reset(file->in))
        return model_fail(ECONNRESET);
    if (channel->readers == 0 || channel->writers == 0) /* no writers: this side of the socket was shut down */
        return broken(flags, pc);
    schedule_acquire(&channel->clock);
    schedule_release(&channel->clock);
    schedule_changed();
    return (ssize_t)channel_put(channel, data + moved, piece_put(channel, size - moved));
}

ssize_t transfer_out(int number, const void *data, size_t size, int flags, uintptr_t pc)
{
    struct file *file = descriptors_find(number);
    if (file != NULL && file->kind == FILE_MEMORY)
        return files_write(file, data, size, pc);
    if (file == NULL || file->out == NULL)
        return model_fail(file != NULL && file->kind > FILE_SOCKET ? EINVAL : EBADF);
    if (file->kind == FILE_EVENT &&
        (size < sizeof(uint64_t) || memcmp(data, &(uint64_t){UINT64_MAX}, sizeof(uint64_t)) == 0))
        return model_fail(EINVAL);
    if (size > CHANNEL_MOST && file->out->kind == CHANNEL_MESSAGES)
        verdict_unsupported("a message of more than %d bytes", CHANNEL_MOST);
    memory_access((uintptr_t)data, size, ACCESS_READ, pc);
    trace_event(pc, "writes to descriptor %d", number);
    size_t done = 0;
    do {
        const ssize_t piece = put(file, data, done, size, flags, pc);
        if (piece < 0)
            return done > 0 ? (ssize_t)done : piece;
        done += (size_t)piece;
    } while (done < size && file->out->kind == CHANNEL_BYTES && !file->nonblocking && !(flags & MSG_DONTWAIT));
    return (ssize_t)done;
}

MODEL(ssize_t, read, (int number, void *into, size_t size))
{
    return transfer_in(number, into, size, 0, PC);
}

MODEL(ssize_t, recv, (int number, void *into, size_t size, int flags))
{
    return transfer_in(number, into, size, flags, PC);
}

MODEL(ssize_t, send, (int number, const void *data, size_t size, int flags))
{
    return transfer_out(number, data, size, flags, PC);
}

MODEL(int, eventfd_read, (int number, eventfd_t *value))
{
    return transfer_in(number, value, sizeof *value, 0, PC) == sizeof *value ? 0 : -1;
}

MODEL(int, eventfd_write, (int number, eventfd_t value))
{
    return transfer_out(number, &value, sizeof value, 0, PC) == sizeof value ? 0 : -1;
}
