#include "arena.h"

#include <string.h>
#include <sys/mman.h>

#include "verdict.h"

enum { ARENA_BYTES = 256 << 20 };

static char *memory;
static size_t used;

void arena_reset(void)
{
    if (memory == NULL) {
        memory = mmap(NULL, ARENA_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (memory == MAP_FAILED)
            verdict_broken("cannot map memory for the explorer");
    }
    used = 0;
}

void *arena_take(size_t bytes)
{
    bytes = (bytes + 15) & ~(size_t)15;
    if (used + bytes > ARENA_BYTES)
        verdict_unsupported("a schedule this long (the explorer's memory for it is full)");
    void *taken = memory + used;
    used += bytes;
    return taken;
}

void *arena_zero(size_t bytes)
{
    return memset(arena_take(bytes), 0, bytes);
}

void *arena_take_cleared(size_t bytes, size_t cleared)
{
    return memset(arena_take(bytes), 0, cleared);
}
