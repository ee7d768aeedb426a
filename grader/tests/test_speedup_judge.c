#include <criterion/criterion.h>

#include <math.h>

#include "../process_activity.h"
#include "../stages/speedup_judge.h"
#include "../stages/speedup_trial.h"

enum { ROUNDS = 6 };

/* Rounds that took `wall` seconds and would have taken `quiet`, each a little off so that there is an interval. */
static void fill(struct speedup_round *rounds, struct speedup_time reference, struct speedup_time handin)
{
    for (int i = 0; i < ROUNDS; i++) {
        const double off = 1.0 + 0.01 * (i % 3);
        rounds[i] = (struct speedup_round){.reference = reference, .handin = handin};
        rounds[i].handin.wall *= off;
        rounds[i].handin.quiet *= off;
    }
}

static enum interval_side side_after(const struct speedup_round *rounds, size_t count)
{
    return speedup_judge(rounds, count, 0, 0.7).side;
}

Test(speedup_judge, no_rounds_say_nothing)
{
    const struct speedup_judgement judgement = speedup_judge(NULL, 0, 0, 0.7);
    cr_expect_eq(judgement.side, INTERVAL_UNDECIDED);
    cr_expect_not(judgement.busy);
    cr_expect_eq(speedup_mean(NULL, 0, true), 0.0);
}

Test(speedup_judge, quiet_machine_wall_time_decides)
{
    struct speedup_round rounds[ROUNDS];
    fill(rounds, (struct speedup_time){0.050, 0.049}, (struct speedup_time){0.055, 0.050});
    cr_expect_not(speedup_judge(rounds, 3, 0, 0.7).busy);
    cr_expect_float_eq(rounds[0].reference.wall / rounds[0].handin.wall, speedup_judge(rounds, 1, 0, 0.7).ratio.middle,
                       1e-9);
    cr_expect_eq(side_after(rounds, SPEEDUP_ROUNDS_MIN - 1), INTERVAL_UNDECIDED, "two rounds are too few");
    cr_expect_eq(side_after(rounds, SPEEDUP_ROUNDS_MIN), INTERVAL_ABOVE);
    fill(rounds, (struct speedup_time){0.050, 0.049}, (struct speedup_time){0.100, 0.098});
    cr_expect_eq(side_after(rounds, SPEEDUP_ROUNDS_MIN), INTERVAL_BELOW);
}

Test(speedup_judge, busy_machine_quiet_time_decides)
{
    struct speedup_round rounds[ROUNDS];
    /* the wall times say the contrary each time */
    fill(rounds, (struct speedup_time){0.200, 0.050}, (struct speedup_time){0.400, 0.052});
    cr_expect(speedup_judge(rounds, ROUNDS, 0, 0.7).busy);
    cr_expect_eq(side_after(rounds, ROUNDS), INTERVAL_ABOVE);
    fill(rounds, (struct speedup_time){0.400, 0.050}, (struct speedup_time){0.400, 0.100});
    cr_expect_eq(side_after(rounds, ROUNDS), INTERVAL_BELOW);
}

Test(speedup_judge, busy_machine_takes_more_rounds)
{
    struct speedup_round rounds[ROUNDS];
    fill(rounds, (struct speedup_time){0.400, 0.050}, (struct speedup_time){0.400, 0.100});
    cr_expect_eq(side_after(rounds, SPEEDUP_DOUBTFUL_ROUNDS_MIN - 1), INTERVAL_UNDECIDED);
    cr_expect_eq(side_after(rounds, SPEEDUP_DOUBTFUL_ROUNDS_MIN), INTERVAL_BELOW);
}

Test(speedup_judge, after_one_failure_too_few_good_rounds_say_nothing)
{
    struct speedup_round rounds[ROUNDS];
    fill(rounds, (struct speedup_time){0.050, 0.049}, (struct speedup_time){0.055, 0.050});
    for (size_t good = 0; good < SPEEDUP_DOUBTFUL_ROUNDS_MIN; good++)
        cr_expect_eq(speedup_judge(rounds, good, 1, 0.7).side, INTERVAL_UNDECIDED, "after %zu good rounds", good);
}

Test(speedup_judge, after_one_failure_enough_good_rounds_decide)
{
    struct speedup_round rounds[ROUNDS];
    fill(rounds, (struct speedup_time){0.050, 0.049}, (struct speedup_time){0.055, 0.050});
    cr_expect_eq(speedup_judge(rounds, SPEEDUP_DOUBTFUL_ROUNDS_MIN, 1, 0.7).side, INTERVAL_ABOVE);
    cr_expect_not(speedup_judge(rounds, SPEEDUP_DOUBTFUL_ROUNDS_MIN, 1, 0.7).busy, "a failure does not make it busy");
    fill(rounds, (struct speedup_time){0.050, 0.049}, (struct speedup_time){0.100, 0.098});
    cr_expect_eq(speedup_judge(rounds, SPEEDUP_DOUBTFUL_ROUNDS_MIN, 1, 0.7).side, INTERVAL_BELOW);
}

Test(speedup_judge, the_second_failure_decides)
{
    cr_expect_not(speedup_failures_decide(0));
    cr_expect_not(speedup_failures_decide(1));
    cr_expect(speedup_failures_decide(2));
}

Test(speedup_judge, one_program_that_waits_makes_the_round_busy)
{
    const struct speedup_time quiet = {0.050, 0.048}, waited = {0.200, 0.048};
    cr_expect_not(speedup_is_busy(&(struct speedup_round){.reference = quiet, .handin = quiet}));
    cr_expect(speedup_is_busy(&(struct speedup_round){.reference = quiet, .handin = waited}));
    cr_expect(speedup_is_busy(&(struct speedup_round){.reference = waited, .handin = quiet}));
}

Test(speedup_judge, each_round_is_counted_in_its_own_way)
{
    const struct speedup_round rounds[] = {{.reference = {0.1, 0.1}, .handin = {0.2, 0.2}},
                                           {.reference = {0.9, 0.1}, .handin = {0.9, 0.2}}};
    cr_expect_float_eq(speedup_judge(rounds, 2, 0, 0.7).ratio.middle, 0.5, 1e-9);
    cr_expect_float_eq(speedup_mean(rounds, 2, true), 0.1, 1e-9);
    cr_expect_float_eq(speedup_mean(rounds, 2, false), 0.2, 1e-9);
}

/* Times as read beside other gradings: a crawl of which each worker pauses after every page, 6.0 times asked. */
Test(speedup_judge, calm_rounds_decide_by_themselves)
{
    struct speedup_round rounds[ROUNDS + 1];
    const struct speedup_time reference = {1.00, 0.95};
    fill(rounds, reference, (struct speedup_time){0.21, 0.19});
    rounds[ROUNDS] = (struct speedup_round){.reference = reference, .handin = {0.35, 0.09}};
    cr_expect_eq(speedup_judge(rounds, ROUNDS + 1, 0, 6.0).side, INTERVAL_UNDECIDED);
    cr_expect_eq(speedup_judge_calm(rounds, ROUNDS + 1, 6.0).side, INTERVAL_BELOW);
    cr_expect_eq(speedup_judge_calm(rounds, ROUNDS + 1, 4.0).side, INTERVAL_ABOVE);
    cr_expect_not(speedup_judge_calm(rounds, ROUNDS + 1, 6.0).busy);
    cr_expect_leq(speedup_judge_calm(rounds, ROUNDS + 1, 6.0).ratio.high, 5.0);
}

Test(speedup_judge, too_few_calm_rounds_decide_nothing)
{
    struct speedup_round rounds[ROUNDS];
    fill(rounds, (struct speedup_time){1.00, 0.95}, (struct speedup_time){0.21, 0.19});
    cr_expect_eq(speedup_judge_calm(rounds, SPEEDUP_CALM_ROUNDS_MIN - 1, 6.0).side, INTERVAL_UNDECIDED);
    cr_expect_eq(speedup_judge_calm(rounds, SPEEDUP_CALM_ROUNDS_MIN, 6.0).side, INTERVAL_BELOW);
    rounds[2].handin.quiet = 0.10;
    cr_expect_eq(speedup_judge_calm(rounds, ROUNDS, 6.0).side, INTERVAL_UNDECIDED, "one of six is a busy one");
    fill(rounds, (struct speedup_time){1.00, 0.95}, (struct speedup_time){0.28, 0.12});
    const struct speedup_judgement none = speedup_judge_calm(rounds, ROUNDS, 6.0);
    cr_expect_eq(none.side, INTERVAL_UNDECIDED);
    cr_expect(none.ratio.low <= 0.0 && isinf(none.ratio.high), "of no calm round nothing is known");
}

Test(speedup_judge, times_that_vary_decide_nothing)
{
    struct speedup_round rounds[ROUNDS];
    for (int i = 0; i < ROUNDS; i++)
        rounds[i] = (struct speedup_round){.reference = {0.1, 0.1}, .handin = {i % 2 ? 0.3 : 0.07, i % 2 ? 0.3 : 0.07}};
    cr_expect_eq(side_after(rounds, ROUNDS), INTERVAL_UNDECIDED);
}

Test(speedup_judge, a_round_that_is_far_off_does_not_save_a_slow_one)
{
    struct speedup_round rounds[10];
    for (int i = 0; i < 10; i++)
        rounds[i] = (struct speedup_round){.reference = {0.05, 0.05}, .handin = {0.1 + 0.001 * i, 0.1 + 0.001 * i}};
    rounds[4].reference = (struct speedup_time){5.0, 5.0};
    cr_expect_eq(side_after(rounds, 9), INTERVAL_UNDECIDED, "of nine all would have to lie on one side");
    rounds[4].reference = (struct speedup_time){0.05, 0.05};
    rounds[4].handin = (struct speedup_time){0.001, 0.001};
    cr_expect_eq(side_after(rounds, 10), INTERVAL_UNDECIDED);
    struct speedup_round more[20];
    for (int i = 0; i < 20; i++)
        more[i] = rounds[i % 10];
    cr_expect_eq(side_after(more, 20), INTERVAL_BELOW);
}

Test(speedup_judge, times_are_positive_and_quiet_is_no_longer_than_wall)
{
    const struct speedup_time nothing = speedup_time(0.0, 0.0), crossed = speedup_time(0.1, 0.2);
    cr_expect(nothing.wall > 0 && nothing.quiet > 0 && nothing.quiet <= nothing.wall);
    cr_expect_eq(crossed.quiet, 0.1);
    cr_expect(isfinite(log(nothing.wall / crossed.wall)));
}

/* Times read from a round in which two CPUs slowed each other down: lab04's plain split, and a hand-in of which one
 * worker does most. Those of the hand-in that computes on both are the plain split's, a little off. */
Test(speedup_judge, threads_that_share_a_core_help_nobody)
{
    struct speedup_round rounds[ROUNDS];
    const struct speedup_time split = {0.128, 0.108}, alone = {0.142, 0.122}, both = {0.130, 0.109};
    fill(rounds, split, alone);
    cr_expect_eq(side_after(rounds, ROUNDS), INTERVAL_ABOVE, "as the clock sees it");
    fill(rounds, speedup_with_no_more_cpu(split, 0.207, 0.140), alone);
    cr_expect_eq(side_after(rounds, ROUNDS), INTERVAL_BELOW);
    fill(rounds, speedup_with_no_more_cpu(split, 0.207, 0.205), both);
    cr_expect_eq(side_after(rounds, ROUNDS), INTERVAL_ABOVE);
}

Test(speedup_judge, plain_split_that_used_less_cpu_is_left_as_it_is)
{
    const struct speedup_time split = {0.065, 0.064}, unseen = speedup_with_no_more_cpu(split, 0.128, 0.0);
    const struct speedup_time same = speedup_with_no_more_cpu(split, 0.128, 0.150);
    cr_expect(same.wall == split.wall && same.quiet == split.quiet);
    cr_expect(unseen.wall == split.wall && unseen.quiet == split.quiet, "the hand-in's CPU time was not seen");
}

Test(speedup_judge, quiet_seconds_of_threads_that_compute)
{
    cr_expect_float_eq(process_activity_quiet_seconds(0.0, 0.8, 0.8), 0.8, 1e-9, "never more than one: no faster");
    cr_expect_float_eq(process_activity_quiet_seconds(0.0, 0.8, 1.6), 0.4, 1e-9, "always two");
    cr_expect_float_eq(process_activity_quiet_seconds(0.0, 0.8, 1.2), 0.8 / 1.5, 1e-9, "two half of the time");
}

Test(speedup_judge, quiet_seconds_of_threads_that_sleep)
{
    cr_expect_float_eq(process_activity_quiet_seconds(0.5, 0.0, 0.0), 0.5, 1e-9);
    cr_expect_float_eq(process_activity_quiet_seconds(0.5, 0.2, 0.4), 0.6, 1e-9);
}

Test(speedup_judge, contention_is_every_fourth_step_of_a_worker)
{
    cr_expect(speedup_trial_is_contended(&(struct contention){.workers = 2, .steps = 800, .writes = 400}),
              "each step of two");
    cr_expect(speedup_trial_is_contended(&(struct contention){.workers = 2, .steps = 800, .writes = 101}));
    cr_expect_not(speedup_trial_is_contended(&(struct contention){.workers = 2, .steps = 800, .writes = 100}));
    cr_expect(speedup_trial_is_contended(&(struct contention){.workers = 8, .steps = 800, .writes = 176}));
    cr_expect_not(speedup_trial_is_contended(&(struct contention){.workers = 8, .steps = 800, .writes = 175}),
                  "7 of 8 do 700 steps");
    cr_expect_not(speedup_trial_is_contended(&(struct contention){.workers = 2}), "a measure without steps");
}

/* What process_activity.h promises: a thread that is starved until the others are done costs a split in n equal parts
 * no more than this. */
Test(speedup_judge, starved_part_leaves_most_of_the_speed)
{
    for (int n = 2; n <= 8; n++) {
        const double part = 1.0 / n, parallel = (n - 1) * part * n + part * 1;
        const double seen = part / process_activity_quiet_seconds(0.0, 1.0, parallel);
        cr_expect_float_eq(seen, (n - 1 + 1.0 / n) / n, 1e-9);
        cr_expect_geq(seen, 0.75 - 1e-9);
    }
}
