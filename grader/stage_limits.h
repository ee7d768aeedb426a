/*
 * stage_limits.h: what the programs of a stage may use, from the manifest.
 */
#ifndef GRADER_STAGE_LIMITS_H
#define GRADER_STAGE_LIMITS_H

#include "manifest.h"
#include "process.h"

enum limited_stage { LIMITS_TESTS, LIMITS_RACES, LIMITS_SPEEDUP };

/* stage_limits_set: sets the limits and the stage's name in `spec`. Thread safe. */
void stage_limits_set(struct process_spec *spec, const struct manifest *manifest, enum limited_stage stage);

#endif
