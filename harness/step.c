#include "step.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "timing.h"

enum { PLACES_MAX = 4096 };

/* How long the walker is held up at most: who acts meanwhile is done by then, or waits for the walker. */
static const double hold_seconds = 0.02;

static struct walk {
    long hold_at;        /* after how many instructions the walker is held up, -1 for never */
    atomic_int id;       /* the walker's thread, 0 before step_begin */
    atomic_long steps;   /* instructions so far */
    long steps_to_sleep; /* ... until it slept in its call, -1 if it did not */
    atomic_bool held;    /* it has been held up, or is */
    atomic_bool over;    /* its call has ended */
    atomic_int other_id; /* the thread that acts meanwhile */
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

/* The kernel's letter for what a thread does, R when it runs; ? if it has ended. Async-signal-safe. */
static char thread_state(int id)
{
    char text[256] = "", path[64] = "/proc/self/task/", digits[16];
    size_t length = strlen(path), n = 0;
    for (int rest = id; rest > 0; rest /= 10)
        digits[n++] = (char)('0' + rest % 10);
    while (n > 0)
        path[length++] = digits[--n];
    memcpy(path + length, "/stat", 6);
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return '?';
    const ssize_t got = read(file, text, sizeof text - 1);
    close(file);
    const char *name_end = got > 0 ? strrchr(text, ')') : NULL;
    return name_end != NULL ? name_end[2] : '?';
}

static void nap(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 10000}, NULL);
}

static void hold(void)
{
    const double end = timing_now() + hold_seconds;
    atomic_store(&walk.held, true);
    while (!atomic_load(&walk.other_done) && timing_now() < end) {
        nap();
        if (atomic_load(&walk.other_begins) && thread_state(atomic_load(&walk.other_id)) != 'R')
            break;
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

void step_begin(void)
{
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

long step_held_after(void)
{
    return walk.hold_at;
}

/* Asleep, and not just on its way through a short nap: no instruction is done in the next millisecond. */
static bool is_stuck(void)
{
    const int id = atomic_load(&walk.id);
    const long before = atomic_load(&walk.steps);
    if (id == 0 || thread_state(id) != 'S')
        return false;
    timing_sleep_ms(1);
    return atomic_load(&walk.steps) == before;
}

void step_wait_held(double seconds)
{
    for (const double end = timing_now() + seconds;
         !atomic_load(&walk.held) && !atomic_load(&walk.over) && timing_now() < end; nap())
        if (is_stuck()) {
            walk.steps_to_sleep = atomic_load(&walk.steps);
            return;
        }
}

bool step_wait_over(double seconds)
{
    for (const double end = timing_now() + seconds; !atomic_load(&walk.over) && timing_now() < end;)
        nap();
    return atomic_load(&walk.over);
}

void step_other_begins(void)
{
    atomic_store(&walk.other_id, (int)syscall(SYS_gettid));
    atomic_store(&walk.other_begins, true);
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
    const struct sigaction action = {.sa_sigaction = on_step, .sa_flags = SA_SIGINFO};
    sigaction(SIGTRAP, &action, NULL);
    prctl(PR_SET_TIMERSLACK, 1ul); /* naps of 10 microseconds, not of 60 */
    play(round, argument, -1);     /* has the dynamic linker do its work now */
    play(round, argument, -1);     /* and where does it go along? */
    const long steps = walk.steps_to_sleep >= 0 ? walk.steps_to_sleep : atomic_load(&walk.steps);
    const long length = steps < PLACES_MAX ? steps : PLACES_MAX;
    const double end = timing_now() + 1;
    for (long k = 1; k <= length && timing_now() < end; k++)
        if (is_worth_a_round(k, length))
            play(round, argument, k);
}
