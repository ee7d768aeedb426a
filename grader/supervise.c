/*
 * supervise: runs one program for the grader and sees to it that nothing of it survives. See process.h for
 * the idea and supervise.h for arguments, descriptors and records.
 *
 *     start    fork; the child takes its limits, descriptors and directory, and becomes the program
 *     watch    until the program has ended, or SIGTERM, or the grader is gone, or too many processes, or too much
 *              memory or CPU time of all together
 *     kill     everything below, over and over, until the kernel says that there is no child left
 *
 * Being a subreaper, this process inherits all orphans below it. So `no child left` means that the whole tree
 * is dead, and that is the only thing the end depends on; /proc only says whom to kill. Where there are control groups
 * (cgroup.h) the child is in one of its own: then the tree cannot grow faster than it is killed.
 *
 * A service (supervise_service.h) is a child, too, but none of the tree's: it is neither counted nor charged.
 *
 * With a sandbox the child becomes bubblewrap, and the program is a grandchild's child: that it has started, and how it
 * ended, is heard from `inside` through a socket, on which the kernel itself adds the sender's process id.
 */
#include "supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cgroup.h"
#include "inside.h"
#include "process_tree.h"
#include "supervise_child.h"
#include "supervise_kept.h"
#include "supervise_service.h"

enum {
    SAMPLE_MS = 20,        /* how often processes are counted, */
    CALM_SAMPLE_MS = 80,   /* if a group holds them, and they are few */
    FULL_LOOK = 10,        /* of so many counts one looks at each of them, and at memory */
    MANY_AT_ONCE = 16,     /* new ones since the last count: */
    GROWTH_SAMPLE_MS = 2,  /* the next comes sooner */
    KILL_ROUND_MS = 2,     /* between two looks while killing */
    SETTLE_MS = 200,       /* for what is ending anyhow when the program has ended */
    SANDBOX_PROCESSES = 2, /* bwrap and inside */
    LISTED_MAX = 1 << 15   /* pids looked at in one go */
};

struct supervisor {
    struct order order;
    struct cgroup group;
    int signals; /* a signalfd for SIGCHLD and SIGTERM */
    int news;    /* from the child: errno, if it could not become the program; struct inside_message */
    pid_t child; /* the program, or bwrap */
    pid_t inside;
    struct service service;
    int left;    /* the program's directory in the sandbox; -1: none */
    int failure; /* errno of the program that could not be started, 0 if none */
    double start;
    double cpu_due;   /* when to look at CPU time again */
    bool ended;       /* the program has */
    bool told_to_end; /* by the grader, or by its end */
    struct supervise_record record;
};

static pid_t listed[LISTED_MAX];

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static bool write_record(const struct supervise_record *record)
{
    return write(SUPERVISE_RECORD, record, sizeof *record) == (ssize_t)sizeof *record;
}

static void note_start(struct supervisor *s, pid_t program)
{
    s->record.program = program;
    s->record.kind = SUPERVISE_STARTED;
    s->start = now();
    write_record(&s->record);
}

/* Starts the program. Returns false, with errno, if not even a process could be made. */
static bool start(struct supervisor *s)
{
    int ends[2], service = -1;
    s->left = -1;
    if (s->order.service[0] != '\0' && (service = service_start(&s->service, s->order.service)) < 0)
        return false;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0 ||
        setsockopt(ends[0], SOL_SOCKET, SO_PASSCRED, &(int){1}, sizeof(int)) != 0)
        return false;
    s->start = now();
    s->child = supervise_fork(&s->order, &s->group, ends[1], service);
    const int cause = errno;
    if (service >= 0)
        close(service);
    errno = cause;
    if (s->child < 0)
        return false;
    s->news = ends[0];
    close(ends[1]);
    return true;
}

/* Makes sure that processes are counted and killed faster than they are born. Allowed to root only, as a rule, but it
 * is root whose processes no RLIMIT_NPROC holds. Where a control group holds them, only once a tree grows: a real-time
 * process that waits inside the kernel for one that it keeps from running burns CPU time, which others then lack. */
static void get_ahead(void)
{
    const struct sched_param lowest = {.sched_priority = 1};
    if (sched_setscheduler(0, SCHED_FIFO, &lowest) != 0)
        setpriority(PRIO_PROCESS, 0, -20);
}

/* What only the program may hold: its output ends when it ends. */
static void let_go_of_descriptors(const struct order *order)
{
    dup2(STDIN_FILENO, STDOUT_FILENO);
    dup2(STDIN_FILENO, STDERR_FILENO);
    if (order->stopwatch) {
        close(SUPERVISE_TO_GRADER);
        close(SUPERVISE_FROM_GRADER);
    }
    if (order->sandbox)
        close(SUPERVISE_FILTER);
}

static void hear_inside(struct supervisor *s, const struct inside_message *message, pid_t sender)
{
    switch (message->kind) {
    case INSIDE_DIRECTORY:
        break;
    case INSIDE_STARTED:
        note_start(s, sender);
        break;
    case INSIDE_FAILED:
        s->failure = message->code;
        break;
    case INSIDE_ENDED:
        s->inside = sender;
        s->ended = true;
        s->record.seconds = now() - s->start;
        s->record.cpu_seconds = message->cpu_seconds;
        s->record.code = message->code;
        break;
    }
}

/* Who has sent a message, and the descriptor that came with it, which is kept. */
static pid_t sender_of(struct supervisor *s, struct msghdr *header)
{
    struct ucred who = {0};
    for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c != NULL; c = CMSG_NXTHDR(header, c))
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_CREDENTIALS)
            memcpy(&who, CMSG_DATA(c), sizeof who);
        else if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
            memcpy(&s->left, CMSG_DATA(c), sizeof s->left);
    return who.pid;
}

static void hear_news(struct supervisor *s)
{
    for (;;) {
        union {
            struct inside_message message;
            int cause;
        } said;
        _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(sizeof(int))];
        struct iovec part = {.iov_base = &said, .iov_len = sizeof said};
        struct msghdr header = {
            .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
        const ssize_t size = recvmsg(s->news, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        if (size == (ssize_t)sizeof said.message)
            hear_inside(s, &said.message, sender_of(s, &header));
        else if (size == (ssize_t)sizeof said.cause)
            s->failure = said.cause;
        else
            return;
    }
}

/* The program is a zombie now: its CPU clock still runs, and shows the final value. */
static void note_end(struct supervisor *s)
{
    clockid_t clock;
    struct timespec t;
    s->ended = true;
    s->record.seconds = now() - s->start;
    if (clock_getcpuclockid(s->record.program, &clock) == 0 && clock_gettime(clock, &t) == 0)
        s->record.cpu_seconds = (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Waits for all that has ended. Returns false when there is no child left, dead or alive. */
static bool reap(struct supervisor *s)
{
    hear_news(s);
    for (;;) {
        siginfo_t info = {0};
        int status;
        if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0) {
            if (errno == EINTR)
                continue;
            hear_news(s); /* said before it ended */
            return false;
        }
        if (info.si_pid == 0)
            return true;
        if (info.si_pid == s->record.program && !s->ended)
            note_end(s);
        if (!service_reap(&s->service, info.si_pid) && waitpid(info.si_pid, &status, 0) == s->child &&
            !s->order.sandbox)
            s->record.code = status;
    }
}

/* Sleeps until something happens or `ms` are over. */
static void wait_for_news(struct supervisor *s, int ms)
{
    struct pollfd fds[3] = {{.fd = s->signals, .events = POLLIN},
                            {.fd = s->told_to_end ? -1 : SUPERVISE_RECORD},
                            {.fd = s->order.sandbox && !s->ended ? s->news : -1, .events = POLLIN}};
    struct signalfd_siginfo info;
    poll(fds, 3, ms);
    while (read(s->signals, &info, sizeof info) == (ssize_t)sizeof info)
        if (info.ssi_signo == SIGTERM)
            s->told_to_end = true;
    if (fds[1].revents != 0) /* nobody reads the record any more */
        s->told_to_end = true;
}

static double cpu_of(const struct rusage *usage)
{
    return (double)(usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) +
           (double)(usage->ru_utime.tv_usec + usage->ru_stime.tv_usec) / 1e6;
}

/* CPU time of all together. Without a group only that of those who have ended is known, and at the end all. */
static double tree_cpu(const struct supervisor *s)
{
    struct rusage usage;
    const double seconds = cgroup_cpu_seconds(&s->group);
    if (seconds >= 0)
        return seconds;
    getrusage(RUSAGE_CHILDREN, &usage);
    service_leave_out(&s->service, &usage);
    return cpu_of(&usage);
}

/* When all together can have reached their CPU time at the earliest. What is not in a group may come as one sum. */
static double earliest_out_of_cpu(const struct supervisor *s)
{
    const double left = s->order.cpu_seconds - s->record.tree_cpu;
    return (s->group.holds & CGROUP_HOLDS_CPU) != 0 ? now() + left / (double)sysconf(_SC_NPROCESSORS_CONF) : 0.0;
}

/* Whether all together are over a limit. To ask for memory takes a while, and the kernel has acted already: only in a
 * full look. */
static bool over_limits(struct supervisor *s, bool full)
{
    if (now() >= s->cpu_due) {
        s->record.tree_cpu = tree_cpu(s);
        s->record.out_of_cpu = s->record.out_of_cpu || s->record.tree_cpu > s->order.cpu_seconds;
        s->cpu_due = earliest_out_of_cpu(s);
    }
    if (full)
        s->record.out_of_memory = s->record.out_of_memory || cgroup_out_of_memory(&s->group);
    return s->record.out_of_cpu || s->record.out_of_memory;
}

/* How many processes there are, or, where those are few, how many tasks: the kernel has counted these. A program that
 * could leave its group is found in a full look. */
static size_t count_processes(const struct supervisor *s, bool full)
{
    const size_t ours = 1 + (s->order.sandbox ? SANDBOX_PROCESSES : 0) + (s->service.process > 0);
    /* no more than that is looked for: a list of all would never be done with a tree that grows */
    const size_t enough = s->order.processes < LISTED_MAX - ours - 1 ? s->order.processes + ours + 1 : LISTED_MAX;
    const uint64_t tasks = cgroup_tasks(&s->group);
    const bool few = tasks <= s->order.processes / 2;
    if (few && !full)
        return (size_t)tasks;
    const size_t all = process_tree_list(getpid(), listed, enough), count = all > ours ? all - ours : 0;
    return few && count < tasks ? (size_t)tasks : count;
}

/* Until there is a reason to end it all, or nothing left to end. */
static void watch(struct supervisor *s)
{
    size_t before = 0;
    const bool held = (s->group.holds & CGROUP_HOLDS_TASKS) != 0;
    for (unsigned look = 1; reap(s) && !s->told_to_end; look++) {
        const bool full = look % FULL_LOOK == 0;
        if (over_limits(s, full) || (s->ended && now() - s->start - s->record.seconds >= SETTLE_MS / 1e3))
            return;
        const size_t count = count_processes(s, full);
        if (count > s->order.processes / 2)
            get_ahead();
        if (count > s->order.processes) {
            s->record.too_many = true;
            return;
        }
        const bool grows = count > before + MANY_AT_ONCE, calm = held && count <= s->order.processes / 4;
        wait_for_news(s, calm ? CALM_SAMPLE_MS : grows ? GROWTH_SAMPLE_MS : SAMPLE_MS);
        before = count;
    }
}

static int count_alive(const struct supervisor *s)
{
    int alive = 0;
    if (cgroup_tasks(&s->group) == 0)
        return 0;
    const size_t count = process_tree_list(getpid(), listed, LISTED_MAX);
    for (size_t i = 1; i < count; i++) {
        struct process_stat stat;
        if (listed[i] != s->service.process && (!s->order.sandbox || (listed[i] != s->child && listed[i] != s->inside)))
            alive += process_tree_stat(listed[i], &stat) && stat.alive;
    }
    return alive;
}

/* The groups first: the kernel does that in one piece, no fork in them gets away. What has left the process group, and
 * has no control group, is looked for again and again; a killed parent's children move up to this process. */
static void kill_all(struct supervisor *s)
{
    while (reap(s)) {
        kill(-s->child, SIGKILL); /* with bwrap all of its sandbox ends */
        cgroup_kill(&s->group);
        process_tree_kill(getpid(), false, listed, LISTED_MAX);
        wait_for_news(s, KILL_ROUND_MS);
    }
}

static void report(struct supervisor *s)
{
    s->record.kind = SUPERVISE_ENDED;
    if (s->order.sandbox && s->record.program == 0 && s->failure == 0 && !s->told_to_end)
        s->failure = EPERM; /* bwrap has said on stderr what it may not */
    else if (s->order.sandbox && !s->ended)
        s->record.code = SIGKILL; /* with its sandbox */
    if (s->failure != 0) {
        s->record.kind = SUPERVISE_NOT_STARTED;
        s->record.code = s->failure;
    }
    getrusage(RUSAGE_CHILDREN, &s->record.usage);
    s->record.all_cpu = cpu_of(&s->record.usage);
    service_leave_out(&s->service, &s->record.usage);
    s->cpu_due = 0;
    over_limits(s, true); /* even if it had ended before it could be killed: the same on every run */
    s->record.tree_memory = cgroup_memory_peak(&s->group);
    cgroup_remove(&s->group);
    write_record(&s->record);
}

/* What it cannot have, it does without. */
static void make_group(struct supervisor *s)
{
    struct cgroup_place place;
    cgroup_read_word(&place, s->order.groups);
    cgroup_create(&s->group, &place);
    cgroup_place_release(&place);
    cgroup_limit(&s->group, s->order.tree_memory, s->order.processes + SUPERVISE_SPARE_TASKS);
    s->record.group = s->group.holds;
}

/* Before anything is started, so that nothing is missed. Returns false if that cannot be had. */
static bool prepare(struct supervisor *s)
{
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGTERM);
    sigaddset(&mask, SIGCHLD);
    sigprocmask(SIG_BLOCK, &mask, NULL);
    signal(SIGPIPE, SIG_IGN);
    setpgid(0, 0); /* away from the terminal's Ctrl-C, but in the grader's session: see process.c */
    closefrom(s->order.sandbox     ? SUPERVISE_FILTER + 1
              : s->order.stopwatch ? SUPERVISE_FROM_GRADER + 1
                                   : SUPERVISE_RECORD + 1);
    fcntl(SUPERVISE_RECORD, F_SETFD, FD_CLOEXEC);
    prctl(PR_SET_DUMPABLE, 0); /* keeps /proc/PID/fd, and with it the record pipe, from the program */
    s->signals = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
    return s->signals >= 0 && prctl(PR_SET_CHILD_SUBREAPER, 1) == 0 && prctl(PR_SET_PDEATHSIG, SIGTERM) == 0 &&
           getppid() == s->order.grader;
}

int main(int argc, char **argv)
{
    static struct supervisor s;
    if (!supervise_parse_order(argc, argv, &s.order)) {
        fprintf(stderr, "%s: is started by the grader, not by hand\n", argv[0]);
        return 2;
    }
    if (!prepare(&s))
        return 3;
    make_group(&s);
    if (!start(&s)) {
        s.record.kind = SUPERVISE_NOT_STARTED;
        s.record.code = errno;
        cgroup_remove(&s.group);
        return write_record(&s.record) ? 0 : 3;
    }
    let_go_of_descriptors(&s.order);
    setpriority(PRIO_PROCESS, 0, -10); /* works for root only */
    if ((s.group.holds & CGROUP_HOLDS_TASKS) == 0)
        get_ahead(); /* nothing else holds a tree of root's that grows */
    if (!s.order.sandbox)
        note_start(&s, s.child);
    watch(&s);
    s.record.by_itself = s.ended;
    if (s.ended && !s.record.too_many)
        s.record.left_behind = count_alive(&s);
    kill_all(&s);
    if (s.order.kept[0] != '\0' && s.left >= 0)
        kept_copy(s.left, s.order.kept);
    report(&s);
    return 0;
}
