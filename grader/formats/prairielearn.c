#include "prairielearn.h"

#include <jansson.h>
#include <stdlib.h>

#include "../text.h"
#include "json.h"
#include "shown.h"

static json_t *test(const struct stage_result *stage)
{
    json_t *object = json_object();
    json_object_set_new(object, "name", json_string(stage->name));
    json_object_set_new(object, "points", json_integer(stage->score));
    json_object_set_new(object, "max_points", json_integer(stage->max_score));
    json_object_set_new(object, "message", json_own(shown_stage_note(stage)));
    json_object_set_new(object, "output", json_own(shown_findings(stage, SHOWN_STAGE)));
    return object;
}

char *format_prairielearn(const struct report *report, const struct format_options *options)
{
    json_t *root = json_object(), *tests = json_array();
    const char *why = report_no_mark(report);
    (void)options;
    for (size_t i = 0; i < report->stages_count; i++)
        json_array_append_new(tests, test(&report->stages[i]));
    json_object_set_new(root, "gradable", json_boolean(why == NULL));
    if (why == NULL)
        json_object_set_new(root, "score",
                            json_real(report->max_score > 0 ? (double)report->score / report->max_score : 0.0));
    else
        json_object_set_new(root, "format_errors", json_own(text_format("no mark: %s", why)));
    json_object_set_new(root, "message", json_headline(report));
    json_object_set_new(root, "tests", tests);
    return json_text(root, JSON_INDENT(1));
}
