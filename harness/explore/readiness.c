#include "readiness.h"

#include <poll.h>

#include "epoll.h"
#include "family.h"
#include "schedule.h"

static short of_pipe(const struct file *file)
{
    short events = 0;
    if (file->in != NULL && file->in->count > 0)
        events |= POLLIN | POLLRDNORM;
    if (file->in != NULL && file->in->writers == 0)
        events |= POLLHUP;
    if (file->out != NULL && channel_may_write(file->out))
        events |= POLLOUT | POLLWRNORM;
    if (file->out != NULL && file->out->readers == 0)
        events |= POLLERR;
    return events;
}

static short of_event(const struct file *file)
{
    return (short)((channel_may_write(file->in) ? POLLOUT | POLLWRNORM : 0) |
                   (file->in->count > 0 ? POLLIN | POLLRDNORM : 0));
}

static short of_socket(const struct file *file)
{
    const bool at_end = file->in->writers == 0, unheard = file->out->readers == 0;
    short events = 0;
    if (file->in->count > 0 || at_end || file->in->lost)
        events |= POLLIN | POLLRDNORM;
    if (at_end)
        events |= POLLRDHUP;
    if (at_end && unheard)
        events |= POLLHUP;
    if (file->in->lost)
        events |= POLLERR;
    if (channel_may_write(file->out))
        events |= POLLOUT | POLLWRNORM;
    return events;
}

static short all_of(const struct file *file)
{
    switch (file->kind) {
    case FILE_PIPE:
        return of_pipe(file);
    case FILE_EVENT:
        return of_event(file);
    case FILE_SOCKET:
        return of_socket(file);
    case FILE_EPOLL:
        return epoll_ready(file) ? POLLIN | POLLRDNORM : 0;
    case FILE_PROCESS:
        return family_has_ended(file->process) ? POLLIN | POLLRDNORM : 0;
    case FILE_MEMORY:
        return POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM;
    }
    return 0;
}

short readiness_of(const struct file *file, short wanted)
{
    return (short)(all_of(file) & (wanted | POLLHUP | POLLERR));
}

unsigned readiness_changes(const struct file *file)
{
    unsigned changes = 0;
    if (file->in != NULL)
        changes += file->in->changes;
    if (file->out != NULL && file->out != file->in)
        changes += file->out->changes;
    if (file->kind == FILE_PROCESS)
        changes += family_has_ended(file->process);
    return changes;
}

void readiness_learn(const struct file *file)
{
    int count;
    struct member *const *members = family_members(&count);
    if (file->in != NULL)
        schedule_acquire(&file->in->clock);
    if (file->out != NULL)
        schedule_acquire(&file->out->clock);
    if (file->kind == FILE_PROCESS && file->process < count)
        schedule_acquire(&members[file->process]->clock);
}
