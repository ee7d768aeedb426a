#include "export_command.h"

#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../text.h"
#include "csv.h"
#include "export_lms.h"
#include "gradebook.h"
#include "marks.h"

enum { CSV_BYTES_MAX = 64 << 20 };

const char export_usage[] =
    "usage: grader export GRADEBOOK --format canvas|moodle|csv|json --into FILE [options]\n"
    "  canvas, moodle   FILE is what you exported there: marks are filled in, the file as it was is kept as FILE~\n"
    "  csv, json        FILE is written anew\n"
    "  --lab LAB        one lab (for canvas and moodle needed if there are several)\n"
    "  --column TEXT    the heading of the grade's column, or a part of it\n"
    "  --feedback-column TEXT    the same for Moodle's feedback\n";

struct request {
    const char *gradebook, *format, *into, *lab;
    struct export_lms lms;
};

/* A field that begins like a formula would be run by a spreadsheet: names and comments are other people's words. */
static void put_field(FILE *stream, const char *value, const char *before)
{
    const bool formula = value[0] != '\0' && strchr("=+-@\t\r", value[0]) != NULL;
    char *safe = text_format("%s%s", formula ? "'" : "", value), *cell = csv_quoted(safe, ',');
    fprintf(stream, "%s%s", before, cell);
    free(cell);
    free(safe);
}

static void put_number(FILE *stream, bool there, double number)
{
    char *text = marks_number(number);
    fprintf(stream, ",%s", there ? text : "");
    free(text);
}

static char *as_csv(struct gradebook *book, const char *lab)
{
    char *text = NULL;
    size_t length = 0;
    FILE *stream = open_memstream(&text, &length);
    sqlite3_stmt *marks = marks_query(book, lab, 0);
    struct mark mark;
    fputs("lab,id,name,login,email,status,score,max_score,late,penalty_percent,points,adjustment,mark,comment\r\n",
          stream);
    while (marks_next(book, marks, &mark)) {
        const bool graded = strcmp(mark.status, "graded") == 0;
        const char *const fields[] = {mark.lab, mark.key, mark.name, mark.login, mark.email, mark.status};
        for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
            put_field(stream, fields[i], i > 0 ? "," : "");
        put_number(stream, graded, mark.score);
        put_number(stream, graded, mark.max_score);
        fprintf(stream, ",%s", mark.late ? "yes" : "no");
        put_number(stream, true, mark.penalty);
        put_number(stream, graded, mark.points);
        put_number(stream, strcmp(mark.adjusted, "add") == 0, mark.adjustment);
        put_number(stream, mark.has_final, mark.final);
        put_field(stream, mark.comment, ",");
        fputs("\r\n", stream);
    }
    sqlite3_finalize(marks);
    fclose(stream);
    return text;
}

static json_t *mark_json(const struct mark *mark)
{
    const bool graded = strcmp(mark->status, "graded") == 0;
    json_t *report = json_loads(mark->report, 0, NULL);
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:b, s:f, s:o, s:o, s:s, s:o}", "lab", mark->lab,
                     "id", mark->key, "name", mark->name, "login", mark->login, "email", mark->email, "status",
                     mark->status, "path", mark->path, "score", graded ? json_integer(mark->score) : json_null(),
                     "max_score", graded ? json_integer(mark->max_score) : json_null(), "late", mark->late,
                     "penalty_percent", mark->penalty, "points", graded ? json_real(mark->points) : json_null(), "mark",
                     mark->has_final ? json_real(mark->final) : json_null(), "comment", mark->comment, "report",
                     report != NULL ? report : json_null());
}

static char *as_json(struct gradebook *book, const char *lab)
{
    json_t *root = json_object(), *list = json_array();
    sqlite3_stmt *marks = marks_query(book, lab, 0);
    struct mark mark;
    while (marks_next(book, marks, &mark))
        json_array_append_new(list, mark_json(&mark));
    sqlite3_finalize(marks);
    json_object_set_new(root, "schema", json_string("lockstep/marks/1"));
    json_object_set_new(root, "marks", list);
    char *raw = json_dumps(root, JSON_INDENT(1) | JSON_REAL_PRECISION(8));
    json_decref(root);
    char *text = text_format("%s\n", raw != NULL ? raw : "{}");
    free(raw);
    return text;
}

static int cannot(const char *what, const char *path)
{
    fprintf(stderr, "grader: cannot %s '%s': %s\n", what, path, strerror(errno));
    return EXIT_GRADER_ERROR;
}

static int fill_in(struct gradebook *book, const struct request *request, char **error)
{
    const enum lms lms = strcmp(request->format, "canvas") == 0 ? LMS_CANVAS : LMS_MOODLE;
    struct csv csv;
    size_t length = 0, listed = 0;
    int code = EXIT_USAGE;
    char *before = text_read_file(request->into, CSV_BYTES_MAX, &length), *kept = text_format("%s~", request->into);
    if (before == NULL) {
        code = cannot("read", request->into);
    } else {
        csv_parse(&csv, before);
        if (export_lms(book, lms, &request->lms, &csv, &listed, error)) {
            char *after = csv_text(&csv);
            code = listed > 0 ? EXIT_BELOW : EXIT_GRADED;
            if (!text_write_file(kept, before, length) || !text_write_file(request->into, after, strlen(after)))
                code = cannot("write", request->into);
            free(after);
        }
        csv_release(&csv);
    }
    free(kept);
    free(before);
    return code;
}

static int write_anew(struct gradebook *book, const struct request *request)
{
    char *text = strcmp(request->format, "csv") == 0 ? as_csv(book, request->lms.lab) : as_json(book, request->lms.lab);
    const bool ok = text_write_file(request->into, text, strlen(text));
    free(text);
    return ok ? EXIT_GRADED : cannot("write", request->into);
}

static bool has_errors(struct gradebook *book, const char *lab)
{
    sqlite3_stmt *marks = marks_query(book, lab, 0);
    struct mark mark;
    bool found = false;
    while (marks_next(book, marks, &mark)) {
        if (mark.has_final || strcmp(mark.status, "error") != 0)
            continue;
        fprintf(stderr, "  %s (%s) has no mark, by our fault: %s\n", mark.name, mark.key, mark.error);
        found = true;
    }
    sqlite3_finalize(marks);
    return found;
}

static int export(struct gradebook *book, struct request *request)
{
    const bool lms = strcmp(request->format, "canvas") == 0 || strcmp(request->format, "moodle") == 0;
    char *error = NULL, *lab = lms || request->lab != NULL ? gradebook_lab(book, request->lab, &error) : NULL;
    int code = EXIT_USAGE;
    request->lms.lab = lab;
    if (error == NULL)
        code = lms ? fill_in(book, request, &error) : write_anew(book, request);
    if (error == NULL && code != EXIT_USAGE && has_errors(book, lab))
        code = EXIT_GRADER_ERROR;
    if (error == NULL && book->store.error != NULL)
        error = text_format("cannot read the gradebook: %s", book->store.error);
    if (error != NULL) {
        fprintf(stderr, "grader: %s\n", error);
        code = code == EXIT_GRADED ? EXIT_GRADER_ERROR : code;
    }
    free(error);
    free(lab);
    return code;
}

static bool parse(int argc, char **argv, struct request *request)
{
    static const struct option options[] = {{"format", required_argument, NULL, 'f'},
                                            {"into", required_argument, NULL, 'i'},
                                            {"lab", required_argument, NULL, 'l'},
                                            {"column", required_argument, NULL, 'c'},
                                            {"feedback-column", required_argument, NULL, 'b'},
                                            {NULL, 0, NULL, 0}};
    static const char *const formats[] = {"canvas", "moodle", "csv", "json"};
    bool known = false;
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        const char **to = option == 'f'   ? &request->format
                          : option == 'i' ? &request->into
                          : option == 'l' ? &request->lab
                          : option == 'c' ? &request->lms.column
                          : option == 'b' ? &request->lms.feedback_column
                                          : NULL;
        if (to == NULL)
            return false;
        *to = optarg;
    }
    for (size_t i = 0; i < 4 && request->format != NULL; i++)
        known = known || strcmp(request->format, formats[i]) == 0;
    request->gradebook = optind < argc ? argv[optind] : NULL;
    return known && request->into != NULL && argc - optind == 1;
}

int export_command(const struct kit *kit, int argc, char **argv)
{
    struct request request = {0};
    struct gradebook book;
    char *error = NULL;
    (void)kit;
    if (!parse(argc, argv, &request)) {
        fputs(export_usage, stderr);
        return EXIT_USAGE;
    }
    if (!gradebook_open(&book, request.gradebook, false, &error)) {
        fprintf(stderr, "grader: %s\n", error);
        free(error);
        return EXIT_USAGE;
    }
    const int code = export(&book, &request);
    gradebook_close(&book);
    return code;
}
