/*
 * tree.h: walks through a download: a folder with folders and archives in it, or one archive.
 */
#ifndef GRADER_BATCH_TREE_H
#define GRADER_BATCH_TREE_H

#include <stdbool.h>

#include "unpack.h"

struct tree_sink {
    struct unpack_sink files;
    const char *clone; /* labs/labNN_stem: a top folder with that in it is a clone, and only that is walked */
};

/* tree_walk: hands everything below `root` to the sink, in no particular order, with paths relative to it. Links and
 * special files are left aside; nothing is followed out. Holds one file at a time in memory. Returns false with
 * `*error` set (caller frees) if `root` itself cannot be read. */
bool tree_walk(const char *root, const struct tree_sink *sink, char **error);

#endif
