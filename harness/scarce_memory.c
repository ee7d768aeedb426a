/* scarce_memory.c: memory that cannot be had, see scarce.h. Linked only into programs that use scarce_memory. */
#include "scarce.h"

#include <errno.h>
#include <stdlib.h>

struct scarce scarce_memory;

/* What looks up a function by its name asks for memory itself, so these go by their other names. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

static bool no_memory(void)
{
    const bool fails = scarce_fails(&scarce_memory);
    if (fails)
        errno = ENOMEM;
    return fails;
}

void *malloc(size_t size)
{
    return no_memory() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return no_memory() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *block, size_t size)
{
    return no_memory() ? NULL : __libc_realloc(block, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return no_memory() ? NULL : __libc_memalign(alignment, size);
}

int posix_memalign(void **block, size_t alignment, size_t size)
{
    void *found = no_memory() ? NULL : __libc_memalign(alignment, size);
    if (found == NULL)
        return ENOMEM;
    *block = found;
    return 0;
}
