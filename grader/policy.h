/*
 * policy.h: what of a workspace each kind of program may see in its sandbox.
 */
#ifndef GRADER_POLICY_H
#define GRADER_POLICY_H

#include <stddef.h>

#include "sandbox.h"
#include "workspace.h"

enum { POLICY_PATHS_MAX = 32 };

struct policy {
    struct sandbox sandbox; /* points into the lists below: a policy must not be copied */
    char *readable[POLICY_PATHS_MAX + 1], *writable[POLICY_PATHS_MAX + 1], *scratch[POLICY_PATHS_MAX + 1];
};

/* policy_compile: for a compiler that reads the hand-in: the hand-in and the lab's headers; it writes below bin/. */
void policy_compile(struct policy *policy, const struct workspace *workspace);

/* policy_link: for a compiler that reads the lab's own programs and the harness, and no text of the hand-in. */
void policy_link(struct policy *policy, const struct workspace *workspace);

/* policy_run: for `program` (of the workspace, e.g. bin/tests), which sees itself and the harness's helper programs.
 * Its run/ is empty and in memory; with `keeps_files` what it writes there stays in the workspace. `program` may be
 * NULL: policy_add adds what else is to be seen. */
void policy_run(struct policy *policy, const struct workspace *workspace, const char *program, bool keeps_files);

/* policy_add: lets a program see the workspace's file or directory `name`, read-only. */
void policy_add(struct policy *policy, const struct workspace *workspace, const char *name);

/* policy_add_writable: lets a program write to the existing file `path`. */
void policy_add_writable(struct policy *policy, const char *path);

/* policy_release: frees what a policy of those above holds. */
void policy_release(struct policy *policy);

#endif
