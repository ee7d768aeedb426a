/*
 * job.h: one hand-in graded by one process: `grader grade LAB FILE --json OUT`, in a folder of its own.
 *
 * The job knows nothing of the gradebook: a file and a lab go in, a report comes out. For tests of the batch itself
 * $LOCKSTEP_BATCH_JOB names another program to start in the grader's place, with the same arguments.
 */
#ifndef GRADER_BATCH_JOB_H
#define GRADER_BATCH_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct job_site {
    char *scratch;                     /* the folder of this run of a batch */
    char *program;                     /* the grader */
    const char *lab, *lab_name, *file; /* lab01, lab01_counter, counter.c */
    int64_t seed;
};

struct job_outcome {
    bool graded, interrupted; /* neither: our fault, see error */
    int score, max_score;
    double seconds;
    double programs_cpu_seconds; /* as the report says */
    char *report;                /* JSON */
    char *error;
};

/* job_site_open: makes the folder, under TMPDIR (or /tmp), named after the gradebook, whose lock the caller has: what
 * killed batches left behind is removed. What of them still dies elsewhere finds no folder to write to. Returns false
 * with `*error` set (caller frees). job_site_close removes it. */
bool job_site_open(struct job_site *site, const char *gradebook, char **error);
void job_site_close(struct job_site *site);

/* job_run: grades `bytes`; blocks for seconds to minutes. `slot` tells jobs that run at the same time apart. Thread
 * safe. Release the outcome with job_release. */
void job_run(const struct job_site *site, unsigned slot, const char *bytes, size_t length, struct job_outcome *outcome);
void job_release(struct job_outcome *outcome);

#endif
