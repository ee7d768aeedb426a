/* fcntl.c: close, dup and its kin, fcntl and ioctl. */
#include <fcntl.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "descriptors.h"
#include "footprints.h"
#include "memory.h"
#include "model.h"
#include "record_locks.h"
#include "schedule.h"
#include "sync.h"
#include "verdict.h"

static void closing_point(const struct file *file, uintptr_t pc)
{
    struct footprint *touched = footprint_make(FOOTPRINT_PER_FILE);
    footprint_add_file(touched, file, true);
    schedule_point((struct operation){.more = touched, .words = "close a descriptor", .pc = pc}, NULL);
}

MODEL(int, close, (int number))
{
    const struct file *file = descriptors_find(number);
    if (number >= 0 && number < FIRST_DESCRIPTOR)
        return 0;
    if (file == NULL)
        return model_fail(EBADF);
    closing_point(file, PC);
    if (descriptors_find(number) != file)
        return model_fail(EBADF);
    descriptors_close(number);
    return 0;
}

static int duplicate(int number, int from, bool close_on_exec)
{
    struct file *file = descriptors_find(number);
    if (number >= 0 && number < FIRST_DESCRIPTOR)
        verdict_unsupported("a duplicate of descriptor %d", number);
    return file != NULL ? descriptors_open(file, from, close_on_exec) : model_fail(EBADF);
}

MODEL(int, dup, (int number))
{
    return duplicate(number, 0, false);
}

static int duplicate_as(int number, int as, bool close_on_exec, uintptr_t pc)
{
    struct file *file = descriptors_find(number), *before = descriptors_find(as);
    if (as >= 0 && as < FIRST_DESCRIPTOR)
        verdict_unsupported("a program that replaces descriptor %d", as);
    if (file == NULL || as < 0 || as >= DESCRIPTORS)
        return model_fail(EBADF);
    if (number == as)
        return as;
    if (before != NULL) {
        closing_point(before, pc);
        descriptors_close(as);
    }
    return descriptors_open(file, as, close_on_exec);
}

MODEL(int, dup2, (int number, int as))
{
    return duplicate_as(number, as, false, PC);
}

MODEL(int, dup3, (int number, int as, int flags))
{
    return number == as ? model_fail(EINVAL) : duplicate_as(number, as, flags & O_CLOEXEC, PC);
}

static int status_of(const struct file *file)
{
    const int way = file->in == NULL && file->kind == FILE_PIPE ? O_WRONLY
                    : file->out == NULL && file->in             ? O_RDONLY
                                                                : O_RDWR;
    return way | (file->nonblocking ? O_NONBLOCK : 0);
}

static int control(int number, struct file *file, int command, long argument)
{
    switch (command) {
    case F_GETFL:
        return status_of(file);
    case F_SETFL:
        file->nonblocking = argument & O_NONBLOCK;
        return 0;
    case F_GETFD:
        return *descriptors_close_on_exec(number) ? FD_CLOEXEC : 0;
    case F_SETFD:
        *descriptors_close_on_exec(number) = argument & FD_CLOEXEC;
        return 0;
    case F_DUPFD:
    case F_DUPFD_CLOEXEC:
        return duplicate(number, (int)argument, command == F_DUPFD_CLOEXEC);
    case F_GETPIPE_SZ:
        return 2 * CHANNEL_MOST;
    default:
        verdict_unsupported("fcntl with command %d", command);
    }
}

static int control_standard(int number, int command)
{
    switch (command) {
    case F_GETFL:
        return O_RDWR;
    case F_GETFD:
    case F_SETFD:
        return 0;
    default:
        verdict_unsupported("fcntl of descriptor %d with command %d", number, command);
    }
}

static bool is_lock(int command)
{
    return command == F_SETLK || command == F_SETLKW || command == F_GETLK || command == F_OFD_SETLK ||
           command == F_OFD_SETLKW || command == F_OFD_GETLK;
}

MODEL(int, fcntl, (int number, int command, ...))
{
    struct file *file = descriptors_find(number);
    va_list arguments;
    va_start(arguments, command);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    if (number >= 0 && number < FIRST_DESCRIPTOR)
        return control_standard(number, command);
    if (file == NULL)
        return model_fail(EBADF);
    if (!is_lock(command))
        return control(number, file, command, (int)(intptr_t)argument);
    return file->kind == FILE_MEMORY ? record_locks_control(file, command, argument, PC) : model_fail(EINVAL);
}

/* How many bytes lie there may be an answer to wait for: what was done before they were written is known then. */
static int count_bytes(const struct file *file, int *count, uintptr_t pc)
{
    struct channel *channel = file->in;
    if (channel == NULL || channel->kind != CHANNEL_BYTES)
        verdict_unsupported("ioctl with FIONREAD of what is neither a pipe nor a stream socket");
    schedule_point(
        (struct operation){
            .object = (uintptr_t)channel, .reads = true, .words = "ask how many bytes can be read", .pc = pc},
        NULL);
    memory_access((uintptr_t)count, sizeof *count, ACCESS_WRITE, pc);
    schedule_acquire(&channel->clock);
    schedule_looked(pc, channel->count);
    *count = (int)channel->count;
    return 0;
}

MODEL(int, ioctl, (int number, unsigned long request, ...))
{
    struct file *file = descriptors_find(number);
    va_list arguments;
    va_start(arguments, request);
    int *argument = va_arg(arguments, int *);
    va_end(arguments);
    if (file == NULL)
        return model_fail(EBADF);
    switch (request) {
    case FIONREAD:
        return count_bytes(file, argument, PC);
    case FIONBIO:
        file->nonblocking = *argument != 0;
        return 0;
    default:
        verdict_unsupported("ioctl with request %lu", request);
    }
}
