/*
 * workspace.h: the fresh directory in which one hand-in is graded.
 *
 *   ROOT/handin/STEM.c   the hand-in, nothing else of its author
 *   ROOT/lab/            the lab as it was given out: STEM.h, tests.c, scenarios.c, race.c, bench.c
 *   ROOT/bin/            objects and programs
 *   ROOT/run/            receipts, Criterion's JSON, valgrind's XML
 */
#ifndef GRADER_WORKSPACE_H
#define GRADER_WORKSPACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kit.h"
#include "manifest.h"

struct overlay;

struct workspace {
    const struct kit *kit;
    char *root;
    char *handin;       /* the hand-in's path as its author gave it */
    char *handin_shown; /* the same in one line: control characters are '?' */
    char *content;      /* the hand-in's text, NUL-terminated */
    char *problem;      /* why it cannot be compiled at all (empty, binary, too large), NULL if it can */
    bool untouched;     /* the same as the skeleton */
    bool foreign;       /* not the file in the labs folder: FILE= belongs in commands shown */
    uint64_t seed;
    bool kept;                     /* the directory was named by the user and stays */
    unsigned stages;               /* bit set of the stages that will run (enum stage_id) */
    unsigned programs;             /* bit set of the stages whose programs are built */
    const char *only_test;         /* run this test alone; NULL: all */
    int cores;                     /* cores_allowed */
    const struct overlay *overlay; /* hidden tests; NULL: the lab has none. Not owned */
};

/* workspace_create: makes the directory and fills it: under TMPDIR (or /tmp), or at `keep`, which must not exist,
 * if that is not NULL. `handin` is the file handed in, or a directory that holds one named manifest->file. Returns
 * EXIT_GRADED, EXIT_USAGE if the hand-in is not there or cannot be read, EXIT_GRADER_ERROR if the directory cannot be
 * made or filled; with `*error` set (caller frees) unless 0. A hand-in that is there but no C text is no error: see
 * `problem`. */
int workspace_create(struct workspace *workspace, const struct kit *kit, const struct manifest *manifest,
                     const char *handin, const char *keep, char **error);

/* workspace_remove: deletes the directory and all in it (also what a program made unreadable there), unless it is to be
 * kept, and frees what the workspace owns. */
void workspace_remove(struct workspace *workspace);

/* workspace_path: ROOT/NAME; caller frees. */
char *workspace_path(const struct workspace *workspace, const char *name);

/* workspace_shown: `text` with the workspace's own paths replaced by those its author knows; cleaned. Caller frees. */
char *workspace_shown(const struct workspace *workspace, const struct manifest *manifest, const char *text);

/* workspace_command: the `make` line that repeats a stage: `make GOAL LAB=lab01 [FILE=...] [extra]`. `goal` may be
 * NULL for `make lab01`. Caller frees. */
char *workspace_command(const struct workspace *workspace, const struct manifest *manifest, const char *goal,
                        const char *extra);

#endif
