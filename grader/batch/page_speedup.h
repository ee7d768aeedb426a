/*
 * page_speedup.h: the speed-ups of a class, each hand-in against the reference measured beside it.
 */
#ifndef GRADER_BATCH_PAGE_SPEEDUP_H
#define GRADER_BATCH_PAGE_SPEEDUP_H

#include <stdio.h>

#include "gradebook.h"

/* page_speedup: a card with a scatter diagram (SVG); nothing if no speed-up was measured. */
void page_speedup(FILE *stream, struct gradebook *book, const char *lab);

/* page_speedup_read: the first `1.92x on 2 cores (plain split 1.95x)` of a stage's summary: the hand-in's speed-up and
 * the plain split's in the same run. False if there is none. */
bool page_speedup_read(const char *summary, double *handin, double *reference);

#endif
