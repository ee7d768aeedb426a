/*
 * supervise.h: what process.c and the program `supervise` say to each other.
 *
 * process.c starts it as
 *
 *     supervise GRADER-PID MEMORY FILE PROCESSES TREE-MEMORY CPU DESCRIPTORS GROUPS STOPWATCH SANDBOX REPORT SERVICE
 * KEPT DIRECTORY PROGRAM [ARGUMENT...]
 *
 * with the limits of struct process_spec in bytes, processes and milliseconds (MEMORY 0: no limit), GROUPS where it is
 * to make its control group (cgroup_word), STOPWATCH and SANDBOX 0 or 1, REPORT the path of the report or empty,
 * SERVICE that of the service's program or empty (supervise_service.h), KEPT where to what the program leaves is copied
 * or empty (supervise_kept.h), DIRECTORY empty for its own, and the environment the program is to have. With SANDBOX,
 * PROGRAM is bwrap, and what counts as the program is what `inside` starts (inside.h). Its descriptors are:
 *
 *     0  /dev/null, passed on        3  the record pipe, records go to the grader; kept from the program
 *     1  stdout, passed on           4  stopwatch, program to grader: becomes the program's 3
 *     2  stderr, passed on           5  stopwatch, grader to program: becomes the program's 4
 *     6  with SANDBOX: the filter of system calls, for `inside`
 *
 * It writes one record SUPERVISE_STARTED and, when nothing below it is left, one SUPERVISE_ENDED or
 * SUPERVISE_NOT_STARTED. SIGTERM, or the grader's end, makes it kill all that is below it.
 */
#ifndef GRADER_SUPERVISE_H
#define GRADER_SUPERVISE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

enum { SUPERVISE_RECORD = 3, SUPERVISE_TO_GRADER = 4, SUPERVISE_FROM_GRADER = 5, SUPERVISE_FILTER = 6 };

enum supervise_kind {
    SUPERVISE_STARTED,     /* `program` is filled */
    SUPERVISE_NOT_STARTED, /* `code` is errno */
    SUPERVISE_ENDED,       /* all is filled; `code` is the program's wait status */
};

struct supervise_record {
    enum supervise_kind kind;
    pid_t program;
    int code;
    bool by_itself;       /* the program had ended before anything was killed */
    bool too_many;        /* everything was killed because there were too many processes */
    bool out_of_memory;   /* all together needed more than TREE-MEMORY */
    bool out_of_cpu;      /* all together used more than CPU */
    int left_behind;      /* alive below the program when it had ended by itself and a moment had passed */
    double seconds;       /* wall clock, from its fork to its end */
    double cpu_seconds;   /* all CPU time of the program itself, without its children */
    struct rusage usage;  /* of all that was below the supervisor */
    double all_cpu;       /* CPU seconds in `usage`, and those of the service, which are not in it */
    double tree_cpu;      /* CPU seconds of all that was below the supervisor */
    uint64_t tree_memory; /* bytes that all held at once, 0 if unknown */
    unsigned group;       /* of enum cgroup_hold: what a control group bounds */
};

_Static_assert(sizeof(struct supervise_record) <= PIPE_BUF, "a record must be written in one piece");

#endif
