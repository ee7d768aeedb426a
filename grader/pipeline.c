#include "pipeline.h"

#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>

#include "overlay.h"
#include "process.h"
#include "quiet.h"
#include "stages/build.h"
#include "stages/hidden.h"
#include "stages/races.h"
#include "stages/schedules.h"
#include "stages/speedup.h"
#include "stages/tests.h"
#include "text.h"

enum { DISK_BYTES_MIN = 64 * 1024, OVERLAY = 4096 };

typedef struct stage_result stage_run(const struct manifest *, const struct workspace *);

/* The stages in the order they run. A stage waits for `needs`: where that earned nothing, there is nothing to learn
 * from going on. */
static const struct stage {
    const char *name;
    stage_run *run;
    int needs;     /* enum stage_id, -1 for none */
    bool alone;    /* wants the machine to itself */
    bool endures;  /* code that hangs keeps it for its whole time (is_stuck) */
    size_t points; /* where in struct manifest_points; OVERLAY: the overlay's */
} stages[STAGE_COUNT] = {
    [STAGE_BUILD] = {"build", build_run, -1, false, false, offsetof(struct manifest_points, build)},
    [STAGE_TESTS] = {"tests", tests_run, STAGE_BUILD, false, false, offsetof(struct manifest_points, tests)},
    [STAGE_SCHEDULES] = {"schedules", schedules_run, STAGE_TESTS, false, false,
                         offsetof(struct manifest_points, schedules)},
    [STAGE_RACES] = {"races", races_run, STAGE_TESTS, false, true, offsetof(struct manifest_points, races)},
    [STAGE_SPEEDUP] = {"speedup", speedup_run, STAGE_TESTS, true, true, offsetof(struct manifest_points, speedup)},
    [STAGE_HIDDEN] = {"hidden", hidden_run, STAGE_BUILD, false, false, OVERLAY},
};

static int find_stage(const char *name, size_t length)
{
    for (int i = 0; i < STAGE_COUNT; i++)
        if (strlen(stages[i].name) == length && strncmp(stages[i].name, name, length) == 0)
            return i;
    return -1;
}

unsigned pipeline_stages(const char *names)
{
    unsigned set = 1u << STAGE_BUILD;
    if (names == NULL)
        return (1u << STAGE_COUNT) - 1;
    for (const char *name = names;; name++) {
        const size_t length = strcspn(name, ",");
        const int stage = find_stage(name, length);
        if (stage < 0)
            return 0;
        set |= 1u << stage | (stage == STAGE_RACES ? 1u << STAGE_SCHEDULES : 0);
        name += length;
        if (*name == '\0')
            return set;
    }
}

static int stage_points(const struct manifest *manifest, const struct workspace *workspace, const struct stage *stage)
{
    if (stage->points == OVERLAY)
        return overlay_points(workspace->overlay);
    return *(const int *)((const char *)&manifest->points + stage->points);
}

/* Whether stage `i` was asked for, and there is something for it to do. */
static bool is_wanted(const struct workspace *workspace, int i)
{
    return (workspace->stages & (1u << i)) != 0 && (i != STAGE_HIDDEN || workspace->overlay != NULL);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct stage_result skip(const struct stage *stage, int max_score, const char *why)
{
    struct stage_result result = {.name = stage->name, .max_score = max_score};
    return result_finish(&result, STATUS_NOT_RUN, 0, "%s", why);
}

/* Whether the code hangs for sure: a test hung, and the explorer shows that it can or could not look. A test alone does
 * not decide: whether it fails at once or hangs may be the luck of one run, and the same stages must run each time. */
static bool is_stuck(const struct stage_result *const done[])
{
    const struct stage_result *tests = done[STAGE_TESTS], *schedules = done[STAGE_SCHEDULES];
    return tests != NULL && tests->status == STATUS_TIMED_OUT &&
           (schedules == NULL || (schedules->status != STATUS_PASSED && schedules->status != STATUS_FAILED) ||
            schedules_show_hang(schedules));
}

/* Why a stage cannot start after what `done` came to (NULL: was not asked for); NULL if it can. Static. */
static const char *obstacle(const struct stage *stage, const struct stage_result *const done[])
{
    const struct stage_result *earlier = done[stage->needs];
    if (process_interrupted())
        return "interrupted";
    if (stage->endures && is_stuck(done))
        return "waits for tests that do not hang";
    if (earlier == NULL || earlier->score > 0)
        return NULL;
    if (earlier->status == STATUS_GRADER_ERROR)
        return "waits for a stage that the grader could not run";
    if (stage->needs == STAGE_BUILD)
        return earlier->status == STATUS_NOT_RUN ? "waits for build" : "waits for a file that builds";
    return "waits for the first test to pass";
}

/* Fills in the source lines that findings point at. */
static void add_sources(struct stage_result *result, const struct workspace *workspace)
{
    for (size_t i = 0; i < result->findings_count; i++) {
        struct finding *finding = &result->findings[i];
        char *line = finding->line > 0 ? text_line(workspace->content, finding->line) : NULL;
        if (line != NULL)
            finding->source = text_clean(line);
        free(line);
    }
}

/* Receipts and reports that could not be written would read as faults of the hand-in. */
static bool disk_is_full(const struct workspace *workspace)
{
    struct statvfs status;
    return statvfs(workspace->root, &status) == 0 && (uint64_t)status.f_bavail * status.f_frsize < DISK_BYTES_MIN;
}

static struct stage_result run_stage(const struct stage *stage, const struct manifest *manifest,
                                     const struct workspace *workspace)
{
    struct quiet quiet = quiet_enter(stage->alone);
    const double start = now();
    struct stage_result result = stage->run(manifest, workspace);
    quiet_leave(&quiet);
    if (result.status != STATUS_GRADER_ERROR && result.score < result.max_score && disk_is_full(workspace))
        result = result_grader_error(&result, "no space is left in '%s': free some, or set TMPDIR", workspace->root);
    result.seconds = now() - start;
    return result;
}

/* What the explorer shows it shows each time; a test that sees the mistake in some runs only costs nothing. */
static void settle_tests(struct stage_result *tests, const struct stage_result *schedules,
                         const struct manifest *manifest, const struct workspace *workspace)
{
    if (tests == NULL || schedules->status != STATUS_FAILED)
        return;
    const double start = now();
    tests_repeat(manifest, workspace, tests);
    tests->seconds += now() - start;
}

/* The verdict: points from stage results, nothing else. */
static void add_up(struct report *report)
{
    report->score = report->max_score = 0;
    for (size_t i = 0; i < report->stages_count; i++) {
        report->score += report->stages[i].score;
        report->max_score += report->stages[i].max_score;
    }
}

/* Enters every stage that is to run, so that a report of grading that is cut short names them all. */
static void expect_stages(struct report *report, const struct manifest *manifest, const struct workspace *workspace)
{
    for (int i = 0; i < STAGE_COUNT; i++)
        if (is_wanted(workspace, i))
            report->stages[report->stages_count++] =
                skip(&stages[i], stage_points(manifest, workspace, &stages[i]), "not reached");
    report->unfinished = true;
}

static int find_todo(const char *content)
{
    int line = 1;
    const char *hit = strstr(content, "TODO");
    for (const char *c = content; hit != NULL && c < hit; c++)
        line += *c == '\n';
    return hit != NULL ? line : 0;
}

static void tell(struct report *report, pipeline_watcher *after, void *context)
{
    add_up(report);
    report->programs_cpu = process_programs_cpu_seconds();
    if (after != NULL)
        after(report, context);
}

void pipeline_run_watched(const struct manifest *manifest, const struct workspace *workspace, struct report *report,
                          pipeline_watcher *after, void *context)
{
    const struct stage_result *done[STAGE_COUNT] = {0};
    char *compiler = build_compiler();
    *report = (struct report){.schema = "lockstep/report/1",
                              .lab = text_format("%s", manifest->name),
                              .title = text_format("%s", manifest->title),
                              .file = text_clean(workspace->handin_shown),
                              .untouched = workspace->untouched,
                              .first_todo = find_todo(workspace->content),
                              .seed = workspace->seed,
                              .cores = workspace->cores,
                              .compiler = compiler != NULL ? compiler : text_format("unknown")};
    expect_stages(report, manifest, workspace);
    tell(report, after, context);
    struct stage_result *result = report->stages, *tests = NULL;
    for (int i = 0; i < STAGE_COUNT; i++) {
        const struct stage *stage = &stages[i];
        if (!is_wanted(workspace, i))
            continue;
        result_release(result);
        const char *why = stage->needs >= 0 ? obstacle(stage, done) : NULL;
        if (why == NULL && i > STAGE_TESTS && manifest->points.build > 0) /* what it needs was not asked for */
            why = obstacle(&stages[STAGE_TESTS], done);
        *result = why != NULL ? skip(stage, stage_points(manifest, workspace, stage), why)
                              : run_stage(stage, manifest, workspace);
        add_sources(result, workspace);
        if (i == STAGE_TESTS)
            tests = result;
        else if (i == STAGE_SCHEDULES)
            settle_tests(tests, result, manifest, workspace);
        done[i] = result++;
        report->unfinished = result < report->stages + report->stages_count || process_interrupted();
        tell(report, after, context);
    }
}

void pipeline_run(const struct manifest *manifest, const struct workspace *workspace, struct report *report)
{
    pipeline_run_watched(manifest, workspace, report, NULL, NULL);
}
