/*
 * work.h: which hand-ins of a lab want grading, and what came of it, in the gradebook.
 *
 * A job is one content of one lab under one version of lab and grader and one seed: hand-ins that are alike share it.
 * It is `waiting`, and becomes `done` in the same transaction that writes its result, or `failed` if grading it was
 * our fault. Nothing marks a job as running: whoever starts again after a crash finds it waiting.
 */
#ifndef GRADER_BATCH_WORK_H
#define GRADER_BATCH_WORK_H

#include <stddef.h>

#include "gradebook.h"
#include "sha256.h"

struct work_key {
    const char *lab; /* full name */
    char lab_version[SHA256_HEX], grader_version[SHA256_HEX];
    int64_t seed;
};

struct work_scope {
    int64_t student; /* 0: all */
    bool again;      /* also what has a result under this key already */
    const char *why; /* batch or regrade: goes into the history */
};

struct work_counts {
    int64_t waiting; /* jobs to do */
    int64_t handins; /* hand-ins those are for */
    int64_t linked;  /* hand-ins that took over a result found in the gradebook */
    bool resumed;    /* waiting jobs of an interrupted regrade were found, and nothing was added to them */
};

/* work_plan: one transaction: finds results that are there, makes jobs of the rest, and lets failed jobs wait again.
 * Returns false with store.error set. */
bool work_plan(struct gradebook *book, const struct work_key *key, const struct work_scope *scope,
               struct work_counts *counts);

struct work_job {
    int64_t id;
    char *hash, *name; /* name: of a student who handed it in */
    char *bytes;
    size_t length;
};

/* work_next: the first waiting job of the lab behind job `after`; false if there is none, or on error. */
bool work_next(struct gradebook *book, const char *lab, int64_t after, struct work_job *job);
void work_release(struct work_job *job);

/* work_done: one transaction: the result, the hand-ins it is for, their histories. work_failed: the job is `failed`
 * because of `error`. Both return false with store.error set, and have then changed nothing. */
bool work_done(struct gradebook *book, const struct work_job *job, int score, int max_score, double seconds,
               const char *report);
bool work_failed(struct gradebook *book, const struct work_job *job, int tries, const char *error);

#endif
