/* Tests of process.h: each runs programs (sh, or a helper compiled here) in a fresh directory, by which what was left
 * alive is found. */
#include "../process.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../cgroup.h"
#include "../process_tree.h"

enum { PATIENCE = 60 }; /* seconds: far more than anything here takes */

static char directory[] = "/tmp/test_process_XXXXXX";

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status;
    (void)kind;
    (void)walk;
    return remove(path);
}

static void make_directory(void)
{
    char path[PATH_MAX];
    cr_assert_not_null(mkdtemp(directory));
    cr_assert_not_null(realpath(directory, path));
    cr_assert_str_eq(path, directory);
}

static void remove_directory(void)
{
    nftw(directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

TestSuite(process, .init = make_directory, .fini = remove_directory, .timeout = 3 * PATIENCE);

static struct process_spec in_shell(const char **argv, const char *script)
{
    argv[0] = "/bin/sh";
    argv[1] = "-c";
    argv[2] = script;
    argv[3] = NULL;
    return (struct process_spec){.argv = argv, .directory = directory, .deadline = PATIENCE};
}

static struct process_result run(const struct process_spec *spec)
{
    struct process_result result;
    cr_assert(process_run(spec, 1, 1, &result), "process_run failed");
    cr_assert_not_null(result.out);
    cr_assert_not_null(result.err);
    return result;
}

static struct process_result run_shell(const char *script)
{
    const char *argv[4];
    const struct process_spec spec = in_shell(argv, script);
    return run(&spec);
}

static bool works_here(const char *cwd_link)
{
    char path[PATH_MAX];
    const ssize_t length = readlink(cwd_link, path, sizeof path - 1);
    if (length < 0)
        return false;
    path[length] = '\0';
    return strcmp(path, directory) == 0;
}

/* How many processes have the test's directory as their working directory. */
static int count_living(void)
{
    glob_t links;
    int count = 0;
    if (glob("/proc/[0-9]*/cwd", 0, NULL, &links) != 0)
        return -1;
    for (size_t i = 0; i < links.gl_pathc; i++)
        count += works_here(links.gl_pathv[i]);
    globfree(&links);
    return count;
}

static void nap(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 10 * 1000 * 1000}, NULL);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static bool wait_for_file(const char *name)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    for (const double end = now() + PATIENCE; now() < end; nap())
        if (access(path, F_OK) == 0)
            return true;
    return false;
}

static const char helper_source[] =
    "#define _GNU_SOURCE\n"
    "#include <fcntl.h>\n"
    "#include <sched.h>\n"
    "#include <signal.h>\n"
    "#include <stdint.h>\n"
    "#include <stdio.h>\n"
    "#include <stdlib.h>\n"
    "#include <string.h>\n"
    "#include <time.h>\n"
    "#include <unistd.h>\n"
    "static void bomb(void)\n" /* if all else fails it ends by itself, all of it */
    "{\n"
    "    const time_t end = time(NULL) + 3;\n"
    "    while (time(NULL) < end) if (fork() == 0) alarm(30);\n"
    "    _exit(0);\n"
    "}\n"
    "static void escape(void)\n" /* a bomb whose parts each leave the process group */
    "{\n"
    "    const time_t end = time(NULL) + 3;\n"
    "    while (time(NULL) < end) if (fork() == 0) { alarm(30); setsid(); }\n"
    "    _exit(0);\n"
    "}\n"
    "static void scatter(void)\n" /* 511 processes, each in a session of its own */
    "{\n"
    "    for (int depth = 0; depth < 9; depth++)\n"
    "        if (fork() == 0)\n"
    "            setsid();\n"
    "    for (;;) pause();\n"
    "}\n"
    "static void daemonise(void)\n"
    "{\n"
    "    if (fork() != 0) _exit(0);\n"
    "    setsid();\n"
    "    if (fork() != 0) _exit(0);\n"
    "    for (;;) pause();\n"
    "}\n"
    "static void allocate(size_t bytes)\n"
    "{\n"
    "    volatile char *p = malloc(bytes);\n"
    "    if (p == NULL) _exit(7);\n"
    "    p[0] = p[bytes - 1] = 1;\n"
    "    _exit(8);\n"
    "}\n"
    "static void descriptors(void)\n"
    "{\n"
    "    for (int fd = 0; fd < 1024; fd++)\n"
    "        if (fcntl(fd, F_GETFD) >= 0) printf(\"%d \", fd);\n"
    "}\n"
    "static void burn(double seconds) { while ((double)clock() / CLOCKS_PER_SEC < seconds) continue; }\n"
    "static void say(const char *text) { if (write(3, text, strlen(text)) < 0) _exit(9); }\n"
    "static void hear(void) { char word[8]; if (read(4, word, sizeof word) != 3 || memcmp(word, \"go\\n\", 3)) "
    "_exit(6); }\n"
    "static void stopwatch(const char *before, const char *work, const char *after)\n"
    "{\n"
    "    if (getenv(\"LOCKSTEP_STOPWATCH\") == NULL) _exit(5);\n"
    "    say(before);\n"
    "    if (strcmp(work, \"deaf\") != 0) hear();\n"
    "    if (strcmp(work, \"sleep\") == 0) usleep(200000);\n"
    "    if (strcmp(work, \"burn\") == 0) burn((double)clock() / CLOCKS_PER_SEC + 0.1);\n"
    "    say(after);\n"
    "}\n"
    "static void burn_twice(int on_one_cpu, double seconds)\n"
    "{\n"
    "    cpu_set_t all, one;\n"
    "    int ends[2], c = 0;\n"
    "    char byte = 0;\n"
    "    pid_t children[2];\n"
    "    say(\"ready\\n\");\n"
    "    hear();\n"
    "    sched_getaffinity(0, sizeof all, &all);\n"
    "    while (!CPU_ISSET(c, &all)) c++;\n"
    "    CPU_ZERO(&one);\n"
    "    CPU_SET(c, &one);\n"
    "    if (pipe(ends) != 0 || (on_one_cpu && sched_setaffinity(0, sizeof one, &one) != 0)) _exit(9);\n"
    "    for (int i = 0; i < 2; i++)\n"
    "        if ((children[i] = fork()) == 0) {\n"
    "            burn(seconds);\n"
    "            if (write(ends[1], &byte, 1) != 1) _exit(9);\n"
    "            for (;;) pause();\n"
    "        }\n"
    "    if (read(ends[0], &byte, 1) != 1 || read(ends[0], &byte, 1) != 1) _exit(9);\n"
    "    say(\"done 0\\n\");\n"
    "    usleep(500000);\n"
    "    for (int i = 0; i < 2; i++) kill(children[i], SIGKILL);\n"
    "}\n"
    "int main(int argc, char **argv)\n"
    "{\n"
    "    if (argc < 2) return 1;\n"
    "    if (strcmp(argv[1], \"one_cpu\") == 0) burn_twice(1, 0.1);\n"
    "    if (strcmp(argv[1], \"any_cpu\") == 0) burn_twice(0, 0.3);\n"
    "    if (strcmp(argv[1], \"bomb\") == 0) bomb();\n"
    "    if (strcmp(argv[1], \"escape\") == 0) escape();\n"
    "    if (strcmp(argv[1], \"scatter\") == 0) scatter();\n"
    "    if (strcmp(argv[1], \"daemon\") == 0) daemonise();\n"
    "    if (strcmp(argv[1], \"allocate\") == 0) allocate(strtoull(argv[2], NULL, 10));\n"
    "    if (strcmp(argv[1], \"descriptors\") == 0) descriptors();\n"
    "    if (strcmp(argv[1], \"burn\") == 0) burn(0.2);\n"
    "    if (strcmp(argv[1], \"stopwatch\") == 0) stopwatch(argv[2], argv[3], argv[4]);\n"
    "    return 0;\n"
    "}\n";

/* Compiles the helper into the test's directory, as ./helper. */
static void make_helper(void)
{
    char path[PATH_MAX];
    const char *argv[4];
    snprintf(path, sizeof path, "%s/helper.c", directory);
    FILE *file = fopen(path, "we");
    cr_assert_not_null(file);
    fputs(helper_source, file);
    cr_assert_eq(fclose(file), 0);
    const struct process_spec spec = in_shell(argv, "cc -O1 -o helper helper.c");
    struct process_result result = run(&spec);
    cr_assert(result.end == PROCESS_EXITED && result.code == 0, "cannot compile the helper: %s", result.err);
    process_release(&result);
}

static struct process_spec helper(const char *const *argv)
{
    return (struct process_spec){.argv = argv, .directory = directory, .deadline = PATIENCE};
}

Test(process, exit_status_and_both_streams)
{
    struct process_result result = run_shell("echo out; echo err >&2; exit 3");
    cr_assert_eq(result.end, PROCESS_EXITED);
    cr_assert_eq(result.code, 3);
    cr_assert_str_eq(result.out, "out\n");
    cr_assert_str_eq(result.err, "err\n");
    cr_assert_eq(result.out_bytes, 4);
    cr_assert_eq(result.left_behind, 0);
    cr_assert_not(result.answered);
    process_release(&result);
}

Test(process, signal)
{
    struct process_result result = run_shell("kill -SEGV $$");
    cr_assert_eq(result.end, PROCESS_SIGNALED);
    cr_assert_eq(result.code, SIGSEGV);
    process_release(&result);
}

Test(process, signals_are_as_in_a_fresh_login)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    struct process_result result = run_shell("grep -E '^Sig(Blk|Ign)' /proc/self/status");
    unsigned long long blocked = 1, ignored = 1;
    cr_assert_eq(sscanf(result.out, "SigBlk: %llx SigIgn: %llx", &blocked, &ignored), 2);
    cr_expect_eq(blocked, 0);
    /* 32 and 33 are the C library's own: it lets nobody change them, but can inherit them ignored */
    cr_expect_eq(ignored & 0x7fffffff, 0, "ignored: %llx", ignored);
    process_release(&result);
}

Test(process, stdin_is_empty)
{
    struct process_result result = run_shell("cat; readlink /proc/self/fd/0");
    cr_assert_str_eq(result.out, "/dev/null\n");
    process_release(&result);
}

Test(process, seconds_and_usage)
{
    const char *argv[] = {"./helper", "burn", NULL};
    make_helper();
    const struct process_spec spec = helper(argv);
    const double before = process_programs_cpu_seconds();
    struct process_result result = run(&spec);
    const double cpu = (double)(result.usage.ru_utime.tv_sec + result.usage.ru_stime.tv_sec) +
                       (double)(result.usage.ru_utime.tv_usec + result.usage.ru_stime.tv_usec) / 1e6;
    cr_assert_eq(result.end, PROCESS_EXITED);
    cr_assert_geq(cpu, 0.19, "the program used 0.2 s of CPU, reported are %g", cpu);
    cr_assert_float_eq(process_programs_cpu_seconds() - before, cpu, 1e-5);
    cr_assert_geq(result.seconds, 0.19, "it must have taken 0.2 s, reported are %g", result.seconds);
    process_release(&result);
}

Test(process, deadline_ends_a_program_that_ignores_sigterm)
{
    const char *argv[4];
    struct process_spec spec = in_shell(argv, "trap '' TERM INT HUP; sleep 1000 & sleep 1000; sleep 1000");
    spec.deadline = 0.5;
    struct process_result result = run(&spec);
    cr_assert_eq(result.end, PROCESS_TIMED_OUT);
    cr_assert_geq(result.seconds, 0.5);
    cr_assert_eq(result.left_behind, 0);
    cr_assert_eq(count_living(), 0);
    process_release(&result);
}

struct sight {
    int calls;
    bool root_lives;
    size_t tree;
};

static void look(pid_t root, void *context)
{
    pid_t pids[16];
    struct sight *sight = context;
    struct process_stat stat;
    sight->calls++;
    sight->root_lives = process_tree_stat(root, &stat) && stat.alive;
    sight->tree = process_tree_list(root, pids, 16);
}

Test(process, on_deadline_sees_the_living_tree)
{
    const char *argv[4];
    struct sight sight = {0};
    struct process_spec spec = in_shell(argv, "sleep 1000 & wait");
    spec.deadline = 2;
    spec.on_deadline = look;
    spec.context = &sight;
    struct process_result result = run(&spec);
    cr_assert_eq(result.end, PROCESS_TIMED_OUT);
    cr_assert_eq(sight.calls, 1);
    cr_assert(sight.root_lives);
    cr_assert_eq(sight.tree, 2, "sh and sleep: 2 processes, seen %zu", sight.tree);
    process_release(&result);
}

Test(process, on_deadline_is_not_called_before_it)
{
    const char *argv[4];
    struct sight sight = {0};
    struct process_spec spec = in_shell(argv, "exit 0");
    spec.on_deadline = look;
    spec.context = &sight;
    struct process_result result = run(&spec);
    cr_assert_eq(result.end, PROCESS_EXITED);
    cr_assert_eq(sight.calls, 0);
    process_release(&result);
}

Test(process, output_keeps_head_and_tail)
{
    const char *argv[4];
    struct process_spec spec = in_shell(argv, "printf 'aaaaabbbbb'; sleep 0.1; printf 'ccccc0123456789'");
    spec.output_keep = 20;
    struct process_result result = run(&spec);
    cr_assert_str_eq(result.out, "aaaaabbbbb\n[... 5 bytes left out ...]\n0123456789");
    cr_assert_eq(result.out_bytes, 25);
    process_release(&result);
}

Test(process, output_that_just_fits_is_whole)
{
    const char *argv[4];
    struct process_spec spec = in_shell(argv, "printf 'aaaaabbbbb'; sleep 0.1; printf '0123456789'");
    spec.output_keep = 20;
    struct process_result result = run(&spec);
    cr_assert_str_eq(result.out, "aaaaabbbbb0123456789");
    process_release(&result);
}

Test(process, output_shows_nul_bytes_as_spaces)
{
    struct process_result result = run_shell("printf 'a\\0b'");
    cr_assert_str_eq(result.out, "a b");
    cr_assert_eq(result.out_bytes, 3);
    process_release(&result);
}

Test(process, much_output_needs_no_memory)
{
    const char *argv[4];
    struct rusage before, after;
    struct process_spec spec = in_shell(argv, "head -c 200000000 /dev/zero; head -c 200000000 /dev/zero >&2");
    spec.output_limit = UINT64_MAX;
    getrusage(RUSAGE_SELF, &before);
    struct process_result result = run(&spec);
    getrusage(RUSAGE_SELF, &after);
    cr_assert_eq(result.end, PROCESS_EXITED);
    cr_assert_eq(result.out_bytes, 200000000);
    cr_assert_eq(result.err_bytes, 200000000);
    cr_assert_lt(after.ru_maxrss - before.ru_maxrss, 50000, "400 MB of output cost %ld KB of memory",
                 after.ru_maxrss - before.ru_maxrss);
    process_release(&result);
}

Test(process, both_streams_at_once)
{
    struct process_result result =
        run_shell("for i in 1 2 3 4; do head -c 1000000 /dev/zero & head -c 1000000 /dev/zero >&2; done; wait");
    cr_assert_eq(result.end, PROCESS_EXITED);
    cr_assert_eq(result.out_bytes, 4000000);
    cr_assert_eq(result.err_bytes, 4000000);
    process_release(&result);
}

Test(process, flood)
{
    const char *argv[4];
    struct process_spec spec = in_shell(argv, "while :; do head -c 100000 /dev/zero; done");
    spec.output_limit = 1000000;
    struct process_result result = run(&spec);
    cr_assert_eq(result.end, PROCESS_FLOODED);
    cr_assert_gt(result.out_bytes, 1000000);
    cr_assert_eq(count_living(), 0);
    process_release(&result);
}

Test(process, flood_of_a_program_that_has_already_ended)
{
    const char *argv[4];
    struct process_spec spec = in_shell(argv, "head -c 3000 /dev/zero");
    spec.output_limit = 2000;
    struct process_result result = run(&spec);
    cr_assert_eq(result.end, PROCESS_FLOODED, "it must not depend on who was quicker");
    process_release(&result);
}

Test(process, memory_limit)
{
    const char *argv[] = {"./helper", "allocate", "200000000", NULL};
    make_helper();
    struct process_spec spec = helper(argv);
    struct process_result free_run = run(&spec);
    spec.memory_limit = 100000000;
    struct process_result limited = run(&spec);
    cr_assert_eq(free_run.code, 8, "without a limit malloc must succeed");
    cr_assert_eq(limited.code, 7, "with the limit malloc must fail");
    process_release(&free_run);
    process_release(&limited);
}

Test(process, file_limit)
{
    const char *argv[4];
    struct process_spec spec = in_shell(argv, "exec head -c 100000 /dev/zero >file");
    spec.file_limit = 10000;
    struct process_result result = run(&spec);
    cr_assert_eq(result.end, PROCESS_SIGNALED);
    cr_assert_eq(result.code, SIGXFSZ);
    process_release(&result);
}

Test(process, descriptor_limit)
{
    const char *argv[4];
    struct process_spec spec = in_shell(argv, "ulimit -Sn; ulimit -Hn");
    spec.descriptor_limit = 77;
    struct process_result result = run(&spec);
    cr_assert_str_eq(result.out, "77\n77\n");
    process_release(&result);
}

Test(process, cpu_limit_of_one_process)
{
    const char *argv[4];
    setenv("LOCKSTEP_CGROUPS", "off", 1);
    struct process_spec spec = in_shell(argv, "while :; do :; done");
    spec.cpu_limit = 0.5;
    struct process_result result = run(&spec);
    cr_assert_eq(result.end, PROCESS_OUT_OF_CPU);
    cr_assert_gt(result.cpu_seconds, 0.5);
    process_release(&result);
}

/* Runs a helper that makes more processes than it may. */
static bool ends_with_too_many(const char *word)
{
    const char *argv[] = {"./helper", word, NULL};
    struct process_spec spec = helper(argv);
    struct process_result result;
    spec.process_limit = 50;
    const bool ran = process_run(&spec, 1, 1, &result), ended = ran && result.end == PROCESS_TOO_MANY;
    if (ran)
        process_release(&result);
    return ended;
}

static void expect_too_many(const char *word)
{
    make_helper();
    cr_assert(ends_with_too_many(word));
    cr_assert_eq(count_living(), 0);
}

Test(process, fork_bomb)
{
    expect_too_many("bomb");
}

Test(process, fork_bomb_in_sessions_of_its_own)
{
    expect_too_many("escape");
}

Test(process, many_processes_in_sessions_of_their_own)
{
    expect_too_many("scatter");
}

/* Without a control group from the supervisor, but within one of our own, so that the machine is safe even if the
 * supervisor is beaten. */
static void expect_too_many_without_groups(const char *word)
{
    struct cgroup_place place;
    struct cgroup bound;
    int status;
    cgroup_find(&place, "/proc/self/cgroup", "/proc/self/mountinfo");
    cgroup_create(&bound, &place);
    cgroup_limit(&bound, UINT64_MAX, 4000);
    if (geteuid() == 0 && (bound.holds & CGROUP_HOLDS_TASKS) == 0)
        cr_skip_test("nothing here would hold a bomb of root's");
    setenv("LOCKSTEP_CGROUPS", "off", 1);
    make_helper();
    const pid_t grader = cgroup_fork(&bound);
    if (grader == 0)
        _exit(ends_with_too_many(word) ? 0 : 1);
    cr_assert_eq(waitpid(grader, &status, 0), grader);
    cr_expect_eq(count_living(), 0);
    cgroup_remove(&bound);
    cgroup_place_release(&place);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "wait status %x", (unsigned)status);
}

Test(process, fork_bomb_without_groups)
{
    expect_too_many_without_groups("bomb");
}

Test(process, fork_bomb_in_sessions_of_its_own_without_groups)
{
    expect_too_many_without_groups("escape");
}

Test(process, many_processes_in_sessions_of_their_own_without_groups)
{
    expect_too_many_without_groups("scatter");
}

Test(process, as_many_processes_as_allowed)
{
    const char *argv[4];
    struct process_spec spec = in_shell(argv, "for i in 1 2 3 4; do sleep 0.3 & done; wait; exit 4");
    spec.process_limit = 5;
    struct process_result result = run(&spec);
    cr_assert_eq(result.end, PROCESS_EXITED);
    cr_assert_eq(result.code, 4);
    process_release(&result);
}

Test(process, daemon_is_counted_and_killed)
{
    const char *argv[] = {"./helper", "daemon", NULL};
    make_helper();
    const struct process_spec spec = helper(argv);
    struct process_result result = run(&spec);
    cr_assert_eq(result.end, PROCESS_EXITED);
    cr_assert_eq(result.code, 0);
    cr_assert_eq(result.left_behind, 1);
    cr_assert_eq(count_living(), 0);
    process_release(&result);
}

Test(process, orphan_that_holds_stdout)
{
    struct process_result result = run_shell("sleep 1000 & echo over; exit 2");
    cr_assert_eq(result.end, PROCESS_EXITED);
    cr_assert_eq(result.code, 2);
    cr_assert_str_eq(result.out, "over\n");
    cr_assert_eq(result.left_behind, 1);
    cr_assert_eq(count_living(), 0);
    process_release(&result);
}

Test(process, jobs_are_not_exceeded)
{
    enum { COUNT = 8 };
    const char *argv[4];
    struct process_spec specs[COUNT];
    struct process_result results[COUNT];
    for (int i = 0; i < COUNT; i++)
        specs[i] = in_shell(argv, "mkdir -p d/$$; ls d | wc -l; sleep 0.1; rmdir d/$$");
    cr_assert(process_run(specs, COUNT, 2, results));
    for (int i = 0; i < COUNT; i++) {
        const int together = atoi(results[i].out);
        cr_assert_eq(results[i].end, PROCESS_EXITED);
        cr_assert(together == 1 || together == 2, "2 jobs allowed, program %d saw %d", i, together);
        process_release(&results[i]);
    }
}

Test(process, jobs_run_at_once)
{
    const char *argv[2][4];
    struct process_result results[2];
    const struct process_spec specs[2] = {
        in_shell(argv[0], "touch a; until [ -e b ]; do sleep 0.01; done; echo first"),
        in_shell(argv[1], "touch b; until [ -e a ]; do sleep 0.01; done; echo second"),
    };
    cr_assert(process_run(specs, 2, 2, results));
    cr_assert_str_eq(results[0].out, "first\n");
    cr_assert_str_eq(results[1].out, "second\n");
    for (int i = 0; i < 2; i++)
        process_release(&results[i]);
}

Test(process, order_with_one_job)
{
    enum { COUNT = 5 };
    const char *argv[4];
    struct process_spec specs[COUNT];
    struct process_result results[COUNT];
    for (int i = 0; i < COUNT; i++)
        specs[i] = in_shell(argv, "echo >>lines; wc -l <lines");
    cr_assert(process_run(specs, COUNT, 0, results));
    for (int i = 0; i < COUNT; i++) {
        cr_assert_eq(atoi(results[i].out), i + 1);
        process_release(&results[i]);
    }
}

Test(process, nothing_to_run)
{
    cr_assert(process_run(NULL, 0, 4, NULL));
}

Test(process, missing_program)
{
    const char *argv[] = {"no-such-program-anywhere", NULL}, *set[] = {"PATH=/usr/bin:/bin", NULL};
    struct process_spec spec = helper(argv);
    spec.set = set;
    struct process_result result = run(&spec);
    cr_assert_eq(result.end, PROCESS_NOT_STARTED);
    cr_assert_eq(result.code, ENOENT);
    process_release(&result);
}

Test(process, missing_directory)
{
    const char *argv[4];
    struct process_spec spec = in_shell(argv, "exit 0");
    spec.directory = "/no/such/directory";
    struct process_result result = run(&spec);
    cr_assert_eq(result.end, PROCESS_NOT_STARTED);
    cr_assert_eq(result.code, ENOENT);
    process_release(&result);
}

Test(process, status_127_is_no_failed_start)
{
    struct process_result result = run_shell("exit 127");
    cr_assert_eq(result.end, PROCESS_EXITED);
    cr_assert_eq(result.code, 127);
    process_release(&result);
}

Test(process, missing_supervisor_is_our_fault)
{
    const char *argv[4];
    const struct process_spec spec = in_shell(argv, "exit 0");
    struct process_result results[2] = {0};
    const struct process_spec specs[2] = {spec, spec};
    setenv("LOCKSTEP_SUPERVISE", "/no/such/file", 1);
    cr_assert_not(process_run(specs, 2, 2, results));
}

Test(process, environment_is_clean)
{
    const char *argv[] = {"env", NULL};
    const char *set[] = {"COLOUR=blue", "TERM=odd", NULL};
    struct process_spec spec = helper(argv);
    spec.set = set;
    setenv("SECRET", "1", 1);
    setenv("LANG", "ko_KR.UTF-8", 1);
    setenv("PATH", "/usr/bin:/bin", 1);
    setenv("HOME", "/root", 1);
    unsetenv("TMPDIR");
    struct process_result result = run(&spec);
    cr_assert_str_eq(result.out, "PATH=/usr/bin:/bin\nHOME=/root\nLANG=C.UTF-8\nTMPDIR=/tmp\nCOLOUR=blue\nTERM=odd\n");
    process_release(&result);
}

Test(process, directory)
{
    struct process_result result = run_shell("pwd");
    result.out[strcspn(result.out, "\n")] = '\0';
    cr_assert_str_eq(result.out, directory);
    process_release(&result);
}

static void expect_descriptors(bool stopwatch, const char *expected)
{
    const char *argv[] = {"./helper", "descriptors", NULL};
    struct process_spec spec = helper(argv);
    make_helper();
    const int leak = dup(STDERR_FILENO), high = fcntl(STDERR_FILENO, F_DUPFD, 100);
    cr_assert(leak > 2 && high >= 100);
    spec.stopwatch = stopwatch;
    struct process_result result = run(&spec);
    cr_assert_str_eq(result.out, expected);
    cr_assert_not(result.answered);
    process_release(&result);
}

Test(process, descriptors_are_closed)
{
    expect_descriptors(false, "0 1 2 ");
}

Test(process, descriptors_with_a_stopwatch)
{
    expect_descriptors(true, "0 1 2 3 4 ");
}

/* Its stack begins where it did in the run before. */
Test(process, addresses_are_the_same)
{
    const char *argv[4];
    struct process_spec spec = in_shell(argv, "grep stack /proc/self/maps");
    char *first = NULL;
    if (system("setarch -R true 2>/dev/null") != 0)
        cr_skip_test("this is not allowed here, as in many containers");
    for (int i = 0; i < 3; i++) {
        struct process_result result = run(&spec);
        cr_assert_neq(strstr(result.out, "[stack]"), NULL);
        if (first != NULL)
            cr_expect_str_eq(result.out, first);
        else
            first = strdup(result.out);
        process_release(&result);
    }
    free(first);
}

static struct process_result run_stopwatch(const char *before, const char *work, const char *after)
{
    const char *argv[] = {"./helper", "stopwatch", before, work, after, NULL};
    struct process_spec spec = helper(argv);
    spec.stopwatch = true;
    return run(&spec);
}

Test(process, stopwatch_times_a_sleeper)
{
    make_helper();
    struct process_result result = run_stopwatch("ready\n", "sleep", "done 18446744073709551615\n");
    cr_assert_eq(result.end, PROCESS_EXITED);
    cr_assert_eq(result.code, 0, "status %d", result.code);
    cr_assert(result.answered);
    cr_assert_eq(result.answer, UINT64_MAX);
    cr_assert_geq(result.timed_seconds, 0.2);
    cr_assert(result.timed_cpu >= 0 && result.timed_cpu < 0.1, "a sleeper used %g s of CPU", result.timed_cpu);
    process_release(&result);
}

Test(process, stopwatch_times_cpu)
{
    make_helper();
    struct process_result result = run_stopwatch("ready\n", "burn", "done 0\n");
    cr_assert(result.answered);
    cr_assert_eq(result.answer, 0);
    cr_assert_geq(result.timed_cpu, 0.09, "0.1 s of CPU used, reported are %g", result.timed_cpu);
    cr_assert_geq(result.timed_seconds, 0.09);
    cr_assert_geq(result.quiet_seconds, 0.09, "one thread is not faster on a quiet machine than its CPU time");
    process_release(&result);
}

Test(process, stopwatch_sees_that_two_share_a_cpu)
{
    const char *argv[] = {"./helper", "one_cpu", NULL};
    struct process_spec spec = helper(argv);
    make_helper();
    spec.stopwatch = true;
    struct process_result result = run(&spec);
    cr_assert(result.answered);
    cr_assert_geq(result.tree_cpu, 0.19, "0.1 s of each are %g s", result.tree_cpu);
    cr_assert_geq(result.quiet_seconds, 0.19, "two processes used 0.1 s each of the same CPU, which takes %g s",
                  result.quiet_seconds);
    process_release(&result);
}

Test(process, stopwatch_sees_that_two_can_run_at_once)
{
    const char *argv[] = {"./helper", "any_cpu", NULL};
    struct process_spec spec = helper(argv);
    cpu_set_t cpus;
    if (sched_getaffinity(0, sizeof cpus, &cpus) != 0 || CPU_COUNT(&cpus) < 2)
        cr_skip("one CPU");
    make_helper();
    spec.stopwatch = true;
    struct process_result result = run(&spec);
    cr_assert(result.answered);
    cr_assert_geq(result.quiet_seconds, 0.25);
    cr_assert_lt(result.quiet_seconds, 0.5,
                 "two processes that were started after `go` used 0.3 s each: with two CPUs "
                 "that does not take %g s",
                 result.quiet_seconds);
    process_release(&result);
}

Test(process, stopwatch_takes_no_nonsense)
{
    static const char *const cases[][3] = {
        {"ready\n", "none", ""},
        {"ready\n", "none", "done 1"},
        {"ready\n", "none", "done \n"},
        {"ready\n", "none", "done -1\n"},
        {"ready\n", "none", "done  1\n"},
        {"ready\n", "none", "done 1x\n"},
        {"ready\n", "none", "done 18446744073709551616\n"},
        {"ready\n", "none", "done 1\ndone 1\n"},
        {"ready\n", "none", "done 1\nx"},
        {"ready\n", "none", "ready\ndone 1\n"},
        {"ready\n", "none", "done 00000000000000000000000000000000000000000001\n"},
        {"ready\ndone 1\n", "deaf", ""},
        {"done 1\n", "deaf", ""},
        {"Ready\n", "deaf", "done 1\n"},
    };
    make_helper();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct process_result result = run_stopwatch(cases[i][0], cases[i][1], cases[i][2]);
        cr_assert_eq(result.end, PROCESS_EXITED, "case %zu", i);
        cr_assert_not(result.answered, "case %zu was taken for an answer", i);
        process_release(&result);
    }
}

/* Runs three programs one after the other; the first says that it runs. For the forked children below. */
static void run_three(struct process_result results[3])
{
    const char *argv[4];
    struct process_spec specs[3];
    for (int i = 0; i < 3; i++)
        specs[i] = in_shell(argv, "setsid sleep 1000 & touch started; sleep 1000");
    if (!process_run(specs, 3, 1, results))
        _exit(2);
}

static bool were_interrupted(const struct process_result results[3])
{
    for (int i = 0; i < 3; i++)
        if (results[i].end != PROCESS_INTERRUPTED || results[i].out == NULL || results[i].err == NULL)
            return false;
    return process_interrupted();
}

static void interrupt_with(int number)
{
    int status;
    const pid_t grader = fork();
    if (grader == 0) {
        struct process_result results[3];
        process_catch_interrupts();
        run_three(results);
        _exit(were_interrupted(results) ? 0 : 1);
    }
    cr_assert(wait_for_file("started"));
    kill(grader, number);
    cr_assert_eq(waitpid(grader, &status, 0), grader);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "wait status %d", status);
    cr_assert_eq(count_living(), 0);
}

Test(process, interrupt_ends_all)
{
    interrupt_with(SIGINT);
}

Test(process, hangup_ends_all)
{
    interrupt_with(SIGHUP);
}

Test(process, grader_killed_leaves_nothing)
{
    const pid_t grader = fork();
    if (grader == 0) {
        struct process_result results[3];
        run_three(results);
        _exit(0);
    }
    cr_assert(wait_for_file("started"));
    kill(grader, SIGKILL);
    cr_assert_eq(waitpid(grader, NULL, 0), grader);
    int living = -1;
    for (const double end = now() + PATIENCE; living != 0 && now() < end; nap())
        living = count_living();
    cr_assert_eq(living, 0, "%d processes outlive the grader", living);
}

Test(process, supervisor_killed_by_its_program)
{
    struct process_result result =
        run_shell("setsid sleep 1000 & (sleep 1000 & sleep 1000) & kill -KILL $PPID; sleep 1000");
    cr_assert_eq(result.end, PROCESS_SIGNALED);
    cr_assert_eq(result.code, SIGKILL);
    cr_assert_eq(count_living(), 0);
    process_release(&result);
}

Test(process, supervisor_stopped_by_its_program)
{
    const char *argv[4];
    struct process_spec spec = in_shell(argv, "kill -STOP $PPID; sleep 1000");
    spec.deadline = 0.5;
    struct process_result result = run(&spec);
    cr_assert_eq(result.end, PROCESS_TIMED_OUT);
    cr_assert_eq(count_living(), 0);
    process_release(&result);
}

static void *run_some(void *argument)
{
    const char *name = argument;
    char script[64];
    const char *argv[4];
    snprintf(script, sizeof script, "echo %s; echo %s >&2", name, name);
    const struct process_spec spec = in_shell(argv, script);
    for (int i = 0; i < 20; i++) {
        struct process_result results[2];
        const struct process_spec specs[2] = {spec, spec};
        if (!process_run(specs, 2, 2, results))
            return "process_run failed";
        for (int k = 0; k < 2; k++) {
            if (strncmp(results[k].out, name, strlen(name)) != 0 || strcmp(results[k].out, results[k].err) != 0)
                return "output of another program";
            process_release(&results[k]);
        }
    }
    return NULL;
}

Test(process, two_threads)
{
    pthread_t threads[2];
    void *complaint;
    char names[2][8] = {"left", "right"};
    for (int i = 0; i < 2; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, run_some, names[i]), 0);
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], &complaint);
        cr_assert_null(complaint, "%s", (char *)complaint);
    }
}

static void expect_words(const struct process_spec *spec, enum process_end end, int code, const char *words)
{
    const struct process_result result = {.end = end, .code = code, .seconds = 10.04, .cpu_seconds = 81.26};
    char *text = process_describe(spec, &result);
    cr_assert_str_eq(text, words);
    free(text);
}

Test(process, describe)
{
    const struct process_spec plain = {.deadline = 10, .stage = "tests"},
                              odd = {.output_limit = 1000, .process_limit = 7, .cpu_limit = 1.5, .deadline = 0.5};
    expect_words(&plain, PROCESS_EXITED, 3, "exited with status 3");
    expect_words(&plain, PROCESS_SIGNALED, SIGSEGV, "was ended by SIGSEGV (segmentation fault)");
    expect_words(&plain, PROCESS_SIGNALED, SIGXCPU, "was ended by SIGXCPU (CPU time limit exceeded)");
    expect_words(&plain, PROCESS_SIGNALED, SIGXFSZ,
                 "wrote a larger file than it may (limit: 256 MiB, used: more than 256 MiB, stage: tests)");
    expect_words(&plain, PROCESS_SIGNALED, 40, "was ended by signal 40");
    expect_words(&plain, PROCESS_TIMED_OUT, 0, "was still running after 10 s (limit: 10 s, used: 10 s, stage: tests)");
    expect_words(&odd, PROCESS_TIMED_OUT, 0, "was still running after 0.5 s (limit: 0.5 s, used: 10 s)");
    const struct process_result late = {.end = PROCESS_TIMED_OUT, .seconds = 31.0, .excused_seconds = 20.96};
    char *text = process_describe(&plain, &late);
    cr_expect_str_eq(text,
                     "was still running after 10 s (limit: 10 s, used: 31 s, of which 21 s do not count, for other "
                     "programs had the processors, stage: tests)");
    free(text);
    expect_words(&plain, PROCESS_FLOODED, 0,
                 "printed more than it may (limit: 64 MiB, used: more than 64 MiB, stage: tests)");
    expect_words(&odd, PROCESS_FLOODED, 0, "printed more than it may (limit: 1000 bytes, used: more than 1000 bytes)");
    expect_words(&plain, PROCESS_TOO_MANY, 0,
                 "had more processes alive at once than it may (limit: 256, used: more than 256, stage: tests)");
    expect_words(&odd, PROCESS_TOO_MANY, 0,
                 "had more processes alive at once than it may (limit: 7, used: more than 7)");
    expect_words(
        &plain, PROCESS_OUT_OF_MEMORY, 0,
        "needed more memory than it may, all its processes together (limit: 4096 MiB, used: more than 4096 MiB, "
        "stage: tests)");
    expect_words(
        &plain, PROCESS_OUT_OF_CPU, 0,
        "used more CPU time than it may, all its processes together (limit: 80 s, used: 81.3 s, stage: tests)");
    expect_words(&odd, PROCESS_OUT_OF_CPU, 0,
                 "used more CPU time than it may, all its processes together (limit: 1.5 s, used: 81.3 s)");
    expect_words(&plain, PROCESS_INTERRUPTED, 0, "was interrupted");
    expect_words(&plain, PROCESS_NOT_STARTED, ENOENT, "could not be started: No such file or directory");
}

static int compare_pids(const void *a, const void *b)
{
    return *(const pid_t *)a - *(const pid_t *)b;
}

/* The two ways to list a tree must agree on one that does not change: 1 + 3 children with a child each. */
static void compare_lists(pid_t root, void *context)
{
    pid_t fast[32], slow[32];
    int *equal = context;
    const size_t fast_count = process_tree_list(root, fast, 32), slow_count = process_tree_scan(root, slow, 32);
    qsort(fast, fast_count, sizeof *fast, compare_pids);
    qsort(slow, slow_count, sizeof *slow, compare_pids);
    *equal = fast_count == 7 && slow_count == 7 && memcmp(fast, slow, 7 * sizeof *fast) == 0;
}

Test(process, tree_is_listed_either_way)
{
    const char *argv[4];
    int equal = -1;
    struct process_spec spec = in_shell(argv, "for i in 1 2 3; do sh -c 'setsid sleep 1000 & wait' & done; wait");
    spec.deadline = 2;
    spec.on_deadline = compare_lists;
    spec.context = &equal;
    struct process_result result = run(&spec);
    cr_assert_eq(equal, 1);
    process_release(&result);
}
