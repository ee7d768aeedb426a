#include "doctor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "cgroup.h"
#include "cores.h"
#include "directory.h"
#include "process.h"
#include "sandbox.h"
#include "stacks.h"
#include "start_cost.h"
#include "text.h"

/* Tools that are tried by running them. */
static const struct {
    const char *name;
    const char *argv[6];
    const char *lack;
} tools[] = {
    {"C compiler", {"gcc", "--version", NULL}, "nothing can be graded: install gcc"},
    {"pkg-config",
     {"pkg-config", "--version", NULL},
     "labs that need a library (lab03) cannot be built: install pkg-config"},
    {"helgrind and drd",
     {"valgrind", "--version", NULL},
     "races are not looked for, their points are given: install valgrind"},
    {"ThreadSanitizer",
     {"setarch", "-R", "true", NULL},
     "hand-ins with atomics are not judged for races: setarch -R is not allowed here (a container's seccomp profile)"},
    {"libcurl", {"pkg-config", "--modversion", "libcurl", NULL}, "lab03 cannot be built: install libcurl4-openssl-dev"},
    {"Criterion", {"pkg-config", "--modversion", "criterion", NULL}, "no tests can be built: install libcriterion-dev"},
};

static int report_check(const char *name, bool there, const char *found, const char *lack)
{
    printf("%-5s %-18s %s\n", there ? "ok" : "lack", name, there ? found : lack);
    return there ? 0 : 1;
}

static int check_tool(size_t index)
{
    const struct process_spec spec = {.argv = tools[index].argv, .deadline = 20.0};
    struct process_result result;
    if (!process_run(&spec, 1, 1, &result))
        return report_check(tools[index].name, false, "", "cannot start programs at all: is build/supervise there?");
    char *line = text_line(result.out, 1);
    const int lacking = report_check(tools[index].name, result.end == PROCESS_EXITED && result.code == 0,
                                     line != NULL ? line : "works", tools[index].lack);
    free(line);
    process_release(&result);
    return lacking;
}

static int check_cores(void)
{
    const int cores = cores_allowed();
    char *found = text_format("%d", cores);
    const int lacking =
        report_check("cores", cores >= 2, found, "1: speed-up by splitting work is not measured, its points are given");
    free(found);
    return lacking;
}

static int check_sandbox(void)
{
    static const struct sandbox nothing = {0};
    const double cost = sandbox_available() ? start_cost_cpu(&nothing) - start_cost_cpu(NULL) : 0.0;
    char *found = text_format("bubblewrap and a filter of system calls, %.1f ms of CPU a program; hand-ins run as %s",
                              cost, sandbox_user());
    char *lack = text_format("hand-ins run with all of your rights: %s", sandbox_available() ? "" : sandbox_lack());
    const int lacking = report_check("sandbox", sandbox_available(), found, lack);
    free(lack);
    free(found);
    return lacking;
}

/* What of `holds` is there (or is not), with the version of control groups that bounds it; caller frees. */
static char *list_holds(unsigned holds, bool there)
{
    static const struct {
        const char *name;
        enum cgroup_hold hold;
        enum cgroup_tree first; /* the hierarchy of version 1 */
    } rows[] = {{"memory", CGROUP_HOLDS_MEMORY, CGROUP_MEMORY},
                {"tasks", CGROUP_HOLDS_TASKS, CGROUP_PIDS},
                {"CPU time", CGROUP_HOLDS_CPU, CGROUP_CPU}};
    struct cgroup_place place;
    char *list = text_format("%s", "");
    cgroup_read_word(&place, cgroup_word());
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (((holds & rows[i].hold) != 0) != there)
            continue;
        const char *version = !there ? "" : place.base[rows[i].first] != NULL ? " (version 1)" : " (version 2)";
        char *longer = text_format("%s%s%s%s", list, *list != '\0' ? ", " : "", rows[i].name, version);
        free(list);
        list = longer;
    }
    cgroup_place_release(&place);
    return list;
}

static char *why_no_groups(void)
{
    if (*cgroup_word() == '\0')
        return text_format("%s", "they are turned off with LOCKSTEP_CGROUPS=off");
    return text_format(
        "the group the grader is in is not its to divide; `systemd-run%s --scope -p Delegate=yes make grade` "
        "starts it in one that is",
        geteuid() != 0 ? " --user" : "");
}

/* What a group holds is asked of a program that ran in one, not of the machine. */
static int check_groups(void)
{
    static const char *const argv[] = {"true", NULL};
    const struct process_spec spec = {.argv = argv, .deadline = 20.0};
    struct process_result result = {0};
    unsigned holds = 0;
    if (process_run(&spec, 1, 1, &result)) {
        holds = result.group;
        process_release(&result);
    }
    char *there = list_holds(holds, true), *missing = list_holds(holds, false), *why = why_no_groups();
    char *found = text_format("all processes of a hand-in together are limited in %s", there);
    char *lack =
        text_format("all processes of a hand-in together are not limited in %s, only each alone: %s", missing, why);
    const int lacking = report_check("control groups", holds == CGROUP_HOLDS_ALL, found, lack);
    free(lack);
    free(found);
    free(why);
    free(missing);
    free(there);
    return lacking;
}

static void count_stacks(pid_t root, void *context)
{
    struct stacks stacks = stacks_of_tree(root);
    *(size_t *)context = stacks.count;
    stacks_release(&stacks);
}

static int check_stacks(void)
{
    static const char *const argv[] = {"sleep", "10", NULL};
    size_t seen = 0;
    const struct process_spec spec = {.argv = argv, .deadline = 0.2, .on_deadline = count_stacks, .context = &seen};
    struct process_result result;
    if (process_run(&spec, 1, 1, &result))
        process_release(&result);
    return report_check("ptrace", seen > 0, "stacks of hung programs can be read",
                        "a hung test is stopped, but the report cannot say where it stood");
}

static int check_space(void)
{
    const char *directory = directory_parent();
    struct statvfs status;
    const bool known = statvfs(directory, &status) == 0;
    const unsigned long long free_mb = known ? (unsigned long long)status.f_bavail * status.f_frsize >> 20 : 0;
    char *found = text_format("%llu MiB free in %s", free_mb, directory);
    const int lacking = report_check("working space", known && free_mb >= 100 && access(directory, W_OK) == 0, found,
                                     "less than 100 MiB in the temporary directory: grading may fail; set TMPDIR");
    free(found);
    return lacking;
}

static int check_helper(const struct kit *kit)
{
    char *site = text_join(kit->harness, "site");
    const int lacking = report_check("lab03's site", access(site, X_OK) == 0, site,
                                     "lab03 cannot be graded: run make with libmicrohttpd-dev installed");
    free(site);
    return lacking;
}

int doctor_run(const struct kit *kit)
{
    int lacking = check_cores();
    for (size_t i = 0; i < sizeof tools / sizeof *tools; i++)
        lacking += check_tool(i);
    lacking += check_helper(kit) + check_sandbox() + check_groups() + check_stacks() + check_space();
    printf("%s\n", lacking == 0 ? "nothing is lacking" : "grading works without these, as far as each line says");
    return lacking == 0 ? 0 : 1;
}

int doctor_starts(size_t pairs)
{
    double plain, isolated;
    if (!sandbox_available() || !start_cost_wall(pairs, &plain, &isolated)) {
        fprintf(stderr, "grader: %s\n", sandbox_available() ? "cannot start programs" : sandbox_lack());
        return EXIT_GRADER_ERROR;
    }
    printf("%.1f ms without a sandbox, %.1f ms in one: %.1f ms more (medians of %zu starts each)\n", plain, isolated,
           isolated - plain, pairs);
    return 0;
}
