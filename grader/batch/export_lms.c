#include "export_lms.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../text.h"
#include "marks.h"
#include "names.h"

/* Headings, in the languages we know. */
static const char *const canvas_student[] = {"Student", NULL};
static const char *const canvas_id[] = {"ID", NULL};
static const char *const canvas_sis[] = {"SIS User ID", NULL};
static const char *const canvas_login[] = {"SIS Login ID", NULL};
static const char *const moodle_id[] = {"Identifier", "식별자", "ID", "Identificador", "Identifiant", "Kennung", NULL};
static const char *const moodle_name[] = {"Full name",       "성명", "이름", "Vollständiger Name", "Nom complet",
                                          "Nombre completo", NULL};
static const char *const moodle_number[] = {"ID number",    "ID 번호", "ID-Nummer", "Numéro d'identification",
                                            "Número de ID", NULL};
static const char *const moodle_login[] = {"Username",          "사용자 아이디",     "Anmeldename",
                                           "Nom d'utilisateur", "Nombre de usuario", NULL};
static const char *const moodle_grade[] = {"Grade", "성적", "Bewertung", "Note", "Calificación", NULL};
static const char *const moodle_most[] = {"Maximum Grade", "최대 성적",           "Bestwertung",
                                          "Note maximale", "Calificación máxima", NULL};
static const char *const moodle_feedback[] = {"Feedback comments",
                                              "피드백 의견",
                                              "피드백 코멘트",
                                              "Feedback als Kommentar",
                                              "Feedback par commentaires",
                                              "Comentarios de retroalimentación",
                                              NULL};

struct layout {
    int id, number, login, name, grade, most, feedback;
    bool comma; /* decimal commas */
};

/* What the rows of the file are, found once: the student's number, 0 none, -1 several. */
struct filling {
    struct gradebook *book;
    const struct export_lms *what;
    struct csv *csv;
    struct layout layout;
    int64_t *students;
    size_t listed;
};

static void list(struct filling *filling, const char *format, const char *one, const char *two)
{
    fputs("  ", stderr);
    fprintf(stderr, format, one, two);
    fputc('\n', stderr);
    filling->listed++;
}

/* The one column whose heading holds `part`, folded; -1 none, -2 several. */
static int column_with(const struct csv *csv, const char *part)
{
    int found = -1;
    char *wanted = names_fold(part);
    for (size_t i = 0; csv->count > 0 && i < csv->rows[0].count; i++) {
        char *heading = names_fold(csv->rows[0].cells[i].value);
        if (wanted[0] != '\0' && strstr(heading, wanted) != NULL)
            found = found == -1 ? (int)i : -2;
        free(heading);
    }
    free(wanted);
    return found;
}

/* Canvas heads an assignment's column with its name and number: `lab01 counter (4711)`. */
static int assignment_column(struct gradebook *book, const struct csv *csv, const struct export_lms *what)
{
    if (what->column != NULL)
        return column_with(csv, what->column);
    int column = column_with(csv, what->lab);
    if (column == -1) {
        char *title = store_text(&book->store, "SELECT title FROM lab WHERE name = ?", "s", what->lab);
        column = title != NULL ? column_with(csv, title) : -1;
        free(title);
    }
    if (column == -1) {
        char *id = text_copy(what->lab, strcspn(what->lab, "_"));
        column = column_with(csv, id);
        free(id);
    }
    return column;
}

static bool is_comma_number(const char *value)
{
    const char *comma = strchr(value, ',');
    return comma != NULL && comma > value && isdigit((unsigned char)comma[-1]) && isdigit((unsigned char)comma[1]) &&
           strspn(value, "0123456789,") == strlen(value);
}

static bool uses_commas(const struct csv *csv, const struct layout *layout)
{
    bool points = false;
    for (size_t i = 1; i < csv->count; i++) {
        const char *grade = csv_value(csv, i, layout->grade), *most = csv_value(csv, i, layout->most);
        if (is_comma_number(grade) || is_comma_number(most))
            return true;
        points = points || strchr(grade, '.') != NULL || strchr(most, '.') != NULL;
    }
    return csv->separator == ';' && !points;
}

static bool find_layout(struct filling *filling, enum lms lms, char **error)
{
    const struct csv *csv = filling->csv;
    const bool canvas = lms == LMS_CANVAS;
    struct layout *layout = &filling->layout;
    *layout = (struct layout){.id = csv_column(csv, canvas ? canvas_id : moodle_id),
                              .number = csv_column(csv, canvas ? canvas_sis : moodle_number),
                              .login = csv_column(csv, canvas ? canvas_login : moodle_login),
                              .name = csv_column(csv, canvas ? canvas_student : moodle_name),
                              .most = canvas ? -1 : csv_column(csv, moodle_most),
                              .feedback = canvas ? -1 : csv_column(csv, moodle_feedback)};
    layout->grade = canvas                          ? assignment_column(filling->book, csv, filling->what)
                    : filling->what->column != NULL ? column_with(csv, filling->what->column)
                                                    : csv_column(csv, moodle_grade);
    if (!canvas && filling->what->feedback_column != NULL)
        layout->feedback = column_with(csv, filling->what->feedback_column);
    if (layout->id < 0 && layout->name < 0 && layout->login < 0)
        *error = text_format("this is no file exported from %s: it has no column for the student",
                             canvas ? "Canvas" : "Moodle");
    else if (layout->grade < 0 || layout->feedback == -2)
        *error = text_format("%s column for '%s': name it with --column", layout->grade == -1 ? "no" : "more than one",
                             filling->what->column != NULL ? filling->what->column : filling->what->lab);
    layout->comma = uses_commas(csv, layout);
    return *error == NULL;
}

static int64_t by_key(struct filling *filling, const char *value, const char *sql)
{
    return value[0] == '\0' ? 0 : store_number(&filling->book->store, 0, sql, "s", value);
}

/* Moodle's identifier is a word and the participant's number. */
static const char *trailing_number(const char *identifier)
{
    const char *digits = identifier + strlen(identifier);
    while (digits > identifier && isdigit((unsigned char)digits[-1]))
        digits--;
    return digits;
}

/* By id, then login, then name. */
static int64_t find_student(struct filling *filling, size_t row)
{
    static const char by_id[] = "SELECT iif(count(DISTINCT student) > 1, -1, max(student)) FROM taking_part WHERE "
                                "(lms_id = ?1 OR (recogniser <> 'moodle' AND key = ?1 AND lms_id IS NOT NULL))";
    static const char by_number[] = "SELECT student FROM taking_part WHERE roster_id = ?1 OR (key = ?1 AND "
                                    "lms_id IS NULL)";
    static const char by_login[] = "SELECT iif(count(*) > 1, -1, max(student)) FROM taking_part WHERE "
                                   "login = ?1 OR (key = ?1 AND lms_id IS NULL)";
    const struct layout *layout = &filling->layout;
    const struct csv *csv = filling->csv;
    int64_t found = by_key(filling, trailing_number(csv_value(csv, row, layout->id)), by_id);
    if (found == 0)
        found = by_key(filling, csv_value(csv, row, layout->number), by_number);
    if (found == 0)
        found = by_key(filling, csv_value(csv, row, layout->id), by_number);
    if (found == 0)
        found = by_key(filling, csv_value(csv, row, layout->login), by_login);
    if (found == 0 && csv_value(csv, row, layout->name)[0] != '\0')
        found = gradebook_named(filling->book, csv_value(csv, row, layout->name), false);
    return found;
}

/* Canvas has a row of points possible below the headings. */
static bool is_student_row(const struct filling *filling, size_t row)
{
    const char *name = csv_value(filling->csv, row, filling->layout.name);
    const char *id = csv_value(filling->csv, row, filling->layout.id);
    while (isspace((unsigned char)*name))
        name++;
    return (name[0] != '\0' || id[0] != '\0') && strncmp(name, "Points Possible", 15) != 0;
}

static const char *row_name(const struct filling *filling, size_t row)
{
    const char *name = csv_value(filling->csv, row, filling->layout.name);
    return name[0] != '\0' ? name : csv_value(filling->csv, row, filling->layout.id);
}

static void match_rows(struct filling *filling)
{
    for (size_t row = 1; row < filling->csv->count; row++) {
        if (!is_student_row(filling, row))
            continue;
        filling->students[row] = find_student(filling, row);
        if (filling->students[row] < 0)
            list(filling, "row '%s' fits several students: left as it is%s", row_name(filling, row), "");
        else if (filling->students[row] == 0)
            list(filling, "row '%s' has no hand-in: left as it is%s", row_name(filling, row), "");
    }
}

/* The row of a student; 0 none, -1 several. */
static long find_row(const struct filling *filling, int64_t student)
{
    long found = 0;
    for (size_t row = 1; row < filling->csv->count; row++)
        if (filling->students[row] == student)
            found = found == 0 ? (long)row : -1;
    return found;
}

/* Moodle shows feedback as HTML. */
static char *html_lines(const char *text)
{
    static const char *const steps[][2] = {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\n", "<br>"}};
    char *html = text_copy(text, strlen(text));
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        char *next = text_replace(html, steps[i][0], steps[i][1]);
        free(html);
        html = next;
    }
    return html;
}

static void fill_row(struct filling *filling, size_t row, const struct mark *mark)
{
    char *number = marks_number(mark->final), *point = strchr(number, '.');
    if (point != NULL && filling->layout.comma)
        *point = ',';
    if (!csv_set(filling->csv, row, filling->layout.grade, number))
        list(filling, "row '%s' is too short for the grade%s", row_name(filling, row), "");
    if (filling->layout.feedback >= 0) {
        char *summary = marks_summary(mark), *html = html_lines(summary);
        csv_set(filling->csv, row, filling->layout.feedback, html);
        free(summary);
        free(html);
    }
    free(number);
}

static void fill(struct filling *filling)
{
    struct mark mark;
    sqlite3_stmt *marks = marks_query(filling->book, filling->what->lab, 0);
    while (marks_next(filling->book, marks, &mark)) {
        const long row = find_row(filling, mark.student);
        if (row == 0)
            list(filling, "%s (%s) has no row in the file", mark.name, mark.key);
        else if (row < 0)
            list(filling, "%s (%s) fits several rows: all left as they are", mark.name, mark.key);
        else if (!mark.has_final)
            list(filling,
                 strcmp(mark.status, "error") == 0 ? "%s (%s) could not be graded by our fault: left as it is"
                                                   : "%s (%s) is not graded yet: left as it is",
                 mark.name, mark.key);
        else
            fill_row(filling, (size_t)row, &mark);
    }
    sqlite3_finalize(marks);
}

bool export_lms(struct gradebook *book, enum lms lms, const struct export_lms *what, struct csv *csv, size_t *listed,
                char **error)
{
    struct filling filling = {.book = book, .what = what, .csv = csv};
    *error = NULL;
    if (!find_layout(&filling, lms, error))
        return false;
    store_script(&book->store, "DROP TABLE IF EXISTS temp.taking_part");
    store_run(&book->store,
              "CREATE TEMP TABLE taking_part AS SELECT student, key, roster_id, login, lms_id, recogniser FROM mark "
              "WHERE lab = ?",
              "s", what->lab);
    filling.students = text_allocate(csv->count + 1, sizeof *filling.students);
    match_rows(&filling);
    fill(&filling);
    *listed = filling.listed;
    free(filling.students);
    return true;
}
