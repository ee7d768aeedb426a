/*
 * symbols.h: which functions of a program the explorer replaces, lets through, or does not know
 * (harness/explore/symbols.def).
 */
#ifndef GRADER_EXPLORE_SYMBOLS_H
#define GRADER_EXPLORE_SYMBOLS_H

#include <stdbool.h>

/* symbols_is_known: replaced, or harmless as it is. */
bool symbols_is_known(const char *name);

/* symbols_is_in_libc: whether a library of this machine's C environment defines it (else it is simply missing from the
 * program, and the linker will say so). */
bool symbols_is_in_libc(const char *name);

/* symbols_renaming: the lines `objcopy --redefine-syms` reads. Caller frees. */
char *symbols_renaming(void);

#endif
