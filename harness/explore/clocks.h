/*
 * clocks.h: vector clocks (Lamport's happened-before). Entry t counts the releases of thread t seen so far.
 */
#ifndef EXPLORE_CLOCKS_H
#define EXPLORE_CLOCKS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "region.h"

struct clock {
    uint32_t length; /* entries from here on are 0, whatever they hold */
    uint32_t at[THREADS_MAX];
};

static inline uint32_t clock_get(const struct clock *clock, uint32_t thread)
{
    return thread < clock->length ? clock->at[thread] : 0;
}

static inline void clock_clear(struct clock *clock)
{
    clock->length = 0;
}

static inline void clock_set(struct clock *clock, uint32_t thread, uint32_t value)
{
    while (clock->length <= thread)
        clock->at[clock->length++] = 0;
    clock->at[thread] = value;
}

static inline void clock_copy(struct clock *into, const struct clock *from)
{
    into->length = from->length;
    memcpy(into->at, from->at, from->length * sizeof from->at[0]);
}

/* clock_join: afterwards `into` knows all that either knew. */
static inline void clock_join(struct clock *into, const struct clock *from)
{
    while (into->length < from->length)
        into->at[into->length++] = 0;
    for (uint32_t i = 0; i < from->length; i++)
        if (from->at[i] > into->at[i])
            into->at[i] = from->at[i];
}

#endif
