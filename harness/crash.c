#include "crash.h"

#include <execinfo.h>
#include <link.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include "receipt.h"

enum { FRAMES = 48, STACK_BYTES = 64 * 1024 };

extern const char __executable_start[], etext[]; /* from the linker: bounds of the executable's code */

static const int fatal_signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGXFSZ};

static size_t append_hex(char *out, uintptr_t value)
{
    char digits[2 * sizeof value];
    size_t n = 0, length = 0;
    do {
        digits[n++] = "0123456789abcdef"[value & 15];
        value >>= 4;
    } while (value != 0);
    out[length++] = ' ';
    while (n > 0)
        out[length++] = digits[--n];
    return length;
}

/* Where the signal struck, from the context the kernel hands over. */
static const char *struck_at(const void *context)
{
    const ucontext_t *c = context;
#if defined __x86_64__
    return (const char *)c->uc_mcontext.gregs[REG_RIP];
#elif defined __aarch64__
    return (const char *)c->uc_mcontext.pc;
#else
    (void)c;
    return NULL;
#endif
}

/* Appends the counters inside the executable, from the frame that was struck outwards: that one exactly, the others as
 * return addresses. Where the signal struck in a library (abort), the first is the call that led there. */
static size_t append_frames(char *line, const char *struck)
{
    void *frames[FRAMES];
    size_t length = 0;
    int first = 0;
    const int count = backtrace(frames, FRAMES);
    for (int i = 0; i < count; i++)
        if ((const char *)frames[i] == struck)
            first = i;
    for (int i = first; i < count; i++) {
        const char *pc = frames[i];
        if (pc < __executable_start || pc >= etext)
            continue;
        const bool exact = length > 0 || pc == struck;
        length += append_hex(line + length, (uintptr_t)(pc - __executable_start) - !exact);
    }
    return length;
}

static void on_fatal_signal(int number, siginfo_t *info, void *context)
{
    char line[32 + FRAMES * 18] = "crash";
    size_t length = strlen(line);
    (void)info;
    length += append_hex(line + length, (uintptr_t)number);
    length += append_frames(line + length, struck_at(context));
    line[length++] = '\n';
    receipt_write(line, length);
    signal(number, SIG_DFL);
    raise(number);
}

void crash_install(void)
{
    static char stack[STACK_BYTES];
    void *warm_up[1];
    const char *preload = getenv("LD_PRELOAD");
    if (preload != NULL && strstr(preload, "vgpreload") != NULL)
        return;
    receipt_open();
    backtrace(warm_up, 1); /* loads libgcc now: the handler must not call malloc */
    sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = sizeof stack}, NULL);
    for (size_t i = 0; i < sizeof fatal_signals / sizeof *fatal_signals; i++) {
        struct sigaction action = {.sa_sigaction = on_fatal_signal, .sa_flags = SA_ONSTACK | SA_SIGINFO};
        sigaction(fatal_signals[i], &action, NULL);
    }
}
