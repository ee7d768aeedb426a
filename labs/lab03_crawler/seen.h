/*
 * seen.h: a set of addresses that answers "was this one here before?". Given: hashing is not the lesson.
 *
 * NOT thread safe: while one thread is in a function of a set, no other may be in one of the same set.
 * None blocks.
 */
#ifndef LAB_CRAWLER_SEEN_H
#define LAB_CRAWLER_SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct seen {
    char **slots; /* NULL where empty; the number of slots is a power of two */
    size_t size, count;
};

/* seen_create: an empty set, or NULL if memory ran out. Free it with seen_free. */
static inline struct seen *seen_create(void);

/* seen_add: puts a copy of `url` into the set. Returns true if it was not there before, false if it was
 * (or memory ran out). */
static inline bool seen_add(struct seen *seen, const char *url);

/* seen_free: frees the set and what is in it; `seen` may be NULL. */
static inline void seen_free(struct seen *seen);

/* ---- below: how it is done ---- */

/* The slot that holds `url`, or the empty one where it belongs. The hash is FNV-1a: Fowler, Noll and Vo. */
static inline size_t seen_find(const struct seen *seen, const char *url)
{
    unsigned long long hash = 0xcbf29ce484222325u;
    for (const char *c = url; *c != '\0'; c++)
        hash = (hash ^ (unsigned char)*c) * 0x100000001b3u;
    size_t slot = (size_t)(hash & (seen->size - 1));
    while (seen->slots[slot] != NULL && strcmp(seen->slots[slot], url) != 0)
        slot = (slot + 1) & (seen->size - 1);
    return slot;
}

static inline struct seen *seen_create(void)
{
    struct seen *seen = calloc(1, sizeof *seen);
    if (seen == NULL)
        return NULL;
    seen->size = 64;
    seen->slots = calloc(seen->size, sizeof *seen->slots);
    if (seen->slots == NULL) {
        free(seen);
        return NULL;
    }
    return seen;
}

static inline bool seen_grow(struct seen *seen)
{
    struct seen grown = {.size = 2 * seen->size, .count = seen->count};
    grown.slots = calloc(grown.size, sizeof *grown.slots);
    if (grown.slots == NULL)
        return false;
    for (size_t i = 0; i < seen->size; i++)
        if (seen->slots[i] != NULL)
            grown.slots[seen_find(&grown, seen->slots[i])] = seen->slots[i];
    free(seen->slots);
    *seen = grown;
    return true;
}

static inline bool seen_add(struct seen *seen, const char *url)
{
    if (seen->slots[seen_find(seen, url)] != NULL)
        return false;
    if (2 * seen->count >= seen->size && !seen_grow(seen))
        return false;
    char *copy = strdup(url);
    if (copy == NULL)
        return false;
    seen->slots[seen_find(seen, url)] = copy;
    seen->count++;
    return true;
}

static inline void seen_free(struct seen *seen)
{
    if (seen == NULL)
        return;
    for (size_t i = 0; i < seen->size; i++)
        free(seen->slots[i]);
    free(seen->slots);
    free(seen);
}

#endif
