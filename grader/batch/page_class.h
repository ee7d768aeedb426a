/*
 * page_class.h: a lab's overview as HTML: distribution, stages, most common findings, speed-ups; and the table of all.
 */
#ifndef GRADER_BATCH_PAGE_CLASS_H
#define GRADER_BATCH_PAGE_CLASS_H

#include <stdio.h>

#include "gradebook.h"

/* page_class_lab: the section about a lab. page_class_table: the table of all marks (of `lab`, or of all labs), each
 * leading to the student's page. */
void page_class_lab(FILE *stream, struct gradebook *book, const char *lab);
void page_class_table(FILE *stream, struct gradebook *book, const char *lab);

#endif
