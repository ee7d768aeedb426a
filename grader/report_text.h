/*
 * report_text.h: a report as a tired student reads it.
 */
#ifndef GRADER_REPORT_TEXT_H
#define GRADER_REPORT_TEXT_H

#include <stdbool.h>
#include <stdio.h>

#include "report.h"

/* report_text: writes `report` to `stream`: a line a stage, the score, then each finding: what, where, why, and the
 * command that repeats it. With `color` it uses ANSI colours. Errors stay in the stream (ferror). */
void report_text(FILE *stream, const struct report *report, bool color);

#endif
