#include "policy.h"

#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "text.h"

static void init(struct policy *policy)
{
    memset(policy, 0, sizeof *policy);
    policy->sandbox.readable = (const char *const *)policy->readable;
    policy->sandbox.writable = (const char *const *)policy->writable;
    policy->sandbox.scratch = (const char *const *)policy->scratch;
}

/* Takes over `path`, but not one that is not there or has no place left. */
static void add(char *list[POLICY_PATHS_MAX + 1], char *path)
{
    size_t count = 0;
    while (list[count] != NULL)
        count++;
    if (count < POLICY_PATHS_MAX && access(path, F_OK) == 0)
        list[count] = path;
    else
        free(path);
}

static void add_headers(struct policy *policy, const struct workspace *workspace)
{
    glob_t found;
    char *pattern = workspace_path(workspace, "lab/*.h");
    if (glob(pattern, 0, NULL, &found) == 0) {
        for (size_t i = 0; i < found.gl_pathc; i++)
            add(policy->readable, text_format("%s", found.gl_pathv[i]));
        globfree(&found);
    }
    free(pattern);
}

void policy_compile(struct policy *policy, const struct workspace *workspace)
{
    init(policy);
    add(policy->readable, workspace_path(workspace, "handin"));
    add_headers(policy, workspace);
    add(policy->writable, workspace_path(workspace, "bin"));
}

void policy_link(struct policy *policy, const struct workspace *workspace)
{
    init(policy);
    add(policy->readable, workspace_path(workspace, "handin")); /* where it starts */
    add(policy->readable, workspace_path(workspace, "lab"));
    add(policy->readable, text_join(workspace->kit->top, "harness"));
    add(policy->readable, text_format("%s", workspace->kit->harness));
    add(policy->writable, workspace_path(workspace, "bin"));
}

void policy_run(struct policy *policy, const struct workspace *workspace, const struct manifest *manifest,
                const char *program)
{
    init(policy);
    policy_add(policy, workspace, program);
    if (manifest != NULL && manifest->service != NULL)
        policy->service = text_join(workspace->kit->harness, manifest->service);
    add(policy->scratch, workspace_path(workspace, "run"));
}

void policy_add(struct policy *policy, const struct workspace *workspace, const char *name)
{
    add(policy->readable, workspace_path(workspace, name));
}

void policy_add_writable(struct policy *policy, const char *path)
{
    add(policy->writable, text_format("%s", path));
}

char *policy_unreadable(const struct kit *kit)
{
    static const char *const built[] = {".", "libharness.a", "site", "explore", "explore/libexplore.o"};
    char *path = text_join(kit->top, "harness/test.h");
    for (size_t i = 0; sandbox_can_read(path) && i < sizeof built / sizeof *built; i++) {
        free(path);
        path = text_join(kit->harness, built[i]);
    }
    if (!sandbox_can_read(path))
        return path;
    free(path);
    return NULL;
}

static void release(char **list)
{
    for (size_t i = 0; list[i] != NULL; i++)
        free(list[i]);
}

void policy_release(struct policy *policy)
{
    release(policy->readable);
    release(policy->writable);
    release(policy->scratch);
    free(policy->service);
    memset(policy, 0, sizeof *policy);
}
