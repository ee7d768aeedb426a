/*
 * json.h: what the formats that are JSON have in common.
 */
#ifndef GRADER_FORMATS_JSON_H
#define GRADER_FORMATS_JSON_H

#include <jansson.h>

#include "../report.h"

/* json_own: a JSON string of `text`, which is valid UTF-8 and is freed. */
json_t *json_own(char *text);

/* json_headline: lab, hand-in, and the score, or why there is none; one line. */
json_t *json_headline(const struct report *report);

/* json_text: `root`, which is released, as text with a newline at its end. Caller frees. */
char *json_text(json_t *root, size_t flags);

#endif
