/* Tests of cgroup.h: where groups are looked for, on made-up trees of files; and what they hold, on those of this
 * machine, if it has any for us. */
#include "../cgroup.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../process.h"
#include "../text.h"

enum { PATIENCE = 60 };

static char directory[] = "/tmp/test_cgroup_XXXXXX";

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status;
    (void)kind;
    (void)walk;
    return remove(path);
}

static void begin(void)
{
    cr_assert_not_null(mkdtemp(directory));
}

static void end(void)
{
    nftw(directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

TestSuite(cgroup, .init = begin, .fini = end, .timeout = 3 * PATIENCE);

/* Makes the directory DIRECTORY/NAME, with those above it; caller frees the path. */
static char *make(const char *name)
{
    char *path = text_join(directory, name);
    for (char *slash = path + strlen(directory); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(path, 0755);
        *slash = '/';
    }
    mkdir(path, 0755);
    return path;
}

/* Writes to the file that may be there already, as the kernel changes its own. */
static void put(const char *name, const char *text)
{
    char *path = text_join(directory, name);
    FILE *file = fopen(path, "we");
    cr_assert_not_null(file, "cannot write %s", path);
    fputs(text, file);
    cr_assert_eq(fclose(file), 0);
    free(path);
}

static void expect_file(const char *base, const char *name, const char *text)
{
    size_t length;
    char *path = text_join(base, name), *found = text_read_file(path, 4096, &length);
    cr_assert_not_null(found, "%s is missing", path);
    cr_expect_str_eq(found, text, "%s holds '%s', not '%s'", path, found, text);
    free(found);
    free(path);
}

/* Looks in the made-up tree: `own` as /proc/self/cgroup, and a line of mountinfo for each of up to three mounts. */
static struct cgroup_place find(const char *own, const char *const mounts[][3])
{
    struct cgroup_place place;
    char *text = text_format("%s", "30 1 0:28 / /proc rw,relatime - proc proc rw\n");
    for (size_t i = 0; mounts[i][0] != NULL; i++) {
        const bool first = strcmp(mounts[i][2], "") == 0;
        char *longer =
            text_format("%s%zu 30 0:29 %s %s/%s rw,nosuid shared:9 - %s cgroup rw%s%s\n", text, i + 40, mounts[i][0],
                        directory, mounts[i][1], first ? "cgroup2" : "cgroup", first ? "" : ",", mounts[i][2]);
        free(text);
        text = longer;
    }
    put("own", own);
    put("mounts", text);
    free(text);
    char *own_path = text_join(directory, "own"), *mounts_path = text_join(directory, "mounts");
    cgroup_find(&place, own_path, mounts_path);
    free(own_path);
    free(mounts_path);
    return place;
}

static void expect_base(const struct cgroup_place *place, enum cgroup_tree tree, const char *name)
{
    char *path = name != NULL ? text_join(directory, name) : NULL;
    if (path == NULL)
        cr_expect_null(place->base[tree], "tree %d is %s", tree, place->base[tree]);
    else
        cr_expect(place->base[tree] != NULL && strcmp(place->base[tree], path) == 0, "tree %d is %s, not %s", tree,
                  place->base[tree] != NULL ? place->base[tree] : "nowhere", path);
    free(path);
}

Test(cgroup, version_1_is_found_for_each_controller)
{
    free(make("memory/a/b"));
    free(make("pids"));
    free(make("cpu,cpuacct/c"));
    struct cgroup_place place =
        find("9:name=systemd:/x\n8:pids:/\n4:memory:/a/b\n2:cpu,cpuacct:/c\n",
             (const char *const[][3]){
                 {"/", "memory", "memory"}, {"/", "pids", "pids"}, {"/", "cpu,cpuacct", "cpu,cpuacct"}, {NULL}});
    expect_base(&place, CGROUP_V2, NULL);
    expect_base(&place, CGROUP_MEMORY, "memory/a/b");
    expect_base(&place, CGROUP_PIDS, "pids");
    expect_base(&place, CGROUP_CPU, "cpu,cpuacct/c");
    cgroup_place_release(&place);
}

Test(cgroup, a_container_sees_its_own_part)
{
    free(make("memory/deep"));
    free(make("pids"));
    struct cgroup_place place =
        find("8:pids:/other\n4:memory:/docker/77/deep\n",
             (const char *const[][3]){{"/docker/77", "memory", "memory"}, {"/docker/77", "pids", "pids"}, {NULL}});
    expect_base(&place, CGROUP_MEMORY, "memory/deep");
    expect_base(&place, CGROUP_PIDS, NULL);
    cgroup_place_release(&place);
}

Test(cgroup, no_groups_where_the_directory_is_missing)
{
    struct cgroup_place place = find("0::/user.slice\n", (const char *const[][3]){{"/", "unified", ""}, {NULL}});
    for (int tree = 0; tree < CGROUP_TREES; tree++)
        expect_base(&place, (enum cgroup_tree)tree, NULL);
    cgroup_place_release(&place);
}

Test(cgroup, version_2_enables_its_controllers)
{
    char *base = make("unified/app");
    put("unified/app/cgroup.controllers", "cpu io memory pids\n");
    put("unified/app/cgroup.subtree_control", "\n");
    struct cgroup_place place = find("0::/app\n", (const char *const[][3]){{"/", "unified", ""}, {NULL}});
    expect_base(&place, CGROUP_V2, "unified/app");
    expect_base(&place, CGROUP_MEMORY, NULL);
    expect_file(base, "cgroup.subtree_control", "+memory +pids");
    cgroup_place_release(&place);
    free(base);
}

/* A hybrid machine: version 2 is there, its controllers are with version 1. */
Test(cgroup, version_1_limits_where_version_2_has_no_controllers)
{
    char *base = make("unified");
    free(make("memory"));
    put("unified/cgroup.controllers", "\n");
    put("unified/cgroup.subtree_control", "untouched");
    struct cgroup_place place =
        find("4:memory:/\n0::/\n", (const char *const[][3]){{"/", "unified", ""}, {"/", "memory", "memory"}, {NULL}});
    expect_base(&place, CGROUP_V2, "unified");
    expect_base(&place, CGROUP_MEMORY, "memory");
    expect_base(&place, CGROUP_CPU, NULL);
    expect_file(base, "cgroup.subtree_control", "untouched");
    cgroup_place_release(&place);
    free(base);
}

/* A group with processes in it, as /dev/full refuses to be written to. */
static struct cgroup_place find_occupied(const char *name)
{
    char *mount = text_format("top/%s", name), *base = make(mount);
    char *own = text_format("0::/%s\n", name), *control = text_join(base, "cgroup.subtree_control");
    char *controllers = text_format("%s/cgroup.controllers", mount), *members = text_format("%s/cgroup.procs", mount);
    put(controllers, "memory pids\n");
    put(members, "4711\n");
    cr_assert_eq(symlink("/dev/full", control), 0);
    char *leaf = text_format("%s/lockstep.main", mount), *entry = text_format("%s/cgroup.procs", leaf);
    free(make(leaf));
    put(entry, "");
    struct cgroup_place place = find(own, (const char *const[][3]){{"/", "top", ""}, {NULL}});
    free(entry);
    free(leaf);
    free(members);
    free(controllers);
    free(control);
    free(own);
    free(base);
    free(mount);
    return place;
}

Test(cgroup, processes_of_a_group_of_ours_make_room)
{
    struct cgroup_place place = find_occupied("lockstep.1.2.3");
    char *leaf = text_join(place.base[CGROUP_V2], "lockstep.main");
    expect_file(leaf, "cgroup.procs", "4711");
    free(leaf);
    cgroup_place_release(&place);
}

Test(cgroup, processes_of_a_strange_group_stay)
{
    struct cgroup_place place = find_occupied("session.scope");
    char *leaf = text_join(place.base[CGROUP_V2], "lockstep.main");
    expect_file(leaf, "cgroup.procs", "");
    free(leaf);
    cgroup_place_release(&place);
}

Test(cgroup, whoever_made_room_is_still_in_the_group_above)
{
    free(make("unified/app/lockstep.main"));
    struct cgroup_place place = find("0::/app/lockstep.main\n", (const char *const[][3]){{"/", "unified", ""}, {NULL}});
    expect_base(&place, CGROUP_V2, "unified/app");
    cgroup_place_release(&place);
}

Test(cgroup, a_place_is_passed_on_in_one_word)
{
    struct cgroup_place place;
    cgroup_read_word(&place, "/a b\n\n/c\n");
    cr_expect_str_eq(place.base[CGROUP_V2], "/a b");
    cr_expect_null(place.base[CGROUP_MEMORY]);
    cr_expect_str_eq(place.base[CGROUP_PIDS], "/c");
    cr_expect_null(place.base[CGROUP_CPU]);
    cgroup_place_release(&place);
    cgroup_read_word(&place, "");
    for (int tree = 0; tree < CGROUP_TREES; tree++)
        cr_expect_null(place.base[tree]);
}

/* The one directory below DIRECTORY/top; caller frees. */
static char *only_group(void)
{
    char *top = text_join(directory, "top"), *found = NULL;
    DIR *entries = opendir(top);
    for (struct dirent *entry; (entry = readdir(entries)) != NULL;)
        if (entry->d_name[0] != '.')
            found = text_format("top/%s", entry->d_name);
    closedir(entries);
    free(top);
    return found;
}

static void put_in(const char *group, const char *name, const char *text)
{
    char *path = text_format("%s/%s", group, name);
    put(path, text);
    free(path);
}

Test(cgroup, version_2_is_limited_and_read)
{
    struct cgroup_place place = {.base = {[CGROUP_V2] = make("top")}};
    struct cgroup group;
    cgroup_create(&group, &place);
    char *name = only_group();
    cr_assert_not_null(name, "no group was made");
    put_in(name, "memory.max", "max\n");
    put_in(name, "memory.swap.max", "max\n");
    put_in(name, "pids.max", "max\n");
    put_in(name, "pids.current", "12\n");
    put_in(name, "memory.events", "low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\noom_group_kill 0\n");
    put_in(name, "memory.peak", "123456\n");
    put_in(name, "cpu.stat", "usage_usec 2500000\nuser_usec 1\nsystem_usec 2\n");
    cgroup_limit(&group, 1 << 30, 77);
    cr_expect_eq(group.holds, CGROUP_HOLDS_ALL);
    expect_file(group.path[CGROUP_V2], "memory.max", "1073741824");
    expect_file(group.path[CGROUP_V2], "memory.swap.max", "0");
    expect_file(group.path[CGROUP_V2], "pids.max", "77");
    cr_expect_float_eq(cgroup_cpu_seconds(&group), 2.5, 1e-9);
    cr_expect_eq(cgroup_tasks(&group), 12);
    cr_expect_eq(cgroup_memory_peak(&group), 123456);
    cr_expect_not(cgroup_out_of_memory(&group));
    put_in(name, "memory.events", "low 0\nhigh 0\nmax 0\noom 0\noom_kill 1\n");
    cr_expect_not(cgroup_out_of_memory(&group), "the machine ran out of memory, not the group");
    put_in(name, "memory.events", "low 0\nhigh 0\nmax 9\noom 1\noom_kill 1\n");
    cr_expect(cgroup_out_of_memory(&group));
    put_in(name, "cgroup.kill", "");
    cgroup_kill(&group);
    expect_file(group.path[CGROUP_V2], "cgroup.kill", "1");
    end(); /* of files it is made of only here; a group's directory is empty for rmdir */
    cgroup_remove(&group);
    free(name);
    cgroup_place_release(&place);
}

Test(cgroup, version_1_is_read_by_its_own_names)
{
    struct cgroup_place place = {.base = {[CGROUP_CPU] = make("top")}};
    struct cgroup group;
    cgroup_create(&group, &place);
    char *name = only_group();
    put_in(name, "cpu.stat", "nr_periods 0\nnr_throttled 0\n"); /* version 1 has another file of that name */
    put_in(name, "cpuacct.usage", "2500000000\n");
    cgroup_limit(&group, UINT64_MAX, 77);
    cr_expect_eq(group.holds, CGROUP_HOLDS_CPU);
    cr_expect_float_eq(cgroup_cpu_seconds(&group), 2.5, 1e-9);
    cr_expect_eq(cgroup_tasks(&group), UINT64_MAX, "nothing counts them");
    end();
    cgroup_remove(&group);
    free(name);
    cgroup_place_release(&place);
}

Test(cgroup, memory_without_a_limit)
{
    struct cgroup_place place = {.base = {[CGROUP_V2] = make("top")}};
    struct cgroup group;
    cgroup_create(&group, &place);
    char *name = only_group();
    put_in(name, "memory.max", "max");
    cgroup_limit(&group, UINT64_MAX, 77);
    cr_expect_eq(group.holds, 0);
    expect_file(group.path[CGROUP_V2], "memory.max", "max");
    end();
    cgroup_remove(&group);
    free(name);
    cgroup_place_release(&place);
}

static char *name_group(const char *space, long process, unsigned long long start)
{
    return text_format("top/lockstep.%s.%ld.%llu", space, process, start);
}

static bool is_there(const char *name)
{
    char *path = text_join(directory, name);
    const bool there = access(path, F_OK) == 0;
    free(path);
    return there;
}

Test(cgroup, only_what_nobody_owns_any_more_is_removed)
{
    struct cgroup_place place = {.base = {[CGROUP_V2] = make("top")}};
    struct cgroup group;
    struct stat space;
    cgroup_create(&group, &place);
    char *own = only_group();
    cr_assert_eq(stat("/proc/self/ns/pid", &space), 0);
    char *here = text_format("%lu", (unsigned long)space.st_ino);
    const pid_t gone = fork();
    if (gone == 0)
        _exit(0);
    cr_assert_eq(waitpid(gone, NULL, 0), gone);
    char *left = name_group(here, gone, 5), *reused = name_group(here, getpid(), 5),
         *elsewhere = name_group("17", gone, 5);
    char *names[] = {left, reused, elsewhere, "top/other", "top/lockstep.main"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        free(make(names[i]));
    char *nested = text_format("%s/inner", left);
    free(make(nested));
    cgroup_sweep(&place);
    cr_expect_not(is_there(left), "its owner is gone");
    cr_expect_not(is_there(reused), "its owner's number is another process's");
    cr_expect(is_there(elsewhere) && is_there("top/other") && is_there("top/lockstep.main") && is_there(own));
    cgroup_remove(&group);
    cr_expect_not(is_there(own));
    char *rest[] = {left, reused, elsewhere, nested, own, here};
    for (size_t i = 0; i < sizeof rest / sizeof *rest; i++)
        free(rest[i]);
    cgroup_place_release(&place);
}

/* ---- on this machine ---- */

static void need(unsigned holds, const struct process_result *result)
{
    if ((result->group & holds) != holds)
        cr_skip_test("no such control groups for us here");
}

/* Groups below ours whose supervisor is gone. */
static size_t count_groups(void)
{
    struct cgroup_place place;
    size_t count = 0;
    cgroup_read_word(&place, cgroup_word());
    for (int tree = 0; tree < CGROUP_TREES; tree++) {
        DIR *entries = place.base[tree] != NULL ? opendir(place.base[tree]) : NULL;
        for (struct dirent *entry; entries != NULL && (entry = readdir(entries)) != NULL;) {
            long process = 0;
            if (sscanf(entry->d_name, "lockstep.%*u.%ld.", &process) != 1)
                continue;
            char *path = text_format("/proc/%ld/comm", process);
            count += access(path, F_OK) != 0; /* others may grade on this machine, too */
            free(path);
        }
        if (entries != NULL)
            closedir(entries);
    }
    cgroup_place_release(&place);
    return count;
}

/* Waits until there is no such group: other graders on this machine may have some for a moment. */
static bool none_is_left(void)
{
    size_t count = count_groups();
    for (int i = 0; i < 100 * PATIENCE && count > 0; i++) {
        nanosleep(&(struct timespec){.tv_nsec = 10 * 1000 * 1000}, NULL);
        count = count_groups();
    }
    return count == 0;
}

static const char helper_source[] =
    "#define _GNU_SOURCE\n"
    "#include <stdlib.h>\n"
    "#include <string.h>\n"
    "#include <time.h>\n"
    "#include <unistd.h>\n"
    "static time_t end;\n"
    "static void burn(void) { while (time(NULL) < end) continue; }\n"
    "int main(int argc, char **argv)\n"
    "{\n"
    "    if (argc < 2) return 1;\n"
    "    end = time(NULL) + (strcmp(argv[1], \"burn\") == 0 ? 30 : 3);\n" /* if all else fails it ends by itself */
    "    if (strcmp(argv[1], \"bomb\") == 0)\n"
    "        while (time(NULL) < end) if (fork() == 0) setsid();\n"
    "    if (strcmp(argv[1], \"burn\") == 0)\n"
    "        for (int i = 0; i < 3; i++) if (fork() == 0) { setsid(); burn(); _exit(0); }\n"
    "    if (strcmp(argv[1], \"burn\") == 0) burn();\n"
    "    for (int i = 0; strcmp(argv[1], \"memory\") == 0 && i < 20; i++)\n" /* 20 times 10 MB */
    "        if (fork() == 0) { char *p = malloc(10 << 20); memset(p, 1, 10 << 20); sleep(3); _exit(p[77] - 1); }\n"
    "    if (strcmp(argv[1], \"memory\") == 0) sleep(3);\n"
    "    return 0;\n"
    "}\n";

/* Runs the helper within `limits`. */
static struct process_result run_helper(const char *word, const struct process_spec *limits)
{
    const char *compile[] = {"cc", "-O1", "-o", "helper", "helper.c", NULL}, *argv[] = {"./helper", word, NULL};
    struct process_spec specs[2] = {{.argv = compile, .directory = directory, .deadline = PATIENCE}, *limits};
    struct process_result results[2];
    specs[1].argv = argv;
    specs[1].directory = directory;
    specs[1].deadline = PATIENCE;
    put("helper.c", helper_source);
    cr_assert(process_run(specs, 2, 1, results));
    cr_assert(results[0].end == PROCESS_EXITED && results[0].code == 0, "%s", results[0].err);
    process_release(&results[0]);
    return results[1];
}

Test(cgroup, a_program_leaves_no_group)
{
    struct process_result result = run_helper("nothing", &(struct process_spec){0});
    need(CGROUP_HOLDS_ALL, &result);
    cr_expect_eq(result.end, PROCESS_EXITED);
    cr_expect_gt(result.memory_bytes, 0);
    cr_expect_gt(result.cpu_seconds, 0);
    cr_expect(none_is_left());
    process_release(&result);
}

Test(cgroup, memory_of_many_processes)
{
    struct process_result result = run_helper(
        "memory", &(struct process_spec){.memory_limit = 50 << 20, .tree_memory_limit = (uint64_t)100 << 20});
    need(CGROUP_HOLDS_MEMORY, &result);
    cr_expect_eq(result.end, PROCESS_OUT_OF_MEMORY, "it ended with %d, %d", result.end, result.code);
    cr_expect_leq(result.memory_bytes, 100 << 20);
    cr_expect(none_is_left());
    process_release(&result);
}

Test(cgroup, memory_below_the_limit)
{
    struct process_result result = run_helper(
        "memory", &(struct process_spec){.memory_limit = 50 << 20, .tree_memory_limit = (uint64_t)400 << 20});
    need(CGROUP_HOLDS_MEMORY, &result);
    cr_expect_eq(result.end, PROCESS_EXITED);
    cr_expect_gt(result.memory_bytes, 150 << 20);
    process_release(&result);
}

Test(cgroup, cpu_time_of_many_processes)
{
    struct process_result result = run_helper("burn", &(struct process_spec){.cpu_limit = 1.0});
    need(CGROUP_HOLDS_CPU, &result);
    cr_expect_eq(result.end, PROCESS_OUT_OF_CPU, "it ended with %d, %d", result.end, result.code);
    cr_expect_gt(result.cpu_seconds, 1.0);
    cr_expect_lt(result.cpu_seconds, 10.0, "four processes used %g s together before they were ended",
                 result.cpu_seconds);
    cr_expect(none_is_left());
    process_release(&result);
}

Test(cgroup, fork_bomb_in_sessions_of_its_own)
{
    struct process_result result = run_helper("bomb", &(struct process_spec){.process_limit = 50});
    need(CGROUP_HOLDS_TASKS, &result);
    cr_expect_eq(result.end, PROCESS_TOO_MANY, "it ended with %d, %d", result.end, result.code);
    cr_expect(none_is_left());
    process_release(&result);
}

static struct process_result run_shell(const char *script)
{
    const char *argv[] = {"/bin/sh", "-c", script, NULL};
    const struct process_spec spec = {.argv = argv, .directory = directory, .deadline = PATIENCE};
    struct process_result result;
    cr_assert(process_run(&spec, 1, 1, &result));
    return result;
}

Test(cgroup, a_supervisor_that_was_killed_leaves_no_group)
{
    struct process_result result = run_shell("setsid sleep 1000 & kill -KILL $PPID; sleep 1000");
    cr_expect_eq(result.end, PROCESS_SIGNALED);
    cr_expect(none_is_left());
    process_release(&result);
}

/* The helper's helper: a grader that is killed together with its supervisor, so that nobody tidies up. */
static void start_and_wait(void)
{
    struct process_result result = run_shell("echo $PPID >supervisor.part; mv supervisor.part supervisor; sleep 1000");
    process_release(&result);
    _exit(0);
}

static long read_supervisor(void)
{
    char *path = text_join(directory, "supervisor"), *text = NULL;
    size_t length;
    for (int i = 0; i < 100 * PATIENCE && text == NULL; i++) {
        text = text_read_file(path, 64, &length);
        nanosleep(&(struct timespec){.tv_nsec = 10 * 1000 * 1000}, NULL);
    }
    const long process = text != NULL ? strtol(text, NULL, 10) : 0;
    free(text);
    free(path);
    return process;
}

Test(cgroup, the_next_grader_removes_what_the_last_one_left)
{
    struct process_result probe = run_shell("exit 0");
    need(CGROUP_HOLDS_TASKS, &probe);
    process_release(&probe);
    const pid_t grader = fork();
    if (grader == 0)
        start_and_wait();
    const long supervisor = read_supervisor();
    cr_assert_gt(supervisor, 1);
    kill(grader, SIGKILL); /* first: it would tidy up */
    kill((pid_t)supervisor, SIGKILL);
    cr_assert_eq(waitpid(grader, NULL, 0), grader);
    cr_assert_eq(waitpid((pid_t)supervisor, NULL, 0), (pid_t)supervisor); /* process_run made us inherit it */
    cgroup_sweep_own();
    cr_expect(none_is_left());
}

Test(cgroup, none_when_told_so)
{
    setenv("LOCKSTEP_CGROUPS", "off", 1);
    struct process_result result = run_shell("exit 3");
    cr_expect_eq(result.group, 0);
    cr_expect_eq(result.end, PROCESS_EXITED);
    cr_expect_eq(result.code, 3);
    process_release(&result);
}
