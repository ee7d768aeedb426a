#include "speedup_judge.h"

#include <math.h>

/* A run that takes longer than its quiet time by more than this has waited for a CPU; less is how exact that is. */
static const double waited_share = 1.2;

struct speedup_time speedup_time(double wall, double quiet)
{
    const double shortest = 1e-6, whole = fmax(wall, shortest);
    return (struct speedup_time){.wall = whole, .quiet = fmin(fmax(quiet, shortest), whole)};
}

struct speedup_time speedup_with_no_more_cpu(struct speedup_time time, double cpu, double allowed)
{
    if (cpu <= allowed || allowed <= 0.0)
        return time;
    const double share = allowed / cpu;
    return speedup_time(share * time.wall, share * time.quiet);
}

bool speedup_had_to_wait(struct speedup_time time)
{
    return time.wall > waited_share * time.quiet;
}

bool speedup_is_busy(const struct speedup_round *round)
{
    return speedup_had_to_wait(round->reference) || speedup_had_to_wait(round->handin);
}

static double counted(const struct speedup_round *round, bool reference)
{
    const struct speedup_time *time = reference ? &round->reference : &round->handin;
    return speedup_is_busy(round) ? time->quiet : time->wall;
}

double speedup_mean(const struct speedup_round *rounds, size_t count, bool reference)
{
    double sum = 0.0;
    for (size_t i = 0; i < count; i++)
        sum += log(counted(&rounds[i], reference));
    return count > 0 ? exp(sum / (double)count) : 0.0;
}

bool speedup_failures_decide(size_t failures)
{
    return failures >= SPEEDUP_FAILURES_MAX;
}

static struct speedup_judgement judge_ratios(const double *ratios, size_t count, size_t enough, double threshold)
{
    struct speedup_judgement judgement = {.ratio = interval_of_ratios(ratios, count), .side = INTERVAL_UNDECIDED};
    if (count < enough)
        return judgement;
    judgement.side = interval_side(&judgement.ratio, threshold);
    const struct interval median = interval_of_median(ratios, count);
    if (judgement.side == INTERVAL_UNDECIDED && interval_side(&median, threshold) != INTERVAL_UNDECIDED) {
        judgement.ratio = median;
        judgement.side = interval_side(&median, threshold);
    }
    return judgement;
}

struct speedup_judgement speedup_judge(const struct speedup_round *rounds, size_t count, size_t failures,
                                       double threshold)
{
    double ratios[SPEEDUP_ROUNDS_MAX] = {0};
    bool busy = false;
    for (size_t i = 0; i < count; i++) {
        ratios[i] = counted(&rounds[i], true) / counted(&rounds[i], false);
        busy = busy || speedup_is_busy(&rounds[i]);
    }
    const size_t enough = busy || failures > 0 ? SPEEDUP_DOUBTFUL_ROUNDS_MIN : SPEEDUP_ROUNDS_MIN;
    struct speedup_judgement judgement = judge_ratios(ratios, count, enough, threshold);
    judgement.busy = busy;
    return judgement;
}

struct speedup_judgement speedup_judge_calm(const struct speedup_round *rounds, size_t count, double threshold)
{
    double ratios[SPEEDUP_ROUNDS_MAX] = {0};
    size_t calm = 0;
    for (size_t i = 0; i < count; i++)
        if (!speedup_had_to_wait(rounds[i].handin))
            ratios[calm++] = rounds[i].reference.wall / rounds[i].handin.wall;
    return judge_ratios(ratios, calm, SPEEDUP_CALM_ROUNDS_MIN, threshold);
}
