#include "contract.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "object.h"
#include "policy.h"
#include "process.h"
#include "text.h"

static const double tool_seconds = 60.0;
static const uint64_t tool_memory = (uint64_t)1 << 30;

static bool is_of_contract(const struct manifest *manifest, const char *name)
{
    for (unsigned i = 0; i < manifest->functions_count; i++)
        if (strcmp(manifest->functions[i], name) == 0)
            return true;
    return false;
}

/* Sets `*name` to the first symbol the object defines beside the contract, for the caller to free; NULL if there is
 * none. */
static bool find_other(const struct manifest *manifest, const char *path, char **name, char **error)
{
    struct object object;
    *name = NULL;
    const bool read = object_read(&object, path, error);
    for (size_t i = 0; i < object.defined_count && *name == NULL; i++)
        if (!is_of_contract(manifest, object.defined[i]))
            *name = text_format("%s", object.defined[i]);
    object_release(&object);
    return read;
}

/* Leaves in `chosen` the objects that define something else, too. */
static bool choose(const struct manifest *manifest, const char *const *paths, size_t count, const char **chosen,
                   size_t *chosen_count, char **error)
{
    *chosen_count = 0;
    for (size_t i = 0; i < count; i++) {
        char *name;
        if (!find_other(manifest, paths[i], &name, error))
            return false;
        if (name != NULL)
            chosen[(*chosen_count)++] = paths[i];
        free(name);
    }
    return true;
}

static bool write_names(const struct manifest *manifest, const char *path, char **error)
{
    char *names = text_copy("", 0);
    for (unsigned i = 0; i < manifest->functions_count; i++) {
        char *longer = text_format("%s%s\n", names, manifest->functions[i]);
        free(names);
        names = longer;
    }
    const bool written = text_write_file(path, names, strlen(names));
    if (!written)
        *error = text_format("cannot write '%s': %s", path, strerror(errno));
    free(names);
    return written;
}

static bool run_objcopy(const struct workspace *workspace, const char *const *paths, size_t count, char **error)
{
    struct command commands[CONTRACT_OBJECTS_MAX] = {0};
    struct process_spec specs[CONTRACT_OBJECTS_MAX] = {0};
    struct process_result results[CONTRACT_OBJECTS_MAX];
    struct policy policy;
    char *temporary = text_format("TMPDIR=%s/bin", workspace->root);
    const char *set[] = {temporary, NULL};
    policy_link(&policy, workspace);
    for (size_t i = 0; i < count; i++) {
        command_add(&commands[i], "objcopy");
        command_add_path(&commands[i], "--keep-global-symbols=", workspace->root, "bin/contract");
        command_add(&commands[i], paths[i]);
        specs[i] = (struct process_spec){.argv = (const char *const *)commands[i].words,
                                         .set = set,
                                         .sandbox = &policy.sandbox,
                                         .deadline = tool_seconds,
                                         .memory_limit = tool_memory};
    }
    const bool ran = process_run(specs, count, (size_t)workspace->cores, results);
    if (!ran)
        *error = text_format("cannot run 'objcopy'");
    for (size_t i = 0; i < count; i++) {
        if (ran && *error == NULL && (results[i].end != PROCESS_EXITED || results[i].code != 0)) {
            char *how = process_describe(&specs[i], &results[i]);
            *error = text_format("'objcopy' %s: %s", how, results[i].err);
            free(how);
        }
        if (ran)
            process_release(&results[i]);
        command_release(&commands[i]);
    }
    policy_release(&policy);
    free(temporary);
    return *error == NULL;
}

/* What objcopy leaves global would be seen by others all the same. */
static bool check_done(const struct manifest *manifest, const char *const *paths, size_t count, char **error)
{
    for (size_t i = 0; i < count; i++) {
        char *name;
        if (!find_other(manifest, paths[i], &name, error))
            return false;
        if (name != NULL)
            *error = text_format("'objcopy' does not make '%s' local", name);
        free(name);
        if (*error != NULL)
            return false;
    }
    return true;
}

bool contract_keep(const struct manifest *manifest, const struct workspace *workspace, const char *const *paths,
                   size_t count, char **error)
{
    const char *chosen[CONTRACT_OBJECTS_MAX];
    size_t chosen_count;
    *error = NULL;
    if (!choose(manifest, paths, count, chosen, &chosen_count, error))
        return false;
    if (chosen_count == 0)
        return true;
    char *names = workspace_path(workspace, "bin/contract");
    const bool good = write_names(manifest, names, error) && run_objcopy(workspace, chosen, chosen_count, error) &&
                      check_done(manifest, chosen, chosen_count, error);
    free(names);
    return good;
}
