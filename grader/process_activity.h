/*
 * process_activity.h: how long a program that is being timed would take on a quiet machine.
 *
 * Theory of operation. On a busy machine a program takes longer because its threads wait for a CPU while others have
 * it. Seen from outside, a thread that waits for a CPU looks the same as one that has one: it is able to run (state R
 * in /proc). So every few milliseconds the grader looks at all threads below the program's supervisor and adds up
 *
 *     asleep     seconds in which no thread was able to run: all waited for a clock, a lock, another computer
 *     cpu        CPU seconds used, from each process's CPU clock
 *     parallel   the same seconds, each times the number of threads that were able to run then, but no more of them
 *                than there are different CPUs that these threads may use (their affinity)
 *
 * parallel / cpu is the number of CPUs that the program can make use of, and
 *
 *     quiet seconds = asleep + cpu / (parallel / cpu)
 *
 * is what it takes if each of its threads gets a CPU whenever it is able to run. What other programs do changes none of
 * the three, but for three things:
 *
 *   - Threads that are at work in the same moment less often get in each other's way less (a lock, a cache line), so
 *     that the program looks faster than it is. Threads that share a CPU while another has none of the program's are
 *     therefore moved apart: on a quiet machine the kernel does that at once, on a busy one it sees no idle CPU. A
 *     thread is moved by allowing it one CPU only for a moment. What it started in that moment would inherit that, so
 *     the first thread, which is the one that starts others, is never moved, and others only when two looks in a row
 *     have found them able to run. Where the grader may not move what it times, nothing is moved.
 *   - Equal parts of the work do not end together, and towards the end fewer threads are able to run. The mean by CPU
 *     seconds keeps that small: a split in n parts on n CPUs of which one gets no CPU until the others have ended still
 *     shows (n - 1 + 1/n) / n of its speed, three quarters with two CPUs.
 *   - Sleep that passes while another thread waits for a CPU is not counted: the program looks faster than it is.
 */
#ifndef GRADER_PROCESS_ACTIVITY_H
#define GRADER_PROCESS_ACTIVITY_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* How often to look. Threads are listed anew only if something has been started on the machine since the last look. */
enum {
    PROCESS_ACTIVITY_MS = 2,
    PROCESS_ACTIVITY_PROCESSES = 256,
    PROCESS_ACTIVITY_THREADS = 256,
    PROCESS_ACTIVITY_SANDBOX = 4
};

struct process_activity {
    pid_t supervisor, program;               /* 0: not started, or at an end */
    pid_t sandbox[PROCESS_ACTIVITY_SANDBOX]; /* between the two: it waits for the program only */
    uint64_t last;                           /* ns of uv_hrtime: the last look */
    double asleep, cpu, parallel;
    size_t able_count; /* of the threads that were able to run at the last look */
    pid_t able[PROCESS_ACTIVITY_THREADS];
    pid_t newest;        /* the last process id that had been given to anybody */
    int newest_file;     /* where that stands */
    unsigned listed_ago; /* looks */
    size_t thread_count; /* of the threads known, those beyond PROCESS_ACTIVITY_THREADS left out */
    struct process_activity_thread {
        pid_t id;
        int stat; /* its open file */
    } threads[PROCESS_ACTIVITY_THREADS];
    size_t count; /* of the processes known, those beyond PROCESS_ACTIVITY_PROCESSES left out */
    struct process_activity_clock {
        pid_t process;
        double cpu; /* seconds on its CPU clock */
    } clocks[PROCESS_ACTIVITY_PROCESSES];
};

/* process_activity_start: counts from now on what is below `supervisor`; `program` is what it has started. It holds
 * descriptors until process_activity_end. All functions block for one look at most; an activity is for one thread at a
 * time. */
void process_activity_start(struct process_activity *activity, pid_t supervisor, pid_t program);

/* process_activity_look: adds what has been done since the last look. */
void process_activity_look(struct process_activity *activity);

/* process_activity_end: closes its descriptors; what was counted stays. Does nothing for one that is all zeros. */
void process_activity_end(struct process_activity *activity);

/* process_activity_quiet_seconds: see above. Pure. */
double process_activity_quiet_seconds(double asleep, double cpu, double parallel);

#endif
