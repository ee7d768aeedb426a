/*
 * page_student.h: what one student has in one lab, as HTML: the same findings as the text report.
 */
#ifndef GRADER_BATCH_PAGE_STUDENT_H
#define GRADER_BATCH_PAGE_STUDENT_H

#include <stdio.h>

#include "marks.h"

/* page_student: a section about the mark. `for_instructor`: also what the student need not know: twins, path, id. */
void page_student(FILE *stream, const struct mark *mark, bool for_instructor);

#endif
