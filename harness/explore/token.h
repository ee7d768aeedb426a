/*
 * token.h: a schedule as a short text that can be copied into a command.
 *
 * A flag letter for each mode that changes which decisions there are (`w` weak memory; `p`, an address
 * and a dot: the variable there may change hands between any two accesses), then for each
 * deviation the distance from the one before in decimal and the value in letters (a = 0, z = 25, ba = 26 ...), e.g.
 * "7c12b". "0" is the schedule without deviations.
 */
#ifndef EXPLORE_TOKEN_H
#define EXPLORE_TOKEN_H

#include <stdbool.h>

#include "strategy.h"

/* token_write: caller frees. token_read: false if it is not a token; the caller frees list->items. */
char *token_write(struct deviations list, bool weak, uintptr_t split);
bool token_read(const char *token, struct deviations *list, bool *weak, uintptr_t *split);

#endif
