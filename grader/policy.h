/*
 * policy.h: what of a workspace each kind of program may see in its sandbox.
 */
#ifndef GRADER_POLICY_H
#define GRADER_POLICY_H

#include <stddef.h>

#include "manifest.h"
#include "sandbox.h"
#include "workspace.h"

enum { POLICY_PATHS_MAX = 32 };

struct policy {
    struct sandbox sandbox; /* points into the lists below: a policy must not be copied */
    char *service;          /* for struct process_spec; NULL: none */
    char *readable[POLICY_PATHS_MAX + 1], *writable[POLICY_PATHS_MAX + 1], *scratch[POLICY_PATHS_MAX + 1];
};

/* policy_compile: for a compiler that reads the hand-in: the hand-in and the lab's headers; it writes below bin/. */
void policy_compile(struct policy *policy, const struct workspace *workspace);

/* policy_link: for a compiler that reads the lab's own programs and the harness, and no text of the hand-in. */
void policy_link(struct policy *policy, const struct workspace *workspace);

/* policy_run: for `program` (of the workspace, e.g. bin/tests), which sees itself; run/ is empty and in memory. It has
 * the service that its lab asks for, unless `manifest` is NULL. */
void policy_run(struct policy *policy, const struct workspace *workspace, const struct manifest *manifest,
                const char *program);

/* policy_add: lets a program see the workspace's file or directory `name`, read-only. */
void policy_add(struct policy *policy, const struct workspace *workspace, const char *name);

/* policy_add_writable: lets a program write to the existing file `path`. */
void policy_add_writable(struct policy *policy, const char *path);

/* policy_unreadable: the first part of the kit that programs in the sandbox need and may not read, because it was
 * unpacked for its owner alone; NULL if there is none. Caller frees. */
char *policy_unreadable(const struct kit *kit);

/* policy_release: frees what a policy of those above holds. */
void policy_release(struct policy *policy);

#endif
