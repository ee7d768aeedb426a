/*
 * contract.h: of all that a hand-in defines, the programs it is linked to see what the lab's header declares (the
 * manifest's `functions`), and nothing else. So a helper may have any name: one of the C library, of the harness or of
 * the lab's own programs neither meets theirs nor takes their place.
 */
#ifndef GRADER_CONTRACT_H
#define GRADER_CONTRACT_H

#include <stdbool.h>
#include <stddef.h>

#include "manifest.h"
#include "workspace.h"

enum { CONTRACT_OBJECTS_MAX = 8 };

/* contract_keep: makes every other symbol that one of the `count` (at most CONTRACT_OBJECTS_MAX) objects at `paths`
 * defines local to it, by objcopy, in place; what defines no other stays as it is. The gate must have seen the objects
 * before, and refused what cannot be made local. Returns false with `*error` set (caller frees) if objcopy fails or
 * leaves one global. Blocks until objcopy is done. */
bool contract_keep(const struct manifest *manifest, const struct workspace *workspace, const char *const *paths,
                   size_t count, char **error);

#endif
