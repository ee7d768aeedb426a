#include "csv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../text.h"
#include "names.h"

static const char bom[] = "\xef\xbb\xbf";

/* Counts outside quotes, in the first row. */
static char find_separator(const char *text)
{
    static const char candidates[] = ",;\t";
    size_t counts[3] = {0}, best = 0;
    bool quoted = false;
    for (const char *c = text; *c != '\0' && (quoted || (*c != '\n' && *c != '\r')); c++) {
        const char *hit = strchr(candidates, *c);
        quoted ^= *c == '"';
        if (!quoted && hit != NULL)
            counts[hit - candidates]++;
    }
    for (size_t i = 1; i < 3; i++)
        best = counts[i] > counts[best] ? i : best;
    return candidates[best];
}

/* The length of the cell at `text`; sets its value. */
static size_t parse_cell(const char *text, char separator, struct csv_cell *cell)
{
    const char *at = text;
    char *value = text_allocate(64, 1);
    size_t used = 0, size = 64;
    bool inside = *at == '"';
    cell->quoted = inside;
    at += inside ? 1 : 0;
    for (; *at != '\0'; at++) {
        if (inside && at[0] == '"' && at[1] != '"') {
            inside = false;
            continue;
        }
        if (!inside && (*at == separator || *at == '\n' || (*at == '\r' && at[1] == '\n')))
            break;
        at += inside && at[0] == '"' ? 1 : 0;
        if (used + 2 > size)
            value = text_grow(value, size *= 2, 1);
        value[used++] = *at;
    }
    value[used] = '\0';
    cell->value = value;
    cell->raw = text_copy(text, (size_t)(at - text));
    return (size_t)(at - text);
}

static const char *line_end(const char *text)
{
    return text[0] == '\r' && text[1] == '\n' ? "\r\n" : text[0] == '\n' ? "\n" : "";
}

static const char *parse_row(const char *text, char separator, struct csv_row *row)
{
    for (;;) {
        row->cells = text_grow(row->cells, row->count + 1, sizeof *row->cells);
        text += parse_cell(text, separator, &row->cells[row->count++]);
        if (*text != separator || *text == '\0')
            break;
        text++;
    }
    row->end = line_end(text);
    return text + strlen(row->end);
}

void csv_parse(struct csv *csv, const char *text)
{
    size_t size = 0;
    *csv = (struct csv){.bom = strncmp(text, bom, 3) == 0};
    text += csv->bom ? 3 : 0;
    csv->separator = find_separator(text);
    while (*text != '\0') {
        if (csv->count == size)
            csv->rows = text_grow(csv->rows, size = size * 2 + 16, sizeof *csv->rows);
        csv->rows[csv->count] = (struct csv_row){0};
        text = parse_row(text, csv->separator, &csv->rows[csv->count++]);
    }
}

void csv_release(struct csv *csv)
{
    for (size_t i = 0; i < csv->count; i++) {
        for (size_t k = 0; k < csv->rows[i].count; k++) {
            free(csv->rows[i].cells[k].value);
            free(csv->rows[i].cells[k].raw);
        }
        free(csv->rows[i].cells);
    }
    free(csv->rows);
    *csv = (struct csv){0};
}

static bool same_folded(const char *one, const char *other)
{
    char *a = names_fold(one), *b = names_fold(other);
    const bool same = strcmp(a, b) == 0;
    free(a);
    free(b);
    return same;
}

int csv_column(const struct csv *csv, const char *const *names)
{
    for (; *names != NULL; names++)
        for (size_t i = 0; csv->count > 0 && i < csv->rows[0].count; i++)
            if (same_folded(csv->rows[0].cells[i].value, *names))
                return (int)i;
    return -1;
}

static struct csv_cell *find_cell(const struct csv *csv, size_t row, int column)
{
    const bool there = row < csv->count && column >= 0 && (size_t)column < csv->rows[row].count;
    return there ? &csv->rows[row].cells[column] : NULL;
}

const char *csv_value(const struct csv *csv, size_t row, int column)
{
    const struct csv_cell *cell = find_cell(csv, row, column);
    return cell != NULL ? cell->value : "";
}

static char *in_quotes(const char *value)
{
    char *doubled = text_replace(value, "\"", "\"\"");
    char *quoted = text_format("\"%s\"", doubled);
    free(doubled);
    return quoted;
}

char *csv_quoted(const char *value, char separator)
{
    const size_t length = strlen(value);
    const bool outer = length > 0 && (value[0] == ' ' || value[length - 1] == ' ');
    if (!outer && strchr(value, separator) == NULL && strpbrk(value, "\"\r\n") == NULL)
        return text_copy(value, length);
    return in_quotes(value);
}

bool csv_set(struct csv *csv, size_t row, int column, const char *value)
{
    struct csv_cell *cell = find_cell(csv, row, column);
    if (cell == NULL)
        return false;
    if (strcmp(cell->value, value) == 0)
        return true;
    free(cell->value);
    free(cell->raw);
    cell->value = text_copy(value, strlen(value));
    cell->raw = cell->quoted ? in_quotes(value) : csv_quoted(value, csv->separator);
    return true;
}

char *csv_text(const struct csv *csv)
{
    char *text = NULL;
    size_t length = 0;
    FILE *stream = open_memstream(&text, &length);
    if (stream == NULL)
        return text_copy("", 0);
    fputs(csv->bom ? bom : "", stream);
    for (size_t i = 0; i < csv->count; i++) {
        const struct csv_row *row = &csv->rows[i];
        for (size_t k = 0; k < row->count; k++) {
            if (k > 0)
                fputc(csv->separator, stream);
            fputs(row->cells[k].raw, stream);
        }
        fputs(row->end, stream);
    }
    fclose(stream);
    return text;
}
