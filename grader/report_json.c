#include "report_json.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

static json_t *text_or_null(const char *text)
{
    return text != NULL ? json_string(text) : json_null();
}

static json_t *number_or_null(int number)
{
    return number > 0 ? json_integer(number) : json_null();
}

static json_t *finding_json(const struct finding *finding)
{
    json_t *object = json_object();
    char *page = finding_page(finding);
    json_object_set_new(object, "kind", json_string(finding->kind));
    json_object_set_new(object, "message", json_string(finding->message));
    json_object_set_new(object, "file", text_or_null(finding->file));
    json_object_set_new(object, "line", number_or_null(finding->line));
    json_object_set_new(object, "source", text_or_null(finding->source));
    json_object_set_new(object, "detail", text_or_null(finding->detail));
    json_object_set_new(object, "command", text_or_null(finding->command));
    json_object_set_new(object, "explain", text_or_null(page));
    json_object_set_new(object, "cost", json_integer(finding->cost));
    free(page);
    return object;
}

static json_t *figures_json(const struct stage_result *stage)
{
    json_t *object = json_object();
    for (size_t i = 0; i < stage->figures_count; i++)
        json_object_set_new(object, stage->figures[i].name, json_real(stage->figures[i].value));
    return object;
}

static json_t *stage_json(const struct stage_result *stage)
{
    json_t *object = json_object(), *findings = json_array();
    for (size_t i = 0; i < stage->findings_count; i++)
        json_array_append_new(findings, finding_json(&stage->findings[i]));
    json_object_set_new(object, "name", json_string(stage->name));
    json_object_set_new(object, "status", json_string(status_name(stage->status)));
    json_object_set_new(object, "score", json_integer(stage->score));
    json_object_set_new(object, "max_score", json_integer(stage->max_score));
    json_object_set_new(object, "seconds", json_real(stage->seconds));
    json_object_set_new(object, "summary", text_or_null(stage->summary));
    if (stage->visibility != VISIBLE)
        json_object_set_new(object, "visibility", json_string(visibility_name(stage->visibility)));
    if (stage->figures_count > 0)
        json_object_set_new(object, "figures", figures_json(stage));
    json_object_set_new(object, "findings", findings);
    return object;
}

char *report_json(const struct report *report)
{
    json_t *root = json_object(), *machine = json_object(), *stages = json_array();
    json_object_set_new(machine, "cores", json_integer(report->cores));
    json_object_set_new(machine, "compiler", json_string(report->compiler));
    for (size_t i = 0; i < report->stages_count; i++)
        json_array_append_new(stages, stage_json(&report->stages[i]));
    json_object_set_new(root, "schema", json_string(report->schema));
    json_object_set_new(root, "lab", json_string(report->lab));
    json_object_set_new(root, "title", json_string(report->title));
    json_object_set_new(root, "file", json_string(report->file));
    json_object_set_new(root, "score", json_integer(report->score));
    json_object_set_new(root, "max_score", json_integer(report->max_score));
    json_object_set_new(root, "seed", json_integer((json_int_t)report->seed));
    json_object_set_new(root, "machine", machine);
    json_object_set_new(root, "programs_cpu_seconds", json_real(report->programs_cpu));
    if (report->unfinished)
        json_object_set_new(root, "unfinished", json_true());
    json_object_set_new(root, "stages", stages);
    char *raw = json_dumps(root, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
    json_decref(root);
    char *text = text_format("%s\n", raw != NULL ? raw : "{}");
    free(raw);
    return text;
}
