#include "adjust_command.h"

#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../text.h"
#include "gradebook.h"
#include "marks.h"

const char adjust_usage[] =
    "usage: grader adjust GRADEBOOK --student ID [--lab LAB] --points +N|-N|=N|none [--comment TEXT] [--by NAME]\n"
    "  +N, -N   adds to what was earned, also after a regrade      =N    is the mark, whatever is earned\n"
    "  none     takes an adjustment back. The last adjustment counts; all are kept (grader history)\n";

const char history_usage[] = "usage: grader history GRADEBOOK [--student ID] [--lab LAB]\n";

struct request {
    const char *gradebook, *student, *lab, *points, *comment, *by;
};

static bool parse(int argc, char **argv, struct request *request)
{
    static const struct option options[] = {
        {"student", required_argument, NULL, 's'}, {"lab", required_argument, NULL, 'l'},
        {"points", required_argument, NULL, 'p'},  {"comment", required_argument, NULL, 'c'},
        {"by", required_argument, NULL, 'b'},      {NULL, 0, NULL, 0}};
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        const char **to = option == 's'   ? &request->student
                          : option == 'l' ? &request->lab
                          : option == 'p' ? &request->points
                          : option == 'c' ? &request->comment
                          : option == 'b' ? &request->by
                                          : NULL;
        if (to == NULL)
            return false;
        *to = optarg;
    }
    request->gradebook = optind < argc ? argv[optind] : NULL;
    return argc - optind == 1;
}

/* Returns `add`, `set` or `none`, or NULL if `text` is none of them. */
static const char *parse_points(const char *text, double *points)
{
    char *end;
    *points = 0;
    if (strcmp(text, "none") == 0)
        return "none";
    if (text[0] == '\0' || strchr("+-=", text[0]) == NULL)
        return NULL;
    *points = strtod(text + (text[0] == '=' ? 1 : 0), &end);
    if (*end != '\0' || end == text + 1 || !isfinite(*points) || (text[0] == '=' && *points < 0))
        return NULL;
    return text[0] == '=' ? "set" : "add";
}

static int adjust(struct gradebook *book, const struct request *request, const char *kind, double points, char **error)
{
    struct store *store = &book->store;
    char *lab = gradebook_lab(book, request->lab, error);
    const int64_t student = lab != NULL ? gradebook_student(book, request->student, error) : 0;
    if (student > 0 &&
        store_number(store, 0, "SELECT count(*) FROM handin WHERE lab = ? AND student = ?", "si", lab, student) == 0)
        *error = text_format("'%s' handed in nothing for %s", request->student, lab);
    if (*error == NULL) {
        const char *by = request->by != NULL ? request->by : getenv("USER");
        store_begin(store);
        store_run(store,
                  "INSERT INTO adjustment (lab, student, kind, points, comment, by, at) VALUES (?, ?, ?, ?, ?, ?, ?)",
                  "sisdssi", lab, student, kind, points, request->comment, by, (int64_t)time(NULL));
        if (!store_end(store))
            *error = text_format("cannot write the gradebook: %s", store->error);
    }
    struct mark mark;
    sqlite3_stmt *marks = *error == NULL ? marks_query(book, lab, student) : NULL;
    if (marks != NULL && marks_next(book, marks, &mark)) {
        char *number = marks_number(mark.final);
        printf("%s (%s), %s: %s\n", mark.name, mark.key, lab, mark.has_final ? number : "no mark yet");
        free(number);
    }
    sqlite3_finalize(marks);
    free(lab);
    return *error == NULL ? EXIT_GRADED : store->error != NULL ? EXIT_GRADER_ERROR : EXIT_USAGE;
}

static void print_results(struct store *store, const char *lab, int64_t student)
{
    sqlite3_stmt *rows = store_query(
        store,
        "SELECT datetime(c.at, 'unixepoch', 'localtime'), h.lab, s.name, s.key, r.score, r.max_score, c.why, h.path, "
        "substr(j.lab_version, 1, 8), substr(j.grader_version, 1, 8), j.seed FROM history c JOIN handin h ON h.id = "
        "c.handin JOIN student s ON s.id = h.student JOIN result r ON r.id = c.result JOIN job j ON j.id = r.job "
        "WHERE (?1 IS NULL OR h.lab = ?1) AND (?2 = 0 OR s.id = ?2) ORDER BY c.id",
        "si", lab, student);
    while (store_step(store, rows))
        printf("%s  %s  %s (%s)  %s/%s  %s  %s  lab %s, grader %s, seed %s\n", store_column(rows, 0),
               store_column(rows, 1), store_column(rows, 2), store_column(rows, 3), store_column(rows, 4),
               store_column(rows, 5), store_column(rows, 6), store_column(rows, 7), store_column(rows, 8),
               store_column(rows, 9), store_column(rows, 10));
    sqlite3_finalize(rows);
}

static void print_adjustments(struct store *store, const char *lab, int64_t student)
{
    sqlite3_stmt *rows = store_query(
        store,
        "SELECT datetime(a.at, 'unixepoch', 'localtime'), a.lab, s.name, s.key, CASE a.kind WHEN 'set' THEN '=' || "
        "a.points WHEN 'add' THEN printf('%+g', a.points) ELSE 'none' END, coalesce(a.by, '?'), coalesce(a.comment, "
        "'') FROM adjustment a JOIN student s ON s.id = a.student WHERE (?1 IS NULL OR a.lab = ?1) AND "
        "(?2 = 0 OR s.id = ?2) ORDER BY a.id",
        "si", lab, student);
    while (store_step(store, rows))
        printf("%s  %s  %s (%s)  adjusted %s by %s  %s\n", store_column(rows, 0), store_column(rows, 1),
               store_column(rows, 2), store_column(rows, 3), store_column(rows, 4), store_column(rows, 5),
               store_column(rows, 6));
    sqlite3_finalize(rows);
}

static int history(struct gradebook *book, const struct request *request, char **error)
{
    char *lab = request->lab != NULL ? gradebook_lab(book, request->lab, error) : NULL;
    const int64_t student =
        *error == NULL && request->student != NULL ? gradebook_student(book, request->student, error) : 0;
    if (*error == NULL) {
        print_results(&book->store, lab, student);
        print_adjustments(&book->store, lab, student);
    }
    free(lab);
    return *error == NULL ? EXIT_GRADED : EXIT_USAGE;
}

/* `kind` NULL: history. */
static int with_gradebook(const struct request *request, const char *kind, double points)
{
    struct gradebook book;
    char *error = NULL;
    int code = EXIT_USAGE;
    if (gradebook_open(&book, request->gradebook, false, &error)) {
        code = kind != NULL ? adjust(&book, request, kind, points, &error) : history(&book, request, &error);
        gradebook_close(&book);
    }
    if (error != NULL)
        fprintf(stderr, "grader: %s\n", error);
    free(error);
    return code;
}

int adjust_command(const struct kit *kit, int argc, char **argv)
{
    struct request request = {0};
    double points = 0;
    const char *kind = NULL;
    (void)kit;
    if (parse(argc, argv, &request) && request.student != NULL && request.points != NULL)
        kind = parse_points(request.points, &points);
    if (kind == NULL) {
        fputs(adjust_usage, stderr);
        return EXIT_USAGE;
    }
    return with_gradebook(&request, kind, points);
}

int history_command(const struct kit *kit, int argc, char **argv)
{
    struct request request = {0};
    (void)kit;
    if (!parse(argc, argv, &request) || request.points != NULL || request.comment != NULL || request.by != NULL) {
        fputs(history_usage, stderr);
        return EXIT_USAGE;
    }
    return with_gradebook(&request, NULL, 0);
}
