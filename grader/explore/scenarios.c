#include "scenarios.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../libraries.h"
#include "../text.h"

static const char program_directory[] = "bin/schedules";

static char *results_path(const struct workspace *workspace, const struct manifest_scenario *scenario)
{
    char *name = text_format("run/%s.schedules", scenario->name);
    char *path = workspace_path(workspace, name);
    free(name);
    return path;
}

enum program_outcome scenarios_build(const struct manifest *manifest, const struct workspace *workspace, char **error)
{
    const struct kit *kit = workspace->kit;
    enum program_outcome outcome = PROGRAM_BROKEN;
    char *cflags = libraries_flags(manifest, "--cflags", error);
    char *options = text_format("-I%s/lab -I%s/harness -I%s/harness/explore %s", workspace->root, kit->top, kit->top,
                                cflags != NULL ? cflags : "");
    char *directory = workspace_path(workspace, program_directory), *runtime = text_join(kit->harness, "explore");
    char *working = workspace_path(workspace, "handin"), *scenarios = workspace_path(workspace, "lab/scenarios.c");
    const struct program_spec spec = {.runtime = runtime,
                                      .directory = directory,
                                      .working = working,
                                      .files = (const char *const[]){scenarios, manifest->file},
                                      .files_count = 2,
                                      .options = options,
                                      .scenarios = true,
                                      .libraries = (const char *const *)manifest->libraries,
                                      .libraries_count = manifest->libraries_count,
                                      .jobs = (size_t)workspace->cores};
    if (cflags != NULL) {
        mkdir(directory, 0755);
        outcome = program_build(&spec, error);
    }
    free(scenarios);
    free(working);
    free(runtime);
    free(directory);
    free(options);
    free(cflags);
    return outcome;
}

bool scenarios_explore(const struct workspace *workspace, const struct manifest_scenario *const *scenarios,
                       size_t count, const struct exploration_spec *wish, struct exploration *out)
{
    struct exploration_spec *specs = text_allocate(count, sizeof *specs);
    const char **names = text_allocate(count, sizeof *names);
    char **paths = text_allocate(count, sizeof *paths);
    char *directory = workspace_path(workspace, program_directory);
    for (size_t i = 0; i < count; i++) {
        names[i] = scenarios[i]->name;
        paths[i] = results_path(workspace, scenarios[i]);
        specs[i] = *wish;
        specs[i].directory = directory;
        specs[i].results = paths[i];
        specs[i].schedules = wish->schedules != 0 ? wish->schedules : scenarios[i]->schedules;
        specs[i].arguments = &names[i];
        specs[i].arguments_count = 1;
    }
    const bool ok = exploration_run(specs, count, (size_t)workspace->cores, out);
    for (size_t i = 0; i < count; i++)
        free(paths[i]);
    free(directory);
    free(paths);
    free(names);
    free(specs);
    return ok;
}

struct lines *scenarios_lines(const struct workspace *workspace)
{
    char *path = workspace_path(workspace, "bin/schedules/program");
    struct lines *lines = lines_open(path);
    free(path);
    return lines;
}

bool scenarios_results(const struct workspace *workspace, const struct manifest_scenario *scenario,
                       struct results *results)
{
    char *path = results_path(workspace, scenario);
    const bool ok = results_read(path, results);
    free(path);
    return ok;
}
