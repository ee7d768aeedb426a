#include "coverage.h"

#include <sys/mman.h>

#include "verdict.h"

enum { PAGE = 4096, PER_LINE = 64 };

/* given by the linker: where the file is loaded, and the end of its text */
extern const char __executable_start[], etext[];

static uintptr_t first_page(void)
{
    return (uintptr_t)__executable_start & ~(uintptr_t)(PAGE - 1);
}

void coverage_open(void)
{
    void *wanted = (void *)(COVERAGE_BASE + first_page()); /* a return address may be the very end */
    void *map = mmap(wanted, (uintptr_t)etext + 1 - first_page(), PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
    if (map != wanted)
        verdict_broken("cannot map memory to note what was executed");
}

void coverage_tell(FILE *into)
{
    unsigned told = 0;
    for (uintptr_t pc = first_page(); pc <= (uintptr_t)etext; pc++) {
        if (*(const char *)(COVERAGE_BASE + pc) == 0)
            continue;
        if (told % PER_LINE == 0)
            fprintf(into, "%scovered", told > 0 ? "\n" : "");
        fprintf(into, " %lx", (unsigned long)pc);
        told++;
    }
    if (told > 0)
        fprintf(into, "\n");
}
