/*
 * csv.h: CSV files as Canvas, Moodle and spreadsheets write them (RFC 4180, and with `;` or tabs). What is not changed
 * is written back byte for byte: mark of byte order, separators, quotes, ends of lines.
 */
#ifndef GRADER_BATCH_CSV_H
#define GRADER_BATCH_CSV_H

#include <stdbool.h>
#include <stddef.h>

struct csv_cell {
    char *value; /* what it says, without quotes */
    char *raw;   /* as it stands in the file */
    bool quoted;
};

struct csv_row {
    struct csv_cell *cells;
    size_t count;
    const char *end; /* "\r\n", "\n" or "" behind the last row; static */
};

struct csv {
    struct csv_row *rows;
    size_t count;
    char separator;
    bool bom;
};

/* csv_parse: reads `text`. The separator is what is most frequent in the first row among , ; and tab. Release with
 * csv_release. Never fails: a quote that is not closed ends with the file. */
void csv_parse(struct csv *csv, const char *text);
void csv_release(struct csv *csv);

/* csv_column: the first column of row 0 whose name, folded (names_fold), is one of the NULL-terminated `names`, also
 * folded; -1 if there is none. */
int csv_column(const struct csv *csv, const char *const *names);

/* csv_value: the value of a cell, "" where the row is too short or the column -1. */
const char *csv_value(const struct csv *csv, size_t row, int column);

/* csv_set: gives a cell another value; quoted if it was, or if it must be. Longer rows are not made: false if there is
 * no such cell. */
bool csv_set(struct csv *csv, size_t row, int column, const char *value);

/* csv_text: the file; caller frees. */
char *csv_text(const struct csv *csv);

/* csv_quoted: `value` as a cell: in quotes if it holds `separator`, quotes, line ends or outer spaces. Caller frees. */
char *csv_quoted(const char *value, char separator);

#endif
