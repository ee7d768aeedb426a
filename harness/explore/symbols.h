/* symbols.h: which functions of the program the explorer replaces, lets through, or does not know. */
#ifndef EXPLORE_SYMBOLS_H
#define EXPLORE_SYMBOLS_H

#include <stdbool.h>
#include <stdio.h>

/* symbols_is_modelled, symbols_is_known: known also if it needs no replacement. */
bool symbols_is_modelled(const char *name);
bool symbols_is_known(const char *name);

/* symbols_is_in_libc: whether the C library defines it (else it is simply missing from the program). */
bool symbols_is_in_libc(const char *name);

/* symbols_write_renaming: writes the lines `objcopy --redefine-syms` reads. */
void symbols_write_renaming(FILE *into);

#endif
