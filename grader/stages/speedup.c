#include "speedup.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "../process.h"
#include "../stacks.h"
#include "../text.h"
#include "speedup_trial.h"

/* What is added to a finding, and in short to the summary, when quiet time decided. */
static const char busy_sentence[] = " The machine was busy: judged by CPU time and threads able to run.";
static const char busy_words[] = ", on a busy machine";

/* What was measured, e.g. `count 1.93x on 2 cores (plain split 1.98x)`. Caller frees. */
static char *describe_measure(const struct trial *trial)
{
    const char *name = trial->measure->name, *busy = trial->judgement.busy ? busy_words : "";
    switch (trial->measure->kind) {
    case MEASURE_CPU:
        return text_format("%s %.2fx on %d cores (plain split %.2fx)%s", name, speedup_trial_times(trial, false),
                           trial->workers, speedup_trial_times(trial, true), busy);
    case MEASURE_LATENCY:
        return text_format("%s %.1fx with %d workers (needs %.1fx)%s", name, speedup_trial_times(trial, false),
                           trial->workers, speedup_trial_asked(trial), busy);
    case MEASURE_WAITING:
        return text_format("%s %.3f s of CPU (at most %.3f)", name, trial->least_cpu, trial->measure->threshold);
    }
    return NULL;
}

static void add_figure(struct stage_result *result, const struct trial *trial)
{
    const bool waiting = trial->measure->kind == MEASURE_WAITING;
    char *name = text_format("%s, %s", trial->measure->name, waiting ? "CPU seconds" : "speed-up");
    result_figure(result, name, waiting ? trial->least_cpu : speedup_trial_times(trial, false), waiting);
    free(name);
}

static void add_slow(struct stage_result *result, const struct trial *trial)
{
    const char *name = trial->measure->name, *busy = trial->judgement.busy ? busy_sentence : "";
    switch (trial->measure->kind) {
    case MEASURE_CPU:
        result_add(
            result, "too-slow",
            "%s: your code runs %.2f times as fast as the sequential program; a plain split of the work over %d cores "
            "runs %.2f times as fast. Yours has to reach %.0f %% of that and reaches %.0f %%.%s",
            name, speedup_trial_times(trial, false), trial->workers, speedup_trial_times(trial, true),
            100.0 * trial->measure->threshold, 100.0 * trial->judgement.ratio.middle, busy);
        break;
    case MEASURE_LATENCY:
        result_add(
            result, "too-slow",
            "%s: with %d workers your code runs %.1f times as fast as the sequential program; it has to run %.1f "
            "times as fast.%s",
            name, trial->workers, trial->judgement.ratio.middle, speedup_trial_asked(trial), busy);
        break;
    case MEASURE_WAITING:
        result_add(
            result, "busy-wait",
            "%s: %d waiters burned %.3f s of CPU time although they had nothing to do; at most %.3f s is allowed.",
            name, trial->workers, trial->least_cpu, trial->measure->threshold);
        break;
    }
}

static void add_contended(struct stage_result *result, const struct trial *trial)
{
    result_add(result, "too-slow",
               "%s: several of your threads or processes write to the same cache line (64 bytes of memory), step after "
               "step: %" PRIu64 " such writes in %" PRIu64
               " steps. Cores take it from each other for each of them, which "
               "may last longer than the step. Sum up in a local variable, and share the result at the end.",
               trial->measure->name, trial->contention.writes, trial->contention.steps);
}

/* The line in the hand-in that writes to the contended cache line; 0 if it cannot be told. */
static int contended_line(const struct trial *trial)
{
    struct stack stack = {0};
    char *program = workspace_path(trial->workspace, "bin/lines");
    stacks_resolve(program, &trial->contention.from, 1, &stack);
    const bool known = stack.count > 0 && stack_frame_is_in(&stack.frames[0], trial->manifest->file);
    const int line = known ? stack.frames[0].line : 0;
    stack_release(&stack);
    free(program);
    return line;
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
static void place_last(struct stage_result *result, const struct trial *trial, enum outcome outcome)
{
    struct finding *finding = &result->findings[result->findings_count - 1];
    char *object = workspace_path(trial->workspace, "bin/handin.o");
    char *keep = workspace_command(trial->workspace, trial->manifest, "keep", NULL);
    finding->file = text_format("%s", trial->workspace->handin_shown);
    finding->line = outcome == CONTENDED ? contended_line(trial) : 0;
    if (finding->line == 0)
        finding->line = stacks_function_line(object, trial->measure->function, NULL);
    finding->detail = text_format("%s", trial->measure->why);
    finding->cost = trial->measure->points;
    finding->command = text_format("%s && build/keep/%s/bin/%s student %s %d 1", keep, trial->manifest->id,
                                   outcome == CONTENDED ? "lines" : "bench", trial->measure->name,
                                   outcome == CONTENDED ? trial->contention.workers : trial->workers);
    free(keep);
    free(object);
}

static void add_summary(char **summary, const struct trial *trial, enum outcome outcome)
{
    char *text;
    if (outcome == CONTENDED)
        text = text_format("%s: one cache line for all", trial->measure->name);
    else if (outcome == GOOD || outcome == SLOW)
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
    const enum outcome outcome = speedup_trial_run(trial);
    if (outcome == OUR_FAULT)
        return outcome;
    add_summary(summary, trial, outcome);
    const bool measured = outcome == GOOD || outcome == SLOW;
    if (measured)
        add_figure(result, trial);
    if (measured && trial->failures > 0)
        result_add(result, "note",
                   "in one of %zu runs of %s your code in the bench program %s; by itself this costs nothing.",
                   trial->count + trial->failures, trial->measure->name, trial->trouble);
    if (outcome == NOT_MEASURED)
        result_add(result, "note", "%s was not measured, and no point is lost: %s.", trial->measure->name,
                   trial->trouble);
    else if (outcome == SLOW)
        add_slow(result, trial);
    else if (outcome == CONTENDED)
        add_contended(result, trial);
    else if (outcome != GOOD)
        add_failure(result, trial, outcome);
    if (outcome != NOT_MEASURED && outcome != GOOD)
        place_last(result, trial, outcome);
    return outcome;
}

static enum status worst_status(const size_t *tally, size_t count)
{
    if (tally[HUNG] > 0)
        return STATUS_TIMED_OUT;
    if (tally[CRASHED] > 0)
        return STATUS_CRASHED;
    if (tally[SLOW] + tally[CONTENDED] + tally[WRONG] > 0)
        return STATUS_FAILED;
    return tally[NOT_MEASURED] == count ? STATUS_NOT_RUN : STATUS_PASSED;
}

struct stage_result speedup_run(const struct manifest *manifest, const struct workspace *workspace)
{
    struct stage_result result = {.name = "speedup", .max_score = manifest->points.speedup};
    size_t tally[OUTCOMES] = {0};
    char *summary = text_format("%s", "");
    int score = result.max_score;
    for (unsigned i = 0; i < manifest->measures_count && tally[OUR_FAULT] == 0; i++) {
        struct trial trial = {.manifest = manifest, .workspace = workspace, .measure = &manifest->measures[i]};
        const enum outcome outcome = run_measure(&result, &trial, &summary);
        tally[outcome]++;
        if (outcome == OUR_FAULT && !process_interrupted())
            result = result_grader_error(&result, "cannot measure '%s': %s", trial.measure->name, trial.trouble);
        score -= outcome == GOOD || outcome == NOT_MEASURED ? 0 : trial.measure->points;
        speedup_trial_release(&trial);
    }
    if (process_interrupted())
        result = result_finish(&result, STATUS_NOT_RUN, 0, "interrupted");
    else if (tally[OUR_FAULT] == 0)
        result = result_finish(&result, worst_status(tally, manifest->measures_count), score, "%s", summary);
    free(summary);
    return result;
}
