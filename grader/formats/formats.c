#include "formats.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "../report_json.h"
#include "../report_text.h"
#include "../text.h"
#include "autolab.h"
#include "classroom.h"
#include "classroom50.h"
#include "github.h"
#include "gradescope.h"
#include "junit.h"
#include "markdown.h"
#include "prairielearn.h"

static const char *const variable_names[FORMAT_VARIABLES] = {
    [FORMAT_CLASSROOM] = "CLASSROOM",
    [FORMAT_ASSIGNMENT] = "ASSIGNMENT",
    [FORMAT_ASSIGNMENT_TYPE] = "ASSIGNMENT_TYPE",
    [FORMAT_OWNER] = "OWNER",
    [FORMAT_SUBMISSION_TAG] = "SUBMISSION_TAG",
    [FORMAT_COMMIT_URL] = "COMMIT_URL",
    [FORMAT_RELEASE_URL] = "RELEASE_URL",
    [FORMAT_REVIEW_URL] = "REVIEW_URL",
};

static char *make_text(const struct report *report, const struct format_options *options)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    (void)options;
    if (stream == NULL)
        return text_copy("", 0);
    report_text(stream, report, false);
    fclose(stream);
    return text;
}

static char *make_json(const struct report *report, const struct format_options *options)
{
    (void)options;
    return report_json(report);
}

static const struct format formats[] = {
    {.name = "text", .make = make_text, .carries_visibility = true},
    {.name = "json", .make = make_json, .carries_visibility = true},
    {.name = "junit", .make = format_junit},
    {.name = "github", .make = format_github, .companion = "markdown", .companion_path = "GITHUB_STEP_SUMMARY"},
    {.name = "markdown", .make = format_markdown},
    {.name = "gradescope", .make = format_gradescope, .carries_visibility = true},
    {.name = "autolab", .make = format_autolab},
    {.name = "prairielearn", .make = format_prairielearn},
    {.name = "classroom50",
     .make = format_classroom50,
     .needs = 1u << FORMAT_CLASSROOM | 1u << FORMAT_ASSIGNMENT | 1u << FORMAT_OWNER | 1u << FORMAT_SUBMISSION_TAG |
              1u << FORMAT_COMMIT_URL | 1u << FORMAT_RELEASE_URL},
    {.name = "classroom", .make = format_classroom},
};
enum { FORMATS = sizeof formats / sizeof *formats };

const struct format *format_find(const char *name)
{
    for (size_t i = 0; i < FORMATS; i++)
        if (strcmp(formats[i].name, name) == 0)
            return &formats[i];
    return NULL;
}

char *format_names(void)
{
    char *names = text_copy("", 0);
    for (size_t i = 0; i < FORMATS; i++) {
        char *longer = text_format("%s%s%s", names, i > 0 ? ", " : "", formats[i].name);
        free(names);
        names = longer;
    }
    return names;
}

char *format_text(const struct format *format, const struct report *report, const struct format_options *options)
{
    static char not_shown[] = "what these tests found is not shown";
    struct report seen = *report;
    for (size_t i = 0; i < seen.stages_count && !format->carries_visibility; i++)
        if (seen.stages[i].visibility != VISIBLE) {
            seen.stages[i].findings_count = 0;
            seen.stages[i].summary = not_shown;
        }
    return format->make(&seen, options);
}

static char *copy_variable(const char *name)
{
    const char *value = getenv(name);
    return value != NULL && *value != '\0' ? text_copy(value, strlen(value)) : NULL;
}

bool format_options_read(struct format_options *options)
{
    uint8_t random[16];
    *options = (struct format_options){
        .now = time(NULL), .directory = getcwd(NULL, 0), .repository = copy_variable("GITHUB_WORKSPACE")};
    for (size_t i = 0; i < FORMAT_VARIABLES; i++)
        options->variables[i] = copy_variable(variable_names[i]);
    if (options->variables[FORMAT_OWNER] == NULL)
        options->variables[FORMAT_OWNER] = copy_variable("USERNAME");
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
        return false;
    for (size_t i = 0; i < sizeof random; i++)
        snprintf(options->token + 2 * i, 3, "%02x", random[i]);
    return true;
}

void format_options_release(struct format_options *options)
{
    for (size_t i = 0; i < FORMAT_VARIABLES; i++)
        free(options->variables[i]);
    free(options->directory);
    free(options->repository);
    *options = (struct format_options){0};
}

const char *format_missing(const struct format *format, const struct format_options *options)
{
    for (size_t i = 0; i < FORMAT_VARIABLES; i++)
        if ((format->needs & (1u << i)) != 0 && options->variables[i] == NULL)
            return variable_names[i];
    return NULL;
}
