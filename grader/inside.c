/*
 * inside: the first process in a sandbox. See inside.h.
 */
#include "inside.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { FILTER_LENGTH_MAX = 4096 };

static void say(enum inside_kind kind, int code, double cpu_seconds)
{
    const struct inside_message message = {.kind = kind, .code = code, .cpu_seconds = cpu_seconds};
    if (send(INSIDE_STATUS, &message, sizeof message, MSG_NOSIGNAL) < 0)
        _exit(4); /* nobody is there to hear it */
}

/* Hands DIRECTORY out: what the program leaves there can be read when the sandbox has ended. */
static void hand_out(const char *path)
{
    const struct inside_message message = {.kind = INSIDE_DIRECTORY};
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {0};
    struct iovec part = {.iov_base = (void *)&message, .iov_len = sizeof message};
    struct msghdr header = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    const int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0)
        return; /* the program will not start, and say why */
    struct cmsghdr *rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof directory);
    memcpy(CMSG_DATA(rights), &directory, sizeof directory);
    if (sendmsg(INSIDE_STATUS, &header, MSG_NOSIGNAL) < 0)
        _exit(4);
    close(directory);
}

/* Root's sandbox still has root's powers: they are given up here, for good. */
static bool become_user(uid_t user)
{
    if (user == 0 || geteuid() != 0)
        return geteuid() != 0;
    return setgroups(0, NULL) == 0 && setresgid(user, user, user) == 0 && setresuid(user, user, user) == 0 &&
           setuid(0) != 0;
}

static bool install_filter(void)
{
    static struct sock_filter code[FILTER_LENGTH_MAX];
    const ssize_t size = pread(INSIDE_FILTER, code, sizeof code, 0); /* the descriptor's position is shared */
    if (size <= 0 || (size_t)size == sizeof code)
        return false;
    const struct sock_fprog program = {.len = (unsigned short)((size_t)size / sizeof *code), .filter = code};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0;
}

_Noreturn static void become_program(const char *directory, const char *file, char **argv)
{
    setsid();
    fcntl(INSIDE_STATUS, F_SETFD, FD_CLOEXEC);
    fcntl(INSIDE_FILTER, F_SETFD, FD_CLOEXEC);
    say(INSIDE_STARTED, 0, 0.0);
    unsetenv("PWD"); /* bwrap's */
    if (chdir(directory) == 0 && install_filter())
        execv(file, argv);
    say(INSIDE_FAILED, errno, 0.0);
    _exit(127);
}

/* It is a zombie now: its CPU clock still runs, and shows the final value. */
static double cpu_seconds_of(pid_t process)
{
    clockid_t clock;
    struct timespec t;
    if (clock_getcpuclockid(process, &clock) != 0 || clock_gettime(clock, &t) != 0)
        return 0.0;
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Until nothing but this process is left in the sandbox. */
static void wait_for_all(pid_t program)
{
    for (;;) {
        siginfo_t info = {0};
        int status;
        double cpu_seconds = 0.0;
        if (waitid(P_ALL, 0, &info, WEXITED | WNOWAIT) != 0) {
            if (errno == EINTR)
                continue;
            return;
        }
        if (info.si_pid == program)
            cpu_seconds = cpu_seconds_of(program);
        if (waitpid(info.si_pid, &status, 0) == program)
            say(INSIDE_ENDED, status, cpu_seconds);
    }
}

/* What only the program may hold: its output ends when it ends. */
static void let_go_of_descriptors(void)
{
    dup2(STDIN_FILENO, STDOUT_FILENO);
    dup2(STDIN_FILENO, STDERR_FILENO);
    close_range(STDERR_FILENO + 1, INSIDE_STATUS - 1, 0);
    close(INSIDE_FILTER);
}

int main(int argc, char **argv)
{
    if (argc < 2 || argc == 3 || argc == 4) {
        fprintf(stderr, "%s: is started by the grader, not by hand\n", argv[0]);
        return 2;
    }
    if (!become_user((uid_t)strtoul(argv[1], NULL, 10))) {
        fprintf(stderr, "inside: cannot become user %s: %s\n", argv[1], strerror(errno));
        return 3;
    }
    if (argc == 2)
        _exit(0); /* without what sanitizers look for at the end: they may not, now */
    prctl(PR_SET_DUMPABLE, 0);
    hand_out(argv[2]);
    const pid_t program = fork();
    if (program == 0)
        become_program(argv[2], argv[3], argv + 4);
    let_go_of_descriptors();
    if (program < 0)
        say(INSIDE_FAILED, errno, 0.0);
    else
        wait_for_all(program);
    _exit(0);
}
