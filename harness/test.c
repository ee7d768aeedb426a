/*
 * test.c: receipts of tests, and what becomes of exit in the middle of one.
 * Linked with -Wl,--wrap=exit,--wrap=_exit,--wrap=quick_exit (and _Exit).
 *
 * Criterion's runner and the process of a test are the same program, started twice. Before any other code of it runs,
 * the runner closes itself to its tests: they do not inherit the descriptor its report goes to, and cannot reach it
 * through /proc. The process of a test takes the receipts' nonce out of the environment.
 */
#include "test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "crash.h"
#include "receipt.h"
#include "step.h"

enum { DESCRIPTORS_OF_THE_GRADER = 16 };

static const char *running; /* the test between begin and end, NULL outside */
static pid_t running_pid;

static void close_the_runner(void)
{
    for (int fd = STDERR_FILENO + 1; fd < DESCRIPTORS_OF_THE_GRADER; fd++)
        fcntl(fd, F_SETFD, FD_CLOEXEC);
    prctl(PR_SET_DUMPABLE, 0);
}

__attribute__((constructor)) static void begin_process(void)
{
    if (getenv("LOCKSTEP_RECEIPT") == NULL)
        return;
    if (getenv("BXFI_MAP") == NULL) /* set by Criterion for the process of a test */
        close_the_runner();
    else
        receipt_open();
}

static void receipt(const char *word, const char *name)
{
    char line[200];
    const int length = snprintf(line, sizeof line, "%s %s %s\n", word, name, receipt_nonce());
    if (length > 0 && (size_t)length < sizeof line)
        receipt_write(line, (size_t)length);
}

void lab_test_begin(const char *name)
{
    crash_install();
    step_begin_test();
    running = name;
    running_pid = getpid();
}

void lab_test_end(void)
{
    /* A child that forgot to leave runs on to here: it must not speak for the test. */
    if (getpid() != running_pid)
        lab_test_child_exit(70);
    receipt("end", running);
    running = NULL;
}

_Noreturn void lab_test_child_exit(int status)
{
    for (;;)
        syscall(SYS_exit_group, status);
}

static void refuse_exit(void)
{
    if (running == NULL || getpid() != running_pid)
        return;
    receipt("exit", running);
    for (;;)
        syscall(SYS_exit_group, 70);
}

_Noreturn void __real_exit(int status);
_Noreturn void __real__exit(int status);
_Noreturn void __real_quick_exit(int status);
_Noreturn void __real__Exit(int status);
_Noreturn void __wrap_exit(int status);
_Noreturn void __wrap__exit(int status);
_Noreturn void __wrap_quick_exit(int status);
_Noreturn void __wrap__Exit(int status);

void __wrap_exit(int status)
{
    refuse_exit();
    __real_exit(status);
}

void __wrap__exit(int status)
{
    refuse_exit();
    __real__exit(status);
}

void __wrap_quick_exit(int status)
{
    refuse_exit();
    __real_quick_exit(status);
}

void __wrap__Exit(int status)
{
    refuse_exit();
    __real__Exit(status);
}
