/*
 * process_stopwatch.h: the grader's side of the protocol of harness/bench.h.
 *
 * The program says `ready`, is told `go`, and says `done N`. A program that says anything else, earlier or
 * more, has not answered.
 */
#ifndef GRADER_PROCESS_STOPWATCH_H
#define GRADER_PROCESS_STOPWATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "process_activity.h"

struct process_stopwatch {
    enum { STOPWATCH_PREPARING, STOPWATCH_READY, STOPWATCH_RUNNING, STOPWATCH_DONE, STOPWATCH_BROKEN } state;
    int go;        /* descriptor to write to; not owned */
    pid_t program; /* 0: not known yet; it is not told to go before */
    pid_t supervisor;
    char line[40];
    size_t length;             /* of the part of a line that has come */
    uint64_t start, end;       /* ns of uv_hrtime */
    double cpu_start, cpu_end; /* seconds of the program's CPU clock; cpu_end negative: it had ended already */
    uint64_t answer;
    struct process_activity activity; /* between go and done */
};

/* process_stopwatch_know: the pids of the program and of its supervisor have become known. */
void process_stopwatch_know(struct process_stopwatch *watch, pid_t program, pid_t supervisor);

/* process_stopwatch_look: to be called every PROCESS_ACTIVITY_MS; looks at the program between go and done. */
void process_stopwatch_look(struct process_stopwatch *watch);

/* process_stopwatch_hear: the program wrote `text`, which came at `arrival` (ns of uv_hrtime). */
void process_stopwatch_hear(struct process_stopwatch *watch, const char *text, size_t size, uint64_t arrival);

#endif
