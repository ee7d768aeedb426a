#include "json.h"

#include <stdlib.h>

#include "../text.h"
#include "shown.h"

json_t *json_own(char *text)
{
    json_t *string = json_string(text);
    free(text);
    return string;
}

json_t *json_headline(const struct report *report)
{
    char *title = shown_line(report->title, SHOWN_LINE), *file = shown_line(report->file, SHOWN_LINE);
    const char *why = report_no_mark(report);
    char *line = why != NULL ? text_format("%s (%s): no mark, %s", title, file, why)
                             : text_format("%s (%s): %d of %d points", title, file, report->score, report->max_score);
    free(title);
    free(file);
    return json_own(line);
}

char *json_text(json_t *root, size_t flags)
{
    char *raw = json_dumps(root, flags | JSON_REAL_PRECISION(6));
    json_decref(root);
    char *text = text_format("%s\n", raw != NULL ? raw : "{}");
    free(raw);
    return text;
}
