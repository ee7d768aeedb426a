/*
 * formats.h: the report in the words of those who read it: people, GitHub, Gradescope, Autolab, PrairieLearn, JUnit's
 * readers, Classroom 50 and GitHub Classroom.
 *
 * A format is one module with one pure function of a report and of options, and one row of the table in formats.c.
 * Whatever a hand-in printed reaches a report's strings, so each function makes it harmless for its reader: valid in
 * the reader's syntax, without control characters, and bounded in size.
 *
 * Where report_is_marked is false, no format gives a number that its reader would take for a mark.
 */
#ifndef GRADER_FORMATS_H
#define GRADER_FORMATS_H

#include <stdbool.h>
#include <time.h>

#include "../report.h"

/* Variables that the runner of Classroom 50 sets. */
enum format_variable {
    FORMAT_CLASSROOM,
    FORMAT_ASSIGNMENT,
    FORMAT_ASSIGNMENT_TYPE,
    FORMAT_OWNER,
    FORMAT_SUBMISSION_TAG,
    FORMAT_COMMIT_URL,
    FORMAT_RELEASE_URL,
    FORMAT_REVIEW_URL,
    FORMAT_VARIABLES,
};

/* What a format may need beyond the report. */
struct format_options {
    time_t now;       /* when the report is made */
    char *directory;  /* the grader's working directory, absolute; paths of hand-ins are relative to it */
    char *repository; /* the top of the repository, absolute; NULL: as directory */
    char token[33];   /* what nobody can guess, hexadecimal, to fence what a hand-in printed */
    char *variables[FORMAT_VARIABLES]; /* values of environment variables; NULL if not set */
};

typedef char *format_function(const struct report *report, const struct format_options *options);

struct format {
    const char *name;
    format_function *make;      /* the text; caller frees */
    bool carries_visibility;    /* its reader, or whoever calls the grader, hides what is not to be seen yet; for the
                                   others format_text leaves the findings of such stages out */
    unsigned needs;             /* bit set of variables without which it makes no sense */
    const char *companion;      /* a format that is written beside it where `companion_path` is set; NULL: none */
    const char *companion_path; /* the environment variable that names the companion's file, to be added to */
};

/* format_find: the row named `name`; NULL if there is none. format_names: all names, comma-separated; caller frees. */
const struct format *format_find(const char *name);
char *format_names(void);

/* format_text: `report` in `format`. Caller frees. Pure. */
char *format_text(const struct format *format, const struct report *report, const struct format_options *options);

/* format_options_read: options from clock, random numbers, working directory and environment. Returns false with errno
 * set if there are no random numbers. Release with format_options_release. */
bool format_options_read(struct format_options *options);
void format_options_release(struct format_options *options);

/* format_missing: the name of a variable that `format` needs and `options` lack; NULL if none. Static. */
const char *format_missing(const struct format *format, const struct format_options *options);

#endif
