#include "tests.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "../inside.h"
#include "../policy.h"
#include "../process.h"
#include "../stacks.h"
#include "../stage_limits.h"
#include "../text.h"
#include "tests_trial.h"

/* Whether a test fails each time is asked of REPEATED_MAX failed tests at most, by REPETITIONS runs more. */
enum { JOBS_MAX = 8, REPEATED_MAX = 2, REPETITIONS = 4 };

static void look_at_stacks(pid_t root, void *context)
{
    struct trial *trial = context;
    trial->stacks = stacks_of_tree(root);
}

/* A Criterion runner that is killed leaves the socket behind on which it talked to its test. */
static void remove_socket(const struct process_result *run)
{
    char *socket = text_format("/tmp/criterion_%d.sock", (int)run->program);
    if (run->program > 0)
        unlink(socket);
    free(socket);
}

/* The name of a file of this trial below run/. */
static char *run_path(const struct workspace *workspace, const char *test, int run, const char *ending)
{
    char *name = text_format("run/%s.%d.%s", test, run, ending);
    char *path = workspace_path(workspace, name);
    free(name);
    return path;
}

static bool make_nonce(char nonce[2 * NONCE_BYTES + 1])
{
    unsigned char bytes[NONCE_BYTES];
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        return false;
    for (size_t i = 0; i < NONCE_BYTES; i++)
        sprintf(nonce + 2 * i, "%02x", bytes[i]);
    return true;
}

/* An empty file that the test program writes to. */
static bool make_report(const char *path)
{
    return text_write_file(path, "", 0) && sandbox_hand_over(path);
}

static bool prepare(struct trial *trial, const struct workspace *workspace, const struct manifest_test *test, int run)
{
    *trial = (struct trial){.test = test,
                            .json_path = run_path(workspace, test->name, run, "json"),
                            .receipt_path = run_path(workspace, test->name, run, "receipt")};
    return make_nonce(trial->nonce) && make_report(trial->json_path) && make_report(trial->receipt_path);
}

static void release_trial(struct trial *trial)
{
    free(trial->json_path);
    free(trial->receipt_path);
    stacks_release(&trial->stacks);
}

/* Command line and environment of one trial; the strings are kept in `words` for release. */
struct call {
    char *words[8];
    const char *argv[6], *set[4];
    struct policy policy;
};

static struct process_spec make_spec(const struct setting *setting, struct trial *trial, struct call *call)
{
    char **w = call->words;
    w[0] = text_format("--filter=lab/%s", trial->test->name);
    w[1] = text_format("--json=/proc/self/fd/%d", INSIDE_REPORT);
    w[2] = text_format("LOCKSTEP_RECEIPT=%s:%s", trial->nonce, trial->receipt_path);
    w[3] = text_format("LOCKSTEP_SEED=%llu", (unsigned long long)setting->workspace->seed);
    w[4] = workspace_path(setting->workspace, "run");
    policy_run(&call->policy, setting->workspace, setting->manifest, "bin/tests");
    policy_add_writable(&call->policy, trial->receipt_path);
    memcpy(call->argv, (const char *[]){setting->program, w[0], w[1], "-j1", NULL}, 5 * sizeof *call->argv);
    memcpy(call->set, (const char *[]){w[2], w[3], NULL}, 3 * sizeof *call->set);
    struct process_spec spec = {.argv = call->argv,
                                .directory = w[4],
                                .set = call->set,
                                .report = trial->json_path,
                                .service = call->policy.service,
                                .sandbox = &call->policy.sandbox,
                                .on_deadline = look_at_stacks,
                                .context = trial};
    stage_limits_set(&spec, setting->manifest, LIMITS_TESTS);
    return spec;
}

static void release_call(struct call *call)
{
    for (size_t i = 0; i < 6; i++)
        free(call->words[i]);
    policy_release(&call->policy);
}

/* The tests to run: all of the manifest, or the one asked for. */
static size_t choose(const struct manifest *manifest, const struct workspace *workspace,
                     const struct manifest_test **chosen)
{
    size_t count = 0;
    for (unsigned i = 0; i < manifest->tests_count; i++)
        if (workspace->only_test == NULL || strcmp(workspace->only_test, manifest->tests[i].name) == 0)
            chosen[count++] = &manifest->tests[i];
    return count;
}

static bool any_is(const struct stage_result *result, const char *kind)
{
    for (size_t i = 0; i < result->findings_count; i++)
        if (strcmp(result->findings[i].kind, kind) == 0)
            return true;
    return false;
}

/* Status, score and summary by the findings of `count` tests: each that failed has one. */
static struct stage_result conclude(struct stage_result *result, size_t count)
{
    size_t failed = 0, excused = 0;
    int lost = 0;
    for (size_t i = 0; i < result->findings_count; i++) {
        const struct finding *finding = &result->findings[i];
        failed += trial_is_failure(finding);
        excused += finding->test != NULL && !trial_is_failure(finding);
        lost += finding->cost;
    }
    const bool no_answer = !any_is(result, "test-failed") && !any_is(result, "exit-called");
    const enum status status = failed == 0              ? STATUS_PASSED
                               : any_is(result, "hung") ? STATUS_TIMED_OUT
                               : no_answer              ? STATUS_CRASHED
                                                        : STATUS_FAILED;
    const size_t passed = count - failed;
    if (excused == 0)
        return result_finish(result, status, result->max_score - lost, "%zu of %zu tests pass", passed, count);
    return result_finish(result, status, result->max_score - lost,
                         "%zu of %zu tests pass, %zu of them in some runs only", passed, count, excused);
}

/* Runs the trials and adds a finding to `result` for each that fails. Returns what we could not do, NULL if all went
 * well; caller frees. */
static char *run_trials(struct stage_result *result, const struct setting *setting, struct trial *trials, size_t count)
{
    struct call *calls = text_allocate(count, sizeof *calls);
    struct process_spec *specs = text_allocate(count, sizeof *specs);
    struct process_result *runs = text_allocate(count, sizeof *runs);
    const char *culprit = NULL;
    /* More than cores: most tests wait most of the time, and those that hang do nothing else. */
    const int jobs = 2 * setting->workspace->cores < JOBS_MAX ? 2 * setting->workspace->cores : JOBS_MAX;
    for (size_t i = 0; i < count; i++)
        specs[i] = make_spec(setting, &trials[i], &calls[i]);
    const bool ok = process_run(specs, count, (size_t)jobs, runs);
    for (size_t i = 0; i < count && ok; i++)
        if (trial_judge(result, setting, &trials[i], &specs[i], &runs[i]) == OUR_FAULT && culprit == NULL)
            culprit = trials[i].test->name;
    for (size_t i = 0; i < count; i++) {
        if (ok) {
            remove_socket(&runs[i]);
            process_release(&runs[i]);
        }
        release_call(&calls[i]);
    }
    free(runs);
    free(specs);
    free(calls);
    if (ok && culprit == NULL)
        return NULL;
    return text_format("cannot run test '%s' of %s", culprit != NULL ? culprit : "?", setting->manifest->name);
}

/* Each of `count` tests `times` times, the first of them as its run number `first`; else as run_trials. */
static char *run_tests(struct stage_result *result, const struct setting *setting,
                       const struct manifest_test *const *tests, size_t count, int first, int times)
{
    const size_t runs = count * (size_t)times;
    struct trial *trials = text_allocate(runs, sizeof *trials);
    bool ready = true;
    for (size_t i = 0; i < runs; i++)
        ready = prepare(&trials[i], setting->workspace, tests[i / (size_t)times], first + (int)(i % (size_t)times)) &&
                ready;
    char *error = ready ? run_trials(result, setting, trials, runs)
                        : text_format("cannot write into '%s': is the disk full?", setting->workspace->root);
    for (size_t i = 0; i < runs; i++)
        release_trial(&trials[i]);
    free(trials);
    return error;
}

static struct setting make_setting(const struct manifest *manifest, const struct workspace *workspace)
{
    return (struct setting){.manifest = manifest,
                            .workspace = workspace,
                            .program = workspace_path(workspace, "bin/tests"),
                            .object = workspace_path(workspace, "bin/handin.o")};
}

static void release_setting(struct setting *setting)
{
    free(setting->program);
    free(setting->object);
}

struct stage_result tests_run(const struct manifest *manifest, const struct workspace *workspace)
{
    struct stage_result result = {.name = "tests"};
    struct setting setting = make_setting(manifest, workspace);
    const struct manifest_test **chosen = text_allocate(manifest->tests_count, sizeof *chosen);
    const size_t count = choose(manifest, workspace, chosen);
    for (size_t i = 0; i < count; i++)
        result.max_score += chosen[i]->points;
    char *error = run_tests(&result, &setting, chosen, count, 0, 1);
    if (process_interrupted())
        result = result_finish(&result, STATUS_NOT_RUN, 0, "interrupted");
    else if (error != NULL)
        result = result_grader_error(&result, "%s", error);
    else
        result = conclude(&result, count);
    free(error);
    free(chosen);
    release_setting(&setting);
    return result;
}

static struct finding *find_failure(const struct stage_result *result, const struct manifest_test *test)
{
    for (size_t i = 0; i < result->findings_count; i++)
        if (trial_is_failure(&result->findings[i]) && strcmp(result->findings[i].test, test->name) == 0)
            return &result->findings[i];
    return NULL;
}

static void excuse_lucky(struct stage_result *result, const struct stage_result *again,
                         const struct manifest_test *test)
{
    int failures = 0;
    for (size_t i = 0; i < again->findings_count; i++)
        failures += trial_is_failure(&again->findings[i]) && strcmp(again->findings[i].test, test->name) == 0;
    trial_repeated(find_failure(result, test), failures, REPETITIONS);
}

void tests_repeat(const struct manifest *manifest, const struct workspace *workspace, struct stage_result *result)
{
    const struct manifest_test **chosen = text_allocate(manifest->tests_count, sizeof *chosen);
    const size_t count = choose(manifest, workspace, chosen);
    size_t failed = 0;
    for (size_t i = 0; i < count; i++)
        if (find_failure(result, chosen[i]) != NULL)
            chosen[failed++] = chosen[i];
    if (failed > 0 && failed <= REPEATED_MAX) {
        struct stage_result again = {0};
        struct setting setting = make_setting(manifest, workspace);
        char *error = run_tests(&again, &setting, chosen, failed, 1, REPETITIONS);
        for (size_t i = 0; i < failed && error == NULL && !process_interrupted(); i++)
            excuse_lucky(result, &again, chosen[i]);
        *result = conclude(result, count);
        free(error);
        release_setting(&setting);
        result_release(&again);
    }
    free(chosen);
}
