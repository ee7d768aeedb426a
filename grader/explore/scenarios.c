#include "scenarios.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../libraries.h"
#include "../policy.h"
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
    char *scenarios = workspace_path(workspace, "lab/scenarios.c"),
         *handin = workspace_path(workspace, "bin/handin_tsan.o");
    struct policy policy;
    policy_link(&policy, workspace);
    const struct program_spec spec = {.runtime = runtime,
                                      .directory = directory,
                                      .files = (const char *const[]){scenarios},
                                      .files_count = 1,
                                      .object = handin,
                                      .options = options,
                                      .scenarios = true,
                                      .libraries = (const char *const *)manifest->libraries,
                                      .libraries_count = manifest->libraries_count,
                                      .jobs = (size_t)workspace->cores,
                                      .sandbox = &policy.sandbox};
    if (cflags != NULL) {
        mkdir(directory, 0755);
        sandbox_hand_over(directory);
        outcome = program_build(&spec, error);
    }
    policy_release(&policy);
    free(handin);
    free(scenarios);
    free(runtime);
    free(directory);
    free(options);
    free(cflags);
    return outcome;
}

/* In a sandbox a program can only write to a file that is there. */
static void begin_results(const char *path)
{
    if (text_write_file(path, "", 0))
        sandbox_hand_over(path);
}

bool scenarios_explore(const struct workspace *workspace, const struct manifest_scenario *const *scenarios,
                       size_t count, const struct exploration_spec *wish, struct exploration *out)
{
    struct exploration_spec *specs = text_allocate(count, sizeof *specs);
    const char **names = text_allocate(count, sizeof *names);
    char **paths = text_allocate(count, sizeof *paths);
    struct policy *policies = text_allocate(count, sizeof *policies);
    char *directory = workspace_path(workspace, program_directory);
    for (size_t i = 0; i < count; i++) {
        names[i] = scenarios[i]->name;
        paths[i] = results_path(workspace, scenarios[i]);
        specs[i] = *wish;
        begin_results(paths[i]);
        policy_run(&policies[i], workspace, NULL, "bin/schedules/program");
        policy_add_writable(&policies[i], paths[i]);
        specs[i].sandbox = &policies[i].sandbox;
        specs[i].directory = directory;
        specs[i].results = paths[i];
        specs[i].schedules = wish->schedules != 0 ? wish->schedules : scenarios[i]->schedules;
        specs[i].arguments = &names[i];
        specs[i].arguments_count = 1;
    }
    const bool ok = exploration_run(specs, count, (size_t)workspace->cores, out);
    for (size_t i = 0; i < count; i++) {
        policy_release(&policies[i]);
        free(paths[i]);
    }
    free(directory);
    free(policies);
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
