#include "process_launch.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The small clean environment: taken over from the grader's if set there, or else this. LANG is not taken over:
 * what compilers and tools say shall be the same for everyone. */
static const struct {
    const char *name, *otherwise;
    bool take_over;
} variables[] = {
    {"PATH", "/usr/local/bin:/usr/bin:/bin", true},
    {"HOME", "/", true},
    {"LANG", "C.UTF-8", false},
    {"TERM", "dumb", true},
    {"TMPDIR", "/tmp", true},
};

enum { VARIABLES = sizeof variables / sizeof *variables, FIXED_ARGUMENTS = 7 };

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
    return filled;
}

static char *find_supervise(void)
{
    char path[PATH_MAX], *file;
    const char *given = getenv("LOCKSTEP_SUPERVISE");
    if (given != NULL && given[0] != '\0')
        return strdup(given);
    const ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    if (length <= 0)
        return NULL;
    path[length] = '\0';
    *(strrchr(path, '/') + 1) = '\0';
    return asprintf(&file, "%ssupervise", path) < 0 ? NULL : file;
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
    char **out = calloc(FIXED_ARGUMENTS + count_strings(spec->argv) + 1, sizeof *out);
    launch->arguments = out;
    if (out == NULL)
        return false;
    out[0] = strdup("supervise");
    out[1] = print_number((uint64_t)getpid());
    out[2] = print_number(spec->memory_limit);
    out[3] = print_number(spec->file_limit);
    out[4] = print_number(spec->process_limit);
    out[5] = print_number(spec->stopwatch);
    out[6] = strdup(spec->directory != NULL ? spec->directory : "");
    return append_strings(out, FIXED_ARGUMENTS, spec->argv);
}

static bool is_set(const char *const *list, const char *name)
{
    const size_t length = strlen(name);
    for (size_t i = 0; list != NULL && list[i] != NULL; i++)
        if (strncmp(list[i], name, length) == 0 && list[i][length] == '=')
            return true;
    return false;
}

static char *print_variable(size_t index)
{
    char *text;
    const char *value = variables[index].take_over ? getenv(variables[index].name) : NULL;
    if (value == NULL || value[0] == '\0')
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
            out[count++] = print_variable(i);
    if (spec->stopwatch)
        out[count++] = strdup("LOCKSTEP_STOPWATCH=1");
    return append_strings(out, count, spec->set);
}

bool process_launch_init(struct process_launch *launch, const struct process_spec *spec)
{
    *launch = (struct process_launch){.file = find_supervise()};
    if (launch->file != NULL && build_arguments(launch, spec) && build_environment(launch, spec))
        return true;
    process_launch_release(launch);
    return false;
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
    free_strings(launch->arguments);
    free_strings(launch->environment);
    *launch = (struct process_launch){0};
}
