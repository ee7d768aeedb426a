#include "supervise_service.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    MEMORY_BYTES = 512 << 20,
    DESCRIPTORS = 4096,
    NICE = -10,                  /* as the supervisor's */
    PROGRAM = STDERR_FILENO + 1, /* the service's file, in its own process */
};

static void limit(int resource, rlim_t most)
{
    struct rlimit limits;
    getrlimit(resource, &limits);
    if (limits.rlim_max > most)
        limits.rlim_max = most;
    limits.rlim_cur = limits.rlim_max;
    setrlimit(resource, &limits);
}

/* What the service is slow with, the program would seem to be slow with. Works for root only. Where the kernel shares
 * the CPUs out by session first, the session has a nice value, too. */
static void get_ahead(void)
{
    const int autogroup = open("/proc/self/autogroup", O_WRONLY | O_CLOEXEC);
    setpriority(PRIO_PROCESS, 0, NICE);
    if (autogroup < 0)
        return;
    dprintf(autogroup, "%d", NICE);
    close(autogroup);
}

static bool give_up_rights(void)
{
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_FSIZE, 0);
    limit(RLIMIT_DATA, MEMORY_BYTES);
    limit(RLIMIT_NOFILE, DESCRIPTORS);
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           (geteuid() != 0 || (setgroups(0, NULL) == 0 && setresgid(SERVICE_USER, SERVICE_USER, SERVICE_USER) == 0 &&
                               setresuid(SERVICE_USER, SERVICE_USER, SERVICE_USER) == 0 && setuid(0) != 0));
}

static void reset_signals(void)
{
    sigset_t none;
    sigemptyset(&none);
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* The file is opened before the rights are gone: it may lie where only the grader's user can look. */
_Noreturn static void become_service(const char *path, int socket, pid_t supervisor)
{
    char *const arguments[] = {"service", NULL}, *const environment[] = {NULL};
    setsid();
    get_ahead();
    const int file = open(path, O_PATH | O_CLOEXEC);
    if (file >= 0 && dup2(socket, STDIN_FILENO) == STDIN_FILENO && dup2(STDERR_FILENO, STDOUT_FILENO) >= 0 &&
        dup3(file, PROGRAM, O_CLOEXEC) == PROGRAM && close_range(PROGRAM + 1, ~0U, 0) == 0 && give_up_rights()) {
        reset_signals();
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* after the change of user, which would undo it */
        if (getppid() == supervisor)
            execveat(PROGRAM, "", arguments, environment, AT_EMPTY_PATH);
    }
    _exit(127);
}

int service_start(struct service *service, const char *path)
{
    int ends[2];
    const pid_t self = getpid();
    if (access(path, X_OK) != 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return -1;
    shutdown(ends[1], SHUT_WR); /* who reads standard input finds its end, as without a service */
    const pid_t child = fork();
    if (child == 0)
        become_service(path, ends[1], self);
    const int cause = errno;
    close(ends[1]);
    if (child > 0) {
        service->process = child;
        return ends[0];
    }
    close(ends[0]);
    errno = cause;
    return -1;
}

bool service_reap(struct service *service, pid_t pid)
{
    if (pid != service->process || wait4(pid, NULL, WNOHANG, &service->usage) != pid)
        return false;
    service->process = 0;
    return true;
}

void service_leave_out(const struct service *service, struct rusage *usage)
{
    timersub(&usage->ru_utime, &service->usage.ru_utime, &usage->ru_utime);
    timersub(&usage->ru_stime, &service->usage.ru_stime, &usage->ru_stime);
}
