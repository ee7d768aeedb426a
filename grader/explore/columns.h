/*
 * columns.h: what an exploration found, on paper.
 */
#ifndef GRADER_EXPLORE_COLUMNS_H
#define GRADER_EXPLORE_COLUMNS_H

#include "lines.h"
#include "results.h"

/* columns_text: the events of `results` with their source lines, one column a thread, at most `width` characters wide.
 * If `file` (a base name) is not NULL, only its lines have their numbers, those of other files a dot. Of a long
 * schedule what is far from where another thread goes on, and from the end, is left out. Caller frees. */
char *columns_text(const struct results *results, struct lines *lines, const char *file, int width);

/* columns_places: the places the finding is about, a line each with the source line below it. Caller frees. */
char *columns_places(const struct results *results, struct lines *lines);

#endif
