/*
 * speedup_judge.h: from times and failures to a verdict, arithmetic only. All functions are pure.
 *
 * Theory of operation. Each run of a program has two times: how long it took (wall), and how long it would have taken
 * had each of its threads got a CPU whenever it was able to run (quiet; process_activity.h tells how that is seen from
 * outside). On a quiet machine they are the same and the first is exact. On a busy one the first depends on what else
 * runs, and the second does not. So a round, which is a run of the reference (the plain split; for latency the
 * sequential program) and a run of the hand-in, is counted by wall time if neither had to wait for a CPU, and by
 * quiet time otherwise: its ratio is reference / hand-in either way. Rounds are added until the 99 % confidence
 * interval of the ratio lies on one side of the threshold; with busy rounds among them it takes some more. It is the
 * interval of the mean or, where a few rounds are far off all others, that of the median.
 *
 * What is measured for latency sleeps most of the time, and of that quiet time counts too little: sleep that passes
 * while another thread waits for a CPU is left out. The time it would have taken on a quiet machine lies between quiet
 * and wall. So there the rounds whose hand-in had not to wait, whose two times are near each other, decide by
 * themselves, as soon as there are enough of them; if there never are, all rounds do. The sequential program is our
 * own and sleeps each time for as long: whatever disturbs it makes it slower, so the fastest of its runs is the
 * reference of all rounds.
 *
 * Two CPUs may be two hyper-threads of one core, all the time or, on a virtual machine, for seconds. Then threads that
 * compute at once slow each other down: the plain split needs up to two thirds more CPU time for the same work, and is
 * hardly faster than a hand-in of which one thread does it all, which nobody slows down. So where the plain split used
 * more CPU time than the hand-in beside it, it is counted as if it had used as much: using less counts for nothing,
 * running at the same time does. A hand-in whose threads do run at the same time uses as much as the plain split.
 *
 * A run of the hand-in that goes wrong is no round; the second one decides. A hand-in that goes wrong once in many runs
 * is found by the stages before this one, each time; whether that run is among these few must not decide. After one it
 * takes some more good rounds, too, so that a hand-in that goes wrong often is seen to do so again.
 */
#ifndef GRADER_STAGES_SPEEDUP_JUDGE_H
#define GRADER_STAGES_SPEEDUP_JUDGE_H

#include <stdbool.h>
#include <stddef.h>

#include "../interval.h"

enum { SPEEDUP_ROUNDS_MIN = 3, SPEEDUP_ROUNDS_MAX = 60 };
enum { SPEEDUP_DOUBTFUL_ROUNDS_MIN = 5 }; /* with a busy round or a failure */
enum { SPEEDUP_CALM_ROUNDS_MIN = 6 };     /* see speedup_judge_calm */
enum { SPEEDUP_FAILURES_MAX = 2 };

/* Seconds of one run, see above; 0 < quiet <= wall. */
struct speedup_time {
    double wall, quiet;
};

struct speedup_round {
    struct speedup_time reference, handin;
};

struct speedup_judgement {
    struct interval ratio;   /* of the reference's time to the hand-in's */
    enum interval_side side; /* of the threshold; INTERVAL_UNDECIDED: more rounds are needed */
    bool busy;               /* some rounds were counted by quiet time */
};

/* speedup_time: from the stopwatch's figures, which for a very short run may be 0 or a little out of order. */
struct speedup_time speedup_time(double wall, double quiet);

/* speedup_with_no_more_cpu: the time of a plain split that used `cpu` CPU seconds, as if it had used no more than the
 * `allowed` ones of the hand-in. */
struct speedup_time speedup_with_no_more_cpu(struct speedup_time time, double cpu, double allowed);

/* speedup_had_to_wait: whether a run took notably longer than it would have on a quiet machine. */
bool speedup_had_to_wait(struct speedup_time time);

/* speedup_is_busy: whether a round is counted by quiet time. */
bool speedup_is_busy(const struct speedup_round *round);

/* speedup_mean: the geometric mean of the hand-in's (or with `reference` the reference's) times, each counted as its
 * round is. 0 without rounds. */
double speedup_mean(const struct speedup_round *rounds, size_t count, bool reference);

/* speedup_failures_decide: whether `failures` runs of the hand-in that went wrong are enough to fail it. */
bool speedup_failures_decide(size_t failures);

/* speedup_judge: what `count` rounds, SPEEDUP_ROUNDS_MAX at most, say about a hand-in whose ratio has to be at least
 * `threshold` and of which `failures` more runs, too few to decide, went wrong. */
struct speedup_judgement speedup_judge(const struct speedup_round *rounds, size_t count, size_t failures,
                                       double threshold);

/* speedup_judge_calm: what those of the rounds say by wall time alone whose hand-in had not to wait. It takes at least
 * SPEEDUP_CALM_ROUNDS_MIN of them: whether the threads of a hand-in that wakes too few do wait at once is luck, and it
 * is not to be lucky in all of them. */
struct speedup_judgement speedup_judge_calm(const struct speedup_round *rounds, size_t count, double threshold);

#endif
