/*
 * process_priority.h: lets a program that is timed, and the grader that times it, have the CPUs before others that
 * want them. Only where the grader may do that, as root; all else does nothing, and is no failure.
 */
#ifndef GRADER_PROCESS_PRIORITY_H
#define GRADER_PROCESS_PRIORITY_H

#include <sys/types.h>

/* process_priority_favour: a program that leads its session and process group, and what it has started so far. What it
 * starts later inherits it. Thread safe. */
void process_priority_favour(pid_t program);

struct process_priority {
    int policy, priority; /* as they were; policy negative: nothing was changed */
};

extern const struct process_priority process_priority_unchanged;

/* process_priority_raise: the calling thread shall not wait for a CPU: it gets the lowest real-time priority, which
 * the programs it starts do not inherit. Returns what process_priority_restore takes back, in the same thread. */
struct process_priority process_priority_raise(void);
void process_priority_restore(const struct process_priority *before);

#endif
