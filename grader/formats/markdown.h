/*
 * markdown.h: the report in GitHub's Markdown, for a step's summary.
 */
#ifndef GRADER_FORMATS_MARKDOWN_H
#define GRADER_FORMATS_MARKDOWN_H

#include "formats.h"

/* format_markdown: below 600 KB. Caller frees. Pure. */
format_function format_markdown;

#endif
