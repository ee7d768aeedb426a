#include "report.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

const char *status_name(enum status status)
{
    switch (status) {
    case STATUS_PASSED:
        return "PASSED";
    case STATUS_FAILED:
        return "FAILED";
    case STATUS_CRASHED:
        return "CRASHED";
    case STATUS_TIMED_OUT:
        return "TIMED_OUT";
    case STATUS_NOT_RUN:
        return "NOT_RUN";
    case STATUS_GRADER_ERROR:
        return "GRADER_ERROR";
    }
    return "?";
}

const char *visibility_name(enum visibility visibility)
{
    switch (visibility) {
    case VISIBLE:
        return "visible";
    case AFTER_DUE_DATE:
        return "after_due_date";
    case AFTER_PUBLISHED:
        return "after_published";
    case HIDDEN:
        return "hidden";
    }
    return "?";
}

static char *clean_vformat(const char *format, va_list arguments)
{
    char *raw = text_vformat(format, arguments);
    char *clean = text_clean(raw);
    free(raw);
    return clean;
}

struct finding *result_add(struct stage_result *result, const char *kind, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    result->findings = text_grow(result->findings, result->findings_count + 1, sizeof *result->findings);
    struct finding *finding = &result->findings[result->findings_count++];
    *finding = (struct finding){.kind = text_format("%s", kind), .message = clean_vformat(format, arguments)};
    va_end(arguments);
    return finding;
}

void result_figure(struct stage_result *result, const char *name, double value, bool least_is_best)
{
    if (result->figures_count == RESULT_FIGURES || !isfinite(value))
        return;
    result->figures[result->figures_count++] =
        (struct figure){.name = text_clean(name), .value = value, .least_is_best = least_is_best};
}

struct stage_result result_finish(struct stage_result *result, enum status status, int score, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    free(result->summary);
    result->summary = clean_vformat(format, arguments);
    va_end(arguments);
    result->status = status;
    result->score = score;
    return *result;
}

struct stage_result result_grader_error(struct stage_result *result, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *cause = clean_vformat(format, arguments);
    va_end(arguments);
    result_add(result, "grader-error", "%s", cause);
    free(cause);
    return result_finish(result, STATUS_GRADER_ERROR, 0, "the grader failed, not your code");
}

char *finding_page(const struct finding *finding)
{
    if (strcmp(finding->kind, "note") == 0 || strcmp(finding->kind, "grader-error") == 0)
        return NULL;
    return text_format("grader/explain/%s.md", finding->kind);
}

void result_release(struct stage_result *result)
{
    for (size_t i = 0; i < result->findings_count; i++) {
        struct finding *f = &result->findings[i];
        char *owned[] = {f->kind, f->message, f->detail, f->file, f->source, f->command};
        for (size_t k = 0; k < sizeof owned / sizeof *owned; k++)
            free(owned[k]);
    }
    for (size_t i = 0; i < result->figures_count; i++)
        free(result->figures[i].name);
    free(result->findings);
    free(result->summary);
    *result = (struct stage_result){0};
}

bool report_has_error(const struct report *report)
{
    for (size_t i = 0; i < report->stages_count; i++)
        if (report->stages[i].status == STATUS_GRADER_ERROR)
            return true;
    return false;
}

const char *report_no_mark(const struct report *report)
{
    if (report_has_error(report))
        return "the grader failed in a stage";
    return report->unfinished ? "grading was cut short" : NULL;
}

bool report_is_marked(const struct report *report)
{
    return report_no_mark(report) == NULL;
}

void report_release(struct report *report)
{
    for (size_t i = 0; i < report->stages_count; i++)
        result_release(&report->stages[i]);
    free(report->lab);
    free(report->title);
    free(report->file);
    free(report->compiler);
    *report = (struct report){0};
}
