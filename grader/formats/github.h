/*
 * github.h: the log of a step of GitHub Actions.
 */
#ifndef GRADER_FORMATS_GITHUB_H
#define GRADER_FORMATS_GITHUB_H

#include "formats.h"

/* format_github: the fenced text report and the findings as annotations. Caller frees. Pure. */
format_function format_github;

#endif
