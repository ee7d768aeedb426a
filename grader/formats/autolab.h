/*
 * autolab.h: the feedback of an Autolab autograder.
 */
#ifndef GRADER_FORMATS_AUTOLAB_H
#define GRADER_FORMATS_AUTOLAB_H

#include "formats.h"

/* format_autolab: the text report, a line for the coloured table, and as the last line the scores. Caller frees. Pure.
 */
format_function format_autolab;

#endif
