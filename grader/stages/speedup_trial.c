#include "speedup_trial.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../policy.h"
#include "../process.h"
#include "../stage_limits.h"
#include "../text.h"

enum { BENCH_FAILED = 1 /* exit status of bench_fail */ };
enum { BASELINE_RUNS = 3, WAITING_RUNS = 3, WORKERS_MAX = 8, SAID_LINES = 3, CONTENDED_WORKERS_MIN = 2 };

/* A measure that is still undecided after this many rounds, or this many timed seconds of them, stays so. */
static const struct {
    size_t rounds;
    double seconds;
} most[] = {[MEASURE_CPU] = {20, 20.0}, [MEASURE_LATENCY] = {SPEEDUP_ROUNDS_MAX, 40.0}};

enum role { BASELINE, YARDSTICK, STUDENT, LINES };

static const struct {
    const char *program, *word;
} roles[] = {
    [BASELINE] = {"bin/baseline", "baseline"},
    [YARDSTICK] = {"bin/baseline", "yardstick"},
    [STUDENT] = {"bin/bench", "student"},
    [LINES] = {"bin/lines", "student"},
};

/* One run of one role. */
struct run {
    struct speedup_time time;
    double cpu;      /* seconds, of the program itself */
    double tree_cpu; /* seconds, of all its processes */
    uint64_t answer;
};

/* A fresh input for each round, the same on every grading with this seed (the mixing step is SplitMix64's). */
static uint64_t round_seed(const struct trial *trial, size_t round)
{
    uint64_t z = trial->workspace->seed + (round + 1) * 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    return (z ^ (z >> 27)) >> 1;
}

static int workers_of(const struct trial *trial, enum role role)
{
    return role == LINES && trial->workers < CONTENDED_WORKERS_MIN ? CONTENDED_WORKERS_MIN : trial->workers;
}

static bool run_once(const struct trial *trial, enum role role, size_t round, struct process_result *result)
{
    char *program = workspace_path(trial->workspace, roles[role].program);
    char *directory = workspace_path(trial->workspace, "run");
    char *workers = text_format("%d", workers_of(trial, role));
    char *seed = text_format("%" PRIu64, round_seed(trial, round));
    const char *argv[] = {program, roles[role].word, trial->measure->name, workers, seed, NULL};
    struct policy policy;
    policy_run(&policy, trial->workspace, trial->manifest, roles[role].program);
    struct process_spec spec = {.argv = argv,
                                .directory = directory,
                                .service = policy.service,
                                .sandbox = &policy.sandbox,
                                .stopwatch = role != LINES};
    stage_limits_set(&spec, trial->manifest, LIMITS_SPEEDUP);
    const bool ok = process_run(&spec, 1, 1, result);
    policy_release(&policy);
    free(program);
    free(directory);
    free(workers);
    free(seed);
    return ok;
}

static void set_trouble(struct trial *trial, char *text)
{
    free(trial->trouble);
    trial->trouble = text;
}

/* What a run that gave no answer means. */
static enum outcome judge_failure(struct trial *trial, enum role role, const struct process_result *run)
{
    struct process_spec spec = {0};
    stage_limits_set(&spec, trial->manifest, LIMITS_SPEEDUP);
    char *how = process_describe(&spec, run);
    char *excerpt = text_excerpt(run->err, SAID_LINES), *said = text_clean(excerpt);
    set_trouble(trial, text_format("%s%s%s", how, *said != '\0' ? ": " : "", said));
    free(excerpt);
    free(said);
    free(how);
    if (role != STUDENT || run->end == PROCESS_NOT_STARTED || run->end == PROCESS_INTERRUPTED)
        return OUR_FAULT;
    if (run->end == PROCESS_EXITED)
        return WRONG;
    const enum process_limit limit = process_limit_hit(run);
    trial->limited = limit != LIMIT_NONE;
    return limit == LIMIT_TIME ? HUNG : CRASHED;
}

static enum outcome run_role(struct trial *trial, enum role role, size_t round, struct run *run)
{
    struct process_result result;
    enum outcome outcome = GOOD;
    if (!run_once(trial, role, round, &result)) {
        set_trouble(trial, text_format("cannot start '%s'", roles[role].program));
        return OUR_FAULT;
    }
    if (!result.answered ||
        (result.end == PROCESS_EXITED && result.code == BENCH_FAILED)) /* a check after the answer */
        outcome = judge_failure(trial, role, &result);
    *run = (struct run){.time = speedup_time(result.timed_seconds, result.quiet_seconds),
                        .cpu = result.timed_cpu,
                        .tree_cpu = result.tree_cpu,
                        .answer = result.answer};
    process_release(&result);
    return outcome;
}

static enum outcome compare(struct trial *trial, uint64_t answer, uint64_t right)
{
    if (answer == right)
        return GOOD;
    set_trouble(trial, text_format("gives the answer %" PRIu64 ", the sequential program %" PRIu64, answer, right));
    return WRONG;
}

static enum outcome run_baseline(struct trial *trial, struct run *run)
{
    const enum outcome outcome = run_role(trial, BASELINE, 0, run);
    if (outcome == GOOD && (trial->baseline.wall <= 0.0 || run->time.wall < trial->baseline.wall))
        trial->baseline = run->time;
    return outcome;
}

/* Yardstick and hand-in, the other one first each time, so that a machine that slows down or speeds up favours none. */
static enum outcome run_cpu_round(struct trial *trial, size_t round, struct run runs[STUDENT + 1])
{
    for (size_t i = 0; i < 2; i++) {
        const enum role role = (i + round) % 2 == 0 ? YARDSTICK : STUDENT;
        const enum outcome outcome = run_role(trial, role, round, &runs[role]);
        if (outcome != GOOD)
            return outcome;
    }
    runs[YARDSTICK].time =
        speedup_with_no_more_cpu(runs[YARDSTICK].time, runs[YARDSTICK].tree_cpu, runs[STUDENT].tree_cpu);
    return compare(trial, runs[STUDENT].answer, runs[YARDSTICK].answer);
}

static enum outcome run_latency_round(struct trial *trial, struct run runs[STUDENT + 1])
{
    enum outcome outcome = GOOD;
    if (trial->count < BASELINE_RUNS)
        outcome = run_baseline(trial, &runs[BASELINE]);
    if (outcome == GOOD)
        outcome = run_role(trial, STUDENT, 0, &runs[STUDENT]);
    return outcome != GOOD ? outcome : compare(trial, runs[STUDENT].answer, runs[BASELINE].answer);
}

/* Counts a run of the hand-in that went wrong. Returns whether the outcome decides. */
static bool is_final(struct trial *trial, enum outcome outcome)
{
    return outcome == OUR_FAULT || (outcome != GOOD && speedup_failures_decide(++trial->failures));
}

/* With `last` no more rounds are to come. */
static struct speedup_judgement judge(const struct trial *trial, bool last)
{
    const double asked = speedup_trial_asked(trial);
    if (trial->measure->kind == MEASURE_LATENCY) {
        const struct speedup_judgement calm = speedup_judge_calm(trial->rounds, trial->count, asked);
        if (calm.side != INTERVAL_UNDECIDED || !last)
            return calm;
    }
    return speedup_judge(trial->rounds, trial->count, trial->failures, asked);
}

static void add_round(struct trial *trial, const struct run runs[STUDENT + 1])
{
    const bool cpu = trial->measure->kind == MEASURE_CPU;
    trial->rounds[trial->count++] =
        (struct speedup_round){.reference = runs[YARDSTICK].time, .handin = runs[STUDENT].time};
    for (size_t i = 0; !cpu && i < trial->count; i++)
        trial->rounds[i].reference = trial->baseline;
}

static enum outcome measure_ratio(struct trial *trial)
{
    const bool cpu = trial->measure->kind == MEASURE_CPU;
    const size_t rounds_max = most[trial->measure->kind].rounds;
    const double seconds_max = most[trial->measure->kind].seconds;
    struct run runs[STUDENT + 1] = {0};
    enum outcome outcome = cpu ? run_baseline(trial, &runs[BASELINE]) : GOOD;
    bool last = false;
    trial->judgement = judge(trial, last);
    double spent = trial->baseline.wall;
    if (outcome != GOOD)
        return outcome;
    while (trial->judgement.side == INTERVAL_UNDECIDED && !last) {
        outcome = cpu ? run_cpu_round(trial, trial->count, runs) : run_latency_round(trial, runs);
        if (is_final(trial, outcome))
            return outcome;
        if (outcome != GOOD)
            continue;
        add_round(trial, runs);
        spent += runs[YARDSTICK].time.wall + runs[STUDENT].time.wall;
        last = trial->count == rounds_max || (trial->count >= SPEEDUP_DOUBTFUL_ROUNDS_MIN && spent > seconds_max);
        trial->judgement = judge(trial, last);
    }
    if (trial->judgement.side == INTERVAL_UNDECIDED) {
        set_trouble(trial, text_format("the times vary too much on this machine to tell in %zu rounds", trial->count));
        return NOT_MEASURED;
    }
    return trial->judgement.side == INTERVAL_BELOW ? SLOW : GOOD;
}

/* CPU time burned while waiting: noise only adds to it, so one good run is proof, unless one went wrong. */
static enum outcome measure_waiting(struct trial *trial)
{
    while (trial->count < WAITING_RUNS) {
        struct run run;
        const enum outcome outcome = run_role(trial, STUDENT, trial->count, &run);
        if (is_final(trial, outcome))
            return outcome;
        if (outcome != GOOD)
            continue;
        trial->least_cpu = trial->count == 0 || run.cpu < trial->least_cpu ? run.cpu : trial->least_cpu;
        trial->count++;
        if (trial->least_cpu <= trial->measure->threshold && (trial->failures == 0 || trial->count == WAITING_RUNS))
            return GOOD;
    }
    return SLOW;
}

bool speedup_trial_is_contended(const struct contention *contention)
{
    const uint64_t workers = (uint64_t)contention->workers;
    return 4 * workers * contention->writes > (workers - 1) * contention->steps;
}

/* The last line it printed, for the hand-in may print, too. No steps and no writes if there is none. */
static struct contention read_contention(const char *out, int workers)
{
    struct contention last = {.workers = workers}, read = last;
    for (const char *line = out; line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (sscanf(line, "lines %" SCNu64 " %" SCNu64 " %" SCNx64, &read.steps, &read.writes, &read.from) == 3)
            last = read;
    }
    return last;
}

/* A run that goes wrong says nothing: that is for the runs that are timed. */
static bool is_contended(struct trial *trial)
{
    struct process_result result;
    if (!run_once(trial, LINES, 0, &result))
        return false;
    if (result.end == PROCESS_EXITED && result.code == 0)
        trial->contention = read_contention(result.out, workers_of(trial, LINES));
    process_release(&result);
    return trial->contention.steps > 0 && speedup_trial_is_contended(&trial->contention);
}

enum outcome speedup_trial_run(struct trial *trial)
{
    const int cores = trial->workspace->cores < WORKERS_MAX ? trial->workspace->cores : WORKERS_MAX;
    trial->workers = trial->measure->workers > 0 ? trial->measure->workers : cores;
    if (trial->measure->kind == MEASURE_CPU && is_contended(trial))
        return CONTENDED;
    if (trial->measure->kind == MEASURE_CPU && trial->workspace->cores < 2) {
        set_trouble(trial, text_format("this machine has one core: nothing can run faster by being split"));
        return NOT_MEASURED;
    }
    return trial->measure->kind == MEASURE_WAITING ? measure_waiting(trial) : measure_ratio(trial);
}

void speedup_trial_release(struct trial *trial)
{
    free(trial->trouble);
    trial->trouble = NULL;
}

double speedup_trial_asked(const struct trial *trial)
{
    return trial->measure->kind == MEASURE_CPU ? trial->measure->threshold : trial->measure->threshold * trial->workers;
}

double speedup_trial_times(const struct trial *trial, bool reference)
{
    if (trial->measure->kind == MEASURE_LATENCY)
        return trial->judgement.ratio.middle;
    const double baseline = trial->judgement.busy ? trial->baseline.quiet : trial->baseline.wall;
    return baseline / speedup_mean(trial->rounds, trial->count, reference);
}
