/*
 * expect: compares a report (lockstep/report/1) with what a specimen's first comment promises.
 *
 *     expect REPORT.json "right"                       full marks, and no stage but speedup was left out
 *     expect REPORT.json "STAGE WORD; STAGE WORD..."   the first STAGE is the first that did not pass; in each, points
 *                                                      are lost, and WORD stands in one of its costing findings;
 *                                                      or WORD is the stage's status, as NOT_RUN, or @ and a part
 *                                                      of the line of the hand-in that one of them shows
 *     expect REPORT.json "right; STAGE NOT_RUN"        full marks, and that stage could not judge it
 *
 * Whatever is expected, the page that explains a finding must be there, below the current directory.
 * Prints one line that says what the report says. Exit status 0 if it is as expected, 1 if not, 2 on bad usage.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

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
        if (*word == '@' && strstr(field(finding, "source"), word + 1) != NULL)
            return true;
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

static const json_t *find_stage(const json_t *report, const char *name, size_t length)
{
    size_t i;
    json_t *stage;
    json_array_foreach(json_object_get(report, "stages"), i, stage)
    {
        if (strlen(field(stage, "name")) == length && strncmp(field(stage, "name"), name, length) == 0)
            return stage;
    }
    return NULL;
}

/* One pair, `STAGE WORD`, of an expectation; prints what is missing. */
static bool meets(const json_t *report, const char *pair)
{
    const char *word = strchr(pair, ' ');
    const json_t *stage = word != NULL ? find_stage(report, pair, (size_t)(word - pair)) : NULL;
    if (stage == NULL) {
        printf(" (no stage '%s')", pair);
        return false;
    }
    if (strcmp(word + 1, field(stage, "status")) == 0)
        return true;
    const bool judged =
        strcmp(field(stage, "status"), "GRADER_ERROR") != 0 && strcmp(field(stage, "status"), "NOT_RUN") != 0;
    if (judged && number(stage, "score") < number(stage, "max_score") && mentions(stage, word + 1))
        return true;
    printf(" (no finding of %s says '%s')", field(stage, "name"), word + 1);
    return false;
}

/* Whether all stages but the measuring one were run, or are expected not to be. */
static bool all_ran(const json_t *report, const char *expected)
{
    size_t i;
    json_t *stage;
    json_array_foreach(json_object_get(report, "stages"), i, stage)
    {
        if (strcmp(field(stage, "status"), "NOT_RUN") == 0 && strcmp(field(stage, "name"), "speedup") != 0 &&
            strstr(expected, field(stage, "name")) == NULL) {
            printf(" (%s was not run)", field(stage, "name"));
            return false;
        }
    }
    return true;
}

/* Whether each finding's page is there. */
static bool all_explained(const json_t *report)
{
    size_t i, k;
    json_t *stage, *finding;
    json_array_foreach(json_object_get(report, "stages"), i, stage)
    {
        json_array_foreach(json_object_get(stage, "findings"), k, finding)
        {
            const char *page = json_string_value(json_object_get(finding, "explain"));
            if (page != NULL && access(page, R_OK) != 0) {
                printf(" (there is no %s)", page);
                return false;
            }
        }
    }
    return true;
}

static bool judge(const json_t *report, char *expected)
{
    const json_t *bad = first_bad(report);
    printf("%d/%d", number(report, "score"), number(report, "max_score"));
    if (bad != NULL) {
        printf(", %s %s", field(bad, "name"), field(bad, "status"));
        print_first_finding(bad);
    }
    if (!all_explained(report))
        return false;
    const bool right = strncmp(expected, "right", 5) == 0;
    if (right && (bad != NULL || number(report, "max_score") == 0 || !all_ran(report, expected)))
        return false;
    if (!right && (bad == NULL || find_stage(report, expected, strcspn(expected, " ")) != bad))
        return false;
    for (char *rest = expected, *pair; (pair = strsep(&rest, ";")) != NULL;) {
        pair += strspn(pair, " ");
        if (strcmp(pair, "right") != 0 && !meets(report, pair))
            return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    json_error_t error;
    if (argc != 3) {
        fputs("usage: expect REPORT.json EXPECTATION\n", stderr);
        return 2;
    }
    json_t *report = json_load_file(argv[1], 0, &error);
    if (report == NULL) {
        printf("no report: %s\n", error.text);
        return 1;
    }
    const bool met = judge(report, argv[2]);
    putchar('\n');
    json_decref(report);
    return met ? 0 : 1;
}
