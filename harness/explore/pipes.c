/* pipes.c: pipes, pairs of sockets, and eventfds: how they are made and shut. */
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "channels.h"
#include "descriptors.h"
#include "memory.h"
#include "model.h"
#include "schedule.h"
#include "sync.h"
#include "verdict.h"

static int make_pipe(int *ends, int flags, uintptr_t pc)
{
    struct channel *channel = channel_make(CHANNEL_BYTES);
    struct file *reader = file_make(FILE_PIPE, flags & O_NONBLOCK), *writer = file_make(FILE_PIPE, flags & O_NONBLOCK);
    if (flags & O_DIRECT)
        verdict_unsupported("pipes in packet mode (O_DIRECT)");
    memory_access((uintptr_t)ends, 2 * sizeof *ends, ACCESS_WRITE, pc);
    file_reads(reader, channel);
    file_writes(writer, channel);
    ends[0] = descriptors_open(reader, 0, flags & O_CLOEXEC);
    ends[1] = descriptors_open(writer, 0, flags & O_CLOEXEC);
    return 0;
}

MODEL(int, pipe, (int *ends))
{
    return make_pipe(ends, 0, PC);
}

MODEL(int, pipe2, (int *ends, int flags))
{
    return make_pipe(ends, flags, PC);
}

MODEL(int, eventfd, (unsigned value, int flags))
{
    struct channel *channel = channel_make(flags & EFD_SEMAPHORE ? CHANNEL_TOKENS : CHANNEL_NUMBER);
    struct file *file = file_make(FILE_EVENT, flags & EFD_NONBLOCK);
    channel->count = value;
    file_reads(file, channel);
    file_writes(file, channel);
    return descriptors_open(file, 0, flags & EFD_CLOEXEC);
}

/* A datagram pair differs from a sequenced one only in that nobody sees the end: too little to model it. */
MODEL(int, socketpair, (int domain, int type, int protocol, int *ends))
{
    const int kind = type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (domain != AF_UNIX || protocol != 0 || (kind != SOCK_STREAM && kind != SOCK_SEQPACKET))
        verdict_unsupported("socketpair of anything but AF_UNIX with SOCK_STREAM or SOCK_SEQPACKET");
    const enum channel_kind channels = kind == SOCK_STREAM ? CHANNEL_BYTES : CHANNEL_MESSAGES;
    struct channel *there = channel_make(channels), *back = channel_make(channels);
    struct file *one = file_make(FILE_SOCKET, type & SOCK_NONBLOCK), *other = file_make(FILE_SOCKET, one->nonblocking);
    memory_access((uintptr_t)ends, 2 * sizeof *ends, ACCESS_WRITE, PC);
    file_writes(one, there);
    file_reads(one, back);
    file_writes(other, back);
    file_reads(other, there);
    ends[0] = descriptors_open(one, 0, type & SOCK_CLOEXEC);
    ends[1] = descriptors_open(other, 0, type & SOCK_CLOEXEC);
    return 0;
}

/* No more goes through this channel; who still reads gets what lies in it, and then the end. */
static void shut(struct channel *channel, int *side)
{
    *side = 0;
    channel->changes++;
    schedule_release(&channel->clock);
    schedule_changed();
}

MODEL(int, shutdown, (int number, int how))
{
    const struct file *file = descriptors_find(number);
    if (file == NULL || file->kind != FILE_SOCKET)
        return model_fail(file == NULL ? EBADF : ENOTSOCK);
    schedule_point(
        (struct operation){
            .object = (uintptr_t)file->in, .other = (uintptr_t)file->out, .words = "shut a socket down", .pc = PC},
        NULL);
    if (how == SHUT_WR || how == SHUT_RDWR)
        shut(file->out, &file->out->writers);
    if (how == SHUT_RD || how == SHUT_RDWR) {
        file->in->writers = 0;
        shut(file->in, &file->in->readers);
    }
    return 0;
}
