/* syscall.c: syscall(2), as far as programs need it because libc has, or had, no function of the name. */
#include <stdarg.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "family.h"
#include "files.h"
#include "futex.h"
#include "model.h"
#include "pidfd.h"
#include "schedule.h"
#include "sync.h"
#include "verdict.h"

static pid_t thread_number(void)
{
    return family_pid(0) - 4000 + thread_self()->id;
}

MODEL(pid_t, gettid, (void))
{
    return thread_number();
}

MODEL(long, syscall, (long number, ...))
{
    long words[6];
    va_list arguments;
    va_start(arguments, number);
    for (int i = 0; i < 6; i++)
        words[i] = va_arg(arguments, long); /* all that are passed are there, others are never looked at */
    va_end(arguments);
    switch (number) {
    case SYS_gettid:
        return thread_number();
    case SYS_getpid:
        return family_pid(thread_self()->process);
    case SYS_futex:
        return futex_call((int *)words[0], (int)words[1], (int)words[2], (const struct timespec *)words[3],
                          (uint32_t)words[5], PC);
    case SYS_pidfd_open:
        return pidfd_make((pid_t)words[0], (unsigned)words[1]);
    case SYS_pidfd_send_signal:
        return pidfd_signal((int)words[0], (int)words[1], PC);
    case SYS_memfd_create:
        return files_memory((unsigned)words[1]);
    default:
        verdict_unsupported("system call number %ld", number);
    }
}
