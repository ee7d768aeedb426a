#include "handlers.h"

#include <signal.h>
#include <string.h>

#include "memory.h"
#include "model.h"
#include "schedule.h"
#include "signals.h"
#include "sync.h"
#include "trace.h"
#include "verdict.h"

/* What came of taking a signal: nothing was run; a handler was, with SA_RESTART or without. */
enum taken { TAKEN_NOT, TAKEN_RESTARTS, TAKEN_INTERRUPTS };

void handlers_forbid(const char *what)
{
    if (thread_self()->handling > 0)
        verdict_unsupported("a signal handler that uses what is not async-signal-safe: %s", what);
}

static void call(const struct sigaction *action, int number, pid_t sender, uintptr_t pc)
{
    siginfo_t info;
    if (!(action->sa_flags & SA_SIGINFO)) {
        action->sa_handler(number);
        return;
    }
    memset(&info, 0, sizeof info);
    info.si_signo = number;
    info.si_code = SI_USER;
    info.si_pid = sender;
    memory_access((uintptr_t)&info, sizeof info, ACCESS_WRITE, pc);
    action->sa_sigaction(number, &info, NULL);
}

static uint64_t blocked_during(const struct sigaction *action, int number)
{
    uint64_t bits;
    memcpy(&bits, &action->sa_mask, sizeof bits);
    return action->sa_flags & SA_NODEFER ? bits : bits | 1ull << (number - 1);
}

static void run(struct thread *self, const struct sigaction *action, int number, pid_t sender, uintptr_t pc)
{
    const uint64_t blocked = self->blocked;
    const bool masked = self->masked;
    const unsigned depth = self->handler_depth;
    const uintptr_t interrupted = self->handler_pc;
    self->blocked |= blocked_during(action, number);
    self->masked = false;
    self->handling++;
    self->handler_depth = self->depth;
    self->handler_pc = pc;
    call(action, number, sender, pc);
    self->handler_pc = interrupted;
    self->handler_depth = depth;
    self->handling--;
    self->masked = masked;
    self->blocked = blocked;
}

static enum taken take_one(struct thread *self, uintptr_t pc)
{
    struct sigaction action;
    pid_t sender;
    const int number = signals_next(&action, &sender);
    if (number == 0)
        return TAKEN_NOT;
    if (action.sa_handler == SIG_IGN || action.sa_handler == SIG_DFL) {
        signals_act(self->process, number, pc);
        return TAKEN_NOT;
    }
    trace_event(pc, "is interrupted: the handler of signal %d runs", number);
    run(self, &action, number, sender, pc);
    return action.sa_flags & SA_RESTART ? TAKEN_RESTARTS : TAKEN_INTERRUPTS;
}

void handlers_run(uintptr_t pc)
{
    struct thread *self = thread_self();
    while (signals_may_take(self))
        take_one(self, pc);
}

static bool would_end(enum interrupt interrupt, enum taken taken)
{
    switch (interrupt) {
    case INTERRUPT_NOT:
        return false;
    case INTERRUPT_RESTARTS:
        return taken == TAKEN_INTERRUPTS;
    case INTERRUPT_FAILS:
    case INTERRUPT_ENTERED:
        return taken != TAKEN_NOT;
    }
    return false;
}

bool handlers_interrupt(struct thread *self)
{
    const struct operation operation = self->operation;
    const struct wait wait = self->wait;
    const bool certain = self->masked || self->rests || operation.interrupt == INTERRUPT_ENTERED;
    const bool waits = wait.ready != NULL && !wait.ready(wait.argument);
    const enum taken taken = take_one(self, operation.pc);
    self->operation = operation;
    self->wait = wait;
    return waits && would_end(operation.interrupt, taken) && (certain || schedule_choose(2) == 0);
}

static bool never(void *argument)
{
    (void)argument;
    return false;
}

static int wait_for_signal(const char *words, uintptr_t pc)
{
    const struct wait wait = {never, NULL, NEVER, false};
    schedule_point((struct operation){.interrupt = INTERRUPT_FAILS, .words = words, .pc = pc}, &wait);
    return model_fail(EINTR);
}

MODEL(int, pause, (void))
{
    return wait_for_signal("wait for any signal", PC);
}

MODEL(int, sigsuspend, (const sigset_t *set))
{
    const uint64_t before = signals_mask_call(set);
    wait_for_signal("wait for a signal", PC);
    signals_unmask_call(before);
    return model_fail(EINTR);
}
