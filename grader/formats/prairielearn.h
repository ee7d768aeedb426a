/*
 * prairielearn.h: results.json of a PrairieLearn external grader.
 */
#ifndef GRADER_FORMATS_PRAIRIELEARN_H
#define GRADER_FORMATS_PRAIRIELEARN_H

#include "formats.h"

/* format_prairielearn: the result, below 1 MB; not gradable where there is no mark. Caller frees. Pure. */
format_function format_prairielearn;

#endif
