#include "report_command.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../text.h"
#include "gradebook.h"
#include "html.h"
#include "marks.h"
#include "page_class.h"
#include "page_student.h"

enum { ASSET_BYTES_MAX = 1 << 20 };

const char report_usage[] = "usage: grader report GRADEBOOK [--html DIR] [--per-student DIR] [--lab LAB]\n"
                            "  --html DIR           pages about the class: open DIR/index.html\n"
                            "  --per-student DIR    a feedback file for each student, named as the LMS wants it back\n";

struct request {
    const char *gradebook, *html, *feedback, *lab;
};

/* A page while it is written. */
struct page {
    FILE *stream;
    char *text;
    size_t length;
};

static bool page_open(struct page *page)
{
    *page = (struct page){0};
    page->stream = open_memstream(&page->text, &page->length);
    return page->stream != NULL;
}

/* Makes the folders on the way to `path`. */
static void make_way(const char *path)
{
    char *way = text_copy(path, strlen(path));
    for (char *slash = strchr(way + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(way, 0777);
        *slash = '/';
    }
    free(way);
}

static bool save(struct store *store, const char *path, const char *text, size_t length)
{
    make_way(path);
    if (!text_write_file(path, text, length))
        store_fail(store, "cannot write '%s': %s", path, strerror(errno));
    return store->error == NULL;
}

/* Writes the page to DIRECTORY/NAME and frees it. */
static bool page_save(struct page *page, struct store *store, const char *directory, const char *name)
{
    char *path = text_join(directory, name);
    fclose(page->stream);
    const bool ok = save(store, path, page->text, page->length);
    free(page->text);
    free(path);
    return ok;
}

static char *read_asset(const struct kit *kit, struct store *store, const char *name)
{
    char *path = text_format("%s/grader/batch/site/%s", kit->top, name);
    char *text = text_read_file(path, ASSET_BYTES_MAX, NULL);
    if (text == NULL)
        store_fail(store, "cannot read '%s': %s", path, strerror(errno));
    free(path);
    return text;
}

static void copy_asset(const struct kit *kit, struct store *store, const char *directory, const char *name)
{
    char *text = read_asset(kit, store, name), *path = text_join(directory, name);
    if (text != NULL)
        save(store, path, text, strlen(text));
    free(path);
    free(text);
}

static void write_student(struct gradebook *book, const struct request *request, const char *lab, int64_t student)
{
    struct page page;
    struct mark mark;
    char *name = store_text(&book->store, "SELECT name FROM student WHERE id = ?", "i", student);
    char *file = text_format("students/%" PRId64 ".html", student);
    sqlite3_stmt *marks = marks_query(book, lab, student);
    if (page_open(&page)) {
        html_begin(page.stream, name != NULL ? name : "", NULL, "../");
        html_write(page.stream,
                   "<nav><a href=\"../index.html\">All students</a></nav>\n<main id=\"main\">\n<h1>%s</h1>\n",
                   name != NULL ? name : "");
        while (marks_next(book, marks, &mark))
            page_student(page.stream, &mark, true);
        html_end(page.stream, NULL);
        page_save(&page, &book->store, request->html, file);
    }
    sqlite3_finalize(marks);
    free(file);
    free(name);
}

static void write_index(struct gradebook *book, const struct request *request, const char *lab)
{
    struct page page;
    if (!page_open(&page))
        return;
    html_begin(page.stream, "Class overview", NULL, "");
    fputs("<main id=\"main\">\n<h1>Class overview</h1>\n", page.stream);
    sqlite3_stmt *labs =
        store_query(&book->store, "SELECT name FROM lab WHERE ?1 IS NULL OR name = ?1 ORDER BY name", "s", lab);
    while (store_step(&book->store, labs))
        page_class_lab(page.stream, book, store_column(labs, 0));
    sqlite3_finalize(labs);
    page_class_table(page.stream, book, lab);
    html_end(page.stream, "class.js");
    page_save(&page, &book->store, request->html, "index.html");
}

static void write_site(const struct kit *kit, struct gradebook *book, const struct request *request, const char *lab)
{
    copy_asset(kit, &book->store, request->html, "style.css");
    copy_asset(kit, &book->store, request->html, "class.js");
    write_index(book, request, lab);
    sqlite3_stmt *students =
        store_query(&book->store, "SELECT DISTINCT student FROM handin WHERE ?1 IS NULL OR lab = ?1", "s", lab);
    while (store_step(&book->store, students))
        write_student(book, request, lab, sqlite3_column_int64(students, 0));
    sqlite3_finalize(students);
}

/* `text` as one part of a path. */
static char *file_name(const char *text)
{
    char *name = text_format("%s%s", text[0] == '.' ? "_" : "", text);
    for (char *c = name; *c != '\0'; c++)
        if (*c == '/' || (unsigned char)*c < 0x20)
            *c = '_';
    return name;
}

char *report_feedback_name(const char *recogniser, const char *path, const char *key)
{
    static const char moodle_mark[] = "_assignsubmission_file";
    char *top = text_copy(path, strcspn(path, "/")), *name;
    char *mark = strstr(top, moodle_mark), *dot = strrchr(top, '.');
    if (strcmp(recogniser, "moodle") == 0 && mark != NULL) {
        mark[strlen(moodle_mark)] = '\0';
        name = text_format("%s_/feedback.html", top);
    } else if (strcmp(recogniser, "canvas") == 0 && dot != NULL) {
        *dot = '\0';
        if (dot - top > 4 && strcmp(dot - 4, ".tar") == 0)
            dot[-4] = '\0';
        name = text_format("%s.html", top);
    } else {
        char *safe = file_name(key);
        name = text_format("%s.html", safe);
        free(safe);
    }
    free(top);
    return name;
}

static void write_feedback(const struct kit *kit, struct gradebook *book, const struct request *request,
                           const char *lab)
{
    struct mark mark;
    struct page page;
    char *style = read_asset(kit, &book->store, "style.css");
    const bool several = lab == NULL && store_number(&book->store, 0, "SELECT count(*) FROM lab", "") > 1;
    sqlite3_stmt *marks = style != NULL ? marks_query(book, lab, 0) : NULL;
    while (marks_next(book, marks, &mark)) {
        char *file = report_feedback_name(mark.recogniser, mark.path, mark.key);
        char *name = text_format("%s%s%s", several ? mark.lab : "", several ? "/" : "", file);
        if (page_open(&page)) {
            html_begin(page.stream, mark.name, style, NULL);
            html_write(page.stream, "<main id=\"main\">\n<h1>%s</h1>\n", mark.name);
            page_student(page.stream, &mark, false);
            html_end(page.stream, NULL);
            page_save(&page, &book->store, request->feedback, name);
        }
        free(name);
        free(file);
    }
    sqlite3_finalize(marks);
    free(style);
}

static bool parse(int argc, char **argv, struct request *request)
{
    static const struct option options[] = {{"html", required_argument, NULL, 'h'},
                                            {"per-student", required_argument, NULL, 'p'},
                                            {"lab", required_argument, NULL, 'l'},
                                            {NULL, 0, NULL, 0}};
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        const char **to = option == 'h'   ? &request->html
                          : option == 'p' ? &request->feedback
                          : option == 'l' ? &request->lab
                                          : NULL;
        if (to == NULL)
            return false;
        *to = optarg;
    }
    request->gradebook = optind < argc ? argv[optind] : NULL;
    return argc - optind == 1 && (request->html != NULL || request->feedback != NULL);
}

/* All pages are of one moment, also while a batch goes on. */
static int report(const struct kit *kit, struct gradebook *book, const struct request *request)
{
    char *error = NULL, *lab = request->lab != NULL ? gradebook_lab(book, request->lab, &error) : NULL;
    int code = error != NULL ? EXIT_USAGE : EXIT_GRADED;
    if (code == EXIT_GRADED) {
        store_script(&book->store, "BEGIN");
        if (request->html != NULL)
            write_site(kit, book, request, lab);
        if (request->feedback != NULL)
            write_feedback(kit, book, request, lab);
        store_end(&book->store);
        code = book->store.error == NULL ? EXIT_GRADED : EXIT_GRADER_ERROR;
    }
    if (code != EXIT_GRADED)
        fprintf(stderr, "grader: %s\n", error != NULL ? error : book->store.error);
    free(error);
    free(lab);
    return code;
}

int report_command(const struct kit *kit, int argc, char **argv)
{
    struct request request = {0};
    struct gradebook book;
    char *error = NULL;
    if (!parse(argc, argv, &request)) {
        fputs(report_usage, stderr);
        return EXIT_USAGE;
    }
    if (!gradebook_open(&book, request.gradebook, false, &error)) {
        fprintf(stderr, "grader: %s\n", error);
        free(error);
        return EXIT_USAGE;
    }
    const int code = report(kit, &book, &request);
    gradebook_close(&book);
    return code;
}
