/*
 * speedup_trial.h: runs the bench programs of one measure until it is decided.
 *
 *     cpu       baseline once; then rounds: yardstick and hand-in by turns, with a fresh input each round
 *     latency   rounds of the hand-in, in the first three of them after the baseline; always with the same input
 *     waiting   the hand-in alone, until it has once used little CPU time
 *
 * A `cpu` measure whose work has steps is first run by the program `lines`, on two workers at least: a hand-in whose
 * workers, the one that does it most not counted, write to one cache line in more than every fourth of their steps is
 * CONTENDED, and is not timed. How much time that costs is very different from machine to machine, and on one that has
 * no second core to spare it is none at all.
 *
 * A run of the hand-in that goes wrong is no round; the second one decides (speedup_judge.h).
 *
 * The answer of the hand-in is compared with that of the yardstick, or else of the baseline, to the same input.
 */
#ifndef GRADER_STAGES_SPEEDUP_TRIAL_H
#define GRADER_STAGES_SPEEDUP_TRIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "../manifest.h"
#include "../workspace.h"
#include "speedup_judge.h"

/* What one measure came to. */
enum outcome { GOOD, SLOW, CONTENDED, WRONG, CRASHED, HUNG, NOT_MEASURED, OUR_FAULT, OUTCOMES };

/* What the program `lines` has counted (harness/lines.h). */
struct contention {
    int workers;            /* at least two */
    uint64_t steps, writes; /* of a measure without steps 0 */
    uint64_t from;          /* an instruction, relative to the load address */
};

struct trial {
    const struct manifest *manifest;
    const struct workspace *workspace;
    const struct manifest_measure *measure;
    int workers;
    struct speedup_time baseline; /* the fastest of its runs; not for waiting measures */
    struct speedup_round rounds[SPEEDUP_ROUNDS_MAX];
    size_t count;    /* of complete rounds */
    size_t failures; /* runs of the hand-in that went wrong */
    struct speedup_judgement judgement;
    double least_cpu; /* seconds; waiting measures only */
    struct contention contention;
    bool limited;  /* CRASHED means: ended for hitting a limit */
    char *trouble; /* what went wrong, for WRONG to OUR_FAULT and NOT_MEASURED; owned */
};

/* speedup_trial_run: measures. `trial` says what, all else in it is 0. Blocks while programs run. */
enum outcome speedup_trial_run(struct trial *trial);

void speedup_trial_release(struct trial *trial);

/* speedup_trial_is_contended: whether that is too much. Pure. */
bool speedup_trial_is_contended(const struct contention *contention);

/* speedup_trial_asked: the ratio that the hand-in has to reach (not for waiting measures). */
double speedup_trial_asked(const struct trial *trial);

/* speedup_trial_times: how many times as fast as the baseline the hand-in is, or with `reference` the yardstick. */
double speedup_trial_times(const struct trial *trial, bool reference);

#endif
