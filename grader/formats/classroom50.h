/*
 * classroom50.h: result.json of Classroom 50, schema classroom50/result/v1.
 */
#ifndef GRADER_FORMATS_CLASSROOM50_H
#define GRADER_FORMATS_CLASSROOM50_H

#include "formats.h"

/* format_classroom50: the result; identity comes from the variables that its runner sets. Caller frees. Pure. */
format_function format_classroom50;

#endif
