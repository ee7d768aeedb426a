/*
 * supervise_child.h: the supervisor's child, up to the moment in which it becomes the program (or bubblewrap).
 */
#ifndef GRADER_SUPERVISE_CHILD_H
#define GRADER_SUPERVISE_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

/* Threads, and what a sandbox needs, beyond the processes allowed: it only keeps a tree that must be killed from
 * growing faster than it can be. */
enum { SUPERVISE_SPARE_TASKS = 1024 };

struct cgroup;

/* The supervisor's arguments (supervise.h). */
struct order {
    pid_t grader;
    rlim_t memory, file;
    size_t processes;
    uint64_t tree_memory;
    double cpu_seconds;
    rlim_t descriptors;
    const char *groups; /* of cgroup_word */
    bool stopwatch, sandbox;
    const char *report;  /* path, empty: none */
    const char *service; /* path, empty: none */
    const char *kept;    /* path and beginning of a name, empty: nothing */
    const char *directory;
    char **argv;
};

/* supervise_parse_order: reads the arguments, which `order` then points to. Returns false if they are none. */
bool supervise_parse_order(int argc, char **argv, struct order *order);

/* supervise_fork: forks a child into `group` that takes its limits, descriptors and directory and becomes the program.
 * It writes errno to the descriptor `news`, which becomes its INSIDE_STATUS, if it cannot. The descriptor `service`
 * becomes its standard input; -1: as ours. Returns the child's pid, -1 with errno if there is none. */
pid_t supervise_fork(const struct order *order, const struct cgroup *group, int news, int service);

#endif
