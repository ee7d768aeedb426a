/*
 * test_formats_report.h: reports for the tests of the formats, and what those tests have in common.
 */
#ifndef GRADER_TEST_FORMATS_REPORT_H
#define GRADER_TEST_FORMATS_REPORT_H

#include <jansson.h>

#include "../formats/formats.h"
#include "../report.h"

/* What a hand-in may have printed: terminal codes, workflow commands old and new, ends of CDATA sections, fences,
 * tables, mentions and HTML, per cent signs, Korean, bytes that are not UTF-8, control characters and U+FFFF. */
extern const char hostile[];

/* sample_report: build passed with a warning, tests failed with 12 hostile findings, of which one holds 5 MB, schedules
 * not run, a figure, and hidden tests that failed. Release with report_release. */
struct report sample_report(void);

/* sample_error: the same with a GRADER_ERROR in the stage tests. */
struct report sample_error(void);

/* flood: adds a finding with 5 MB of `c` to each stage. */
void flood(struct report *report, char c);

/* sample_options: fixed values for all options. Nothing to release. */
struct format_options sample_options(void);

/* made: `report` in the format named. Caller frees. */
char *made(const char *format, const struct report *report);

/* made_json: the same parsed, which must succeed. Fails the test if a string in it, a key or a value, holds a control
 * character other than newline and tab. Caller releases. */
json_t *made_json(const char *format, const struct report *report);

/* check_keys: `object` has no keys but those in `allowed`, and all in `required`; NULL-terminated lists. */
void check_keys(const json_t *object, const char *const *allowed, const char *const *required);

#endif
