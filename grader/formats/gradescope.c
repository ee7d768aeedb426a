#include "gradescope.h"

#include <jansson.h>
#include <stdlib.h>

#include "../text.h"
#include "json.h"
#include "shown.h"

static json_t *test(const struct report *report, size_t index)
{
    const struct stage_result *stage = &report->stages[index];
    char *findings = shown_findings(stage, SHOWN_STAGE);
    char *summary = shown_line(stage->summary, SHOWN_LINE);
    json_t *object = json_object();
    json_object_set_new(object, "name", json_string(stage->name));
    json_object_set_new(object, "number", json_own(text_format("%zu", index + 1)));
    json_object_set_new(object, "status", json_string(shown_passed(stage) ? "passed" : "failed"));
    if (report_is_marked(report)) {
        json_object_set_new(object, "score", json_integer(stage->score));
        json_object_set_new(object, "max_score", json_integer(stage->max_score));
    }
    json_object_set_new(object, "output",
                        json_own(text_format("%s: %s%s%s", status_name(stage->status), summary,
                                             *findings != '\0' ? "\n\n" : "", findings)));
    json_object_set_new(object, "output_format", json_string("text"));
    json_object_set_new(object, "name_format", json_string("text"));
    json_object_set_new(object, "visibility", json_string(visibility_name(stage->visibility)));
    free(findings);
    free(summary);
    return object;
}

/* Figures of the lab that all may see; where there is no mark there is nothing to compare. */
static json_t *leaderboard(const struct report *report)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < report->stages_count && report_is_marked(report); i++) {
        const struct stage_result *stage = &report->stages[i];
        for (size_t k = 0; k < stage->figures_count; k++) {
            json_t *row = json_object();
            json_object_set_new(row, "name", json_own(shown_line(stage->figures[k].name, SHOWN_LINE)));
            json_object_set_new(row, "value", json_real(stage->figures[k].value));
            json_object_set_new(row, "order", json_string(stage->figures[k].least_is_best ? "asc" : "desc"));
            json_array_append_new(rows, row);
        }
    }
    return rows;
}

char *format_gradescope(const struct report *report, const struct format_options *options)
{
    json_t *root = json_object(), *tests = json_array();
    double seconds = 0;
    (void)options;
    for (size_t i = 0; i < report->stages_count; i++) {
        json_array_append_new(tests, test(report, i));
        seconds += report->stages[i].seconds;
    }
    if (report_is_marked(report))
        json_object_set_new(root, "score", json_integer(report->score));
    json_object_set_new(root, "execution_time", json_real(seconds));
    json_object_set_new(root, "output", json_headline(report));
    json_object_set_new(root, "output_format", json_string("text"));
    json_object_set_new(root, "test_output_format", json_string("text"));
    json_object_set_new(root, "test_name_format", json_string("text"));
    json_object_set_new(root, "visibility", json_string("visible"));
    json_object_set_new(root, "stdout_visibility", json_string("hidden"));
    json_object_set_new(root, "tests", tests);
    json_object_set_new(root, "leaderboard", leaderboard(report));
    return json_text(root, JSON_INDENT(2));
}
