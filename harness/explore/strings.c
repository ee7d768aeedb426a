/* strings.c: libc functions that read or write the program's memory for it: their accesses are announced. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "memory.h"
#include "model.h"
#include "schedule.h"
#include "sync.h"

static size_t least(size_t one, size_t other)
{
    return one < other ? one : other;
}

static void reads(const void *at, size_t size, uintptr_t pc)
{
    memory_access((uintptr_t)at, size, ACCESS_READ, pc);
}

static void writes(const void *at, size_t size, uintptr_t pc)
{
    memory_access((uintptr_t)at, size, ACCESS_WRITE, pc);
}

MODEL(void *, memcpy, (void *into, const void *from, size_t size))
{
    reads(from, size, PC);
    writes(into, size, PC);
    return memmove(into, from, size);
}

MODEL(void *, memmove, (void *into, const void *from, size_t size))
{
    reads(from, size, PC);
    writes(into, size, PC);
    return memmove(into, from, size);
}

MODEL(void *, memset, (void *into, int byte, size_t size))
{
    writes(into, size, PC);
    return memset(into, byte, size);
}

MODEL(int, memcmp, (const void *one, const void *other, size_t size))
{
    reads(one, size, PC);
    reads(other, size, PC);
    return memcmp(one, other, size);
}

MODEL(size_t, strlen, (const char *text))
{
    const size_t length = strlen(text);
    reads(text, length + 1, PC);
    return length;
}

/* What a comparison looks at: no byte behind the first that differ, or behind the end. Nothing else need be there. */
static void reads_both(const char *one, const char *other, size_t size,
                       int (*compare)(const char *, const char *, size_t), uintptr_t pc)
{
    size_t looked_at = 0;
    while (looked_at < size && compare(one + looked_at, other + looked_at, 1) == 0 && one[looked_at] != '\0')
        looked_at++;
    looked_at += looked_at < size;
    reads(one, looked_at, pc);
    reads(other, looked_at, pc);
}

MODEL(int, strcmp, (const char *one, const char *other))
{
    reads_both(one, other, SIZE_MAX, strncmp, PC);
    return strcmp(one, other);
}

MODEL(int, strncmp, (const char *one, const char *other, size_t size))
{
    reads_both(one, other, size, strncmp, PC);
    return strncmp(one, other, size);
}

MODEL(char *, strcpy, (char *into, const char *from))
{
    const size_t size = strlen(from) + 1;
    reads(from, size, PC);
    writes(into, size, PC);
    return memmove(into, from, size);
}

MODEL(char *, strncpy, (char *into, const char *from, size_t size))
{
    reads(from, least(strnlen(from, size) + 1, size), PC);
    writes(into, size, PC);
    return strncpy(into, from, size);
}

MODEL(char *, strcat, (char *into, const char *from))
{
    const size_t size = strlen(from) + 1, length = strlen(into);
    reads(from, size, PC);
    writes(into + length, size, PC);
    return strcat(into, from);
}

/* What a search has looked at that ended behind `found`, or, if that is NULL, at the end. */
static void reads_until(const char *text, const char *found, size_t length, uintptr_t pc)
{
    reads(text, found != NULL ? (size_t)(found - text) + length : strlen(text) + 1, pc);
}

MODEL(char *, strchr, (const char *text, int byte))
{
    char *found = strchr(text, byte);
    reads_until(text, found, 1, PC);
    return found;
}

MODEL(char *, strstr, (const char *text, const char *part))
{
    char *found = strstr(text, part);
    reads_until(text, found, strlen(part), PC);
    return found;
}

MODEL(void *, memchr, (const void *bytes, int byte, size_t size))
{
    const char *found = memchr(bytes, byte, size);
    reads(bytes, found != NULL ? (size_t)(found - (const char *)bytes) + 1 : size, PC);
    return (void *)found;
}

MODEL(void *, memrchr, (const void *bytes, int byte, size_t size))
{
    char *found = memrchr(bytes, byte, size);
    const size_t before = found != NULL ? (size_t)(found - (const char *)bytes) : 0;
    reads((const char *)bytes + before, size - before, PC);
    return found;
}

MODEL(void *, memmem, (const void *bytes, size_t size, const void *part, size_t part_size))
{
    reads(bytes, size, PC);
    reads(part, part_size, PC);
    return memmem(bytes, size, part, part_size);
}

MODEL(void *, mempcpy, (void *into, const void *from, size_t size))
{
    reads(from, size, PC);
    writes(into, size, PC);
    return (char *)memmove(into, from, size) + size;
}

MODEL(size_t, strnlen, (const char *text, size_t size))
{
    const size_t length = strnlen(text, size);
    reads(text, least(length + 1, size), PC);
    return length;
}

MODEL(int, strcasecmp, (const char *one, const char *other))
{
    reads_both(one, other, SIZE_MAX, strncasecmp, PC);
    return strcasecmp(one, other);
}

MODEL(int, strncasecmp, (const char *one, const char *other, size_t size))
{
    reads_both(one, other, size, strncasecmp, PC);
    return strncasecmp(one, other, size);
}

MODEL(char *, stpcpy, (char *into, const char *from))
{
    const size_t size = strlen(from) + 1;
    reads(from, size, PC);
    writes(into, size, PC);
    return (char *)memmove(into, from, size) + size - 1;
}

MODEL(char *, strncat, (char *into, const char *from, size_t size))
{
    const size_t length = strlen(into), added = strnlen(from, size);
    reads(from, least(added + 1, size), PC);
    reads(into, length, PC);
    writes(into + length, added + 1, PC);
    return strncat(into, from, size);
}

MODEL(char *, strrchr, (const char *text, int byte))
{
    reads(text, strlen(text) + 1, PC);
    return strrchr(text, byte);
}

MODEL(char *, strchrnul, (const char *text, int byte))
{
    char *found = strchrnul(text, byte);
    reads_until(text, found, 1, PC);
    return found;
}

MODEL(char *, strcasestr, (const char *text, const char *part))
{
    char *found = strcasestr(text, part);
    reads_until(text, found, strlen(part), PC);
    return found;
}

MODEL(char *, strpbrk, (const char *text, const char *bytes))
{
    char *found = strpbrk(text, bytes);
    reads_until(text, found, 1, PC);
    return found;
}

MODEL(size_t, strspn, (const char *text, const char *bytes))
{
    const size_t length = strspn(text, bytes);
    reads(text, length + 1, PC);
    return length;
}

MODEL(size_t, strcspn, (const char *text, const char *bytes))
{
    const size_t length = strcspn(text, bytes);
    reads(text, length + 1, PC);
    return length;
}

/* They put an end where the piece ends, which is right before the rest, and remember the place. */
static void cut(const char *from, char *const *rest, uintptr_t pc)
{
    writes(rest, sizeof *rest, pc);
    if (from != NULL && *rest != NULL && *rest > from)
        writes(*rest - 1, 1, pc);
}

MODEL(char *, strtok_r, (char *text, const char *bytes, char **rest))
{
    char *from = text != NULL ? text : *rest, *piece = strtok_r(text, bytes, rest);
    cut(from, rest, PC);
    return piece;
}

MODEL(char *, strsep, (char **rest, const char *bytes))
{
    char *from = *rest, *piece = strsep(rest, bytes);
    cut(from, rest, PC);
    return piece;
}

typedef int compare(const void *, const void *);

MODEL(void, qsort, (void *items, size_t count, size_t size, compare *order))
{
    writes(items, count * size, PC);
    qsort(items, count, size, order);
}

typedef int compare_with(const void *, const void *, void *);

MODEL(void, qsort_r, (void *items, size_t count, size_t size, compare_with *order, void *argument))
{
    writes(items, count * size, PC);
    qsort_r(items, count, size, order, argument);
}
