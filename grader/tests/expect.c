/*
 * expect: compares a report (lockstep/report/1) with what a specimen's first comment promises.
 *
 *     expect REPORT.json right           full marks
 *     expect REPORT.json STAGE WORD      STAGE is the first of build, tests, races, speedup that did not pass, points
 * are lost there, and WORD stands in one of its costing findings
 *
 * Prints one line that says what the report says. Exit status 0 if it is as expected, 1 if not, 2 on bad usage.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char *field(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text != NULL ? text : "";
}

static int number(const json_t *object, const char *name)
{
    return (int)json_integer_value(json_object_get(object, name));
}

/* The first stage that lost a point or that the grader could not run. */
static const json_t *first_bad(const json_t *report)
{
    size_t i;
    json_t *stage;
    json_array_foreach(json_object_get(report, "stages"), i, stage)
    {
        if (number(stage, "score") < number(stage, "max_score") || strcmp(field(stage, "status"), "GRADER_ERROR") == 0)
            return stage;
    }
    return NULL;
}

static bool mentions(const json_t *stage, const char *word)
{
    size_t i;
    json_t *finding;
    json_array_foreach(json_object_get(stage, "findings"), i, finding)
    {
        if (strcmp(field(finding, "kind"), "note") == 0)
            continue;
        if (strcasestr(field(finding, "kind"), word) != NULL || strcasestr(field(finding, "message"), word) != NULL ||
            strcasestr(field(finding, "detail"), word) != NULL)
            return true;
    }
    return false;
}

static void print_first_finding(const json_t *stage)
{
    const json_t *finding = json_array_get(json_object_get(stage, "findings"), 0);
    if (finding != NULL)
        printf(": [%s] %.160s", field(finding, "kind"), field(finding, "message"));
}

static int judge(const json_t *report, const char *wanted, const char *word)
{
    const json_t *bad = first_bad(report);
    printf("%d/%d", number(report, "score"), number(report, "max_score"));
    if (bad != NULL) {
        printf(", %s %s", field(bad, "name"), field(bad, "status"));
        print_first_finding(bad);
    }
    if (strcmp(wanted, "right") == 0)
        return bad == NULL && number(report, "max_score") > 0 ? 0 : 1;
    if (bad == NULL || strcmp(field(bad, "name"), wanted) != 0)
        return 1;
    if (strcmp(field(bad, "status"), "GRADER_ERROR") == 0 || strcmp(field(bad, "status"), "NOT_RUN") == 0)
        return 1;
    if (mentions(bad, word))
        return 0;
    printf(" (no finding says '%s')", word);
    return 1;
}

int main(int argc, char **argv)
{
    json_error_t error;
    if (argc < 3 || (argc < 4 && strcmp(argv[2], "right") != 0)) {
        fputs("usage: expect REPORT.json right|STAGE [WORD]\n", stderr);
        return 2;
    }
    json_t *report = json_load_file(argv[1], 0, &error);
    if (report == NULL) {
        printf("no report: %s\n", error.text);
        return 1;
    }
    const int verdict = judge(report, argv[2], argc > 3 ? argv[3] : "");
    putchar('\n');
    json_decref(report);
    return verdict;
}
