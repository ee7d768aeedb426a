#include "signals.h"

#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "arena.h"
#include "descriptors.h"
#include "family.h"
#include "memory.h"
#include "model.h"
#include "schedule.h"
#include "sync.h"
#include "trace.h"
#include "verdict.h"

enum { SIGNALS = 65 };

typedef void handler(int);

struct signals {
    struct sigaction actions[SIGNALS];
    uint64_t pending;
};

static struct signals *processes[PROCESSES_MAX];

static uint64_t bit(int number)
{
    return 1ull << (number - 1);
}

static struct signals *of(int process)
{
    if (processes[process] == NULL)
        processes[process] = arena_zero(sizeof *processes[0]);
    return processes[process];
}

void signals_reset(void)
{
    memset(processes, 0, sizeof processes);
}

void signals_fork(int parent, int child)
{
    *of(child) = *of(parent);
    of(child)->pending = 0;
}

bool signals_ignored(int process, int number)
{
    return of(process)->actions[number].sa_handler == SIG_IGN;
}

static bool harmless(int number)
{
    return number == SIGCHLD || number == SIGURG || number == SIGWINCH || number == SIGCONT;
}

/* Acts on a signal that nobody blocks. */
static void deliver(int process, int number, uintptr_t pc)
{
    handler *action = of(process)->actions[number].sa_handler;
    if (number != SIGKILL && action == SIG_IGN)
        return;
    if (number == SIGSTOP || number == SIGTSTP || number == SIGTTIN || number == SIGTTOU)
        verdict_unsupported("signal %d, which stops a process", number);
    if (number != SIGKILL && action != SIG_DFL)
        verdict_unsupported("a signal handler that is run (signal %d)", number);
    if (number != SIGKILL && harmless(number))
        return;
    if (process == 0) {
        verdict_place(thread_self()->id, pc, "here");
        verdict_end(VERDICT_CRASH, "the program is ended by signal %d", number);
    }
    family_kill(process, number);
}

static bool all_block(int process, int number)
{
    for (int id = 0; id < schedule.count; id++)
        if (schedule.threads[id].alive && schedule.threads[id].process == process &&
            !(schedule.threads[id].blocked & bit(number)))
            return false;
    return true;
}

void signals_send(int process, int number, uintptr_t pc)
{
    if (number != SIGKILL && number != SIGSTOP && !signals_ignored(process, number) && all_block(process, number))
        of(process)->pending |= bit(number);
    else
        deliver(process, number, pc);
}

void signals_broken_pipe(uintptr_t pc)
{
    struct thread *self = thread_self();
    if (signals_ignored(self->process, SIGPIPE))
        return;
    if (self->blocked & bit(SIGPIPE)) {
        self->pending |= bit(SIGPIPE);
        return;
    }
    if (self->process == 0) {
        verdict_place(self->id, pc, "writes");
        verdict_end(VERDICT_CRASH, "a process is ended by SIGPIPE: it writes to a pipe nobody reads from any more");
    }
    schedule_point((struct operation){.all = true, .words = "be ended by SIGPIPE", .pc = pc}, NULL);
    trace_event(pc, "is ended by SIGPIPE: nobody reads what it writes");
    deliver(self->process, SIGPIPE, pc);
}

static int set_action(int number, const struct sigaction *new, struct sigaction *old)
{
    if (number < 1 || number >= SIGNALS || (new != NULL && (number == SIGKILL || number == SIGSTOP)))
        return model_fail(EINVAL);
    struct sigaction *action = &of(thread_self()->process)->actions[number];
    const struct sigaction before = *action;
    if (new != NULL)
        *action = *new;
    if (old != NULL)
        *old = before;
    return 0;
}

MODEL(int, sigaction, (int number, const struct sigaction *new, struct sigaction *old))
{
    if (old != NULL)
        memory_access((uintptr_t)old, sizeof *old, ACCESS_WRITE, PC);
    return set_action(number, new, old);
}

MODEL(handler *, signal, (int number, handler *new))
{
    const struct sigaction action = {.sa_handler = new, .sa_flags = SA_RESTART};
    struct sigaction old;
    return set_action(number, &action, &old) == 0 ? old.sa_handler : SIG_ERR;
}

static void deliver_unblocked(struct thread *self, uintptr_t pc)
{
    for (int number = 1; number < SIGNALS; number++) {
        uint64_t *pending = self->pending & bit(number) ? &self->pending : &of(self->process)->pending;
        if (!(*pending & bit(number)) || self->blocked & bit(number))
            continue;
        schedule_point((struct operation){.all = true, .words = "receive a signal that was blocked", .pc = pc}, NULL);
        *pending &= ~bit(number);
        deliver(self->process, number, pc);
    }
}

/* A sigset_t begins with the bits of signals 1 to 64. */
static int set_mask(int how, const sigset_t *set, sigset_t *old, uintptr_t pc)
{
    struct thread *self = thread_self();
    const uint64_t before = self->blocked;
    uint64_t bits = 0;
    if (set != NULL)
        memcpy(&bits, set, sizeof bits);
    if (set != NULL && how == SIG_BLOCK)
        self->blocked |= bits;
    else if (set != NULL && how == SIG_UNBLOCK)
        self->blocked &= ~bits;
    else if (set != NULL)
        self->blocked = bits;
    self->blocked &= ~(bit(SIGKILL) | bit(SIGSTOP));
    if (old != NULL) {
        memory_access((uintptr_t)old, sizeof *old, ACCESS_WRITE, pc);
        memset(old, 0, sizeof *old);
        memcpy(old, &before, sizeof before);
    }
    deliver_unblocked(self, pc);
    return 0;
}

MODEL(int, sigprocmask, (int how, const sigset_t *set, sigset_t *old))
{
    return set_mask(how, set, old, PC);
}

MODEL(int, pthread_sigmask, (int how, const sigset_t *set, sigset_t *old))
{
    return set_mask(how, set, old, PC);
}

MODEL(int, sigpending, (sigset_t * into))
{
    const uint64_t bits = thread_self()->pending | of(thread_self()->process)->pending;
    memory_access((uintptr_t)into, sizeof *into, ACCESS_WRITE, PC);
    memset(into, 0, sizeof *into);
    memcpy(into, &bits, sizeof bits);
    return 0;
}

MODEL(int, kill, (pid_t pid, int number))
{
    const int process = family_process(pid);
    if (pid <= 0)
        verdict_unsupported("kill of a group of processes");
    if (number < 0 || number >= SIGNALS)
        return model_fail(EINVAL);
    schedule_point((struct operation){.all = true, .words = "kill a process", .pc = PC}, NULL);
    if (process < 0 || !family_exists(process)) {
        schedule_looked(PC, 0);
        return model_fail(ESRCH);
    }
    schedule_looked(PC, 1);
    if (number == 0 || family_has_ended(process))
        return 0;
    trace_event(PC, "sends signal %d to process %d", number, process);
    signals_send(process, number, PC);
    return 0;
}

MODEL(int, raise, (int number))
{
    schedule_point((struct operation){.all = true, .words = "raise a signal", .pc = PC}, NULL);
    trace_event(PC, "raises signal %d", number);
    signals_send(thread_self()->process, number, PC);
    return 0;
}
