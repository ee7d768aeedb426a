#include "marks.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../text.h"

sqlite3_stmt *marks_query(struct gradebook *book, const char *lab, int64_t student)
{
    return store_query(&book->store,
                       "SELECT student, id, lab, key, name, login, email, lms_id, path, recogniser, report, state, "
                       "error, comment, final, points, score, max_score, adjusted, adjustment, penalty, late, "
                       "submitted, graded_at, twins, result FROM mark WHERE (?1 IS NULL OR lab = ?1) AND "
                       "(?2 = 0 OR student = ?2) ORDER BY lab, name, key",
                       "si", lab, student);
}

static void read_numbers(sqlite3_stmt *row, struct mark *mark)
{
    mark->has_final = sqlite3_column_type(row, 14) != SQLITE_NULL;
    mark->final = sqlite3_column_double(row, 14);
    mark->points = sqlite3_column_double(row, 15);
    mark->score = sqlite3_column_int(row, 16);
    mark->max_score = sqlite3_column_int(row, 17);
    mark->adjustment = sqlite3_column_double(row, 19);
    mark->penalty = sqlite3_column_double(row, 20);
    mark->late = sqlite3_column_int(row, 21) != 0;
    mark->submitted = sqlite3_column_int64(row, 22);
    mark->graded_at = sqlite3_column_int64(row, 23);
    mark->twins = sqlite3_column_int(row, 24);
}

bool marks_next(struct gradebook *book, sqlite3_stmt *row, struct mark *mark)
{
    if (!store_step(&book->store, row))
        return false;
    const bool graded = sqlite3_column_type(row, 25) != SQLITE_NULL;
    const bool failed = strcmp(store_column(row, 11), "failed") == 0;
    *mark = (struct mark){.student = sqlite3_column_int64(row, 0),
                          .handin = sqlite3_column_int64(row, 1),
                          .lab = store_column(row, 2),
                          .key = store_column(row, 3),
                          .name = store_column(row, 4),
                          .login = store_column(row, 5),
                          .email = store_column(row, 6),
                          .lms_id = store_column(row, 7),
                          .path = store_column(row, 8),
                          .recogniser = store_column(row, 9),
                          .report = store_column(row, 10),
                          .status = graded   ? "graded"
                                    : failed ? "error"
                                             : "waiting",
                          .error = store_column(row, 12),
                          .comment = store_column(row, 13),
                          .adjusted = store_column(row, 18)};
    read_numbers(row, mark);
    return true;
}

char *marks_number(double number)
{
    char *text = text_format("%.2f", number);
    size_t length = strlen(text);
    while (text[length - 1] == '0')
        text[--length] = '\0';
    if (text[length - 1] == '.')
        text[--length] = '\0';
    return text;
}

static void write_findings(FILE *stream, const json_t *stage)
{
    const char *name = json_string_value(json_object_get(stage, "name"));
    size_t i;
    json_t *finding;
    json_array_foreach(json_object_get(stage, "findings"), i, finding)
    {
        const json_int_t cost = json_integer_value(json_object_get(finding, "cost"));
        const json_int_t line = json_integer_value(json_object_get(finding, "line"));
        const char *message = json_string_value(json_object_get(finding, "message"));
        if (cost <= 0 || message == NULL)
            continue;
        fprintf(stream, "- [%s, -%d] ", name != NULL ? name : "?", (int)cost);
        if (line > 0)
            fprintf(stream, "line %d: ", (int)line);
        fprintf(stream, "%s\n", message);
    }
}

static void write_changes(FILE *stream, const struct mark *mark)
{
    char *penalty = marks_number(mark->penalty), *final = marks_number(mark->final);
    char *adjustment = marks_number(mark->adjustment);
    if (mark->penalty > 0)
        fprintf(stream, "Late: %s %% off.\n", penalty);
    if (strcmp(mark->adjusted, "add") == 0)
        fprintf(stream, "Adjusted by the instructor: %s%s.\n", mark->adjustment >= 0 ? "+" : "", adjustment);
    else if (strcmp(mark->adjusted, "set") == 0)
        fprintf(stream, "Set by the instructor.\n");
    if (mark->penalty > 0 || mark->adjusted[0] != '\0')
        fprintf(stream, "Mark: %s.\n", final);
    if (mark->comment[0] != '\0')
        fprintf(stream, "%s\n", mark->comment);
    free(adjustment);
    free(penalty);
    free(final);
}

char *marks_summary(const struct mark *mark)
{
    char *text = NULL;
    size_t length = 0;
    FILE *stream = open_memstream(&text, &length);
    json_t *report = json_loads(mark->report, 0, NULL);
    size_t i;
    json_t *stage;
    if (stream == NULL)
        return text_copy("", 0);
    if (report != NULL)
        fprintf(stream, "%d of %d points.\n", mark->score, mark->max_score);
    write_changes(stream, mark);
    json_array_foreach(json_object_get(report, "stages"), i, stage) write_findings(stream, stage);
    json_decref(report);
    fclose(stream);
    while (length > 0 && text[length - 1] == '\n')
        text[--length] = '\0';
    return text;
}
