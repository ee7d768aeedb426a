#include "hidden.h"

#include <glob.h>
#include <stdlib.h>
#include <string.h>

#include "../overlay.h"
#include "../pipeline.h"
#include "../process.h"
#include "../text.h"
#include "build.h"
#include "schedules.h"
#include "tests.h"

enum { LAB_FILE_BYTES_MAX = 4 << 20 };

/* Puts the overlay's files in place of the lab's. */
static bool lay_over(const struct workspace *workspace, const struct overlay *overlay)
{
    static const char *const patterns[] = {"*.h", "tests.c", "scenarios.c"};
    bool ok = true;
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
        glob_t found;
        char *pattern = text_join(overlay->directory, patterns[i]);
        const bool any = glob(pattern, 0, NULL, &found) == 0;
        for (size_t k = 0; any && k < found.gl_pathc; k++) {
            size_t length = 0;
            char *content = text_read_file(found.gl_pathv[k], LAB_FILE_BYTES_MAX, &length);
            char *name = text_format("lab%s", strrchr(found.gl_pathv[k], '/'));
            char *to = workspace_path(workspace, name);
            ok = ok && content != NULL && text_write_file(to, content, length);
            free(to);
            free(name);
            free(content);
        }
        if (any)
            globfree(&found);
        free(pattern);
    }
    return ok;
}

/* ---- telling without the tests' words ---- */

static bool is_about(const struct finding *finding, const char *name)
{
    const size_t length = strlen(name);
    return strncmp(finding->message, name, length) == 0 && finding->message[length] == ':';
}

/* The behaviour that the entry named in the finding asks for. */
static const char *behaviour(const struct overlay *overlay, const struct finding *finding)
{
    for (unsigned i = 0; i < overlay->tests_count; i++)
        if (is_about(finding, overlay->tests[i].name))
            return overlay->tests[i].why;
    for (unsigned i = 0; i < overlay->scenarios_count; i++)
        if (is_about(finding, overlay->scenarios[i].name))
            return overlay->scenarios[i].why;
    return "";
}

/* The kind as words: `data-race` is a data race. */
static char *kind_words(const char *kind)
{
    if (strcmp(kind, "test-failed") == 0)
        return text_format("wrong result");
    return text_replace(kind, "-", " ");
}

static void retell(struct stage_result *result, const struct overlay *overlay, const struct finding *finding)
{
    char *words = kind_words(finding->kind);
    struct finding *told =
        result_add(result, finding->kind, "A hidden test found this: %s. %s", words, behaviour(overlay, finding));
    told->file = finding->file != NULL ? text_copy(finding->file, strlen(finding->file)) : NULL;
    told->line = finding->line;
    told->cost = finding->cost;
    free(words);
}

static bool is_worse(enum status status, enum status than)
{
    static const int ranks[] = {[STATUS_PASSED] = 0,  [STATUS_NOT_RUN] = 1,   [STATUS_FAILED] = 2,
                                [STATUS_CRASHED] = 3, [STATUS_TIMED_OUT] = 4, [STATUS_GRADER_ERROR] = 5};
    return ranks[status] > ranks[than];
}

/* Adds what one of the stages came to, and releases it. */
static void take_in(struct stage_result *result, const struct overlay *overlay, struct stage_result part)
{
    if (part.status == STATUS_GRADER_ERROR) {
        /* Which may quote the hidden files: for the instructor alone. */
        *result = result_grader_error(result, "the hidden tests of this lab cannot be run");
        result->visibility = HIDDEN;
        struct finding *finding = &result->findings[result->findings_count - 1];
        finding->detail =
            part.findings_count > 0 ? text_format("%s", part.findings[part.findings_count - 1].message) : NULL;
    }
    for (size_t i = 0; i < part.findings_count && result->status != STATUS_GRADER_ERROR; i++)
        if (part.findings[i].cost > 0)
            retell(result, overlay, &part.findings[i]);
    result->score += part.score;
    if (is_worse(part.status, result->status))
        result->status = part.status;
    result_release(&part);
}

/* ---- running ---- */

static struct stage_result run_parts(const struct manifest *manifest, const struct workspace *workspace,
                                     const struct overlay *overlay)
{
    struct stage_result result = {
        .name = "hidden", .max_score = overlay_points(overlay), .visibility = overlay->visibility};
    struct stage_result built = build_run(manifest, workspace);
    if (built.status != STATUS_PASSED) {
        built.status = STATUS_GRADER_ERROR;
        take_in(&result, overlay, built);
        return result;
    }
    result_release(&built);
    if (overlay->tests_count > 0)
        take_in(&result, overlay, tests_run(manifest, workspace));
    if (overlay->scenarios_count > 0 && result.status != STATUS_GRADER_ERROR)
        take_in(&result, overlay, schedules_run(manifest, workspace));
    if (result.status == STATUS_GRADER_ERROR)
        return result;
    if (process_interrupted())
        return result_finish(&result, STATUS_NOT_RUN, 0, "interrupted");
    return result_finish(&result, result.status, result.score, "%zu finding%s", result.findings_count,
                         result.findings_count == 1 ? "" : "s");
}

struct stage_result hidden_run(const struct manifest *manifest, const struct workspace *workspace)
{
    const struct overlay *overlay = workspace->overlay;
    struct stage_result result = {
        .name = "hidden", .max_score = overlay_points(overlay), .visibility = overlay->visibility};
    struct manifest hidden = *manifest;
    struct workspace own;
    char *error = NULL;
    hidden.tests = overlay->tests;
    hidden.tests_count = overlay->tests_count;
    hidden.scenarios = overlay->scenarios;
    hidden.scenarios_count = overlay->scenarios_count;
    hidden.points.schedules = overlay_points(overlay);
    for (unsigned i = 0; i < overlay->tests_count; i++)
        hidden.points.schedules -= overlay->tests[i].points;
    if (workspace_create(&own, workspace->kit, manifest, workspace->handin, NULL, &error) != EXIT_GRADED) {
        result = result_grader_error(&result, "%s", error);
        free(error);
        return result;
    }
    own.seed = workspace->seed;
    own.programs = 1u << STAGE_BUILD | (overlay->tests_count > 0 ? 1u << STAGE_TESTS : 0) |
                   (overlay->scenarios_count > 0 ? 1u << STAGE_SCHEDULES : 0);
    result = lay_over(&own, overlay) ? run_parts(&hidden, &own, overlay)
                                     : result_grader_error(&result, "cannot copy the hidden tests");
    workspace_remove(&own);
    return result;
}
