#include "run.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../process.h"
#include "../text.h"
#include "progress.h"
#include "work.h"

enum { TRIES = 2 };

struct run {
    pthread_mutex_t lock; /* guards all below, and the gradebook */
    pthread_cond_t changed;
    struct gradebook *book;
    const struct job_site *site;
    struct progress progress;
    struct run_totals *totals;
    int64_t taken;   /* the last job that was taken */
    unsigned active; /* workers that have not ended */
    bool stop;
};

struct worker {
    struct run *run;
    unsigned slot;
    pthread_t thread;
};

static void run_twice(const struct run *run, unsigned slot, const struct work_job *job, struct job_outcome *outcome)
{
    for (int i = 0; i < TRIES; i++) {
        if (i > 0)
            job_release(outcome);
        job_run(run->site, slot, job->bytes, job->length, outcome);
        if (outcome->graded || outcome->interrupted)
            return;
    }
}

/* Under the lock. */
static void settle(struct run *run, const struct work_job *job, const struct job_outcome *outcome)
{
    bool written = true;
    char *line = NULL;
    if (outcome->interrupted) {
        run->stop = run->totals->interrupted = true;
        return;
    }
    if (outcome->graded) {
        written = work_done(run->book, job, outcome->score, outcome->max_score, outcome->seconds, outcome->report);
        line = text_format("%s: %d/%d  (%.1f s)", job->name, outcome->score, outcome->max_score, outcome->seconds);
    } else {
        written = work_failed(run->book, job, TRIES, outcome->error);
        line = text_format("%s: GRADER_ERROR: %s", job->name, outcome->error);
    }
    run->totals->graded += written && outcome->graded ? 1 : 0;
    run->totals->failed += written && !outcome->graded ? 1 : 0;
    run->stop = run->stop || !written;
    if (written)
        progress_done(&run->progress, !outcome->graded, line);
    free(line);
}

static bool take(struct run *run, unsigned slot, struct work_job *job)
{
    if (run->stop || process_interrupted() || !work_next(run->book, run->site->lab_name, run->taken, job))
        return false;
    run->taken = job->id;
    run->progress.running[slot] = job->name;
    return true;
}

static void *work(void *argument)
{
    const struct worker *worker = argument;
    struct run *run = worker->run;
    struct work_job job;
    struct job_outcome outcome;
    pthread_mutex_lock(&run->lock);
    while (take(run, worker->slot, &job)) {
        pthread_mutex_unlock(&run->lock);
        run_twice(run, worker->slot, &job, &outcome);
        pthread_mutex_lock(&run->lock);
        run->progress.running[worker->slot] = NULL;
        run->totals->programs_cpu_seconds += outcome.programs_cpu_seconds;
        settle(run, &job, &outcome);
        work_release(&job);
        job_release(&outcome);
    }
    run->active--;
    pthread_cond_signal(&run->changed);
    pthread_mutex_unlock(&run->lock);
    return NULL;
}

/* Draws four times a second until all workers have ended. Under the lock. */
static void watch(struct run *run)
{
    while (run->active > 0) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += 250000000;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        pthread_cond_clockwait(&run->changed, &run->lock, CLOCK_MONOTONIC, &until);
        progress_draw(&run->progress);
    }
}

static bool start_workers(struct run *run, struct worker *workers, unsigned jobs)
{
    for (unsigned i = 0; i < jobs; i++) {
        workers[i] = (struct worker){.run = run, .slot = i};
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
            break;
        run->active++;
    }
    return run->active > 0;
}

bool run_jobs(struct gradebook *book, const struct job_site *site, unsigned jobs, size_t total,
              struct run_totals *totals)
{
    struct run run = {.lock = PTHREAD_MUTEX_INITIALIZER,
                      .changed = PTHREAD_COND_INITIALIZER,
                      .book = book,
                      .site = site,
                      .totals = totals};
    const char **running = text_allocate(jobs, sizeof *running);
    struct worker *workers = text_allocate(jobs, sizeof *workers);
    *totals = (struct run_totals){0};
    progress_begin(&run.progress, total, running, jobs);
    pthread_mutex_lock(&run.lock);
    if (!start_workers(&run, workers, jobs))
        store_fail(&book->store, "cannot start a thread");
    const unsigned started = run.active;
    watch(&run);
    pthread_mutex_unlock(&run.lock);
    for (unsigned i = 0; i < started; i++)
        pthread_join(workers[i].thread, NULL);
    progress_end(&run.progress);
    totals->seconds = progress_now() - run.progress.start;
    totals->interrupted = totals->interrupted || process_interrupted();
    free(workers);
    free(running);
    return book->store.error == NULL;
}
