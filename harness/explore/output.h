/* output.h: what the program prints is dropped while schedules are searched, and shown when one is replayed. */
#ifndef EXPLORE_OUTPUT_H
#define EXPLORE_OUTPUT_H

#include <stdbool.h>

void output_show(bool show);

#endif
