/*
 * tests_trial.h: what the parts of the stage `tests` share: tests.c runs the tests, tests_judge.c reads what each has
 * left and says what is wrong.
 */
#ifndef GRADER_STAGES_TESTS_TRIAL_H
#define GRADER_STAGES_TESTS_TRIAL_H

#include "../manifest.h"
#include "../process.h"
#include "../report.h"
#include "../stacks.h"
#include "../workspace.h"

enum { NONCE_BYTES = 16 };

/* One test on its way from start to verdict. */
struct trial {
    const struct manifest_test *test;
    char *json_path, *receipt_path;
    char nonce[2 * NONCE_BYTES + 1]; /* of this run, in hexadecimal: a receipt without it is a forgery */
    struct stacks stacks;            /* where it stood at its deadline */
};

/* What the findings of one stage run share. */
struct setting {
    const struct manifest *manifest;
    const struct workspace *workspace;
    char *program, *object;
};

/* What became of a trial; OUR_FAULT: it says nothing about the hand-in. */
enum verdict { PASS, FAIL, CRASH, HANG, OUR_FAULT };

/* trial_is_failure: whether a finding says that a test failed, and costs that test's points. */
bool trial_is_failure(const struct finding *finding);

/* trial_repeated: what becomes of the failure of a test that failed again in `failures` of `runs` runs more: unless most
 * of them did, it is a note that costs nothing. */
void trial_repeated(struct finding *failure, int failures, int runs);

/* trial_judge: reads what `trial`, started by `spec`, has left, and adds a finding to `result` unless it passed. Ends
 * no process and removes no file. */
enum verdict trial_judge(struct stage_result *result, const struct setting *setting, struct trial *trial,
                         const struct process_spec *spec, const struct process_result *run);

#endif
