#include "seed.h"

#include <stdlib.h>

uint64_t seed_get(void)
{
    const char *text = getenv("LOCKSTEP_SEED");
    return text != NULL ? strtoull(text, NULL, 10) : 1;
}

uint64_t seed_next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uint64_t seed_below(uint64_t *state, uint64_t limit)
{
    return seed_next(state) % limit;
}
