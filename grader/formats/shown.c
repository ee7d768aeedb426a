#include "shown.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../text.h"

char *shown_text(const char *text, size_t limit)
{
    char *clean = text_clean(text != NULL ? text : "");
    const size_t length = strlen(clean);
    if (length <= limit)
        return clean;
    size_t end = limit;
    while (end > 0 && ((unsigned char)clean[end] & 0xc0) == 0x80)
        end--;
    char *cut = text_format("%.*s\n[... %zu bytes left out ...]", (int)end, clean, length - end);
    free(clean);
    return cut;
}

char *shown_line(const char *text, size_t limit)
{
    char *line = shown_text(text, limit);
    for (char *c = line; *c != '\0'; c++)
        if (*c == '\n' || *c == '\t')
            *c = ' ';
    return line;
}

static void write_place(FILE *stream, const struct finding *finding)
{
    if (finding->file == NULL)
        return;
    fprintf(stream, "  %s", finding->file);
    if (finding->line > 0)
        fprintf(stream, ":%d", finding->line);
    fputc('\n', stream);
    if (finding->source != NULL)
        fprintf(stream, "  %5d | %s\n", finding->line, finding->source);
}

static void write_finding(FILE *stream, const struct finding *finding)
{
    if (finding->cost > 0)
        fprintf(stream, "[-%d] ", finding->cost);
    fprintf(stream, "%s\n", finding->message);
    write_place(stream, finding);
    if (finding->detail != NULL)
        fprintf(stream, "%s\n", finding->detail);
    if (finding->command != NULL)
        fprintf(stream, "  repeat: %s\n", finding->command);
}

char *shown_findings(const struct stage_result *stage, size_t limit)
{
    char *all = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&all, &size);
    if (stream == NULL)
        return text_copy("", 0);
    for (size_t i = 0; i < stage->findings_count; i++) {
        if (i > 0)
            fputc('\n', stream);
        write_finding(stream, &stage->findings[i]);
    }
    fclose(stream);
    char *shown = shown_text(all, limit);
    free(all);
    return shown;
}

bool shown_passed(const struct stage_result *stage)
{
    return stage->score == stage->max_score && stage->status != STATUS_GRADER_ERROR;
}

char *shown_stage_note(const struct stage_result *stage)
{
    char *summary = shown_line(stage->summary, SHOWN_LINE);
    char *note = text_format("%s%s%s", status_name(stage->status), *summary != '\0' ? ": " : "", summary);
    free(summary);
    return note;
}
