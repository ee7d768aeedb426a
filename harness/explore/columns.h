/* columns.h: a schedule on paper, one column a thread. */
#ifndef EXPLORE_COLUMNS_H
#define EXPLORE_COLUMNS_H

#include <stdio.h>

#include "results.h"

/* columns_print: the events of `results` with their source lines (lines_open was called). A long schedule loses its
 * middle. */
void columns_print(FILE *into, const struct results *results);

#endif
