/*
 * overlay.h: an instructor's hidden tests and scenarios of one lab, beside what students are given.
 *
 *   labs/labNN_stem/hidden/, or DIR/labNN_stem/ with --overlay DIR:
 *     hidden.yaml    visibility, tests and schedules; entries as in lab.yaml
 *     tests.c        LAB_TESTs, if there are tests
 *     scenarios.c    SCENARIOs, if there are schedules
 *     *.h            what they include beyond the lab's own headers
 */
#ifndef GRADER_OVERLAY_H
#define GRADER_OVERLAY_H

#include <stdbool.h>

#include "manifest.h"
#include "report.h"

struct overlay {
    char *directory; /* absolute */
    enum visibility visibility;
    struct manifest_test *tests;
    unsigned tests_count;
    struct manifest_scenario *scenarios;
    unsigned scenarios_count;
};

/* overlay_load: the overlay of the manifest's lab, from the folder `directory`, or where that is NULL from the lab's
 * own folder `hidden`. Sets `*overlay` to NULL if the lab has none there, to be released with overlay_free otherwise.
 * Returns false with `*error` set (caller frees; FILE:LINE first) if it is not right, or `directory` is no folder. */
bool overlay_load(const struct manifest *manifest, const char *directory, struct overlay **overlay, char **error);

/* overlay_free: releases `overlay`, which may be NULL. */
void overlay_free(struct overlay *overlay);

/* overlay_points: what its tests and scenarios are worth together; 0 for NULL. */
int overlay_points(const struct overlay *overlay);

#endif
