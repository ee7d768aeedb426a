#include <criterion/criterion.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../process.h"
#include "../process_patience.h"
#include "../process_tree.h"

enum { SPINNERS_MAX = 256, SPINNERS_PER_CPU = 4 };

static pid_t spinners[SPINNERS_MAX];
static size_t spinner_count;

/* They end with the test. */
static void keep_busy(void)
{
    const size_t cpus = (size_t)sysconf(_SC_NPROCESSORS_ONLN), wanted = SPINNERS_PER_CPU * cpus;
    while (spinner_count < wanted && spinner_count < SPINNERS_MAX) {
        const pid_t pid = fork();
        cr_assert_geq(pid, 0);
        if (pid == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            setsid(); /* where a session has its share of the CPUs, each has one of its own */
            for (;;)
                continue;
        }
        spinners[spinner_count++] = pid;
    }
}

static void end_spinners(void)
{
    for (size_t i = 0; i < spinner_count; i++) {
        kill(spinners[i], SIGKILL);
        waitpid(spinners[i], NULL, 0);
    }
}

TestSuite(patience, .fini = end_spinners);

Test(patience, share)
{
    cr_expect_float_eq(process_patience_share(2, 1, 2), 1.0, 1e-9, "a CPU for each");
    cr_expect_float_eq(process_patience_share(40, 0, 2), 1.0, 1e-9, "all of the program's sleep");
    cr_expect_float_eq(process_patience_share(40, 40, 2), 1.0, 1e-9, "only its own are able to run");
    cr_expect_float_eq(process_patience_share(20, 1, 2), 0.1, 1e-9, "one of twenty on two");
    cr_expect_float_eq(process_patience_share(5, 3, 2), 0.6, 1e-9,
                       "three of five on two: 1.2 CPUs where it could use 2");
    cr_expect_float_eq(process_patience_share(3, 9, 2), 1.0, 1e-9, "its own were counted later, and are more by then");
}

Test(patience, a_program_that_others_keep_from_the_cpus_is_in_time)
{
    const char *argv[] = {"sh", "-c", "ulimit -S -t 1; while :; do :; done", NULL};
    const struct process_spec spec = {.argv = argv, .deadline = 2.5};
    struct process_result result;
    keep_busy();
    cr_assert(process_run(&spec, 1, 1, &result));
    if (result.end == PROCESS_TIMED_OUT) /* so busy is the machine that the patience had an end */
        cr_expect_geq(result.excused_seconds, (PROCESS_PATIENCE_MOST - 1) * spec.deadline,
                      "it ends after 1 s of CPU time, and has 2.5 s");
    else
        cr_expect_eq(result.code, SIGXCPU);
    if (result.seconds > spec.deadline)
        cr_expect_gt(result.excused_seconds, 0.0);
    process_release(&result);
}

/* A process whose only child sleeps. */
static pid_t sleeping_tree(void)
{
    int ready[2];
    char byte;
    cr_assert_eq(pipe(ready), 0);
    const pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (fork() == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            (void)!write(ready[1], "", 1);
            close(ready[1]);
        }
        for (;;)
            pause();
    }
    close(ready[1]);
    cr_assert_eq(read(ready[0], &byte, 1), 1);
    while (process_tree_able(pid) > 0)
        sched_yield();
    return pid;
}

Test(patience, all_counts_while_the_program_sleeps)
{
    struct process_patience patience;
    keep_busy();
    const pid_t pid = sleeping_tree();
    process_patience_start(&patience, pid, 0.5);
    for (uint64_t ms; (ms = process_patience_look(&patience)) > 0;)
        nanosleep(&(struct timespec){.tv_nsec = (long)ms * 1000000}, NULL);
    cr_expect_geq(patience.counted, 0.5);
    cr_expect_float_eq(process_patience_excused(&patience), 0.0, 1e-6);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

Test(patience, at_a_multiple_of_the_deadline_it_is_over)
{
    struct process_patience patience;
    process_patience_start(&patience, getpid(), 0.05);
    patience.start -= (uint64_t)1e9;
    patience.last = patience.start;
    cr_expect_eq(process_patience_look(&patience), 0);
}
