#include "markdown.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../text.h"
#include "shown.h"

/* Writes clean text in a line so that nothing in it is markup, HTML, a mention or an end of a table's cell. */
static void write_inline(FILE *stream, const char *text)
{
    for (const char *c = text; *c != '\0'; c++)
        if (*c == '<' || *c == '>' || *c == '&' || *c == '@' || *c == '#' || *c == '|')
            fprintf(stream, "&#%d;", *c);
        else if (*c == '\n' || *c == '\t')
            fputc(' ', stream);
        else if (strchr("\\`*_{}[]()!~$:", *c) != NULL)
            fprintf(stream, "\\%c", *c);
        else
            fputc(*c, stream);
}

/* The length of the longest run of backticks: a fence must be longer. */
static int longest_run(const char *text)
{
    int longest = 0, run = 0;
    for (const char *c = text; *c != '\0'; c++) {
        run = *c == '`' ? run + 1 : 0;
        longest = run > longest ? run : longest;
    }
    return longest;
}

static void write_fenced(FILE *stream, const char *text)
{
    const int run = longest_run(text), length = run < 3 ? 3 : run + 1;
    for (int i = 0; i < length; i++)
        fputc('`', stream);
    fprintf(stream, "text\n%s\n", text);
    for (int i = 0; i < length; i++)
        fputc('`', stream);
    fputs("\n\n", stream);
}

static void write_table(FILE *stream, const struct report *report)
{
    fputs("| stage | points | result |\n|---|---:|---|\n", stream);
    for (size_t i = 0; i < report->stages_count; i++) {
        const struct stage_result *stage = &report->stages[i];
        char *note = shown_stage_note(stage);
        fprintf(stream, "| %s | %d/%d | ", stage->name, stage->score, stage->max_score);
        write_inline(stream, note);
        fputs(" |\n", stream);
        free(note);
    }
    fputc('\n', stream);
}

static void write_head(FILE *stream, const struct report *report)
{
    const char *why = report_no_mark(report);
    char *title = shown_line(report->title, SHOWN_LINE), *file = shown_line(report->file, SHOWN_LINE);
    fprintf(stream, "### %.5s ", report->lab);
    write_inline(stream, title);
    if (why != NULL)
        fprintf(stream, ": no mark, %s", why);
    else
        fprintf(stream, ": %d of %d points", report->score, report->max_score);
    fputs("\n\n", stream);
    write_inline(stream, file);
    fputs("\n\n", stream);
    free(title);
    free(file);
}

char *format_markdown(const struct report *report, const struct format_options *options)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    (void)options;
    if (stream == NULL)
        return text_copy("", 0);
    write_head(stream, report);
    write_table(stream, report);
    if (report->untouched)
        fputs("This is the skeleton as it was given out.\n\n", stream);
    for (size_t i = 0; i < report->stages_count && !report->untouched; i++) {
        char *findings = shown_findings(&report->stages[i], SHOWN_STAGE);
        if (*findings != '\0') {
            fprintf(stream, "**%s**\n\n", report->stages[i].name);
            write_fenced(stream, findings);
        }
        free(findings);
    }
    fclose(stream);
    return text;
}
