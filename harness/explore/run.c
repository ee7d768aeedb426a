#include "run.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <ucontext.h>

#include "arena.h"
#include "descriptors.h"
#include "coverage.h"
#include "family.h"
#include "files.h"
#include "heap.h"
#include "location.h"
#include "mappings.h"
#include "memory.h"
#include "named_semaphores.h"
#include "process.h"
#include "region.h"
#include "schedule.h"
#include "signals.h"
#include "sync.h"
#include "sysv.h"
#include "timers.h"
#include "tls_keys.h"

enum { SIGNAL_STACK = 64 << 10, TICKS_PATIENCE = 4 };

static bool running;
static uint32_t seen_number, seen_steps;
static unsigned silent_ticks;

static const char *name_of(int number)
{
    switch (number) {
    case SIGSEGV:
        return "segmentation fault";
    case SIGBUS:
        return "bus error";
    case SIGFPE:
        return "arithmetic error (division by zero?)";
    default:
        return "illegal instruction";
    }
}

static void on_fault(int number, siginfo_t *info, void *context)
{
    const ucontext_t *registers = context;
    if (!running)
        verdict_broken("signal %d in the explorer", number);
    const uintptr_t address = (uintptr_t)info->si_addr;
    if (number == SIGSEGV && region_is_guard(address))
        verdict_unsupported("a stack of more than %d KiB (%d MiB in main)", STACK_BYTES >> 10, MAIN_STACK_BYTES >> 20);
    verdict_place(thread_self()->id, (uintptr_t)registers->uc_mcontext.gregs[REG_RIP] + 1, "%s", name_of(number));
    verdict_end(VERDICT_CRASH, "%s, address 0x%lx", name_of(number), (unsigned long)address);
}

/* Four times in a second of CPU time (of the clock on the wall would make it depend on what else runs): has the program
 * met a scheduling point since? */
static void on_tick(int number)
{
    (void)number;
    if (!running || seen_number != schedule.number || seen_steps != schedule.steps) {
        seen_number = schedule.number;
        seen_steps = schedule.steps;
        silent_ticks = 0;
    } else if (++silent_ticks >= TICKS_PATIENCE) {
        silent_ticks = 0;
        verdict_unsupported("a thread that runs for seconds without an access to memory that the explorer sees");
    }
}

static void handle_signals(void)
{
    static char stack[SIGNAL_STACK];
    sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = sizeof stack}, NULL);
    struct sigaction fault = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
    const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL};
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
        sigaction(faults[i], &fault, NULL);
    struct sigaction tick = {.sa_handler = on_tick, .sa_flags = SA_ONSTACK | SA_NODEFER | SA_RESTART};
    sigaction(SIGPROF, &tick, NULL);
    const struct timeval quarter = {.tv_usec = 250000};
    setitimer(ITIMER_PROF, &(struct itimerval){quarter, quarter}, NULL);
}

void run_open(void)
{
    region_open();
    memory_open();
    coverage_open();
    handle_signals();
}

const struct verdict *run_once(const struct plan *plan)
{
    verdict_reset();
    region_restore();
    arena_reset();
    heap_reset();
    sync_reset();
    location_reset();
    tls_keys_reset();
    process_reset();
    family_reset();
    descriptors_reset();
    signals_reset();
    timers_reset();
    mappings_reset();
    files_reset();
    sysv_reset();
    named_semaphores_reset();
    schedule.spurious = plan->spurious > 0;
    schedule.spurious_left = plan->spurious;
    schedule.shorts_left = plan->shorts;
    schedule.signals = false;
    schedule.sleepers_last = plan->sleepers_last;
    schedule.weak = plan->weak;
    schedule.split = plan->split;
    schedule.one_order = false;
    strategy_begin(plan->strategy, plan->seed, plan->depth, plan->list);
    running = true;
    schedule_run(process_main);
    running = false;
    return verdict_current();
}
