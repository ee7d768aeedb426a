#include "signals.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "arena.h"
#include "descriptors.h"
#include "family.h"
#include "handlers.h"
#include "memory.h"
#include "model.h"
#include "schedule.h"
#include "sync.h"
#include "trace.h"
#include "verdict.h"
#include "vtime.h"

enum { SIGNALS = 65 };

typedef void handler(int);

struct signals {
    struct sigaction actions[SIGNALS];
    pid_t senders[SIGNALS];
    uint64_t pending;
    struct clock sent; /* what the senders knew */
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

bool signals_caught(int process, int number)
{
    handler *action = of(process)->actions[number].sa_handler;
    return number != SIGKILL && number != SIGSTOP && action != SIG_IGN && action != SIG_DFL;
}

static bool harmless(int number)
{
    return number == SIGCHLD || number == SIGURG || number == SIGWINCH || number == SIGCONT;
}

void signals_act(int process, int number, uintptr_t pc)
{
    if (number != SIGKILL && signals_ignored(process, number))
        return;
    if (number == SIGSTOP || number == SIGTSTP || number == SIGTTIN || number == SIGTTOU)
        verdict_unsupported("signal %d, which stops a process", number);
    if (number != SIGKILL && harmless(number))
        return;
    if (process == 0) {
        verdict_place(thread_self()->id, pc, "here");
        verdict_end(VERDICT_CRASH, "the program is ended by signal %d", number);
    }
    family_kill(process, number);
}

static bool is_candidate(const struct thread *thread, int process, int number)
{
    return thread->alive && !thread->timer && thread->process == process && !(thread->blocked & bit(number));
}

static bool all_block(int process, int number)
{
    for (int id = 0; id < schedule.count; id++)
        if (is_candidate(&schedule.threads[id], process, number))
            return false;
    return true;
}

static void pend(uint64_t *pending, int process, int number)
{
    struct signals *signals = of(process);
    *pending |= bit(number);
    signals->senders[number] = family_pid(thread_self()->process);
    schedule_release(&signals->sent);
    schedule.signals = true;
    schedule_changed();
}

void signals_send(int process, int number, uintptr_t pc)
{
    const bool held_back = number != SIGKILL && number != SIGSTOP && all_block(process, number);
    if (!signals_ignored(process, number) && (held_back || signals_caught(process, number)))
        pend(&of(process)->pending, process, number);
    else
        signals_act(process, number, pc);
}

void signals_send_thread(struct thread *thread, int number, uintptr_t pc)
{
    const bool held_back = number != SIGKILL && number != SIGSTOP && thread->blocked & bit(number);
    if (!signals_ignored(thread->process, number) && (held_back || signals_caught(thread->process, number)))
        pend(&thread->pending, thread->process, number);
    else
        signals_act(thread->process, number, pc);
}

void signals_child_ended(int parent, int child, const struct clock *known)
{
    signals_send(parent, SIGCHLD, 0);
    of(parent)->senders[SIGCHLD] = family_pid(child);
    clock_join(&of(parent)->sent, known);
}

static uint64_t takeable(const struct thread *thread)
{
    return (thread->pending | of(thread->process)->pending) & ~thread->blocked;
}

/* With the mask of a call such as ppoll a signal is taken only if the call would wait. */
bool signals_may_take(const struct thread *thread)
{
    if (!thread->alive || !thread->started || thread->timer || takeable(thread) == 0)
        return false;
    return !thread->masked || (thread->wait.ready != NULL && !thread->wait.ready(thread->wait.argument));
}

/* Whether `number`, pending for the process of `self`, may go to another of its threads. */
static bool another_could(const struct thread *self, int number)
{
    for (int id = 0; id < schedule.count; id++)
        if (id != self->id && is_candidate(&schedule.threads[id], self->process, number))
            return true;
    return false;
}

bool signals_must_take(const struct thread *thread)
{
    if (!signals_may_take(thread))
        return false;
    for (uint64_t left = takeable(thread); left != 0; left &= left - 1) {
        const int number = __builtin_ctzll(left) + 1;
        if (thread->pending & bit(number) || !another_could(thread, number))
            return true;
    }
    return false;
}

int signals_next(struct sigaction *action, pid_t *sender)
{
    struct thread *self = thread_self();
    struct signals *signals = of(self->process);
    if (takeable(self) == 0)
        return 0;
    const int number = __builtin_ctzll(takeable(self)) + 1;
    *(self->pending & bit(number) ? &self->pending : &signals->pending) &= ~bit(number);
    *action = signals->actions[number];
    *sender = signals->senders[number];
    if (action->sa_flags & SA_RESETHAND)
        signals->actions[number].sa_handler = SIG_DFL;
    schedule_acquire(&signals->sent);
    schedule_changed();
    return number;
}

void signals_broken_pipe(uintptr_t pc)
{
    struct thread *self = thread_self();
    if (signals_ignored(self->process, SIGPIPE))
        return;
    if (self->blocked & bit(SIGPIPE) || signals_caught(self->process, SIGPIPE)) {
        pend(&self->pending, self->process, SIGPIPE);
        handlers_run(pc);
        return;
    }
    if (self->process == 0) {
        verdict_place(self->id, pc, "writes");
        verdict_end(VERDICT_CRASH, "a process is ended by SIGPIPE: it writes to a pipe nobody reads from any more");
    }
    schedule_point((struct operation){.all = true, .words = "be ended by SIGPIPE", .pc = pc}, NULL);
    trace_event(pc, "is ended by SIGPIPE: nobody reads what it writes");
    signals_act(self->process, SIGPIPE, pc);
}

/* What a process ignores is not kept for it. */
static void forget(int process, int number)
{
    of(process)->pending &= ~bit(number);
    for (int id = 0; id < schedule.count; id++)
        if (schedule.threads[id].process == process)
            schedule.threads[id].pending &= ~bit(number);
}

static int set_action(int number, const struct sigaction *new, struct sigaction *old)
{
    if (number < 1 || number >= SIGNALS || (new != NULL && (number == SIGKILL || number == SIGSTOP)))
        return model_fail(EINVAL);
    struct sigaction *action = &of(thread_self()->process)->actions[number];
    const struct sigaction before = *action;
    if (new != NULL) {
        *action = *new;
        if (action->sa_handler == SIG_IGN || (action->sa_handler == SIG_DFL && harmless(number)))
            forget(thread_self()->process, number);
    }
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

/* A sigset_t begins with the bits of signals 1 to 64. */
static uint64_t bits_of(const sigset_t *set)
{
    uint64_t bits;
    memcpy(&bits, set, sizeof bits);
    return bits & ~(bit(SIGKILL) | bit(SIGSTOP));
}

uint64_t signals_mask_call(const sigset_t *set)
{
    struct thread *self = thread_self();
    const uint64_t before = self->blocked;
    if (set != NULL) {
        self->blocked = bits_of(set);
        self->masked = true;
    }
    return before;
}

void signals_unmask_call(uint64_t before)
{
    struct thread *self = thread_self();
    if (self->masked)
        self->blocked = before;
    self->masked = false;
}

static int set_mask(int how, const sigset_t *set, sigset_t *old, uintptr_t pc)
{
    struct thread *self = thread_self();
    const uint64_t before = self->blocked;
    const uint64_t bits = set != NULL ? bits_of(set) : 0;
    if (set != NULL && how == SIG_BLOCK)
        self->blocked |= bits;
    else if (set != NULL && how == SIG_UNBLOCK)
        self->blocked &= ~bits;
    else if (set != NULL)
        self->blocked = bits;
    if (old != NULL) {
        memory_access((uintptr_t)old, sizeof *old, ACCESS_WRITE, pc);
        memset(old, 0, sizeof *old);
        memcpy(old, &before, sizeof before);
    }
    while (signals_may_take(self)) {
        schedule_point((struct operation){.all = true, .words = "receive a signal that was blocked", .pc = pc}, NULL);
        handlers_run(pc);
    }
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

/* What a thread waits for in sigwait and the like: signals that it has blocked, so that they stay pending. */
struct asked {
    const struct thread *thread;
    uint64_t set;
};

static uint64_t pending_among(const struct asked *asked)
{
    return (asked->thread->pending | of(asked->thread->process)->pending) & asked->set;
}

static bool has_come(void *asked)
{
    return pending_among(asked) != 0;
}

/* Waits until `deadline` for one of `set`, and takes it away. Returns its number, or 0 with the error in *error. */
static int wait_for_one(const sigset_t *set, uint64_t deadline, pid_t *sender, int *error, uintptr_t pc)
{
    struct thread *self = thread_self();
    struct signals *signals = of(self->process);
    struct asked *asked = arena_zero(sizeof *asked);
    memory_access((uintptr_t)set, sizeof *set, ACCESS_READ, pc);
    *asked = (struct asked){self, bits_of(set)};
    const struct wait wait = {has_come, asked, deadline, false};
    const struct operation operation = {
        .all = true, .interrupt = INTERRUPT_FAILS, .words = "wait for a signal", .pc = pc};
    const enum wake woken = schedule_point(operation, &wait);
    const uint64_t come = pending_among(asked);
    *error = woken == WAKE_INTERRUPTED ? EINTR : EAGAIN;
    if (come == 0)
        return 0;
    const int number = __builtin_ctzll(come) + 1;
    *(self->pending & bit(number) ? &self->pending : &signals->pending) &= ~bit(number);
    *sender = signals->senders[number];
    schedule_acquire(&signals->sent);
    schedule_changed();
    trace_event(pc, "takes signal %d", number);
    return number;
}

static int wait_and_tell(const sigset_t *set, uint64_t deadline, siginfo_t *info, uintptr_t pc)
{
    pid_t sender = 0;
    int error;
    const int number = wait_for_one(set, deadline, &sender, &error, pc);
    if (number == 0)
        return model_fail(error);
    if (info != NULL) {
        memory_access((uintptr_t)info, sizeof *info, ACCESS_WRITE, pc);
        memset(info, 0, sizeof *info);
        info->si_signo = number;
        info->si_code = SI_USER;
        info->si_pid = sender;
    }
    return number;
}

MODEL(int, sigtimedwait, (const sigset_t *set, siginfo_t *info, const struct timespec *time))
{
    return wait_and_tell(set, time != NULL ? vtime_after(vtime_nanoseconds(time)) : NEVER, info, PC);
}

MODEL(int, sigwaitinfo, (const sigset_t *set, siginfo_t *info))
{
    return wait_and_tell(set, NEVER, info, PC);
}

/* Goes on after a handler (POSIX: sigwait does not fail with EINTR). */
MODEL(int, sigwait, (const sigset_t *set, int *into))
{
    pid_t sender;
    int number, error;
    while ((number = wait_for_one(set, NEVER, &sender, &error, PC)) == 0)
        continue;
    memory_access((uintptr_t)into, sizeof *into, ACCESS_WRITE, PC);
    *into = number;
    return 0;
}

MODEL(int, kill, (pid_t pid, int number))
{
    const int process = family_process(pid);
    if (pid <= 0)
        verdict_unsupported("kill of a group of processes");
    if (number < 0 || number >= SIGNALS)
        return model_fail(EINVAL);
    schedule_doom(process, PC);
    if (process < 0 || !family_exists(process)) {
        schedule_looked(PC, 0);
        return model_fail(ESRCH);
    }
    schedule_looked(PC, 1);
    if (number == 0 || family_has_ended(process))
        return 0;
    trace_event(PC, "sends signal %d to process %d", number, process);
    signals_send(process, number, PC);
    if (process == thread_self()->process && !another_could(thread_self(), number))
        handlers_run(PC);
    return 0;
}

static int send_to_thread(struct thread *thread, int number, uintptr_t pc)
{
    if (number < 0 || number >= SIGNALS)
        return EINVAL;
    schedule_point((struct operation){.all = true, .words = "send a signal to a thread", .pc = pc}, NULL);
    if (!thread->alive)
        return ESRCH;
    if (number == 0)
        return 0;
    trace_event(pc, "sends signal %d to thread %d", number, thread->id);
    signals_send_thread(thread, number, pc);
    if (thread == thread_self())
        handlers_run(pc);
    return 0;
}

MODEL(int, raise, (int number))
{
    const int error = send_to_thread(thread_self(), number, PC);
    return error != 0 ? model_fail(error) : 0;
}

MODEL(int, pthread_kill, (pthread_t handle, int number))
{
    if (handle == 0 || handle > (unsigned long)schedule.count || schedule.threads[handle - 1].joined)
        sync_misuse(PC, "pthread_kill: there is no such thread");
    return send_to_thread(&schedule.threads[handle - 1], number, PC);
}
