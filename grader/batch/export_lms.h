/*
 * export_lms.h: fills marks into the CSV file that an instructor exported from Canvas or Moodle. Only the cells of the
 * assignment's column (Moodle: of Grade and of the feedback) change; everything else stays byte for byte.
 */
#ifndef GRADER_BATCH_EXPORT_LMS_H
#define GRADER_BATCH_EXPORT_LMS_H

#include "csv.h"
#include "gradebook.h"

enum lms { LMS_CANVAS, LMS_MOODLE };

struct export_lms {
    const char *lab;             /* full name */
    const char *column;          /* the grade column's heading, or a part of it; NULL: found by the lab's name */
    const char *feedback_column; /* Moodle; NULL: found */
};

/* export_lms: fills in `csv`. Lists on stderr what could not be: students without a row, rows that fit several,
 * hand-ins without a mark. Sets `*listed` to how many those were. Returns false with `*error` set (caller frees) if the
 * file is not of that kind or the column is not there once. */
bool export_lms(struct gradebook *book, enum lms lms, const struct export_lms *what, struct csv *csv, size_t *listed,
                char **error);

#endif
