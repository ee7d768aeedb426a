#include "races.h"

#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>

#include "../policy.h"
#include "../stage_limits.h"
#include "../text.h"
#include "races_trial.h"

enum { FINDINGS_MAX = 4, NOTES_MAX = 1, SAID_LINES = 4 };

static const struct tool {
    const char *name;
    const char *argv[12];
} tools[TOOLS] = {
    [HELGRIND] = {"helgrind",
                  {"valgrind", "--tool=helgrind", "--history-level=full", "--track-lockorders=no", "--fair-sched=try",
                   "--xml=yes", "--xml-file=helgrind.%p.xml", "../bin/race", NULL}},
    [DRD] = {"drd",
             {"valgrind", "--tool=drd", "--check-stack-var=yes", "--report-signal-unlocked=no", "--fair-sched=try",
              "--xml=yes", "--xml-file=drd.%p.xml", "../bin/race", NULL}},
    [TSAN] = {"ThreadSanitizer", {"setarch", "-R", "../bin/race_tsan", NULL}},
};

const char *trial_tool_name(size_t tool)
{
    return tools[tool].name;
}

/* --- running the tools --- */

/* run/TOOL.REST of the workspace: where valgrind's reports are. Caller frees. */
static char *tool_file(const struct trial *trial, size_t tool, const char *rest)
{
    char *name = text_format("run/%s.%s", trial_tool_name(tool), rest);
    char *path = workspace_path(trial->workspace, name);
    free(name);
    return path;
}

static bool any_timed_out(const struct process_result *results, size_t count)
{
    bool any = false;
    for (size_t i = 0; i < count; i++)
        any = any || results[i].end == PROCESS_TIMED_OUT;
    return any;
}

/* Where nothing depends on the tools any more, a driver that hangs is not waited for as long. */
static void set_limits(struct process_spec *spec, const struct trial *trial)
{
    stage_limits_set(spec, trial->manifest, LIMITS_RACES);
    if (trial_is_overshadowed(trial))
        spec->deadline /= 3;
}

/* As many tools at a time as there are cores. A driver that has hung under one is not waited for under the next, unless
 * points can depend on that one. */
static bool run_tools(struct trial *trial)
{
    struct process_spec specs[TOOLS] = {0};
    struct process_result results[TOOLS];
    size_t which[TOOLS], count = 0;
    struct policy policy;
    char *directory = workspace_path(trial->workspace, "run"), *kept[TOOLS] = {NULL};
    char *seed = text_format("LOCKSTEP_SEED=%llu", (unsigned long long)trial->workspace->seed);
    const char *set[] = {seed, "TSAN_OPTIONS=exitcode=0 detect_deadlocks=0 report_thread_leaks=0", NULL};
    policy_run(&policy, trial->workspace, trial->manifest, "bin/race");
    policy_add(&policy, trial->workspace, "bin/race_tsan");
    for (size_t i = 0; i < TOOLS; i++) {
        if (i != HELGRIND && trial->c11)
            continue;
        which[count] = i;
        kept[i] = tool_file(trial, i, "");
        specs[count] = (struct process_spec){.argv = tools[i].argv,
                                             .directory = directory,
                                             .set = set,
                                             .service = policy.service,
                                             .kept = kept[i],
                                             .sandbox = &policy.sandbox,
                                             .output_keep = (size_t)1 << 20};
        set_limits(&specs[count++], trial);
    }
    const bool hang_suffices = trial->ruling.judged || !trial->ruling.fails;
    bool ok = true;
    for (size_t done = 0, step = 0; done < count && ok && !(hang_suffices && any_timed_out(results, done));
         done += step) {
        step = (size_t)trial->workspace->cores < count - done ? (size_t)trial->workspace->cores : count - done;
        ok = process_run(&specs[done], step, step, &results[done]);
        for (size_t i = done; i < done + step && ok; i++) {
            trial->runs[which[i]] = results[i];
            trial->ran[which[i]] = true;
        }
    }
    policy_release(&policy);
    for (size_t i = 0; i < TOOLS; i++)
        free(kept[i]);
    free(seed);
    free(directory);
    return ok;
}

/* The driver may fork: valgrind follows and writes one file a process. */
static void read_valgrind(struct trial *trial, size_t tool)
{
    glob_t found;
    char *pattern = tool_file(trial, tool, "*.xml");
    if (glob(pattern, 0, NULL, &found) == 0) {
        for (size_t i = 0; i < found.gl_pathc; i++)
            accusations_read_valgrind(&trial->said[tool], trial_tool_name(tool), found.gl_pathv[i],
                                      trial->manifest->file);
        globfree(&found);
    }
    free(pattern);
    /* A tool that fails on its own account ends as its program might: by its words they are told apart. */
    const char *err = trial->runs[tool].err;
    if (strstr(err, "WARNING: unhandled ") != NULL)
        trial->said[tool].fatal =
            text_format("%s does not know a system call or an instruction that this file uses", trial_tool_name(tool));
    else if (strstr(err, "the 'impossible' happened") != NULL ||
             strstr(err, "valgrind: failed to start tool") != NULL ||
             strstr(err, "valgrind:  Fatal error at startup") != NULL)
        trial->said[tool].fatal = text_format("%s failed on this program", trial_tool_name(tool));
}

static void read_all(struct trial *trial)
{
    for (size_t i = 0; i < TOOLS; i++) {
        if (!trial->ran[i])
            continue;
        if (i == TSAN)
            accusations_read_tsan(&trial->said[i], trial->runs[i].err, trial->manifest->file);
        else
            read_valgrind(trial, i);
    }
}

/* --- what the driver itself came to --- */

/* The driver's own words on stderr, without valgrind's and ThreadSanitizer's. */
static char *driver_said(const struct trial *trial, size_t tool)
{
    char *said = text_copy("", 0);
    int lines = 0;
    for (const char *line = trial->runs[tool].err; *line != '\0' && lines < SAID_LINES; lines++) {
        const size_t length = strcspn(line, "\n");
        if (length > 0 && line[0] != '=' && strncmp(line, "--", 2) != 0 &&
            strncmp(line, "WARNING: ThreadSanitizer", 24) != 0) {
            char *longer = text_format("%s%s%.*s", said, *said != '\0' ? " " : "", (int)length, line);
            free(said);
            said = longer;
        }
        line += length + (line[length] == '\n');
    }
    char *shown = workspace_shown(trial->workspace, trial->manifest, said);
    free(said);
    return shown;
}

static bool driver_failed(const struct trial *trial, size_t tool)
{
    const struct process_result *run = &trial->runs[tool];
    return trial->ran[tool] && trial->said[tool].fatal == NULL && run->end != PROCESS_NOT_STARTED &&
           run->end != PROCESS_INTERRUPTED && !(run->end == PROCESS_EXITED && run->code == 0);
}

/* A mistake that the explorer has shown is the reason, or may be. Whether and how the driver meets it is the luck of a
 * run, and it has cost its points: then this costs nothing more. */
static void add_driver_failure(struct stage_result *result, const struct trial *trial, size_t tool)
{
    const struct process_result *run = &trial->runs[tool];
    struct process_spec spec = {0};
    set_limits(&spec, trial);
    const enum process_limit limit = process_limit_hit(run);
    const char *reason = trial->ruling.fails ? "no surprise after what `schedules` shows: " : "";
    char *how = process_describe(&spec, run), *said = driver_said(trial, tool);
    struct finding *finding =
        run->end == PROCESS_EXITED
            ? result_add(result, "wrong-result", "%sthe race driver gets a wrong result from your code: %s", reason,
                         *said != '\0' ? said : how)
        : limit == LIMIT_TIME
            ? result_add(
                  result, "hung",
                  "%sthe race driver %s under %s: threads wait for each other or for a wake-up that never comes.",
                  reason, how, trial_tool_name(tool))
        : limit != LIMIT_NONE
            ? result_add(result, "limit", "%sthe race driver %s under %s; it was stopped.", reason, how,
                         trial_tool_name(tool))
            : result_add(result, "crashed",
                         "%sthe race driver %s under %s: your code breaks when it is used by several threads at once.",
                         reason, how, trial_tool_name(tool));
    trial_place(finding, trial, trial->said[tool].crash.line, tool);
    finding->cost = trial->ruling.fails ? 0 : result->max_score;
    free(how);
    free(said);
}

static enum status failure_status(const struct trial *trial, size_t tool)
{
    switch (trial->runs[tool].end) {
    case PROCESS_EXITED:
        return STATUS_FAILED;
    case PROCESS_TIMED_OUT:
        return STATUS_TIMED_OUT;
    case PROCESS_SIGNALED:
    case PROCESS_FLOODED:
    case PROCESS_TOO_MANY:
    case PROCESS_OUT_OF_MEMORY:
    case PROCESS_OUT_OF_CPU:
    case PROCESS_INTERRUPTED:
    case PROCESS_NOT_STARTED:
        return STATUS_CRASHED;
    }
    return STATUS_CRASHED;
}

/* --- the verdict of the stage --- */

static bool is_missing(const struct trial *trial, size_t tool)
{
    return trial->ran[tool] && trial->runs[tool].end == PROCESS_NOT_STARTED;
}

static void add_tool_notes(struct stage_result *result, const struct trial *trial)
{
    for (size_t i = 0; i < TOOLS; i++)
        if (trial->said[i].fatal != NULL)
            result_add(result, "note", "%s; it was left out of account.", trial->said[i].fatal);
}

/* Says who has found nothing, and where they cannot look. */
static struct stage_result pass(struct stage_result *result, const struct trial *trial)
{
    static const char *const judges[] = {[JUDGE_TWO_TOOLS] = "helgrind, drd and ThreadSanitizer",
                                         [JUDGE_TSAN] = "ThreadSanitizer",
                                         [JUDGE_NOBODY] = NULL};
    const char *judge = trial->ruling.judged ? "the explorer" : judges[trial->judge];
    if (judge == NULL)
        return result_finish(result, STATUS_PASSED, result->max_score, "races cannot be judged here");
    if (trial->forks && !trial->ruling.judged)
        return result_finish(result, STATUS_PASSED, result->max_score,
                             "no race between threads found by %s; between processes only the explorer looks", judge);
    return result_finish(result, STATUS_PASSED, result->max_score, "no race found by %s", judge);
}

static struct stage_result conclude(struct stage_result *result, const struct trial *trial)
{
    trial_add_explored(result, trial);
    trial_add_accusations(result, trial, PROVEN, FINDINGS_MAX);
    if (result->findings_count == 0)
        trial_add_accusations(result, trial, LINE_PROVEN, FINDINGS_MAX);
    const size_t proven = result->findings_count;
    enum status status = proven > 0 ? STATUS_FAILED : STATUS_PASSED;
    if (proven == 0)
        for (size_t i = 0; i < TOOLS && result->findings_count == 0; i++)
            if (driver_failed(trial, i)) {
                add_driver_failure(result, trial, i);
                if (!trial->ruling.fails)
                    status = failure_status(trial, i);
            }
    if (status == STATUS_PASSED)
        trial_add_accusations(result, trial, DOUBTFUL, NOTES_MAX);
    add_tool_notes(result, trial);
    if (status == STATUS_PASSED)
        return pass(result, trial);
    if (proven > 0)
        return result_finish(result, status, 0, "%zu place%s", proven, proven == 1 ? "" : "s");
    return result_finish(result, status, 0, "the race driver fails");
}

static struct stage_result weigh(struct stage_result *result, struct trial *trial)
{
    if (process_interrupted())
        return result_finish(result, STATUS_NOT_RUN, 0, "interrupted");
    if (is_missing(trial, HELGRIND)) {
        if (trial->runs[HELGRIND].code != ENOENT)
            return result_grader_error(result, "cannot start valgrind: %s", strerror(trial->runs[HELGRIND].code));
        result_add(result, "note",
                   "valgrind is not installed, so races were not looked for and no point is lost: install it with "
                   "`apt-get install valgrind`.");
        return result_finish(result, STATUS_NOT_RUN, result->max_score, "not measured: no valgrind");
    }
    read_all(trial);
    if (trial->judge == JUDGE_TSAN && (is_missing(trial, TSAN) || trial->said[TSAN].fatal != NULL)) {
        trial->judge = JUDGE_NOBODY;
        trial->reason = "ThreadSanitizer, which would have to decide here, cannot run this";
    }
    return conclude(result, trial);
}

struct stage_result races_run(const struct manifest *manifest, const struct workspace *workspace)
{
    struct stage_result result = {.name = "races", .max_score = manifest->points.races};
    struct trial trial = {.manifest = manifest, .workspace = workspace};
    char *error = NULL;
    ruling_read(&trial.ruling, manifest, workspace);
    if (!trial_choose_judge(&trial, &error))
        result = result_grader_error(&result, "%s", error);
    else if (!run_tools(&trial))
        result = result_grader_error(&result, "cannot run the race driver of %s", manifest->name);
    else
        result = weigh(&result, &trial);
    for (size_t i = 0; i < TOOLS; i++) {
        if (trial.ran[i])
            process_release(&trial.runs[i]);
        accusations_release(&trial.said[i]);
    }
    ruling_release(&trial.ruling);
    free(error);
    return result;
}
