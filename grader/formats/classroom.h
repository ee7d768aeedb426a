/*
 * classroom.h: what a test runner of GitHub Classroom hands to its reporter.
 */
#ifndef GRADER_FORMATS_CLASSROOM_H
#define GRADER_FORMATS_CLASSROOM_H

#include "formats.h"

/* format_classroom: one line, base64 of the JSON, short enough for an environment variable. Caller frees. Pure. */
format_function format_classroom;

#endif
