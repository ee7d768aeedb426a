/*
 * process_launch.h: what a supervisor is started with: its path, arguments and environment (supervise.h).
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

void process_launch_release(struct process_launch *launch);

#endif
