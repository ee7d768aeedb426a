/*
 * coverage.h: which accesses to memory of the program were executed in any schedule, by their return addresses.
 *
 * A byte for each byte of the executable's text, at a fixed distance from it and apart from all that is put back before
 * a schedule. Only accesses the compiler has put a call before are noted, not all code.
 */
#ifndef EXPLORE_COVERAGE_H
#define EXPLORE_COVERAGE_H

#include <stdint.h>
#include <stdio.h>

#define COVERAGE_BASE 0x200000000000ul

/* coverage_open: once, before anything of the program runs. Ends the process with EXIT_BROKEN if memory cannot be had.
 */
void coverage_open(void);

/* coverage_note: the access whose call returns to `pc`, in the program's text, is executed. */
static inline void coverage_note(uintptr_t pc)
{
    *(char *)(COVERAGE_BASE + pc) = 1;
}

/* coverage_tell: writes lines `covered PC PC ...`, in hex and ascending, each noted one once. */
void coverage_tell(FILE *into);

#endif
