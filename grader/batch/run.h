/*
 * run.h: does the waiting jobs of a lab, several at a time.
 *
 * Theory of operation. A worker thread for each job that may run at a time:
 *
 *     worker: take the next waiting job -> `grader grade` in a process -> read its report -> one transaction
 *                  ^ under the lock              not under the lock                      under the lock
 *
 * The main thread draws the progress. The parent keeps nothing of a job that is done, so its memory does not grow with
 * the class. Measurements take turns among all graders of the machine (quiet.h): while one runs, no other stage does.
 * A job that fails by our fault is tried a second time.
 */
#ifndef GRADER_BATCH_RUN_H
#define GRADER_BATCH_RUN_H

#include "gradebook.h"
#include "job.h"

struct run_totals {
    size_t graded, failed;
    double programs_cpu_seconds; /* CPU time of what the graders ran */
    double seconds;
    bool interrupted;
};

/* run_jobs: runs `jobs` (at least 1) at a time until nothing waits, the user interrupts, or the gradebook cannot be
 * written. `total` is for the progress. Returns false with store.error set in the last case; what was done stays. */
bool run_jobs(struct gradebook *book, const struct job_site *site, unsigned jobs, size_t total,
              struct run_totals *totals);

#endif
