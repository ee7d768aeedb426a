/*
 * symbol_groups.h: the groups of symbol_groups.def.
 */
#ifndef GRADER_SYMBOL_GROUPS_H
#define GRADER_SYMBOL_GROUPS_H

#include <stdbool.h>
#include <stddef.h>

/* symbol_groups_names: the names of the groups a manifest may list; NULL ends the list. Static. */
const char *const *symbol_groups_names(void);

/* symbol_groups_is_group: whether there is a group `name` that a manifest may list. */
bool symbol_groups_is_group(const char *name);

/* symbol_groups_allow: whether `symbol` is in one of the groups named, or in `base`. */
bool symbol_groups_allow(char *const *groups, size_t count, const char *symbol);

/* symbol_groups_of: the first group that holds `symbol`, NULL if none does. Static. */
const char *symbol_groups_of(const char *symbol);

/* symbol_groups_advice: what to do instead of calling `symbol`, a sentence; NULL if nothing in particular. Static. */
const char *symbol_groups_advice(const char *symbol);

#endif
