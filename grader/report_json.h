/*
 * report_json.h: a report for programs, schema lockstep/report/1 (see README.md here).
 */
#ifndef GRADER_REPORT_JSON_H
#define GRADER_REPORT_JSON_H

#include "report.h"

/* report_json: `report` as JSON text, indented, with a newline at its end. Caller frees. Pure. */
char *report_json(const struct report *report);

#endif
