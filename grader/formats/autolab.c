#include "autolab.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "../report_text.h"
#include "../text.h"
#include "json.h"
#include "shown.h"

enum { HINT = 2000 };

/* Autolab reads the line before the last: a table with a row a stage. */
static char *presentation(const struct report *report)
{
    json_t *root = json_object(), *stages = json_array(), *table = json_object();
    json_object_set_new(root, "_presentation", json_string("semantic"));
    for (size_t i = 0; i < report->stages_count; i++) {
        const struct stage_result *stage = &report->stages[i];
        json_t *row = json_object();
        json_object_set_new(row, "passed", json_boolean(shown_passed(stage)));
        if (!shown_passed(stage)) {
            char *note = shown_stage_note(stage), *findings = shown_findings(stage, HINT);
            json_object_set_new(row, "hint", json_own(text_format("%s\n%s", note, findings)));
            free(note);
            free(findings);
        }
        json_object_set_new(table, stage->name, row);
    }
    json_array_append_new(stages, json_string("Stages"));
    json_object_set_new(root, "stages", stages);
    json_object_set_new(root, "Stages", table);
    return json_text(root, JSON_COMPACT);
}

/* The last line. Autolab puts quotes round a word before a colon, so that names hold no colon: those of stages do not.
 * Without a mark no problem gets a score, and Autolab leaves all of them as they are. */
static char *scores(const struct report *report)
{
    json_t *root = json_object(), *scores = json_object(), *scoreboard = json_array();
    const bool marked = report_is_marked(report);
    double figure = 0;
    for (size_t i = 0; i < report->stages_count && marked; i++) {
        json_object_set_new(scores, report->stages[i].name, json_integer(report->stages[i].score));
        if (figure <= 0 && report->stages[i].figures_count > 0)
            figure = report->stages[i].figures[0].value;
    }
    if (marked) {
        json_array_append_new(scoreboard, json_integer(report->score));
        json_array_append_new(scoreboard, json_real(figure));
    }
    json_object_set_new(root, "scores", scores);
    json_object_set_new(root, "scoreboard", scoreboard);
    return json_text(root, JSON_COMPACT);
}

char *format_autolab(const struct report *report, const struct format_options *options)
{
    char *raw = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&raw, &size);
    (void)options;
    if (stream == NULL)
        return text_copy("", 0);
    report_text(stream, report, false);
    fclose(stream);
    char *text = shown_text(raw, SHOWN_STAGE), *table = presentation(report), *last = scores(report);
    char *all = text_format("%s\n\n%s%s", text, table, last);
    free(raw);
    free(text);
    free(table);
    free(last);
    return all;
}
