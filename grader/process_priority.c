#include "process_priority.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

/* The most there is: a normal program is left about a hundredth of a CPU. */
enum { FAVOURED_NICE = -20 };

const struct process_priority process_priority_unchanged = {.policy = -1};

void process_priority_favour(pid_t program)
{
    char path[64];
    setpriority(PRIO_PGRP, (id_t)program, FAVOURED_NICE);
    /* where the kernel shares the CPUs out by session first, the session has a nice value, too */
    snprintf(path, sizeof path, "/proc/%d/autogroup", (int)program);
    const int autogroup = open(path, O_WRONLY | O_CLOEXEC);
    if (autogroup < 0)
        return;
    dprintf(autogroup, "%d", FAVOURED_NICE);
    close(autogroup);
}

struct process_priority process_priority_raise(void)
{
    struct sched_param now, raised = {.sched_priority = sched_get_priority_min(SCHED_RR)};
    const int policy = sched_getscheduler(0);
    if (policy < 0 || sched_getparam(0, &now) != 0 ||
        sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &raised) != 0)
        return process_priority_unchanged;
    return (struct process_priority){.policy = policy, .priority = now.sched_priority};
}

void process_priority_restore(const struct process_priority *before)
{
    const struct sched_param param = {.sched_priority = before->priority};
    if (before->policy >= 0)
        sched_setscheduler(0, before->policy, &param);
}
