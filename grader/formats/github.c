#include "github.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../report_text.h"
#include "../text.h"
#include "shown.h"

/* GitHub shows ten annotations of a kind from one step. */
enum { ANNOTATIONS = 10, MESSAGE = 4000, TITLE = 200 };

enum kind { ERROR, WARNING, NOTICE, KINDS };

static const char *const kind_names[KINDS] = {[ERROR] = "error", [WARNING] = "warning", [NOTICE] = "notice"};

/* Writes clean text as the value of a workflow command, in which it must stand in one line; `property`: as that of one
 * of its properties, which end with a comma or a colon. */
static void write_value(FILE *stream, const char *text, bool property)
{
    for (const char *c = text; *c != '\0'; c++)
        if (*c == '%' || *c == '\r' || *c == '\n' || (property && (*c == ':' || *c == ',')))
            fprintf(stream, "%%%02X", (unsigned)(unsigned char)*c);
        else
            fputc(*c, stream);
}

/* `path` without `.` and `..`, absolute. */
static char *absolute(const char *path, const char *directory)
{
    char *all = *path == '/' ? text_copy(path, strlen(path)) : text_join(directory, path);
    char *out = text_allocate(strlen(all) + 2, 1), *end = out, *state = NULL;
    for (char *part = strtok_r(all, "/", &state); part != NULL; part = strtok_r(NULL, "/", &state)) {
        if (strcmp(part, ".") == 0)
            continue;
        if (strcmp(part, "..") == 0) {
            while (end > out && *--end != '/')
                ;
            *end = '\0';
            continue;
        }
        *end++ = '/';
        end = stpcpy(end, part);
    }
    free(all);
    return out;
}

/* The path from the top of the repository; one that is not in it as it is. Caller frees. */
static char *repository_path(const char *path, const struct format_options *options)
{
    const char *directory = options->directory != NULL ? options->directory : "/";
    char *clean = shown_line(path, SHOWN_LINE);
    char *full = absolute(clean, directory);
    char *top = absolute(options->repository != NULL ? options->repository : directory, directory);
    const size_t length = strlen(top);
    const bool inside = strncmp(full, top, length) == 0 && full[length] == '/';
    char *shown = inside ? text_format("%s", full + length + 1) : text_format("%s", clean);
    free(clean);
    free(full);
    free(top);
    return shown;
}

static enum kind kind_of(const struct finding *finding)
{
    if (finding->cost > 0 || strcmp(finding->kind, "grader-error") == 0)
        return ERROR;
    return strcmp(finding->kind, "warning") == 0 ? WARNING : NOTICE;
}

static void write_annotation(FILE *stream, const struct report *report, const struct stage_result *stage,
                             const struct finding *finding, const struct format_options *options)
{
    char *path = repository_path(finding->file != NULL ? finding->file : report->file, options);
    char *message = shown_text(finding->message, MESSAGE);
    char *title = finding->cost > 0 ? text_format("%.5s %s, -%d", report->lab, stage->name, finding->cost)
                                    : text_format("%.5s %s", report->lab, stage->name);
    char *clean = shown_line(title, TITLE);
    fprintf(stream, "::%s file=", kind_names[kind_of(finding)]);
    write_value(stream, path, true);
    if (finding->line > 0)
        fprintf(stream, ",line=%d", finding->line);
    fputs(",title=", stream);
    write_value(stream, clean, true);
    fputs("::", stream);
    write_value(stream, message, false);
    fputc('\n', stream);
    free(path);
    free(message);
    free(title);
    free(clean);
}

/* One notice is kept for the score. What a skeleton lacks is no news. */
static void write_annotations(FILE *stream, const struct report *report, const struct format_options *options,
                              int left_out[KINDS])
{
    int written[KINDS] = {[NOTICE] = 1};
    if (report->untouched)
        return;
    for (size_t s = 0; s < report->stages_count; s++)
        for (size_t i = 0; i < report->stages[s].findings_count; i++) {
            const struct finding *finding = &report->stages[s].findings[i];
            const enum kind kind = kind_of(finding);
            if (written[kind] == ANNOTATIONS) {
                left_out[kind]++;
                continue;
            }
            written[kind]++;
            write_annotation(stream, report, &report->stages[s], finding, options);
        }
}

static void write_score(FILE *stream, const struct report *report, const int left_out[KINDS])
{
    const char *why = report_no_mark(report);
    char *title = shown_line(report->title, TITLE);
    fputs("::notice title=", stream);
    write_value(stream, title, true);
    if (why != NULL)
        fprintf(stream, "::no mark: %s", why);
    else
        fprintf(stream, "::%d of %d points", report->score, report->max_score);
    for (int kind = 0; kind < KINDS; kind++)
        if (left_out[kind] > 0)
            fprintf(stream, "; %d more %s%s in the log", left_out[kind], kind_names[kind],
                    left_out[kind] == 1 ? "" : "s");
    fputc('\n', stream);
    free(title);
}

/* The report for people. Nobody who wrote a part of it knew the token, so nothing in it ends the fence. */
static void write_log(FILE *stream, const struct report *report, const struct format_options *options)
{
    char *raw = NULL;
    size_t size = 0;
    FILE *memory = open_memstream(&raw, &size);
    if (memory == NULL)
        return;
    report_text(memory, report, false);
    fclose(memory);
    char *text = shown_text(raw, 8 * SHOWN_STAGE);
    fprintf(stream, "::stop-commands::%s\n%s\n::%s::\n", options->token, text, options->token);
    free(raw);
    free(text);
}

char *format_github(const struct report *report, const struct format_options *options)
{
    char *text = NULL;
    size_t size = 0;
    int left_out[KINDS] = {0};
    FILE *stream = open_memstream(&text, &size);
    if (stream == NULL)
        return text_copy("", 0);
    write_log(stream, report, options);
    write_annotations(stream, report, options, left_out);
    write_score(stream, report, left_out);
    fclose(stream);
    return text;
}
