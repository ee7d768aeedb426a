#include "supervise_child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "cgroup.h"
#include "inside.h"
#include "supervise.h"

bool supervise_parse_order(int argc, char **argv, struct order *order)
{
    if (argc < 16)
        return false;
    *order = (struct order){
        .grader = (pid_t)strtol(argv[1], NULL, 10),
        .memory = strtoull(argv[2], NULL, 10),
        .file = strtoull(argv[3], NULL, 10),
        .processes = strtoull(argv[4], NULL, 10),
        .tree_memory = strtoull(argv[5], NULL, 10),
        .cpu_seconds = (double)strtoull(argv[6], NULL, 10) / 1e3,
        .descriptors = strtoull(argv[7], NULL, 10),
        .groups = argv[8],
        .stopwatch = strcmp(argv[9], "1") == 0,
        .sandbox = strcmp(argv[10], "1") == 0,
        .report = argv[11],
        .service = argv[12],
        .kept = argv[13],
        .directory = argv[14],
        .argv = argv + 15,
    };
    return order->grader > 0 && order->processes > 0;
}

static void limit(int resource, rlim_t most, bool for_good)
{
    struct rlimit limits;
    getrlimit(resource, &limits);
    limits.rlim_cur = most < limits.rlim_max ? most : limits.rlim_max;
    if (for_good)
        limits.rlim_max = limits.rlim_cur;
    setrlimit(resource, &limits);
}

/* If memory runs out, the kernel shall take the program and not the grader. */
static void offer_to_oom_killer(void)
{
    const int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    if (write(fd, "500", 3) != 3) {
        /* then it is as likely as any other */
    }
    close(fd);
}

static void reset_signals(void)
{
    sigset_t none;
    sigemptyset(&none);
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

enum { PLACES = INSIDE_FILTER + 1, SAFE = 2 * PLACES };

/* The report's descriptor, -1 for none. Returns false, with errno, if there should be one and it cannot be opened. */
static bool open_report(const struct order *order, int *fd)
{
    *fd = order->report[0] != '\0' ? open(order->report, O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC) : -1;
    return *fd >= 0 || order->report[0] == '\0';
}

/* Puts the descriptors where the program, or `inside`, expects them and closes all others; `news` becomes
 * INSIDE_STATUS, `service` standard input. Returns false, with errno, if the report cannot be opened. */
static bool arrange_descriptors(const struct order *order, int news, int service)
{
    int from[PLACES] = {-1, -1, -1, -1, -1, -1, -1, -1};
    const bool opened = open_report(order, &from[INSIDE_REPORT]);
    const int cause = errno;
    if (order->stopwatch) {
        from[3] = SUPERVISE_TO_GRADER;
        from[4] = SUPERVISE_FROM_GRADER;
    }
    from[INSIDE_STATUS] = news;
    from[INSIDE_FILTER] = order->sandbox ? SUPERVISE_FILTER : -1;
    if (service >= 0)
        dup2(service, STDIN_FILENO);
    for (int i = 3; i < PLACES; i++)
        from[i] = from[i] >= 0 ? fcntl(from[i], F_DUPFD_CLOEXEC, SAFE) : -1;
    for (int i = 3; i < PLACES; i++)
        if (from[i] < 0 || dup2(from[i], i) < 0)
            close(i);
    closefrom(PLACES);
    fcntl(INSIDE_STATUS, F_SETFD, order->sandbox ? 0 : FD_CLOEXEC);
    errno = cause;
    return opened;
}

/* A thread of the grader that forks while another writes an executable holds it open for writing for a moment. */
static void exec_patiently(char **argv)
{
    for (int attempt = 0; attempt < 100; attempt++) {
        execvp(argv[0], argv);
        if (errno != ETXTBSY)
            return;
        nanosleep(&(struct timespec){.tv_nsec = 10 * 1000 * 1000}, NULL);
    }
}

/* What depends on addresses must not be drawn anew for each run. Whether two threads' data share a cache line decides
 * how fast a hand-in is; and where Criterion puts the memory that a test takes over is the one or other time where the
 * test's own program lies, which then crashes: Criterion looks at its own addresses, and the test's must be the same.
 * Where this is not allowed, it stays so. */
static void fix_addresses(void)
{
    personality(PER_LINUX | ADDR_NO_RANDOMIZE);
}

_Noreturn static void become_program(const struct order *order, int news, int service, pid_t supervisor)
{
    setsid();
    prctl(PR_SET_DUMPABLE, 1);
    offer_to_oom_killer();
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); /* a set-uid program could not be killed */
    fix_addresses();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != supervisor)
        _exit(127);
    if (arrange_descriptors(order, news, service) && (order->directory[0] == '\0' || chdir(order->directory) == 0)) {
        limit(RLIMIT_CORE, 0, true);
        limit(RLIMIT_FSIZE, order->file, true);
        limit(RLIMIT_NOFILE, order->descriptors, true);
        limit(RLIMIT_CPU, (rlim_t)order->cpu_seconds + 1, true); /* of each process, where there is no group */
        if (order->memory > 0)
            limit(RLIMIT_DATA, order->memory, true);
        reset_signals();
        exec_patiently(order->argv);
    }
    const int cause = errno;
    if (write(INSIDE_STATUS, &cause, sizeof cause) < 0)
        _exit(126);
    _exit(127);
}

/* Tasks alive on the machine, all users' processes and threads; 0 if unknown. */
static rlim_t tasks_alive(void)
{
    unsigned long tasks = 0;
    FILE *file = fopen("/proc/loadavg", "re");
    if (file == NULL)
        return 0;
    if (fscanf(file, "%*s %*s %*s %*u/%lu", &tasks) != 1)
        tasks = 0;
    fclose(file);
    return tasks;
}

/* Forks with a limit on the tasks of this user far above what is meant to be used. If the count must be wrong, as not
 * even one more is allowed, it is left out. Root is not held by it, but by the group. */
static pid_t fork_with_backstop(const struct cgroup *group, size_t processes)
{
    struct rlimit before;
    const rlim_t alive = tasks_alive();
    getrlimit(RLIMIT_NPROC, &before);
    if (alive > 0)
        limit(RLIMIT_NPROC, alive + SUPERVISE_SPARE_TASKS + processes, false);
    pid_t child = cgroup_fork(group);
    if (child < 0 && errno == EAGAIN && setrlimit(RLIMIT_NPROC, &before) == 0)
        child = cgroup_fork(group);
    return child;
}

pid_t supervise_fork(const struct order *order, const struct cgroup *group, int news, int service)
{
    const pid_t self = getpid(), child = fork_with_backstop(group, order->processes);
    if (child == 0)
        become_program(order, news, service, self);
    return child;
}
