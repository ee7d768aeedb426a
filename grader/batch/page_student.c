#include "page_student.h"

#include <jansson.h>
#include <string.h>

#include "html.h"

static const char *field(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text != NULL ? text : "";
}

static int number(const json_t *object, const char *name)
{
    return (int)json_integer_value(json_object_get(object, name));
}

static const char *status_class(const char *status)
{
    return strcmp(status, "PASSED") == 0                                           ? "good"
           : strcmp(status, "NOT_RUN") == 0 || strcmp(status, "GRADER_ERROR") == 0 ? "warn"
                                                                                   : "bad";
}

static void write_stages(FILE *stream, const json_t *report)
{
    size_t i;
    json_t *stage;
    fputs(
        "<table><caption>Stages</caption><thead><tr><th scope=\"col\">Stage</th><th scope=\"col\" "
        "class=\"number\">Points</th><th scope=\"col\">Status</th><th scope=\"col\">Summary</th></tr></thead><tbody>\n",
        stream);
    json_array_foreach(json_object_get(report, "stages"), i, stage)
    {
        const char *status = field(stage, "status");
        html_write(
            stream,
            "<tr><th scope=\"row\">%s</th><td class=\"number\">%d/%d</td><td class=\"%s\">%s</td><td>%s</td></tr>\n",
            field(stage, "name"), number(stage, "score"), number(stage, "max_score"), status_class(status), status,
            field(stage, "summary"));
    }
    fputs("</tbody></table>\n", stream);
}

static void write_finding(FILE *stream, const char *stage, const json_t *finding)
{
    const int cost = number(finding, "cost"), line = number(finding, "line");
    fputs("<li>", stream);
    if (cost > 0)
        html_write(stream, "<strong>[%s, &minus;%d]</strong> ", stage, cost);
    html_write(stream, "%s", field(finding, "message"));
    if (line > 0)
        html_write(stream, "<div class=\"dim\">%s:%d</div><pre><code>%d | %s</code></pre>", field(finding, "file"),
                   line, line, field(finding, "source"));
    /* Schedules come as columns, one a thread: they keep their width, and scroll by keyboard, too. */
    const char *detail = field(finding, "detail");
    if (strchr(detail, '\n') != NULL)
        html_write(stream, "<pre tabindex=\"0\" role=\"group\" aria-label=\"details of this finding\">%s</pre>",
                   detail);
    else if (detail[0] != '\0')
        html_write(stream, "<p>%s</p>", detail);
    if (field(finding, "command")[0] != '\0')
        html_write(stream, "<div class=\"dim\">repeat: <code>%s</code></div>", field(finding, "command"));
    fputs("</li>\n", stream);
}

/* Those that cost points, or those that do not. */
static void write_findings(FILE *stream, const json_t *report, bool costly, const char *heading)
{
    size_t i, k, count = 0;
    json_t *stage, *finding;
    json_array_foreach(json_object_get(report, "stages"), i, stage)
    {
        json_array_foreach(json_object_get(stage, "findings"), k, finding)
        {
            if ((number(finding, "cost") > 0) != costly)
                continue;
            if (count++ == 0)
                html_write(stream, "<h3>%s</h3>\n<ol class=\"findings\">\n", heading);
            write_finding(stream, field(stage, "name"), finding);
        }
    }
    if (count > 0)
        fputs("</ol>\n", stream);
}

static void write_mark(FILE *stream, const struct mark *mark)
{
    if (mark->has_final)
        html_write(stream, "<p class=\"score\"><strong>%f</strong> of %d points</p>\n", mark->final,
                   mark->max_score > 0 ? mark->max_score : 100);
    else
        html_write(stream, "<p class=\"score warn\">%s</p>\n",
                   strcmp(mark->status, "error") == 0 ? "Not graded, by no fault of yours." : "Not graded yet.");
    if (mark->penalty > 0)
        html_write(stream, "<p>Late: %f %% off the %d points earned.</p>\n", mark->penalty, mark->score);
    if (strcmp(mark->adjusted, "add") == 0)
        html_write(stream, "<p>Adjusted by the instructor: %s%f.</p>\n", mark->adjustment >= 0 ? "+" : "",
                   mark->adjustment);
    else if (strcmp(mark->adjusted, "set") == 0)
        fputs("<p>Set by the instructor.</p>\n", stream);
    if (mark->comment[0] != '\0')
        html_write(stream, "<blockquote>%s</blockquote>\n", mark->comment);
}

static void write_background(FILE *stream, const struct mark *mark)
{
    html_write(stream, "<p class=\"dim\">%s, id %s", mark->path, mark->key);
    if (mark->twins > 0)
        html_write(stream, "; graded once together with %d identical hand-in%s of others", mark->twins,
                   mark->twins > 1 ? "s" : "");
    if (mark->error[0] != '\0' && strcmp(mark->status, "error") == 0)
        html_write(stream, "; %s", mark->error);
    fputs("</p>\n", stream);
}

void page_student(FILE *stream, const struct mark *mark, bool for_instructor)
{
    json_t *report = json_loads(mark->report, 0, NULL);
    const char *title = field(report, "title");
    html_write(stream, "<section>\n<h2>%s%s%s</h2>\n", mark->lab, title[0] != '\0' ? ": " : "", title);
    write_mark(stream, mark);
    if (for_instructor)
        write_background(stream, mark);
    if (report != NULL) {
        write_stages(stream, report);
        write_findings(stream, report, true, "What to mend, in this order");
        write_findings(stream, report, false, "Notes, which cost nothing");
        html_write(stream, "<p class=\"dim\">seed %d, %d cores, %s</p>\n", number(report, "seed"),
                   number(json_object_get(report, "machine"), "cores"),
                   field(json_object_get(report, "machine"), "compiler"));
    }
    fputs("</section>\n", stream);
    json_decref(report);
}
