#include "exhaustive.h"

#include <stdlib.h>
#include <string.h>

#include "schedule.h"
#include "verdict.h"

typedef struct {
    uint64_t bits[THREADS_MAX / 64];
} thread_set;

struct node {
    size_t first; /* of its values in the pool */
    unsigned count, index, preemptions;
    uint32_t number; /* of the decision */
    bool threads, stays;
    thread_set asleep;
};

static struct {
    struct node *nodes;
    size_t depth, count, room; /* depth: of the run going on; count: nodes on the stack */
    uint16_t *pool;
    size_t pool_count, pool_room;
    struct decision *taken; /* by decision, of the run going on or the last one */
    size_t taken_room;
    uint32_t fork; /* decisions before this one are those of the run before */
    unsigned bound;
    bool bounded;
    thread_set asleep;
    unsigned preemptions;
} search;

static bool contains(const thread_set *set, int id)
{
    return set->bits[id / 64] >> (id % 64) & 1;
}

static void insert(thread_set *set, int id)
{
    set->bits[id / 64] |= 1ull << (id % 64);
}

static void erase(thread_set *set, int id)
{
    set->bits[id / 64] &= ~(1ull << (id % 64));
}

static bool empty(const thread_set *set)
{
    return (set->bits[0] | set->bits[1]) == 0;
}

static void *grow(void *old, size_t *room, size_t needed, size_t size)
{
    if (needed <= *room)
        return old;
    *room = *room * 2 + 1024;
    void *new = realloc(old, *room * size);
    if (new == NULL)
        verdict_broken("no memory for the search");
    return new;
}

void exhaustive_begin(unsigned preemptions)
{
    search.bound = preemptions;
    search.bounded = false;
    search.count = search.pool_count = 0;
}

struct prefix exhaustive_start_run(void)
{
    const struct node *last = search.count > 0 ? &search.nodes[search.count - 1] : NULL;
    search.depth = last != NULL ? search.count - 1 : 0;
    search.fork = last != NULL ? last->number : 0;
    search.preemptions = last != NULL ? last->preemptions : 0;
    search.asleep = last != NULL ? last->asleep : (thread_set){0};
    return (struct prefix){search.taken, search.fork};
}

static bool overlap(const struct operation *one, const struct operation *other)
{
    if (one->object != 0 && one->object == other->object)
        return !(one->reads && other->reads);
    return (one->object != 0 && one->object == other->other) || (one->other != 0 && one->other == other->object) ||
           (one->other != 0 && one->other == other->other);
}

static bool touches(const struct operation *operation, uintptr_t object)
{
    if (operation->object == object || operation->other == object)
        return true;
    for (unsigned i = 0; operation->more != NULL && i < operation->more->count; i++)
        if (operation->more->items[i].object == object)
            return true;
    return false;
}

static bool overlap_more(const struct footprint *more, const struct operation *other)
{
    for (unsigned i = 0; more != NULL && i < more->count; i++)
        if ((more->items[i].uses == NULL || *more->items[i].uses <= 1) && touches(other, more->items[i].object))
            return true;
    return false;
}

static bool dependent(const struct operation *one, const struct operation *other)
{
    return one->all || other->all || overlap(one, other) || overlap_more(one->more, other) ||
           overlap_more(other->more, one);
}

/* What sleeps stays asleep as long as the others do what is independent of it. */
static __attribute__((noinline)) void wake_dependent(uint16_t value)
{
    if (value % 2 == 1) {
        search.asleep = (thread_set){0};
        return;
    }
    const struct operation *done = &schedule.threads[value / 2].operation;
    erase(&search.asleep, value / 2);
    for (int word = 0; word < THREADS_MAX / 64; word++)
        for (uint64_t left = search.asleep.bits[word]; left != 0; left &= left - 1) {
            const int id = word * 64 + __builtin_ctzll(left);
            if (dependent(&schedule.threads[id].operation, done))
                erase(&search.asleep, id);
        }
}

static bool may_take(const struct node *node, unsigned index)
{
    const uint16_t value = search.pool[node->first + index];
    if (!node->threads)
        return true;
    if (search.bound == UNBOUNDED)
        return value % 2 == 1 || !contains(&node->asleep, value / 2);
    if (index > 0 && node->stays && node->preemptions >= search.bound) {
        search.bounded = true;
        return false;
    }
    return true;
}

static __attribute__((noinline)) void push(const struct choice *choice, uint32_t number)
{
    search.nodes = grow(search.nodes, &search.room, search.count + 1, sizeof *search.nodes);
    search.pool = grow(search.pool, &search.pool_room, search.pool_count + choice->count, sizeof *search.pool);
    struct node *node = &search.nodes[search.count++];
    *node = (struct node){.first = search.pool_count,
                          .count = choice->count,
                          .preemptions = search.preemptions,
                          .number = number,
                          .threads = choice->threads,
                          .stays = choice->stays,
                          .asleep = search.asleep};
    memcpy(&search.pool[search.pool_count], choice->values, choice->count * sizeof *search.pool);
    search.pool_count += choice->count;
    while (node->index < node->count && !may_take(node, node->index))
        node->index++;
}

_Noreturn void exhaustive_not_repeated(void)
{
    verdict_broken("a run could not be repeated: the program depends on something the explorer does not control");
}

static unsigned repeat(const struct choice *choice, uint32_t number)
{
    for (unsigned i = 0; i < choice->count; i++)
        if (choice->values[i] == search.taken[number].value)
            return i;
    exhaustive_not_repeated();
}

static unsigned pick(const struct choice *choice, uint32_t number)
{
    if (choice->count == 1 && (!choice->threads || search.bound != UNBOUNDED || empty(&search.asleep)))
        return 0; /* no decision */
    if (search.depth == search.count)
        push(choice, number);
    const struct node *node = &search.nodes[search.depth++];
    if (node->index >= node->count)
        verdict_end_silent(VERDICT_REDUNDANT); /* all that could go on leads to a schedule seen before */
    if (node->index >= choice->count || choice->values[node->index] != search.pool[node->first + node->index])
        exhaustive_not_repeated();
    if (node->stays && node->index > 0)
        search.preemptions++;
    if (choice->threads && search.bound == UNBOUNDED) {
        search.asleep = node->asleep;
        if (!empty(&search.asleep))
            wake_dependent(choice->values[node->index]);
    }
    return node->index;
}

unsigned exhaustive_pick(const struct choice *choice, uint32_t number)
{
    if (number < search.fork)
        return repeat(choice, number);
    const unsigned index = pick(choice, number);
    search.taken = grow(search.taken, &search.taken_room, number + 1, sizeof *search.taken);
    search.taken[number] = (struct decision){choice->values[index], index != 0, choice->idle};
    return index;
}

bool exhaustive_next(void)
{
    while (search.count > 0) {
        struct node *node = &search.nodes[search.count - 1];
        if (node->index < node->count) {
            const uint16_t done = search.pool[node->first + node->index];
            if (node->threads && done % 2 == 0)
                insert(&node->asleep, done / 2);
            do
                node->index++;
            while (node->index < node->count && !may_take(node, node->index));
            if (node->index < node->count)
                return true;
        }
        search.pool_count = node->first;
        search.count--;
    }
    return false;
}

bool exhaustive_bounded(void)
{
    return search.bounded;
}
