/*
 * shown.h: what is shown of a report's strings, whoever wrote them: valid UTF-8, no control characters but newline and
 * tab, and no longer than asked for.
 */
#ifndef GRADER_FORMATS_SHOWN_H
#define GRADER_FORMATS_SHOWN_H

#include <stdbool.h>
#include <stddef.h>

#include "../report.h"

/* Bytes of a stage's findings. Eight stages, each byte escaped as two, stay below 1 MB. */
enum { SHOWN_STAGE = 48 * 1024, SHOWN_LINE = 1000 };

/* shown_text: `text` cleaned; of more than `limit` bytes the first ones, cut between characters, and a line that says
 * how many are left out. NULL counts as empty. Caller frees. */
char *shown_text(const char *text, size_t limit);

/* shown_line: as shown_text in a single line: newlines and tabs become spaces. Caller frees. */
char *shown_line(const char *text, size_t limit);

/* shown_findings: the findings of a stage as text, each with its place, detail and command. Caller frees. */
char *shown_findings(const struct stage_result *stage, size_t limit);

/* shown_passed: whether the stage has all its points, as a check mark says it. */
bool shown_passed(const struct stage_result *stage);

/* shown_stage_note: the stage's summary in a line; of a stage not to be seen yet, that its details are not shown.
 * Caller frees. */
char *shown_stage_note(const struct stage_result *stage);

#endif
