/*
 * libraries.h: how to compile and link with the libraries that a lab's manifest names (pkg-config).
 */
#ifndef GRADER_LIBRARIES_H
#define GRADER_LIBRARIES_H

#include "manifest.h"

/* libraries_flags: what pkg-config prints for the lab's libraries with `option` (--cflags or --libs); "" if it has
 * none. NULL with `*error` set if one is not installed. Caller frees both. Blocks while pkg-config runs. Thread safe.
 */
char *libraries_flags(const struct manifest *manifest, const char *option, char **error);

#endif
