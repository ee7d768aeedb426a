/*
 * html.h: writes HTML. Names, messages and source lines are other people's words: none reaches a page unescaped.
 */
#ifndef GRADER_BATCH_HTML_H
#define GRADER_BATCH_HTML_H

#include <stdio.h>

/* html_write: `format` with only %s (escaped for text and attributes), %d (int), %f (double, as marks_number) and %%.
 */
void html_write(FILE *stream, const char *format, ...);

/* html_begin: a page's head and the opening of its body. `style` is the text of the style sheet to put in, or NULL:
 * then `folder` (such as "../") leads to style.css. html_end: the rest. */
void html_begin(FILE *stream, const char *title, const char *style, const char *folder);
void html_end(FILE *stream, const char *script);

#endif
