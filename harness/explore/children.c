/* children.c: what a process asks about its relatives: wait and its kin, ids, pidfds, prctl. */
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arena.h"
#include "descriptors.h"
#include "family.h"
#include "memory.h"
#include "model.h"
#include "pidfd.h"
#include "signals.h"
#include "sync.h"
#include "trace.h"
#include "verdict.h"

enum { ANY = -1, INIT = 1 };

struct wanted {
    int parent, which; /* process, ANY */
};

static struct member *find_child(const struct wanted *wanted, bool ended)
{
    int count;
    struct member *const *members = family_members(&count);
    for (int i = 1; i < count; i++)
        if (members[i]->parent == wanted->parent && !members[i]->reaped && (!ended || members[i]->ended) &&
            (wanted->which == ANY || wanted->which == i))
            return members[i];
    return NULL;
}

static bool is_over(void *wanted)
{
    return find_child(wanted, true) != NULL || find_child(wanted, false) == NULL;
}

/* The child that has ended, NULL with errno ECHILD or EINTR, or NULL with errno 0: none has, and `options` say not to
 * wait. */
static struct member *wait_for(int which, int options, uintptr_t pc)
{
    struct wanted *wanted = arena_take(sizeof *wanted); /* others look at it, and the stack is not always there */
    *wanted = (struct wanted){thread_self()->process, which};
    int count;
    const struct wait wait = {is_over, wanted, NEVER, false};
    const struct operation operation = {.object = which <= 0 ? 0 : (uintptr_t)family_members(&count)[which],
                                        .all = which == ANY,
                                        .interrupt = INTERRUPT_RESTARTS,
                                        .words = "wait for a child process",
                                        .pc = pc};
    if (schedule_point(operation, options & WNOHANG ? NULL : &wait) == WAKE_INTERRUPTED) {
        errno = EINTR;
        return NULL;
    }
    struct member *child = find_child(wanted, true);
    errno = child == NULL && find_child(wanted, false) == NULL ? ECHILD : 0;
    if (child == NULL) {
        schedule_looked(pc, (uint64_t)errno);
        return NULL;
    }
    schedule_acquire(&child->clock);
    if (!(options & WNOWAIT)) {
        child->reaped = true;
        schedule_changed();
        trace_event(pc, "has waited for process %d", child->id);
    }
    return child;
}

static pid_t wait_status(pid_t pid, int *status, int options, uintptr_t pc)
{
    const int before = errno;
    if (pid == 0 || pid < -1)
        pid = ANY; /* nobody makes process groups */
    if (pid > 0 && family_process(pid) < 0)
        return model_fail(ECHILD);
    const struct member *child = wait_for(pid == ANY ? ANY : family_process(pid), options, pc);
    if (child == NULL && errno != 0)
        return -1;
    errno = before;
    if (child == NULL)
        return 0;
    if (status != NULL) {
        memory_access((uintptr_t)status, sizeof *status, ACCESS_WRITE, pc);
        *status = child->status;
    }
    return family_pid(child->id);
}

MODEL(pid_t, waitpid, (pid_t pid, int *status, int options))
{
    return wait_status(pid, status, options, PC);
}

MODEL(pid_t, wait, (int *status))
{
    return wait_status(-1, status, 0, PC);
}

MODEL(pid_t, wait4, (pid_t pid, int *status, int options, struct rusage *usage))
{
    if (usage != NULL) {
        memory_access((uintptr_t)usage, sizeof *usage, ACCESS_WRITE, PC);
        memset(usage, 0, sizeof *usage);
    }
    return wait_status(pid, status, options, PC);
}

static int which_of(idtype_t type, id_t id)
{
    const struct file *file;
    switch (type) {
    case P_PID:
        return family_process((pid_t)id) < 0 ? 0 : family_process((pid_t)id); /* 0 is nobody's child */
    case P_PIDFD:
        file = descriptors_find((int)id);
        return file != NULL && file->kind == FILE_PROCESS ? file->process : 0;
    case P_ALL:
    case P_PGID:
        return ANY;
    }
    return 0;
}

static void tell(siginfo_t *info, const struct member *child)
{
    const bool exited = WIFEXITED(child->status);
    info->si_signo = SIGCHLD;
    info->si_pid = family_pid(child->id);
    info->si_code = exited ? CLD_EXITED : CLD_KILLED;
    info->si_status = exited ? WEXITSTATUS(child->status) : WTERMSIG(child->status);
}

MODEL(int, waitid, (idtype_t type, id_t id, siginfo_t *info, int options))
{
    const int before = errno;
    if (!(options & WEXITED))
        verdict_unsupported("waitid without WEXITED");
    const struct member *child = wait_for(which_of(type, id), options, PC);
    if (child == NULL && errno != 0)
        return -1;
    errno = before;
    if (info == NULL)
        return 0;
    memory_access((uintptr_t)info, sizeof *info, ACCESS_WRITE, PC);
    memset(info, 0, sizeof *info);
    if (child != NULL)
        tell(info, child);
    return 0;
}

MODEL(pid_t, getpid, (void))
{
    return family_pid(thread_self()->process);
}

static struct member *own(void)
{
    int count;
    struct member *const *members = family_members(&count);
    return count > 0 ? members[thread_self()->process] : NULL;
}

MODEL(pid_t, getppid, (void))
{
    const struct member *self = own();
    if (self == NULL || self->id == 0)
        return family_pid(0) - 1;
    schedule_point((struct operation){.object = (uintptr_t)self, .words = "ask who the parent is", .pc = PC}, NULL);
    schedule_looked(PC, (uint64_t)self->parent);
    return self->parent == ORPHAN ? INIT : family_pid(self->parent);
}

static int set_death_signal(int number, uintptr_t pc)
{
    struct member *self = own();
    schedule_point(
        (struct operation){.object = (uintptr_t)self, .words = "ask to be told of the parent's end", .pc = pc}, NULL);
    if (self != NULL)
        self->death_signal = number;
    return 0;
}

MODEL(int, prctl, (int option, ...))
{
    va_list arguments;
    va_start(arguments, option);
    const unsigned long argument = va_arg(arguments, unsigned long);
    va_end(arguments);
    switch (option) {
    case PR_SET_PDEATHSIG:
        return set_death_signal((int)argument, PC);
    case PR_SET_NAME:
    case PR_SET_DUMPABLE:
        return 0;
    default:
        verdict_unsupported("prctl with option %d", option);
    }
}

int pidfd_make(pid_t pid, unsigned flags)
{
    const int process = family_process(pid);
    if (process < 0 || !family_exists(process))
        return model_fail(ESRCH);
    if (flags != 0 && flags != O_NONBLOCK)
        return model_fail(EINVAL);
    struct file *file = file_make(FILE_PROCESS, flags != 0);
    file->process = process;
    return descriptors_open(file, 0, true);
}

MODEL(int, pidfd_open, (pid_t pid, unsigned flags))
{
    return pidfd_make(pid, flags);
}

int pidfd_signal(int number, int signal_number, uintptr_t pc)
{
    const struct file *file = descriptors_find(number);
    if (file == NULL || file->kind != FILE_PROCESS)
        return model_fail(EBADF);
    schedule_doom(file->process, pc);
    if (!family_exists(file->process))
        return model_fail(ESRCH);
    if (signal_number != 0 && !family_has_ended(file->process))
        signals_send(file->process, signal_number, pc);
    return 0;
}

MODEL(int, pidfd_send_signal, (int number, int signal_number, siginfo_t *info, unsigned flags))
{
    (void)info;
    (void)flags;
    return pidfd_signal(number, signal_number, PC);
}
