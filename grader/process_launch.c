#include "process_launch.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cgroup.h"
#include "sandbox.h"

/* The small clean environment: taken over from the grader's if set there, or else this. LANG is not taken over:
 * what compilers and tools say shall be the same for everyone. In a sandbox nothing is: it has no home of the user's.
 */
static const struct {
    const char *name, *otherwise, *in_sandbox;
    bool take_over;
} variables[] = {
    {"PATH", "/usr/local/bin:/usr/bin:/bin", "/usr/local/bin:/usr/bin:/bin", true},
    {"HOME", "/", "/tmp", true},
    {"LANG", "C.UTF-8", "C.UTF-8", false},
    {"TERM", "dumb", "dumb", true},
    {"TMPDIR", "/tmp", "/tmp", true},
};

enum { VARIABLES = sizeof variables / sizeof *variables, FIXED_ARGUMENTS = 15 };

struct process_spec process_launch_defaults(const struct process_spec *spec)
{
    struct process_spec filled = *spec;
    if (filled.output_keep == 0)
        filled.output_keep = 64 * 1024;
    if (filled.output_limit == 0)
        filled.output_limit = 64 << 20;
    if (filled.file_limit == 0)
        filled.file_limit = 256 << 20;
    if (filled.process_limit == 0)
        filled.process_limit = 256;
    if (filled.tree_memory_limit == 0)
        filled.tree_memory_limit = (uint64_t)4 << 30;
    if (filled.cpu_limit <= 0)
        filled.cpu_limit = 8 * filled.deadline;
    if (filled.descriptor_limit == 0)
        filled.descriptor_limit = 1024;
    return filled;
}

char *process_launch_program(const char *name)
{
    char path[PATH_MAX], *file;
    const char *given = getenv("LOCKSTEP_SUPERVISE");
    if (given != NULL && given[0] != '\0' && strcmp(name, "supervise") == 0)
        return strdup(given);
    if (given != NULL && strchr(given, '/') != NULL && strlen(given) < sizeof path) {
        strcpy(path, given);
    } else {
        const ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
        if (length <= 0)
            return NULL;
        path[length] = '\0';
    }
    *(strrchr(path, '/') + 1) = '\0';
    return asprintf(&file, "%s%s", path, name) < 0 ? NULL : file;
}

static size_t count_strings(const char *const *list)
{
    size_t count = 0;
    while (list != NULL && list[count] != NULL)
        count++;
    return count;
}

/* Copies `list` behind the `count` strings of `out`. Returns false if one of all of them is missing for lack of
 * memory. */
static bool append_strings(char **out, size_t count, const char *const *list)
{
    bool complete = true;
    for (size_t i = 0; list != NULL && list[i] != NULL; i++)
        out[count++] = strdup(list[i]);
    for (size_t i = 0; i < count; i++)
        complete = complete && out[i] != NULL;
    return complete;
}

static char *print_number(uint64_t number)
{
    char *text;
    return asprintf(&text, "%" PRIu64, number) < 0 ? NULL : text;
}

static bool build_arguments(struct process_launch *launch, const struct process_spec *spec)
{
    char **sandbox = launch->sandbox;
    const size_t before = count_strings((const char *const *)sandbox);
    char **out = calloc(FIXED_ARGUMENTS + before + count_strings(spec->argv) + 1, sizeof *out);
    launch->arguments = out;
    if (out == NULL)
        return false;
    out[0] = strdup("supervise");
    out[1] = print_number((uint64_t)getpid());
    out[2] = print_number(spec->memory_limit);
    out[3] = print_number(spec->file_limit);
    out[4] = print_number(spec->process_limit);
    out[5] = print_number(spec->tree_memory_limit);
    out[6] = print_number((uint64_t)(spec->cpu_limit * 1e3));
    out[7] = print_number(spec->descriptor_limit);
    out[8] = strdup(cgroup_word());
    out[9] = print_number(spec->stopwatch);
    out[10] = print_number(sandbox != NULL);
    out[11] = strdup(spec->report != NULL ? spec->report : "");
    out[12] = strdup(spec->service != NULL ? spec->service : "");
    out[13] = strdup(spec->kept != NULL && sandbox != NULL ? spec->kept : "");
    out[14] = strdup(spec->directory != NULL && sandbox == NULL ? spec->directory : "");
    return append_strings(out, FIXED_ARGUMENTS, (const char *const *)sandbox) &&
           append_strings(out, FIXED_ARGUMENTS + before, spec->argv);
}

static bool is_set(const char *const *list, const char *name)
{
    const size_t length = strlen(name);
    for (size_t i = 0; list != NULL && list[i] != NULL; i++)
        if (strncmp(list[i], name, length) == 0 && list[i][length] == '=')
            return true;
    return false;
}

static char *print_variable(size_t index, bool in_sandbox)
{
    char *text;
    const char *value = variables[index].take_over ? getenv(variables[index].name) : NULL;
    if (in_sandbox)
        value = variables[index].in_sandbox;
    else if (value == NULL || value[0] == '\0')
        value = variables[index].otherwise;
    return asprintf(&text, "%s=%s", variables[index].name, value) < 0 ? NULL : text;
}

static bool build_environment(struct process_launch *launch, const struct process_spec *spec)
{
    size_t count = 0;
    char **out = calloc(VARIABLES + 1 + count_strings(spec->set) + 1, sizeof *out);
    launch->environment = out;
    if (out == NULL)
        return false;
    for (size_t i = 0; i < VARIABLES; i++)
        if (!is_set(spec->set, variables[i].name))
            out[count++] = print_variable(i, launch->sandbox != NULL);
    if (spec->stopwatch)
        out[count++] = strdup("LOCKSTEP_STOPWATCH=1");
    return append_strings(out, count, spec->set);
}

bool process_launch_init(struct process_launch *launch, const struct process_spec *spec)
{
    *launch = (struct process_launch){.file = process_launch_program("supervise")};
    if (spec->sandbox != NULL)
        launch->sandbox = sandbox_arguments(spec->sandbox, spec->directory, spec->argv[0]);
    if (launch->file != NULL && build_arguments(launch, spec) && build_environment(launch, spec))
        return true;
    process_launch_release(launch);
    return false;
}

/* Fills `actions` so that the new process has descriptors[i] as i. They are first copied out of the way of each other;
 * the copies, from which the process is spawned, go to `copies`. Returns false with errno. */
static bool plan_descriptors(posix_spawn_file_actions_t *actions, const int *descriptors, int count, int *copies)
{
    int error = 0;
    for (int i = 0; i < count; i++) {
        copies[i] = descriptors[i] >= 0 && error == 0 ? fcntl(descriptors[i], F_DUPFD_CLOEXEC, count) : -1;
        if (copies[i] >= 0)
            error = posix_spawn_file_actions_adddup2(actions, copies[i], i);
        else if (descriptors[i] >= 0)
            error = error != 0 ? error : errno;
        else if (i == STDIN_FILENO)
            error = posix_spawn_file_actions_addopen(actions, i, "/dev/null", O_RDONLY, 0);
    }
    errno = error;
    return error == 0;
}

static pid_t spawn(const struct process_launch *launch, const posix_spawn_file_actions_t *actions)
{
    posix_spawnattr_t attributes;
    sigset_t none, all;
    pid_t pid = -1;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    const int error = posix_spawn(&pid, launch->file, actions, &attributes, launch->arguments, launch->environment);
    posix_spawnattr_destroy(&attributes);
    errno = error;
    return error == 0 ? pid : -1;
}

pid_t process_launch_start(const struct process_launch *launch, const int *descriptors, int count)
{
    posix_spawn_file_actions_t actions;
    int copies[count];
    posix_spawn_file_actions_init(&actions);
    const pid_t pid = plan_descriptors(&actions, descriptors, count, copies) ? spawn(launch, &actions) : -1;
    const int cause = errno;
    for (int i = 0; i < count; i++)
        if (copies[i] >= 0)
            close(copies[i]);
    posix_spawn_file_actions_destroy(&actions);
    errno = cause;
    return pid;
}

static void free_strings(char **list)
{
    for (size_t i = 0; list != NULL && list[i] != NULL; i++)
        free(list[i]);
    free(list);
}

void process_launch_release(struct process_launch *launch)
{
    free(launch->file);
    free_strings(launch->sandbox);
    free_strings(launch->arguments);
    free_strings(launch->environment);
    *launch = (struct process_launch){0};
}
