/*
 * ruling.h: what the explorer says about data races in a hand-in, from what the stage `schedules` left in the
 * workspace.
 */
#ifndef GRADER_EXPLORE_RULING_H
#define GRADER_EXPLORE_RULING_H

#include <stdbool.h>
#include <stddef.h>

#include "../manifest.h"
#include "../workspace.h"

/* One access of a race, in the hand-in: the access itself, or the call that led to it. */
struct ruling_place {
    int line; /* 0: it is not in the hand-in */
    bool write;
    char *function;
};

struct ruling_race {
    const char *scenario; /* its name in the manifest */
    char *token;
    struct ruling_place places[2];
};

struct ruling {
    bool judged; /* every scenario was */
    bool fails;  /* some scenario was judged, and failed */
    struct ruling_race *races;
    size_t races_count;
    bool *covered; /* by line of the hand-in: an access of that line was made in some schedule */
    int lines;
};

/* ruling_read: fills `ruling`; all of it is zero if the stage did not run. Release with ruling_release. Blocks on file
 * reads. Thread safe. */
void ruling_read(struct ruling *ruling, const struct manifest *manifest, const struct workspace *workspace);
void ruling_release(struct ruling *ruling);

/* ruling_acquits: whether every scenario was judged, and none failed: lines that were covered have no race. */
bool ruling_acquits(const struct ruling *ruling);

/* ruling_covers: whether accesses of `line` were made in some schedule. */
bool ruling_covers(const struct ruling *ruling, int line);

#endif
