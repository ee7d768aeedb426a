#include "strategy.h"

#include <stdlib.h>
#include <string.h>

#include "exhaustive.h"
#include "region.h"
#include "schedule.h"
#include "verdict.h"

enum { DEPTH_MAX = 8, FIRST_PRIORITY = 1 << 20 };

static struct {
    enum strategy_kind kind;
    uint64_t random;
    struct deviations list;
    size_t next; /* in list */
    struct prefix prefix;
    struct deviation *taken;
    size_t taken_count, taken_room;
    long priority[THREADS_MAX]; /* PCT; 0: not drawn yet */
    long lowest;
    uint32_t changes[DEPTH_MAX]; /* decisions at which the running thread is demoted */
    unsigned change_count;
    uint32_t longest; /* decisions of the longest PCT run so far */
} state;

/* xorshift64*, which is good enough to shuffle and the same everywhere */
static uint32_t draw(uint32_t below)
{
    state.random ^= state.random >> 12;
    state.random ^= state.random << 25;
    state.random ^= state.random >> 27;
    return (uint32_t)((state.random * 0x2545F4914F6CDD1Dull >> 32) % below);
}

static void begin_pct(unsigned depth)
{
    memset(state.priority, 0, sizeof state.priority);
    state.lowest = FIRST_PRIORITY / 2;
    state.change_count = depth > 0 ? depth - 1 : 0;
    if (state.change_count > DEPTH_MAX)
        state.change_count = DEPTH_MAX;
    const uint32_t length = state.longest > 0 ? state.longest : 50;
    for (unsigned i = 0; i < state.change_count; i++)
        state.changes[i] = draw(length) + 1;
}

static __attribute__((noinline)) void take(uint32_t number, uint16_t value)
{
    if (state.taken_count == state.taken_room) {
        state.taken_room = state.taken_room * 2 + 256;
        state.taken = realloc(state.taken, state.taken_room * sizeof *state.taken);
        if (state.taken == NULL)
            verdict_broken("no memory for decisions");
    }
    state.taken[state.taken_count++] = (struct deviation){number, value};
}

static void begin_exhaustive(void)
{
    state.prefix = exhaustive_start_run();
    for (uint32_t i = 0; i < state.prefix.count; i++)
        if (state.prefix.items[i].deviates)
            take(i, state.prefix.items[i].value);
}

void strategy_begin(enum strategy_kind kind, uint64_t seed, unsigned depth, struct deviations list)
{
    state.kind = kind;
    state.random = (seed + 1) * 0x9E3779B97F4A7C15ull;
    if (state.random == 0)
        state.random = 1;
    state.list = list;
    state.next = 0;
    state.taken_count = 0;
    state.prefix = (struct prefix){NULL, 0};
    if (kind == STRATEGY_PCT)
        begin_pct(depth);
    if (kind == STRATEGY_EXHAUSTIVE)
        begin_exhaustive();
}

static unsigned pick_replay(const struct choice *choice, uint32_t number)
{
    while (state.next < state.list.count && state.list.items[state.next].number < number)
        state.next++;
    if (state.next == state.list.count || state.list.items[state.next].number != number)
        return 0;
    for (unsigned i = 0; i < choice->count; i++)
        if (choice->values[i] == state.list.items[state.next].value)
            return i;
    return 0; /* not possible here: after shrinking, a run may have taken another way */
}

static long *priority_of(int id)
{
    if (state.priority[id] == 0)
        state.priority[id] = FIRST_PRIORITY + (long)draw(FIRST_PRIORITY);
    return &state.priority[id];
}

static unsigned pick_pct(const struct choice *choice, uint32_t number)
{
    enum { ODD_ONE_IN = 6 };
    if (!choice->threads)
        return draw(choice->count);
    if (number > state.longest)
        state.longest = number;
    for (unsigned i = 0; i < state.change_count; i++)
        if (state.changes[i] == number && schedule.current != NULL)
            *priority_of(schedule.current->id) = --state.lowest;
    unsigned best = choice->count, odd = 0;
    for (unsigned i = 0; i < choice->count; i++) {
        if (choice->values[i] % 2 == 1)
            odd++;
        else if (best == choice->count || *priority_of(choice->values[i] / 2) > *priority_of(choice->values[best] / 2))
            best = i;
    }
    if (best < choice->count && (odd == 0 || draw(ODD_ONE_IN) != 0))
        return best;
    unsigned nth = draw(odd);
    for (unsigned i = 0; i < choice->count; i++)
        if (choice->values[i] % 2 == 1 && nth-- == 0)
            return i;
    return 0;
}

unsigned strategy_pick(const struct choice *choice, uint32_t number)
{
    unsigned index = 0;
    switch (state.kind) {
    case STRATEGY_REPLAY:
        index = pick_replay(choice, number);
        break;
    case STRATEGY_RANDOM:
        index = choice->count > 1 ? draw(choice->count) : 0;
        break;
    case STRATEGY_PCT:
        index = pick_pct(choice, number);
        break;
    case STRATEGY_EXHAUSTIVE:
        index = exhaustive_pick(choice, number);
        break;
    }
    if (index != 0 && number >= state.prefix.count)
        take(number, choice->values[index]);
    return index;
}

struct prefix strategy_prefix(void)
{
    return state.prefix;
}

void strategy_yielded(int id)
{
    if (state.kind == STRATEGY_PCT)
        *priority_of(id) = --state.lowest;
}

struct deviations strategy_taken(void)
{
    return (struct deviations){state.taken, state.taken_count};
}
