#include "speedup.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "../interval.h"
#include "../policy.h"
#include "../process.h"
#include "../stacks.h"
#include "../stage_limits.h"
#include "../text.h"

enum { BENCH_FAILED = 1 /* exit status of bench_fail */ };
enum { ROUNDS_MIN = 3, ROUNDS_MAX = 20, WAITING_RUNS = 3, WORKERS_MAX = 8, SAID_LINES = 3 };

/* A measure that is still undecided after this many timed seconds stays so. */
static const double seconds_max = 20.0;

/* A round in which the yardstick reached less than this share of the cores says nothing: they were not to be had. */
static const double yardstick_share = 0.7;

enum role { BASELINE, YARDSTICK, STUDENT, ROLES };

static const struct {
    const char *program, *word;
} roles[ROLES] = {
    [BASELINE] = {"bin/baseline", "baseline"},
    [YARDSTICK] = {"bin/baseline", "yardstick"},
    [STUDENT] = {"bin/bench", "student"},
};

/* What one measure came to. */
enum outcome { GOOD, SLOW, WRONG, CRASHED, HUNG, NOT_MEASURED, OUR_FAULT };

struct trial {
    const struct manifest *manifest;
    const struct workspace *workspace;
    const struct manifest_measure *measure;
    int workers;
    size_t rounds;
    double seconds[ROLES][ROUNDS_MAX];
    bool limited;  /* CRASHED means: ended for hitting a limit */
    char *trouble; /* what went wrong, for WRONG to OUR_FAULT and NOT_MEASURED */
};

static bool has_role(const struct trial *trial, enum role role)
{
    switch (trial->measure->kind) {
    case MEASURE_CPU:
        return true;
    case MEASURE_LATENCY:
        return role != YARDSTICK;
    case MEASURE_WAITING:
        return role == STUDENT;
    }
    return false;
}

/* A fresh input for each round, the same on every grading with this seed (the mixing step is SplitMix64's). */
static uint64_t round_seed(const struct trial *trial, size_t round)
{
    uint64_t z = trial->workspace->seed + (round + 1) * 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    return (z ^ (z >> 27)) >> 1;
}

static bool run_once(const struct trial *trial, enum role role, size_t round, struct process_result *result)
{
    char *program = workspace_path(trial->workspace, roles[role].program);
    char *directory = workspace_path(trial->workspace, "run");
    char *workers = text_format("%d", trial->workers);
    char *seed = text_format("%" PRIu64, round_seed(trial, round));
    const char *argv[] = {program, roles[role].word, trial->measure->name, workers, seed, NULL};
    struct policy policy;
    policy_run(&policy, trial->workspace, trial->manifest, roles[role].program);
    struct process_spec spec = {
        .argv = argv, .directory = directory, .service = policy.service, .sandbox = &policy.sandbox, .stopwatch = true};
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
    char *said = text_excerpt(run->err, SAID_LINES);
    set_trouble(trial, text_format("%s%s%s", how, *said != '\0' ? ": " : "", said));
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

static enum outcome run_role(struct trial *trial, enum role role, size_t round, uint64_t *answer)
{
    struct process_result run;
    enum outcome outcome = GOOD;
    if (!run_once(trial, role, round, &run)) {
        set_trouble(trial, text_format("cannot start '%s'", roles[role].program));
        return OUR_FAULT;
    }
    if (!run.answered || (run.end == PROCESS_EXITED && run.code == BENCH_FAILED)) /* a check after the answer */
        outcome = judge_failure(trial, role, &run);
    trial->seconds[role][round] = trial->measure->kind == MEASURE_WAITING ? run.timed_cpu : run.timed_seconds;
    *answer = run.answer;
    process_release(&run);
    return outcome;
}

/* One round: every role once, starting with another one each time, so that a machine that slows down or speeds up
 * favours none. */
static enum outcome run_round(struct trial *trial, size_t round)
{
    uint64_t answers[ROLES] = {0};
    for (size_t i = 0; i < ROLES; i++) {
        const enum role role = (enum role)((i + round) % ROLES);
        if (!has_role(trial, role))
            continue;
        const enum outcome outcome = run_role(trial, role, round, &answers[role]);
        if (outcome != GOOD)
            return outcome;
    }
    trial->rounds = round + 1;
    if (has_role(trial, BASELINE) && answers[STUDENT] != answers[BASELINE]) {
        set_trouble(trial, text_format("gives the answer %" PRIu64 ", the sequential program %" PRIu64,
                                       answers[STUDENT], answers[BASELINE]));
        return WRONG;
    }
    return GOOD;
}

/* Whether the machine had its cores to spare in a round. */
static bool is_valid(const struct trial *trial, size_t round)
{
    return trial->measure->kind != MEASURE_CPU ||
           trial->seconds[BASELINE][round] >= yardstick_share * trial->workers * trial->seconds[YARDSTICK][round];
}

static size_t valid_rounds(const struct trial *trial)
{
    size_t count = 0;
    for (size_t i = 0; i < trial->rounds; i++)
        count += is_valid(trial, i);
    return count;
}

/* The interval of time(over) / time(under) over all valid rounds. */
static struct interval ratio(const struct trial *trial, enum role over, enum role under)
{
    double ratios[ROUNDS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < trial->rounds; i++)
        if (is_valid(trial, i))
            ratios[count++] = trial->seconds[over][i] / trial->seconds[under][i];
    return interval_of_ratios(ratios, count);
}

/* What the hand-in is held against: yardstick (cpu) or baseline (latency), and the ratio asked for. */
static struct interval graded_ratio(const struct trial *trial)
{
    return ratio(trial, trial->measure->kind == MEASURE_CPU ? YARDSTICK : BASELINE, STUDENT);
}

static double asked_ratio(const struct trial *trial)
{
    return trial->measure->kind == MEASURE_CPU ? trial->measure->threshold : trial->measure->threshold * trial->workers;
}

/* Seconds that all rounds have taken so far. */
static double spent(const struct trial *trial)
{
    double sum = 0.0;
    for (size_t role = 0; role < ROLES; role++)
        for (size_t i = 0; i < trial->rounds; i++)
            sum += trial->seconds[role][i];
    return sum;
}

static enum outcome measure_ratio(struct trial *trial)
{
    enum interval_side side = INTERVAL_UNDECIDED;
    for (size_t round = 0; round < ROUNDS_MAX && side == INTERVAL_UNDECIDED; round++) {
        const enum outcome outcome = run_round(trial, round);
        if (outcome != GOOD)
            return outcome;
        const struct interval graded = graded_ratio(trial);
        if (valid_rounds(trial) >= ROUNDS_MIN)
            side = interval_side(&graded, asked_ratio(trial));
        if (trial->rounds >= ROUNDS_MIN && spent(trial) > seconds_max)
            break;
    }
    if (side == INTERVAL_UNDECIDED && valid_rounds(trial) < ROUNDS_MIN)
        set_trouble(trial,
                    text_format("in %zu of %zu rounds not even a plain split over %d cores ran much faster than one: "
                                "the machine is too busy to tell",
                                trial->rounds - valid_rounds(trial), trial->rounds, trial->workers));
    else if (side == INTERVAL_UNDECIDED)
        set_trouble(trial, text_format("the times vary too much on this machine to tell in %zu rounds", trial->rounds));
    return side == INTERVAL_UNDECIDED ? NOT_MEASURED : side == INTERVAL_ABOVE ? GOOD : SLOW;
}

/* CPU time burned while waiting: noise only adds to it, so one good run is proof. */
static enum outcome measure_waiting(struct trial *trial)
{
    for (size_t round = 0; round < WAITING_RUNS; round++) {
        const enum outcome outcome = run_round(trial, round);
        if (outcome != GOOD)
            return outcome;
        if (trial->seconds[STUDENT][round] <= trial->measure->threshold)
            return GOOD;
    }
    return SLOW;
}

static double least_cpu(const struct trial *trial)
{
    double least = trial->seconds[STUDENT][0];
    for (size_t i = 1; i < trial->rounds; i++)
        least = trial->seconds[STUDENT][i] < least ? trial->seconds[STUDENT][i] : least;
    return least;
}

static enum outcome measure(struct trial *trial)
{
    if (trial->measure->kind == MEASURE_CPU && trial->workspace->cores < 2) {
        set_trouble(trial, text_format("this machine has one core: nothing can run faster by being split"));
        return NOT_MEASURED;
    }
    return trial->measure->kind == MEASURE_WAITING ? measure_waiting(trial) : measure_ratio(trial);
}

/* --- words --- */

/* What was measured, e.g. `count 1.93x on 2 cores (plain split 1.98x)`. Caller frees. */
static char *describe_measure(const struct trial *trial)
{
    const char *name = trial->measure->name;
    switch (trial->measure->kind) {
    case MEASURE_CPU:
        return text_format("%s %.2fx on %d cores (plain split %.2fx)", name, ratio(trial, BASELINE, STUDENT).middle,
                           trial->workers, ratio(trial, BASELINE, YARDSTICK).middle);
    case MEASURE_LATENCY:
        return text_format("%s %.1fx with %d workers (needs %.1fx)", name, ratio(trial, BASELINE, STUDENT).middle,
                           trial->workers, asked_ratio(trial));
    case MEASURE_WAITING:
        return text_format("%s %.3f s of CPU (at most %.3f)", name, least_cpu(trial), trial->measure->threshold);
    }
    return NULL;
}

static void add_figure(struct stage_result *result, const struct trial *trial)
{
    const bool waiting = trial->measure->kind == MEASURE_WAITING;
    char *name = text_format("%s, %s", trial->measure->name, waiting ? "CPU seconds" : "speed-up");
    result_figure(result, name, waiting ? least_cpu(trial) : ratio(trial, BASELINE, STUDENT).middle, waiting);
    free(name);
}

static void add_slow(struct stage_result *result, const struct trial *trial)
{
    const char *name = trial->measure->name;
    switch (trial->measure->kind) {
    case MEASURE_CPU:
        result_add(
            result, "too-slow",
            "%s: your code runs %.2f times as fast as the sequential program; a plain split of the work over %d cores "
            "runs %.2f times as fast. Yours has to reach %.0f %% of that and reaches %.0f %%.",
            name, ratio(trial, BASELINE, STUDENT).middle, trial->workers, ratio(trial, BASELINE, YARDSTICK).middle,
            100.0 * trial->measure->threshold, 100.0 * graded_ratio(trial).middle);
        break;
    case MEASURE_LATENCY:
        result_add(
            result, "too-slow",
            "%s: with %d workers your code runs %.1f times as fast as the sequential program; it has to run %.1f "
            "times as fast.",
            name, trial->workers, graded_ratio(trial).middle, asked_ratio(trial));
        break;
    case MEASURE_WAITING:
        result_add(
            result, "busy-wait",
            "%s: %d waiters burned %.3f s of CPU time although they had nothing to do; at most %.3f s is allowed.",
            name, trial->workers, least_cpu(trial), trial->measure->threshold);
        break;
    }
}

static void add_failure(struct stage_result *result, const struct trial *trial, enum outcome outcome)
{
    const char *kind = outcome == WRONG  ? "wrong-answer"
                       : outcome == HUNG ? "hung"
                       : trial->limited  ? "limit"
                                         : "crashed";
    result_add(result, kind, "%s: your code in the bench program %s.", trial->measure->name, trial->trouble);
}

/* Fills in where to look and how to repeat it. */
static void place_last(struct stage_result *result, const struct trial *trial)
{
    struct finding *finding = &result->findings[result->findings_count - 1];
    char *object = workspace_path(trial->workspace, "bin/handin.o");
    char *keep = workspace_command(trial->workspace, trial->manifest, "keep", NULL);
    finding->file = text_format("%s", trial->workspace->handin_shown);
    finding->line = stacks_function_line(object, trial->measure->function, NULL);
    finding->detail = text_format("%s", trial->measure->why);
    finding->cost = trial->measure->points;
    finding->command = text_format("%s && build/keep/%s/bin/bench student %s %d 1", keep, trial->manifest->id,
                                   trial->measure->name, trial->workers);
    free(keep);
    free(object);
}

static void add_summary(char **summary, const struct trial *trial, enum outcome outcome)
{
    char *text;
    if (outcome == GOOD || outcome == SLOW)
        text = describe_measure(trial);
    else
        text = text_format("%s %s", trial->measure->name,
                           outcome == NOT_MEASURED ? "not measured" : "gives no right answer");
    char *longer = text_format("%s%s%s", *summary, **summary != '\0' ? "; " : "", text);
    free(text);
    free(*summary);
    *summary = longer;
}

/* Measures one row of the manifest and reports it; returns how it came out. */
static enum outcome run_measure(struct stage_result *result, struct trial *trial, char **summary)
{
    const int cores = trial->workspace->cores < WORKERS_MAX ? trial->workspace->cores : WORKERS_MAX;
    trial->workers = trial->measure->workers > 0 ? trial->measure->workers : cores;
    const enum outcome outcome = measure(trial);
    if (outcome == OUR_FAULT)
        return outcome;
    add_summary(summary, trial, outcome);
    if (outcome == GOOD || outcome == SLOW)
        add_figure(result, trial);
    if (outcome == NOT_MEASURED)
        result_add(result, "note", "%s was not measured, and no point is lost: %s.", trial->measure->name,
                   trial->trouble);
    else if (outcome == SLOW)
        add_slow(result, trial);
    else if (outcome != GOOD)
        add_failure(result, trial, outcome);
    if (outcome != NOT_MEASURED && outcome != GOOD)
        place_last(result, trial);
    return outcome;
}

static enum status worst_status(const size_t *tally, size_t count)
{
    if (tally[HUNG] > 0)
        return STATUS_TIMED_OUT;
    if (tally[CRASHED] > 0)
        return STATUS_CRASHED;
    if (tally[SLOW] + tally[WRONG] > 0)
        return STATUS_FAILED;
    return tally[NOT_MEASURED] == count ? STATUS_NOT_RUN : STATUS_PASSED;
}

struct stage_result speedup_run(const struct manifest *manifest, const struct workspace *workspace)
{
    struct stage_result result = {.name = "speedup", .max_score = manifest->points.speedup};
    size_t tally[OUR_FAULT + 1] = {0};
    char *summary = text_format("%s", "");
    int score = result.max_score;
    for (unsigned i = 0; i < manifest->measures_count && tally[OUR_FAULT] == 0; i++) {
        struct trial trial = {.manifest = manifest, .workspace = workspace, .measure = &manifest->measures[i]};
        const enum outcome outcome = run_measure(&result, &trial, &summary);
        tally[outcome]++;
        if (outcome == OUR_FAULT && !process_interrupted())
            result = result_grader_error(&result, "cannot measure '%s': %s", trial.measure->name, trial.trouble);
        score -= outcome == GOOD || outcome == NOT_MEASURED ? 0 : trial.measure->points;
        free(trial.trouble);
    }
    if (process_interrupted())
        result = result_finish(&result, STATUS_NOT_RUN, 0, "interrupted");
    else if (tally[OUR_FAULT] == 0)
        result = result_finish(&result, worst_status(tally, manifest->measures_count), score, "%s", summary);
    free(summary);
    return result;
}
