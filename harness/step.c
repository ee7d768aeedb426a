#include "step.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
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
static const double spin_seconds = 0.002; /* CPU time */
enum { SPIN_SLICES = 12 };
static const double hold_seconds = 2; /* a last resort */

/* Seconds: those that count are without the time in which walker or main thread waited for a processor, or a busy
 * machine would decide how many rounds are played. */
struct spending {
    double counted, wall;
};

/* What may be spent on one check, and on all of a test. */
static const struct spending check_most = {.counted = 2.5, .wall = 5}, test_most = {.counted = 4, .wall = 7};

/* A round in which the walker is not to be held up, and how far it runs until it is stepped. */
enum { NEVER = -1, STEP_ALL = 0, STEP_NONE = -1 };

static struct walk {
    long hold_at;                        /* after how many instructions the walker is held up, or NEVER */
    long run;                            /* so many of them at full speed, to the breakpoint, or STEP_ALL, STEP_NONE */
    _Atomic(unsigned char *) breakpoint; /* NULL: none; the byte that stood there: */
    unsigned char covered;
    atomic_bool missed;                   /* the breakpoint has gone before the walker came there */
    atomic_int id;                        /* the walker's thread, 0 before step_begin */
    atomic_long steps;                    /* instructions so far */
    long steps_to_sleep;                  /* ... until it slept in its call, -1 if it did not */
    long long waited;                     /* nanoseconds for a processor */
    atomic_bool held;                     /* it has been held up, or is */
    atomic_bool over;                     /* its call has ended */
    atomic_int other_id;                  /* the thread that acts meanwhile */
    atomic_llong other_cpu, other_slices; /* nanoseconds and turns on a processor it had had when it began */
    atomic_bool other_begins, other_done;
} walk;

/* Where a walker that was not held up stood after its first, second, ... instruction. */
static uintptr_t places[PLACES_MAX];

/* Before the hand-in had started any: this process, and its threads (Criterion has one). */
static pid_t test_pid;
static int test_threads;

extern const char __executable_start[], etext[]; /* from the linker: bounds of the program's own code */

static bool is_own(uintptr_t place)
{
    return place >= (uintptr_t)__executable_start && place < (uintptr_t)etext;
}

/* Whether the walker stood at its k-th place also at one of those from `begin` to `end` - 1, counted from 0. */
static bool is_among(long k, long begin, long end)
{
    for (long i = begin; i < end; i++)
        if (places[i] == places[k - 1])
            return true;
    return false;
}

static bool is_worth_a_round(long k, long length)
{
    return is_own(places[k - 1]) && !(is_among(k, 0, k - 1) && is_among(k, k, length));
}

/* How many of k instructions the walker can run to a breakpoint: it must not come there before. */
static long can_run(long k)
{
    while (k > 0 && (!is_own(places[k - 1]) || is_among(k, 0, k - 1)))
        k--;
    return k;
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

/* Not inlined: it calls library functions, which the handler must not do before the breakpoint is gone. */
__attribute__((noinline)) static void hold(void)
{
    const int error = errno;
    const double end = timing_now() + hold_seconds;
    atomic_store(&walk.held, true);
    for (long ns = NAP_NS; !atomic_load(&walk.other_done) && timing_now() < end;) {
        nap(&ns);
        if (atomic_load(&walk.other_begins) && other_waits())
            break;
    }
    errno = error;
}

#ifdef __x86_64__

#include <ucontext.h>

enum { TRAP_FLAG = 0x100, BREAKPOINT = 0xcc, PAGE = 4096 };

static _Thread_local int self; /* of a thread that is the walker, or was: its id */

/* Signals are blocked next (a thread is being started or ends): a trap after that would be deadly. */
static bool is_before_sigprocmask(const greg_t *registers)
{
    const unsigned char *next = (const unsigned char *)registers[REG_RIP];
    return next[0] == 0x0f && next[1] == 0x05 && registers[REG_RAX] == SYS_rt_sigprocmask;
}

/* Returns whether it was still there. Any thread may do that. */
static bool remove_breakpoint(void)
{
    unsigned char *const code = atomic_load(&walk.breakpoint);
    const bool is_there = code != NULL && __atomic_load_n(code, __ATOMIC_SEQ_CST) == BREAKPOINT;
    if (is_there)
        __atomic_store_n(code, walk.covered, __ATOMIC_SEQ_CST);
    return is_there;
}

/* Whether the walker is the only thread started since. One that the hand-in has started may have all signals blocked,
 * and would die of a breakpoint. */
static bool is_lonely(void)
{
    const int threads = thread_info_count(), before = getpid() == test_pid ? test_threads : 1;
    return threads > 0 && threads <= before + 1;
}

static bool protect(const unsigned char *code, int protection)
{
    return mprotect((void *)((uintptr_t)code / PAGE * PAGE), PAGE, protection) == 0;
}

/* Returns whether the walker can run there. */
static bool set_breakpoint(unsigned char *code)
{
    if (!is_lonely() || !protect(code, PROT_READ | PROT_WRITE | PROT_EXEC))
        return false;
    walk.covered = *code;
    atomic_store(&walk.breakpoint, code);
    __atomic_store_n(code, BREAKPOINT, __ATOMIC_SEQ_CST);
    return true;
}

/* What was changed is as it was, and cannot be changed any more. */
static void forget_breakpoint(void)
{
    remove_breakpoint();
    if (atomic_load(&walk.breakpoint) != NULL)
        protect(atomic_load(&walk.breakpoint), PROT_READ | PROT_EXEC);
}

/* A thread stands behind a breakpoint: ours, or where ours was a moment ago, or one of the hand-in itself. Returns
 * whether it is the walker, which is stepped from here on. */
static bool take_breakpoint(greg_t *registers)
{
    unsigned char *const code = (unsigned char *)registers[REG_RIP] - 1;
    const bool is_ours = code == atomic_load(&walk.breakpoint), is_walker = self == atomic_load(&walk.id);
    if (is_ours)
        remove_breakpoint();
    if (__atomic_load_n(code, __ATOMIC_SEQ_CST) != BREAKPOINT)
        registers[REG_RIP]--;
    if (is_ours && !is_walker)
        atomic_store(&walk.missed, true);
    return is_ours && is_walker;
}

/* Calls no library function before the breakpoint is gone: it may be on the way there, and SIGTRAP is blocked. */
static void on_step(int number, siginfo_t *info, void *context)
{
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    long step;
    (void)number;
    if (info->si_code != SI_KERNEL) { /* which a breakpoint has */
        step = atomic_fetch_add(&walk.steps, 1) + 1;
    } else if (take_breakpoint(registers)) {
        atomic_store(&walk.steps, step = walk.run);
        registers[REG_EFL] |= TRAP_FLAG;
    } else {
        return;
    }
    const bool hold_now = step == walk.hold_at;
    if (walk.hold_at == NEVER && step <= PLACES_MAX)
        places[step - 1] = (uintptr_t)registers[REG_RIP];
    if (hold_now)
        hold();
    if (hold_now || is_before_sigprocmask(registers))
        registers[REG_EFL] &= ~TRAP_FLAG;
}

/* Both leave the 128 bytes below the stack pointer alone, which may be in use. */
static void set_flag(long flag)
{
    __asm__ volatile("lea -128(%%rsp), %%rsp\n\tpushfq\n\torq %0, (%%rsp)\n\tpopfq\n\tlea 128(%%rsp), %%rsp"
                     :
                     : "r"(flag)
                     : "memory", "cc");
}

static void clear_trap_flag(void)
{
    __asm__ volatile("lea -128(%%rsp), %%rsp\n\tpushfq\n\tandq %0, (%%rsp)\n\tpopfq\n\tlea 128(%%rsp), %%rsp"
                     :
                     : "i"(~TRAP_FLAG)
                     : "memory", "cc");
}

/* Without trap flag it goes along the same places, one of which may have the breakpoint. No walk at all where a trap
 * would be deadly. */
static void start_walk(void)
{
    sigset_t blocked;
    if (pthread_sigmask(SIG_BLOCK, NULL, &blocked) != 0 || sigismember(&blocked, SIGTRAP))
        return;
    self = atomic_load(&walk.id);
    const bool runs =
        walk.run != STEP_ALL && (walk.run == STEP_NONE || set_breakpoint((unsigned char *)places[walk.run - 1]));
    set_flag(runs ? 0 : TRAP_FLAG);
}

#else /* the rounds are played all the same, only that no call is held up */

static void on_step(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)info;
    (void)context;
    hold();
}

static bool remove_breakpoint(void)
{
    return false;
}

static void forget_breakpoint(void)
{
}

static void start_walk(void)
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

void step_begin_test(void)
{
    test_pid = getpid();
    test_threads = thread_info_count();
}

void step_begin(void)
{
    make_heap();
    atomic_store(&walk.id, (int)syscall(SYS_gettid));
    start_walk();
}

void step_end(void)
{
    clear_trap_flag();
    remove_breakpoint();
    const long long waited = thread_info_waited(atomic_load(&walk.id));
    if (waited > 0) /* else it has ended */
        walk.waited = waited;
}

void step_over(void)
{
    atomic_store(&walk.over, true);
}

const char *step_held(void)
{
    static char words[48];
    if (walk.hold_at == NEVER)
        return "somewhere";
    snprintf(words, sizeof words, "after %ld instructions", walk.hold_at);
    return words;
}

/* Asleep, and not just on its way through a short nap: it has no processor in the next millisecond. */
static bool is_stuck(void)
{
    const int id = atomic_load(&walk.id);
    const long long before = thread_info_cpu(id);
    if (id == 0 || thread_info_state(id) != 'S')
        return false;
    timing_sleep_ms(1);
    return thread_info_cpu(id) == before;
}

void step_wait_held(double seconds)
{
    const double end = timing_now() + seconds;
    for (long ns = NAP_NS; !atomic_load(&walk.held) && !atomic_load(&walk.over) && timing_now() < end; nap(&ns))
        if (is_stuck()) {
            walk.steps_to_sleep = atomic_load(&walk.steps);
            break;
        }
    if (remove_breakpoint() && !atomic_load(&walk.over)) /* others may come there from now on */
        atomic_store(&walk.missed, true);
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

void step_other_done(void)
{
    atomic_store(&walk.other_done, true);
}

static void play(void (*round)(void *argument), void *argument, long hold_at, long run)
{
    memset(&walk, 0, sizeof walk);
    walk.hold_at = hold_at;
    walk.run = run;
    walk.steps_to_sleep = -1;
    round(argument);
    forget_breakpoint();
}

/* Spent by all checks of this process. */
static struct spending spent;

/* One round, once more if whoever else came along has taken the breakpoint away; see struct walk. */
static void play_counted(void (*round)(void *argument), void *argument, long hold_at, long run, struct spending *check)
{
    const int own_id = (int)syscall(SYS_gettid);
    const double begin = timing_now(), cpu_begin = timing_cpu();
    const long long waited_begin = thread_info_waited(own_id);
    play(round, argument, hold_at, run);
    if (atomic_load(&walk.missed))
        play(round, argument, hold_at, STEP_ALL);
    const double waited = (double)(thread_info_waited(own_id) - waited_begin + walk.waited) / 1e9;
    const double wall = timing_now() - begin, cpu = timing_cpu() - cpu_begin;
    const double counted = wall - waited > cpu ? wall - waited : cpu;
    check->counted += counted;
    check->wall += wall;
    spent.counted += counted;
    spent.wall += wall;
}

static bool may_go_on(const struct spending *check)
{
    return check->counted < check_most.counted && check->wall < check_most.wall && spent.counted < test_most.counted &&
           spent.wall < test_most.wall;
}

void step_check_each(void (*round)(void *argument), void *argument)
{
    struct spending check = {0};
    const struct sigaction action = {.sa_sigaction = on_step, .sa_flags = SA_SIGINFO};
    sigaction(SIGTRAP, &action, NULL);
    prctl(PR_SET_TIMERSLACK, 1ul);                           /* naps of 10 microseconds, not of 60 */
    play_counted(round, argument, NEVER, STEP_NONE, &check); /* has the dynamic linker do its work now */
    play_counted(round, argument, NEVER, STEP_ALL, &check);  /* and where does it go along? */
    const long steps = walk.steps_to_sleep >= 0 ? walk.steps_to_sleep : atomic_load(&walk.steps);
    const long length = steps < PLACES_MAX ? steps : PLACES_MAX;
    /* A hole is two instructions wide at the least, and mostly wider: every fourth first, then every second, in case
     * that the time is up before the end. */
    static const long order[] = {1, 5, 3, 7, 2, 6, 4, 8};
    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        for (long k = order[i]; k <= length && may_go_on(&check); k += 8)
            if (is_worth_a_round(k, length))
                play_counted(round, argument, k, can_run(k), &check);
}
