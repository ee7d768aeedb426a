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

enum { JOBS_MAX = 8 };

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
static char *run_path(const struct workspace *workspace, const char *test, const char *ending)
{
    char *name = text_format("run/%s.%s", test, ending);
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

static bool prepare(struct trial *trial, const struct workspace *workspace, const struct manifest_test *test)
{
    *trial = (struct trial){.test = test,
                            .json_path = run_path(workspace, test->name, "json"),
                            .receipt_path = run_path(workspace, test->name, "receipt")};
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

static struct stage_result conclude(struct stage_result *result, const size_t *tally, size_t count)
{
    int lost = 0;
    for (size_t i = 0; i < result->findings_count; i++)
        lost += result->findings[i].cost;
    const enum status status = tally[PASS] == count ? STATUS_PASSED
                               : tally[HANG] > 0    ? STATUS_TIMED_OUT
                               : tally[FAIL] == 0   ? STATUS_CRASHED
                                                    : STATUS_FAILED;
    return result_finish(result, status, result->max_score - lost, "%zu of %zu tests pass", tally[PASS], count);
}

static struct stage_result run_trials(struct stage_result *result, const struct setting *setting, struct trial *trials,
                                      size_t count)
{
    struct call *calls = text_allocate(count, sizeof *calls);
    struct process_spec *specs = text_allocate(count, sizeof *specs);
    struct process_result *runs = text_allocate(count, sizeof *runs);
    size_t tally[OUR_FAULT + 1] = {0};
    const char *culprit = NULL;
    /* More than cores: most tests wait most of the time, and those that hang do nothing else. */
    const int jobs = 2 * setting->workspace->cores < JOBS_MAX ? 2 * setting->workspace->cores : JOBS_MAX;
    for (size_t i = 0; i < count; i++)
        specs[i] = make_spec(setting, &trials[i], &calls[i]);
    const bool ok = process_run(specs, count, (size_t)jobs, runs);
    for (size_t i = 0; i < count && ok; i++) {
        const enum verdict verdict = trial_judge(result, setting, &trials[i], &specs[i], &runs[i]);
        culprit = verdict == OUR_FAULT && culprit == NULL ? trials[i].test->name : culprit;
        tally[verdict]++;
    }
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
    if (process_interrupted())
        return result_finish(result, STATUS_NOT_RUN, 0, "interrupted");
    if (!ok || culprit != NULL)
        return result_grader_error(result, "cannot run test '%s' of %s", culprit != NULL ? culprit : "?",
                                   setting->manifest->name);
    return conclude(result, tally, count);
}

struct stage_result tests_run(const struct manifest *manifest, const struct workspace *workspace)
{
    struct stage_result result = {.name = "tests"};
    struct setting setting = {.manifest = manifest,
                              .workspace = workspace,
                              .program = workspace_path(workspace, "bin/tests"),
                              .object = workspace_path(workspace, "bin/handin.o")};
    const struct manifest_test **chosen = text_allocate(manifest->tests_count, sizeof *chosen);
    const size_t count = choose(manifest, workspace, chosen);
    struct trial *trials = text_allocate(count, sizeof *trials);
    bool ready = true;
    for (size_t i = 0; i < count; i++) {
        ready = prepare(&trials[i], workspace, chosen[i]) && ready;
        result.max_score += chosen[i]->points;
    }
    if (!ready)
        result = result_grader_error(&result, "cannot write into '%s': is the disk full?", workspace->root);
    else
        result = run_trials(&result, &setting, trials, count);
    for (size_t i = 0; i < count; i++)
        release_trial(&trials[i]);
    free(trials);
    free(chosen);
    free(setting.program);
    free(setting.object);
    return result;
}
