/* strings.c: libc functions that read or write the program's memory for it: their accesses are announced. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "memory.h"
#include "model.h"
#include "schedule.h"
#include "sync.h"

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

MODEL(int, strcmp, (const char *one, const char *other))
{
    reads(one, strlen(one) + 1, PC);
    reads(other, strlen(other) + 1, PC);
    return strcmp(one, other);
}

MODEL(int, strncmp, (const char *one, const char *other, size_t size))
{
    reads(one, strnlen(one, size), PC);
    reads(other, strnlen(other, size), PC);
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
    reads(from, strnlen(from, size), PC);
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

MODEL(char *, strchr, (const char *text, int byte))
{
    reads(text, strlen(text) + 1, PC);
    return strchr(text, byte);
}

MODEL(char *, strstr, (const char *text, const char *part))
{
    reads(text, strlen(text) + 1, PC);
    return strstr(text, part);
}
