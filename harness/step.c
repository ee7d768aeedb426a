#include "step.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "thread_info.h"
#include "timing.h"

enum { PLACES_MAX = 4096 };

/* The walker is held up until the other is done, or sleeps because it waits for the walker, or has run so much or been
 * put off the processor so often that it must be spinning for it. By the clock on the wall a busy machine would decide
 * what is found. */
static const double spin_seconds = 0.004; /* CPU time */
enum { SPIN_SLICES = 24 };
static const double hold_seconds = 2; /* a last resort */

/* What may be spent on one check, and on all of a test, in seconds on the wall. */
static const double check_seconds = 2.5, test_seconds = 4;

static struct walk {
    long hold_at;                         /* after how many instructions the walker is held up, -1 for never */
    atomic_int id;                        /* the walker's thread, 0 before step_begin */
    atomic_long steps;                    /* instructions so far */
    long steps_to_sleep;                  /* ... until it slept in its call, -1 if it did not */
    atomic_bool held;                     /* it has been held up, or is */
    atomic_bool over;                     /* its call has ended */
    atomic_int other_id;                  /* the thread that acts meanwhile */
    atomic_llong other_cpu, other_slices; /* nanoseconds and turns on a processor it had had when it began */
    atomic_bool other_begins, other_done;
} walk;

/* Where a walker that was not held up stood after its first, second, ... instruction. */
static uintptr_t places[PLACES_MAX];

extern const char __executable_start[], etext[]; /* from the linker: bounds of the program's own code */

static bool is_worth_a_round(long k, long length)
{
    const uintptr_t place = places[k - 1];
    bool before = false, after = false;
    for (long i = 0; i < k - 1; i++)
        before |= places[i] == place;
    for (long i = k; i < length; i++)
        after |= places[i] == place;
    return place >= (uintptr_t)__executable_start && place < (uintptr_t)etext && !(before && after);
}

enum { NAP_NS = 10000, NAP_NS_MAX = 320000 };

/* Longer and longer: each awakening may put off the processor whom one waits for. */
static void nap(long *ns)
{
    nanosleep(&(struct timespec){.tv_nsec = *ns}, NULL);
    *ns = *ns < NAP_NS_MAX ? 2 * *ns : NAP_NS_MAX;
}

/* Whether the other has ended, or waits for the walker, asleep or spinning. Async-signal-safe. */
static bool other_waits(void)
{
    const int id = atomic_load(&walk.other_id);
    const char state = thread_info_state(id);
    return (state != 'R' && state != 'D') ||
           (double)(thread_info_cpu(id) - atomic_load(&walk.other_cpu)) >= spin_seconds * 1e9 ||
           thread_info_slices(id) - atomic_load(&walk.other_slices) >= SPIN_SLICES;
}

static void hold(void)
{
    const double end = timing_now() + hold_seconds;
    atomic_store(&walk.held, true);
    for (long ns = NAP_NS; !atomic_load(&walk.other_done) && timing_now() < end;) {
        nap(&ns);
        if (atomic_load(&walk.other_begins) && other_waits() && atomic_load(&walk.other_begins))
            break; /* it does not wait if it has come to its pause, or its end, while one looked */
    }
}

#ifdef __x86_64__

#include <ucontext.h>

enum { TRAP_FLAG = 0x100 };

/* Signals are blocked next (a thread is being started or ends): a trap after that would be deadly. */
static bool is_before_sigprocmask(const greg_t *registers)
{
    const unsigned char *next = (const unsigned char *)registers[REG_RIP];
    return next[0] == 0x0f && next[1] == 0x05 && registers[REG_RAX] == SYS_rt_sigprocmask;
}

static void on_step(int number, siginfo_t *info, void *context)
{
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    const int error = errno;
    (void)number;
    (void)info;
    const long step = atomic_fetch_add(&walk.steps, 1) + 1;
    const bool hold_now = step == walk.hold_at;
    if (walk.hold_at < 0 && step <= PLACES_MAX)
        places[step - 1] = (uintptr_t)registers[REG_RIP];
    if (hold_now)
        hold();
    if (hold_now || is_before_sigprocmask(registers))
        registers[REG_EFL] &= ~TRAP_FLAG;
    errno = error;
}

/* Both leave the 128 bytes below the stack pointer alone, which may be in use. */
static void set_trap_flag(void)
{
    __asm__ volatile("lea -128(%%rsp), %%rsp\n\tpushfq\n\torq %0, (%%rsp)\n\tpopfq\n\tlea 128(%%rsp), %%rsp"
                     :
                     : "i"(TRAP_FLAG)
                     : "memory", "cc");
}

static void clear_trap_flag(void)
{
    __asm__ volatile("lea -128(%%rsp), %%rsp\n\tpushfq\n\tandq %0, (%%rsp)\n\tpopfq\n\tlea 128(%%rsp), %%rsp"
                     :
                     : "i"(~TRAP_FLAG)
                     : "memory", "cc");
}

#else /* the rounds are played all the same, only that no call is held up */

static void on_step(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)info;
    (void)context;
    hold();
}

static void set_trap_flag(void)
{
}

static void clear_trap_flag(void)
{
}

#endif

/* A thread's first allocation makes it a heap of its own, hundreds of instructions that no round is about. */
static void make_heap(void)
{
    void *volatile first = malloc(1);
    free(first);
}

void step_begin(void)
{
    make_heap();
    atomic_store(&walk.id, (int)syscall(SYS_gettid));
    set_trap_flag();
}

void step_end(void)
{
    clear_trap_flag();
}

void step_over(void)
{
    atomic_store(&walk.over, true);
}

const char *step_held(void)
{
    static char words[48];
    if (walk.hold_at < 0)
        return "somewhere";
    snprintf(words, sizeof words, "after %ld instructions", walk.hold_at);
    return words;
}

/* Asleep, and not just on its way through a short nap: no instruction is done in the next millisecond. */
static bool is_stuck(void)
{
    const int id = atomic_load(&walk.id);
    const long before = atomic_load(&walk.steps);
    if (id == 0 || thread_info_state(id) != 'S')
        return false;
    timing_sleep_ms(1);
    return atomic_load(&walk.steps) == before;
}

void step_wait_held(double seconds)
{
    const double end = timing_now() + seconds;
    for (long ns = NAP_NS; !atomic_load(&walk.held) && !atomic_load(&walk.over) && timing_now() < end; nap(&ns))
        if (is_stuck()) {
            walk.steps_to_sleep = atomic_load(&walk.steps);
            return;
        }
}

bool step_wait_over(double seconds)
{
    const double end = timing_now() + seconds;
    for (long ns = NAP_NS; !atomic_load(&walk.over) && timing_now() < end;)
        nap(&ns);
    return atomic_load(&walk.over);
}

void step_other_begins(void)
{
    const int id = (int)syscall(SYS_gettid);
    atomic_store(&walk.other_cpu, thread_info_cpu(id));
    atomic_store(&walk.other_slices, thread_info_slices(id));
    atomic_store(&walk.other_id, id);
    atomic_store(&walk.other_begins, true);
}

void step_other_pauses(void)
{
    atomic_store(&walk.other_begins, false);
}

void step_other_done(void)
{
    atomic_store(&walk.other_done, true);
}

static void play(void (*round)(void *argument), void *argument, long hold_at)
{
    memset(&walk, 0, sizeof walk);
    walk.hold_at = hold_at;
    walk.steps_to_sleep = -1;
    round(argument);
}

void step_check_each(void (*round)(void *argument), void *argument)
{
    static double spent;
    const double begin = timing_now(), left = test_seconds - spent;
    const double end = begin + (left < check_seconds ? left : check_seconds);
    const struct sigaction action = {.sa_sigaction = on_step, .sa_flags = SA_SIGINFO};
    sigaction(SIGTRAP, &action, NULL);
    prctl(PR_SET_TIMERSLACK, 1ul); /* naps of 10 microseconds, not of 60 */
    play(round, argument, -1);     /* has the dynamic linker do its work now */
    play(round, argument, -1);     /* and where does it go along? */
    const long steps = walk.steps_to_sleep >= 0 ? walk.steps_to_sleep : atomic_load(&walk.steps);
    const long length = steps < PLACES_MAX ? steps : PLACES_MAX;
    /* A hole is two instructions wide at the least, and mostly wider: every fourth first, then every second, in case
     * that the time is up before the end. */
    static const long order[] = {1, 5, 3, 7, 2, 6, 4, 8};
    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        for (long k = order[i]; k <= length && timing_now() < end; k += 8)
            if (is_worth_a_round(k, length))
                play(round, argument, k);
    spent += timing_now() - begin;
}
