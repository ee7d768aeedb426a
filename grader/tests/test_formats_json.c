/*
 * test_formats_json.c: each JSON format held against what its reader documents.
 *
 *   gradescope     gradescope-autograders.readthedocs.io, "Autograder Specifications"
 *   prairielearn   docs.prairielearn.com, "External grading", "Grading results"
 *   classroom50    foundation50/classroom50, schemas/result-v1.schema.json and validate_result in collect_scores.py
 *   classroom      classroom-resources/autograding-grading-reporter, main.js and notify-classroom.js
 *   autolab        docs.autolabproject.com, "Guide for Lab Authors", "Formatted Feedback"; parseAutoresult in
 *                  assessment_autograde_core.rb
 */
#include <criterion/criterion.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "../formats/base64.h"
#include "../text.h"
#include "test_formats_report.h"

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    cr_assert_not_null(text, "'%s' is no string", key);
    return text;
}

static void check_one_of(const json_t *object, const char *key, const char *const *words)
{
    const char *text = text_of(object, key);
    for (; *words != NULL; words++)
        if (strcmp(*words, text) == 0)
            return;
    cr_expect_fail("'%s' is '%s'", key, text);
}

static bool matches(const char *text, const char *pattern)
{
    regex_t regex;
    cr_assert_eq(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
    const bool found = regexec(&regex, text, 0, NULL, 0) == 0;
    regfree(&regex);
    return found;
}

/* --- Gradescope --- */

static const char *const visibilities[] = {"hidden", "after_due_date", "after_published", "visible", NULL};
static const char *const styles[] = {"text", "html", "simple_format", "md", "ansi", NULL};

static void check_gradescope_test(const json_t *test)
{
    static const char *const keys[] = {"score",  "max_score",     "status", "name",       "name_format", "number",
                                       "output", "output_format", "tags",   "visibility", "extra_data",  NULL};
    static const char *const needed[] = {"name", "output", "visibility", "status", "number", NULL};
    check_keys(test, keys, needed);
    check_one_of(test, "visibility", visibilities);
    check_one_of(test, "output_format", styles);
    check_one_of(test, "name_format", styles);
    check_one_of(test, "status", (const char *const[]){"passed", "failed", NULL});
    text_of(test, "number");
}

static json_t *gradescope(const struct report *report)
{
    static const char *const keys[] = {
        "score",      "execution_time",    "output",     "output_format", "test_output_format", "test_name_format",
        "visibility", "stdout_visibility", "extra_data", "tests",         "leaderboard",        NULL};
    json_t *root = made_json("gradescope", report), *test;
    size_t i;
    check_keys(root, keys, (const char *const[]){"execution_time", "tests", "leaderboard", NULL});
    check_one_of(root, "visibility", visibilities);
    check_one_of(root, "stdout_visibility", visibilities);
    check_one_of(root, "output_format", styles);
    cr_expect(json_is_number(json_object_get(root, "execution_time")));
    json_array_foreach(json_object_get(root, "tests"), i, test)
    {
        check_gradescope_test(test);
    }
    return root;
}

Test(formats, gradescope)
{
    struct report report = sample_report();
    json_t *root = gradescope(&report), *test;
    size_t i;
    json_int_t sum = 0;
    json_array_foreach(json_object_get(root, "tests"), i, test)
    {
        const json_t *score = json_object_get(test, "score"), *most = json_object_get(test, "max_score");
        cr_expect(json_is_integer(score) && json_is_integer(most));
        cr_expect_leq(json_integer_value(score), json_integer_value(most));
        sum += json_integer_value(score);
    }
    cr_expect_eq(sum, 39);
    cr_expect_eq(json_integer_value(json_object_get(root, "score")), 39);
    const json_t *board = json_array_get(json_object_get(root, "leaderboard"), 0);
    cr_expect_str_eq(text_of(board, "name"), "count, speed-up");
    cr_expect_str_eq(text_of(board, "order"), "desc");
    cr_expect_float_eq(json_real_value(json_object_get(board, "value")), 1.92, 1e-9);
    const json_t *hidden = json_array_get(json_object_get(root, "tests"), 4);
    cr_expect_str_eq(text_of(hidden, "visibility"), "after_due_date");
    cr_expect_not_null(strstr(text_of(hidden, "output"), "secret of the hidden tests"));
    cr_expect_not_null(strstr(text_of(json_array_get(json_object_get(root, "tests"), 1), "output"), "학"));
    json_decref(root);
    report_release(&report);
}

static void check_no_gradescope_score(const struct report *report)
{
    json_t *root = gradescope(report), *test;
    size_t i;
    cr_expect_null(json_object_get(root, "score"));
    cr_expect_not_null(strstr(text_of(root, "output"), "no mark"));
    cr_expect_eq(json_array_size(json_object_get(root, "leaderboard")), 0);
    json_array_foreach(json_object_get(root, "tests"), i, test)
    {
        cr_expect_null(json_object_get(test, "score"));
    }
    json_decref(root);
}

Test(formats, gradescope_gets_no_score_without_a_mark)
{
    struct report report = sample_error();
    check_no_gradescope_score(&report);
    report_release(&report);
    report = sample_report();
    report.unfinished = true;
    check_no_gradescope_score(&report);
    report_release(&report);
}

/* --- PrairieLearn --- */

static json_t *prairielearn(const struct report *report)
{
    static const char *const keys[] = {"gradable", "score",         "message", "output",
                                       "images",   "format_errors", "tests",   NULL};
    static const char *const test_keys[] = {"name",    "description", "points", "max_points",
                                            "message", "output",      "images", NULL};
    json_t *root = made_json("prairielearn", report), *test;
    size_t i;
    check_keys(root, keys, (const char *const[]){"gradable", "message", "tests", NULL});
    cr_expect(json_is_boolean(json_object_get(root, "gradable")));
    json_array_foreach(json_object_get(root, "tests"), i, test)
    {
        check_keys(test, test_keys, (const char *const[]){"name", "points", "max_points", NULL});
        cr_expect(json_is_number(json_object_get(test, "points")));
        cr_expect(json_is_number(json_object_get(test, "max_points")));
    }
    char *text = made("prairielearn", report);
    cr_expect_lt(strlen(text), 1000000);
    free(text);
    return root;
}

Test(formats, prairielearn)
{
    struct report report = sample_report();
    json_t *root = prairielearn(&report);
    const double score = json_number_value(json_object_get(root, "score"));
    cr_expect(json_is_true(json_object_get(root, "gradable")));
    cr_expect(json_is_real(json_object_get(root, "score")) && score >= 0 && score <= 1);
    cr_expect_float_eq(score, 39.0 / 110, 1e-5);
    json_decref(root);
    report_release(&report);
}

Test(formats, prairielearn_is_not_gradable_without_a_mark)
{
    struct report report = sample_error();
    json_t *root = prairielearn(&report);
    cr_expect(json_is_false(json_object_get(root, "gradable")));
    cr_expect_null(json_object_get(root, "score"));
    text_of(root, "format_errors");
    json_decref(root);
    report_release(&report);
}

Test(formats, prairielearn_stays_below_1_mb)
{
    struct report report = sample_report();
    flood(&report, '"');
    json_decref(prairielearn(&report));
    report_release(&report);
}

/* --- Classroom 50 --- */

static void check_integer(const json_t *object, const char *key, const char *most)
{
    const json_t *value = json_object_get(object, key);
    cr_expect(json_is_integer(value) && json_integer_value(value) >= 0, "'%s' is no integer from 0", key);
    cr_expect_leq(json_integer_value(value), json_integer_value(json_object_get(object, most)));
}

static json_t *classroom50(const struct report *report)
{
    static const char *const needed[] = {"schema", "classroom", "assignment", "assignment_type", "owner", "submission",
                                         "commit", "release",   "review",     "datetime",        "score", "max-score",
                                         "tests",  NULL};
    static const char *const keys[] = {
        "schema", "classroom", "assignment", "assignment_type", "owner",     "submission", "commit",       "release",
        "review", "datetime",  "graded_at",  "score",           "max-score", "tests",      "submitted_by", NULL};
    json_t *root = made_json("classroom50", report), *test;
    json_int_t sum = 0, most = 0;
    size_t i;
    check_keys(root, keys, needed);
    for (size_t k = 0; k < 10; k++)
        cr_expect_gt(strlen(text_of(root, needed[k])), 0);
    cr_expect_str_eq(text_of(root, "schema"), "classroom50/result/v1");
    check_one_of(root, "assignment_type", (const char *const[]){"individual", "group", NULL});
    cr_expect(matches(text_of(root, "submission"), "^submit/"));
    cr_expect(
        matches(text_of(root, "datetime"), "^[0-9]{4}-[0-9]{2}-[0-9]{2}T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z$"));
    check_integer(root, "score", "max-score");
    json_array_foreach(json_object_get(root, "tests"), i, test)
    {
        cr_expect_gt(strlen(text_of(test, "test-name")), 0);
        cr_expect(json_is_boolean(json_object_get(test, "passed")));
        check_integer(test, "score", "max-score");
        sum += json_integer_value(json_object_get(test, "score"));
        most += json_integer_value(json_object_get(test, "max-score"));
    }
    cr_expect_eq(sum, json_integer_value(json_object_get(root, "score")));
    cr_expect_eq(most, json_integer_value(json_object_get(root, "max-score")));
    return root;
}

Test(formats, classroom50)
{
    struct report report = sample_report();
    json_t *root = classroom50(&report);
    cr_expect_str_eq(text_of(root, "classroom"), "cs-principles");
    cr_expect_str_eq(text_of(root, "owner"), "alice");
    cr_expect_str_eq(text_of(root, "datetime"), "2026-06-01T14:32:05Z");
    cr_expect_eq(json_integer_value(json_object_get(root, "score")), 39);
    json_decref(root);
    report_release(&report);
}

Test(formats, classroom50_gets_nothing_of_nothing_without_a_mark)
{
    struct report report = sample_error();
    json_t *root = classroom50(&report);
    cr_expect_eq(json_integer_value(json_object_get(root, "max-score")), 0);
    json_decref(root);
    report_release(&report);
}

Test(formats, classroom50_needs_its_variables)
{
    struct format_options options = sample_options();
    const struct format *format = format_find("classroom50");
    cr_expect_null(format_missing(format, &options));
    options.variables[FORMAT_REVIEW_URL] = NULL;
    cr_expect_null(format_missing(format, &options));
    options.variables[FORMAT_COMMIT_URL] = NULL;
    cr_expect_str_eq(format_missing(format, &options), "COMMIT_URL");
    cr_expect_null(format_missing(format_find("json"), &options));
}

/* --- GitHub Classroom's reporter: base64 in an environment variable, of at most 128 KiB --- */

static int digit(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *hit = c != '\0' ? strchr(digits, c) : NULL;
    cr_assert_not_null(hit, "'%c' is no digit of base64", c);
    return (int)(hit - digits);
}

static char *decode(const char *text)
{
    const size_t length = strlen(text);
    cr_assert_eq(length % 4, 0);
    const size_t padding = length == 0 ? 0 : (text[length - 1] == '=') + (text[length - 2] == '=');
    char *out = text_allocate(length + 1, 1);
    size_t used = 0;
    for (size_t i = 0; i < length; i += 4) {
        unsigned group = 0;
        for (size_t k = 0; k < 4; k++)
            group = group << 6 | (i + k < length - padding ? (unsigned)digit(text[i + k]) : 0);
        for (int shift = 16; shift >= 0; shift -= 8)
            out[used++] = (char)(group >> shift & 255);
    }
    out[used - padding] = '\0';
    return out;
}

static json_t *classroom(const struct report *report)
{
    char *line = made("classroom", report);
    cr_assert_eq(strcspn(line, "\n"), strlen(line) - 1);
    line[strlen(line) - 1] = '\0';
    cr_expect_lt(strlen(line) + strlen("LAB01_RESULTS="), 128 * 1024);
    char *json = decode(line);
    json_t *root = json_loads(json, JSON_REJECT_DUPLICATES, NULL), *test;
    size_t i;
    cr_assert_not_null(root);
    cr_expect_eq(json_integer_value(json_object_get(root, "version")), 1);
    check_one_of(root, "status", (const char *const[]){"pass", "fail", "error", NULL});
    cr_expect(json_is_integer(json_object_get(root, "max_score")));
    json_array_foreach(json_object_get(root, "tests"), i, test)
    {
        text_of(test, "name");
        check_one_of(test, "status", (const char *const[]){"pass", "fail", "error", NULL});
        cr_expect(json_is_integer(json_object_get(test, "score")));
        cr_expect_null(strchr(
            json_string_value(json_object_get(test, "message")) != NULL ? text_of(test, "message") : "", '\033'));
    }
    free(json);
    free(line);
    return root;
}

Test(formats, classroom)
{
    struct report report = sample_report();
    json_t *root = classroom(&report), *test;
    json_int_t sum = 0;
    size_t i;
    json_array_foreach(json_object_get(root, "tests"), i, test)
    {
        sum += json_integer_value(json_object_get(test, "score"));
    }
    cr_expect_eq(sum, 39);
    cr_expect_eq(json_integer_value(json_object_get(root, "max_score")), 110);
    cr_expect_str_eq(text_of(root, "status"), "fail");
    json_decref(root);
    report_release(&report);
}

Test(formats, classroom_fits_an_environment_variable)
{
    struct report report = sample_report();
    flood(&report, '"');
    json_decref(classroom(&report));
    report_release(&report);
}

/* RFC 4648, section 10. */
Test(formats, base64)
{
    static const char *const pairs[][2] = {{"", ""},
                                           {"f", "Zg=="},
                                           {"fo", "Zm8="},
                                           {"foo", "Zm9v"},
                                           {"foob", "Zm9vYg=="},
                                           {"fooba", "Zm9vYmE="},
                                           {"foobar", "Zm9vYmFy"}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        char *encoded = base64_encode(pairs[i][0], strlen(pairs[i][0]));
        cr_expect_str_eq(encoded, pairs[i][1]);
        free(encoded);
    }
}

Test(formats, classroom_counts_nothing_without_a_mark)
{
    struct report report = sample_error();
    json_t *root = classroom(&report);
    cr_expect_str_eq(text_of(root, "status"), "error");
    cr_expect_eq(json_integer_value(json_object_get(root, "max_score")), 0);
    json_decref(root);
    report_release(&report);
}

/* --- Autolab --- */

/* What Autolab does to the last line before it parses it: quotes round each word that a colon follows. */
static char *quote_words(const char *line)
{
    static const char word[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    char *out = text_allocate(3 * strlen(line) + 1, 1), *end = out;
    while (*line != '\0') {
        const size_t length = strspn(line, word);
        const bool quoted = length > 0 && line[length] == ':';
        if (quoted)
            *end++ = '"';
        end = mempcpy(end, line, length);
        line += length;
        if (quoted)
            *end++ = '"';
        if (*line != '\0')
            *end++ = *line++;
    }
    return out;
}

/* Splits the feedback: the last line, and the one before. */
static void split(char *text, char **table, char **scores)
{
    cr_assert_eq(text[strlen(text) - 1], '\n');
    text[strlen(text) - 1] = '\0';
    *scores = strrchr(text, '\n') + 1;
    (*scores)[-1] = '\0';
    *table = strrchr(text, '\n') + 1;
}

static json_t *autolab(char *text)
{
    char *table, *last;
    const char *key;
    json_t *row, *name;
    size_t i;
    split(text, &table, &last);
    json_t *rows = json_loads(table, JSON_REJECT_DUPLICATES, NULL);
    cr_assert_not_null(rows);
    cr_expect_str_eq(text_of(rows, "_presentation"), "semantic");
    json_array_foreach(json_object_get(rows, "stages"), i, name)
    {
        json_object_foreach(json_object_get(rows, json_string_value(name)), key, row)
        {
            check_keys(row, (const char *const[]){"passed", "hint", NULL}, (const char *const[]){"passed", NULL});
            cr_expect(json_is_boolean(json_object_get(row, "passed")));
        }
    }
    json_decref(rows);
    char *quoted = quote_words(last);
    cr_expect_str_eq(quoted, last, "Autolab would break the line: %s", quoted);
    json_t *result = json_loads(quoted, JSON_REJECT_DUPLICATES, NULL);
    cr_assert_not_null(result);
    cr_assert(json_is_object(json_object_get(result, "scores")));
    cr_assert(json_is_array(json_object_get(result, "scoreboard")));
    free(quoted);
    return result;
}

Test(formats, autolab)
{
    struct report report = sample_report();
    char *text = made("autolab", &report);
    json_t *result = autolab(text);
    cr_expect_eq(json_object_size(json_object_get(result, "scores")), report.stages_count);
    cr_expect_eq(json_integer_value(json_object_get(json_object_get(result, "scores"), "tests")), 9);
    cr_expect_eq(json_array_size(json_object_get(result, "scoreboard")), 2);
    cr_expect_null(strchr(text, '\033'));
    json_decref(result);
    free(text);
    report_release(&report);
}

Test(formats, autolab_leaves_problems_without_a_score_where_there_is_no_mark)
{
    struct report report = sample_error();
    char *text = made("autolab", &report);
    json_t *result = autolab(text);
    cr_expect_eq(json_object_size(json_object_get(result, "scores")), 0);
    json_decref(result);
    free(text);
    report_release(&report);
}

/* --- all --- */

Test(formats, what_hidden_tests_found_is_in_no_format_that_cannot_hide_it)
{
    struct report report = sample_report();
    static const char *const names[] = {"junit",       "github",       "markdown", "autolab",
                                        "classroom50", "prairielearn", "classroom"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *text = made(names[i], &report);
        if (strcmp(names[i], "classroom") == 0)
            text[strcspn(text, "\n")] = '\0';
        char *plain = strcmp(names[i], "classroom") == 0 ? decode(text) : text_copy(text, strlen(text));
        cr_expect_null(strstr(plain, "secret"), "%s tells what hidden tests found", names[i]);
        cr_expect_not_null(strstr(plain, "hidden"), "%s leaves the stage out", names[i]);
        free(plain);
        free(text);
    }
    report_release(&report);
}

Test(formats, each_makes_the_same_text_again)
{
    struct report report = sample_report();
    static const char *const names[] = {"text",       "json",    "junit",        "github",      "markdown",
                                        "gradescope", "autolab", "prairielearn", "classroom50", "classroom"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *first = made(names[i], &report), *second = made(names[i], &report);
        cr_expect_str_eq(first, second);
        free(first);
        free(second);
    }
    report_release(&report);
}
