/*
 * process_launch.h: what a supervisor is started with: its path, arguments and environment (supervise.h); and its
 * start.
 */
#ifndef GRADER_PROCESS_LAUNCH_H
#define GRADER_PROCESS_LAUNCH_H

#include "process.h"

/* process_launch_program: the path of the program `name` that belongs to the grader: beside the running one, or beside
 * $LOCKSTEP_SUPERVISE. Caller frees; NULL if it cannot be found out. */
char *process_launch_program(const char *name);

/* process_launch_defaults: `spec` with its limits filled in where they are 0. */
struct process_spec process_launch_defaults(const struct process_spec *spec);

struct process_launch {
    char *file;         /* path of the program `supervise` */
    char **sandbox;     /* sandbox_arguments; NULL: none */
    char **arguments;   /* NULL-terminated */
    char **environment; /* NULL-terminated */
};

/* process_launch_init: for a run of `spec`, whose limits must be filled in. All is owned by `launch`. Returns
 * false without memory or if the path of the grader cannot be found out. Thread safe. */
bool process_launch_init(struct process_launch *launch, const struct process_spec *spec);

/* process_launch_start: starts the supervisor with `descriptors[i]` as its descriptor i, for each of the `count` that
 * is not -1; standard input is /dev/null if that is. Signals are as at the start of a session, none blocked or ignored.
 * (By posix_spawn: a fork would copy the grader's memory map for nothing.) Returns
 * its process id, or -1 with errno. The descriptors stay the caller's, who waits for the process. Thread safe. */
pid_t process_launch_start(const struct process_launch *launch, const int *descriptors, int count);

void process_launch_release(struct process_launch *launch);

#endif
