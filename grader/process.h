/*
 * process.h: the only module that starts programs.
 *
 * Theory of operation. A program is not started directly but under a small supervisor process
 * (grader/supervise.c, installed beside the grader as `supervise`), one for each program:
 *
 *   grader --spawn--> supervise --fork, limits, exec--> program --> its own children ...
 *      ^  fd 3: program's pid, then exit status and rusage   |
 *      +------------------------------------------------------+
 *
 * The supervisor makes itself a child subreaper, so that whatever the program starts, however it
 * daemonises, stays below it; when the program has ended, or the supervisor gets SIGTERM, or its
 * parent dies, it kills everything below it, waits for it, and only then reports and ends. The
 * process count of the tree is watched, too. The grader holds the clock: a libuv timer ends the
 * program at its deadline, after `on_deadline` has had a look at the living tree.
 *
 * The modules: process.c (several programs at a time), process_slot.c (one run), process_launch.c (the
 * supervisor's arguments and environment), process_output.c (head and tail), process_stopwatch.c with
 * process_activity.c (what a program does while it is timed) and process_priority.c (that it gets the CPUs),
 * process_interrupt.c, process_describe.c, and process_tree.c and cgroup.c, of which supervise.c is made, too.
 *
 * Limits of a whole tree: the supervisor makes a control group for its program where it may (cgroup.h), and ends all
 * when their memory or CPU time together is over the limit. Without groups only single processes are held.
 *
 * Fork bombs: the program's process group and its control group are killed in one piece. What has left the first and
 * has not the second, each process in a session of its own, is killed one by one until no other turns up. Root's
 * supervisor has real-time priority for that; an ordinary user's must compete for the processors with the bomb and may
 * need 10 s. The control group, or for an ordinary user RLIMIT_NPROC, keeps the bomb from growing meanwhile. Programs
 * run with PR_SET_NO_NEW_PRIVS: set-user-ID has no effect. Their addresses are the same in each run, where the machine
 * allows that.
 *
 * A program with a `sandbox` is started by bubblewrap and a process of ours in between (sandbox.h, inside.h):
 *
 *   grader --spawn--> supervise --> bwrap --> inside --> program --> its own children ...
 *
 * That process tells the supervisor when the program starts and how it ends. Everything else is the same: limits are
 * set by the supervisor and inherited, and the program's process id, CPU clock and stacks are read from outside.
 * The supervisor copies out what the program has left, if that is wanted (supervise_kept.h), and starts the service, a
 * trusted program outside of the sandbox that the program can ask (supervise_service.h).
 */
#ifndef GRADER_PROCESS_H
#define GRADER_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

enum process_end {
    PROCESS_EXITED,        /* status is in code */
    PROCESS_SIGNALED,      /* signal number is in code */
    PROCESS_TIMED_OUT,     /* killed at its deadline */
    PROCESS_FLOODED,       /* killed: printed more than output_limit */
    PROCESS_TOO_MANY,      /* killed: more than process_limit processes alive at once */
    PROCESS_OUT_OF_MEMORY, /* killed: all together needed more than tree_memory_limit */
    PROCESS_OUT_OF_CPU,    /* killed: all together used more than cpu_limit */
    PROCESS_INTERRUPTED,   /* killed because the user pressed Ctrl-C (or SIGTERM, SIGHUP came) */
    PROCESS_NOT_STARTED,   /* code is errno: the program could not be started; our fault */
};

struct sandbox;

struct process_spec {
    const char *const *argv;    /* NULL-terminated; argv[0] is looked up in PATH, relative to `directory` */
    const char *directory;      /* to start in; NULL: the caller's */
    const char *const *set;     /* NULL-terminated NAME=value pairs added to the small clean environment
                                   (PATH, HOME, TERM, TMPDIR as the grader's, LANG=C.UTF-8; in a sandbox fixed
                                   ones) each program gets; a NAME of these takes its place; NULL: none */
    const char *stage;          /* the stage it belongs to, for process_describe; NULL: none */
    double deadline;            /* seconds of wall-clock time, without those in which others had the CPUs that it
                                   could have used (process_patience.h) */
    size_t output_keep;         /* bytes kept of stdout and stderr each: the first and the last half;
                                   0: 64 KiB */
    uint64_t output_limit;      /* bytes printed, stdout and stderr together, after which it is killed;
                                   0: 64 MiB */
    uint64_t memory_limit;      /* bytes of private memory (RLIMIT_DATA); 0: no limit */
    uint64_t file_limit;        /* bytes of the largest file written (RLIMIT_FSIZE); 0: 256 MiB */
    unsigned process_limit;     /* processes at once in the tree, zombies too; 0: 256 */
    uint64_t tree_memory_limit; /* bytes of memory of the whole tree, files in memory too, where there are control
                                   groups; 0: 4 GiB, UINT64_MAX: no limit */
    double cpu_limit; /* seconds of CPU time of the whole tree; without control groups each process's alone while
                         it runs; 0: 8 times the deadline */
    unsigned descriptor_limit; /* descriptors of one process (RLIMIT_NOFILE); 0: 1024 */
    bool stopwatch;            /* the program speaks harness/bench.h's protocol on its fds 3 and 4 */
    const char *report;  /* existing file that becomes the program's descriptor 5, open for appending; NULL: none */
    const char *service; /* program that is started beside it, outside of its sandbox, and that it can ask
                            over a socket, its standard input (supervise_service.h); NULL: none */
    const char *kept;    /* PATH/BEGIN: what it leaves in a `directory` in the memory of its sandbox, in files whose
                            names begin with BEGIN, is copied to PATH when all of it is dead
                            (supervise_kept.h); NULL: nothing. Without a sandbox files are where it wrote them */
    const struct sandbox *sandbox;                  /* runs in a sandbox, where sandbox_available; NULL: without */
    void (*on_deadline)(pid_t root, void *context); /* looks at the living tree below and including
                                `root` (the program) before it is killed; NULL: nothing. Called for
                                no other reason than the deadline, in the thread of process_run, whose
                                other programs are not attended to meanwhile */
    void *context;                                  /* for on_deadline */
};

struct process_result {
    enum process_end end;
    int code;                      /* 0 unless `end` says otherwise */
    double seconds;                /* wall clock, the program's start to its end */
    double excused_seconds;        /* of these, those that did not count towards the deadline */
    struct rusage usage;           /* the whole tree's, as far as it was waited for */
    double cpu_seconds;            /* the whole tree's CPU time */
    uint64_t memory_bytes;         /* the most the whole tree held at once; 0 if unknown */
    unsigned group;                /* of enum cgroup_hold: what a control group bounded */
    char *out, *err;               /* what it printed, NUL-terminated, head and tail with a line
                                      "[... N bytes left out ...]" between; NUL bytes inside kept as
                                      spaces; never NULL */
    uint64_t out_bytes, err_bytes; /* how much it printed */
    bool answered;                 /* stopwatch: it said done */
    double timed_seconds;          /* stopwatch: go to done */
    double timed_cpu;              /* stopwatch: CPU seconds of the program itself between go and done, read by the
                                      grader from the program's CPU clock */
    double tree_cpu; /* stopwatch: the same of the program and all that it started, as far as looks at it saw them */
    double quiet_seconds; /* stopwatch: what go to done would have taken on a quiet machine (process_activity.h) */
    uint64_t answer;      /* stopwatch: what it answered */
    pid_t program;        /* its process id while it lived; 0 if it was not started */
    int left_behind;      /* processes of its tree still alive 0.2 s after the program had ended by itself */
};

/* process_run: runs `count` programs, at most `jobs` at a time (at least 1) in the order given, and
 * blocks until all have ended and nothing of them is alive. Fills results[0..count-1]; release each
 * with process_release. stdin of each is /dev/null, or a socket from which nothing comes. Returns false only when the
 * machinery itself failed (no memory, libuv, no supervisor beside the grader); nothing is left running then either, and
 * no result needs to be released. The supervisor is the program `supervise` beside the running one, or
 * $LOCKSTEP_SUPERVISE. After the user's interrupt no further program is started: the rest end as PROCESS_INTERRUPTED.
 * Thread safe: each call has its own libuv loop. Makes the calling process a child subreaper, and children of other
 * sessions than its own are killed when a supervisor was killed: it must have none but by process_run. */
bool process_run(const struct process_spec *specs, size_t count, size_t jobs, struct process_result *results);

/* process_programs_cpu_seconds: CPU seconds that all programs run so far have used, with what they started and their
 * services: what else the calling process and its children used is the grader's own. Thread safe. */
double process_programs_cpu_seconds(void);

/* process_release: frees what a result owns. */
void process_release(struct process_result *result);

/* process_catch_interrupts: from now on SIGINT, SIGTERM and SIGHUP do not end the grader at once: running
 * programs are ended (PROCESS_INTERRUPTED) and process_interrupted returns true, so that the caller can
 * clean up and exit 130. Call once, at start. */
void process_catch_interrupts(void);
bool process_interrupted(void);

enum process_limit {
    LIMIT_NONE,
    LIMIT_TIME,
    LIMIT_CPU,
    LIMIT_MEMORY, /* of the whole tree */
    LIMIT_PROCESSES,
    LIMIT_OUTPUT,
    LIMIT_FILE,
};

/* process_limit_hit: the limit because of which it ended. */
enum process_limit process_limit_hit(const struct process_result *result);

/* process_describe_limit: the one sentence about a limit that was hit, which names it, what was used and the stage:
 * `printed more than it may (limit: 64 MiB, used: more than 64 MiB, stage: tests)`. Caller frees. */
char *process_describe_limit(const struct process_spec *spec, enum process_limit limit,
                             const struct process_result *result);

/* process_describe: in words how it ended, `exited with status 3`, `was ended by SIGSEGV (segmentation
 * fault)`, or as process_describe_limit. Caller frees. */
char *process_describe(const struct process_spec *spec, const struct process_result *result);

#endif
