/*
 * bench.h: the bench program of a lab: the same work done by a sequential baseline, by a yardstick
 * and by the hand-in.
 *
 * Theory of operation. A lab's bench.c is compiled twice. With -DBENCH_STUDENT=0 it becomes the
 * program `baseline`, which holds baseline and yardstick and no line of the hand-in; with
 * -DBENCH_STUDENT=1 it is linked to the hand-in and becomes the program `bench`. Both have this
 * module's main(), and so has the program `lines`, a bench with a part of the work that also counts
 * who writes where (lines.h) and is not timed:
 *
 *     baseline baseline MEASURE WORKERS SEED        bench student MEASURE WORKERS SEED
 *     baseline yardstick MEASURE WORKERS SEED
 *
 *        grader                               program
 *          |                                    | prepare()        input made from the seed, untimed
 *          | <---------- "ready\n" (fd 3) ----- |
 *     stopwatch starts ---- "go\n" (fd 4) ----> | run()            the timed work
 *     stopwatch stops <-- "done ANSWER\n" (3) - |
 *          | compares ANSWER with the baseline's for the same seed
 *
 * Run by hand, without descriptors 3 and 4, it prints the answer and the seconds itself.
 */
#ifndef HARNESS_BENCH_H
#define HARNESS_BENCH_H

#include <stddef.h>
#include <stdint.h>

/* One run of one measure. */
struct bench_job {
    uint64_t seed;    /* for the input: same seed, same input and same answer */
    unsigned workers; /* threads or processes to use, at least 1 */
};

/* The work done one way; returns its answer, a number that depends on all of the work. A run that
 * fails (out of memory, a call that reports an error) calls bench_fail. */
typedef uint64_t bench_run(const struct bench_job *job);

struct bench_measure {
    const char *name;                             /* as in lab.yaml */
    void (*prepare)(const struct bench_job *job); /* NULL: nothing to prepare */
    bench_run *baseline;                          /* NULL for a measure of kind `waiting` */
    bench_run *yardstick;                         /* NULL unless the measure is of kind `cpu` */
    bench_run *student;                           /* NULL in the program `baseline` */
    uint64_t steps;                               /* of which all workers do their share, each too short for a write to
                                                     memory that others write, too (harness/lines.h); 0: there are none */
};

/* Each bench.c defines this table, ended by an entry without a name. In it, write the student's
 * function as BENCH_ROLE(function): that is NULL in the baseline program. Put the function itself
 * and the include of the lab's header between #if BENCH_STUDENT and #endif. */
extern const struct bench_measure bench_measures[];

/* By what the work of a measure that has steps is to be divided: 1 where it is timed. */
#ifndef BENCH_DIVISOR
#define BENCH_DIVISOR 1
#endif

#if BENCH_STUDENT
#define BENCH_ROLE(function) (function)
#else
#define BENCH_ROLE(function) NULL
#endif

/* bench_fail: prints `bench: ` and the formatted text on stderr and ends the program with status 1.
 * Does not return. */
_Noreturn void bench_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* bench_check_afterwards: `check` is called when the answer has been given and the stopwatch has stopped; if it calls
 * bench_fail the run counts as a failed one. For prepare; one check a program. */
void bench_check_afterwards(void (*check)(void));

/* One of `count` equal parts of a job's work; `index` is 0 to count-1. */
typedef uint64_t bench_part(const struct bench_job *job, unsigned index, unsigned count);

/* bench_split_threads, bench_split_processes: the yardstick, a plain static split: job->workers threads
 * (processes, forked) do one part each; returns the sum of what the parts returned. Blocks until all
 * are done; calls bench_fail if one cannot be started. */
uint64_t bench_split_threads(const struct bench_job *job, bench_part *part);
uint64_t bench_split_processes(const struct bench_job *job, bench_part *part);

#endif
