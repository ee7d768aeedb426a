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

/* report_text_first: the finding that report_text puts first among what is to be mended, and its stage; NULL if there
 * is none. */
const struct finding *report_text_first(const struct report *report, const struct stage_result **stage);

#endif
