/*
 * gradescope.h: results.json of a Gradescope autograder.
 */
#ifndef GRADER_FORMATS_GRADESCOPE_H
#define GRADER_FORMATS_GRADESCOPE_H

#include "formats.h"

/* format_gradescope: the result; without any score where there is no mark. Caller frees. Pure. */
format_function format_gradescope;

#endif
