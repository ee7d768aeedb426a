/*
 * process_patience.h: how much of the time that a program has been running counts towards its deadline.
 *
 * Theory of operation. A deadline is for a program that hangs or is too slow, not for one that others keep from the
 * CPUs. So every PROCESS_PATIENCE_MS the grader looks how many threads are able to run (state R in /proc), on the whole
 * machine and of the program's own tree. Where r threads share c CPUs evenly, and m of them are the program's, these
 * have m * c / r CPUs where they could use min(m, c), which is the share
 *
 *     max(m, c) / r        (at most 1)
 *
 * and that share of the time since the last look counts. All of it counts
 *
 *   - as long as the machine has a CPU for each thread (r <= c),
 *   - while all of the program's threads sleep or wait (m = 0): a deadlock ends as early on a busy machine as on a
 *     quiet one,
 *   - while only the program's own are able to run (r = m), however many they are.
 *
 * What is seen is a sample: the more looks, the closer. A program that polls waits for a CPU after each nap and is
 * excused for that, too: on a busy machine one may pass that takes somewhat longer than its deadline by sleeping, so a
 * test must not leave it to the deadline to see that. PROCESS_PATIENCE_MOST bounds what it can be wrong by: at so
 * many times the deadline it is over, whatever counts. In a container whose CPUs are a quota, or that does not show the
 * whole machine's /proc/loadavg, time that was waited for a CPU counts like any other.
 */
#ifndef GRADER_PROCESS_PATIENCE_H
#define GRADER_PROCESS_PATIENCE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { PROCESS_PATIENCE_MS = 100, PROCESS_PATIENCE_MOST = 4 };

struct process_patience {
    pid_t supervisor;
    double deadline, counted; /* seconds */
    uint64_t start, last;     /* ns of uv_hrtime */
};

/* process_patience_start: counts from now on, for what is below `supervisor` and has `deadline` seconds. All functions
 * are thread safe, each patience for one thread at a time. */
void process_patience_start(struct process_patience *patience, pid_t supervisor, double deadline);

/* process_patience_look: adds what counts of the time since the last look. Returns the milliseconds until the next
 * look, at least 1; 0: the deadline has come. Blocks for about 10 us, on a busy machine for 10 us a thread of the tree.
 */
uint64_t process_patience_look(struct process_patience *patience);

/* process_patience_excused: seconds up to the last look that did not count. */
double process_patience_excused(const struct process_patience *patience);

/* process_patience_share: see above; `able` threads on the machine, `own` of them of the program, `cpus` at least 1.
 * Pure. */
double process_patience_share(size_t able, size_t own, size_t cpus);

#endif
