#include "token.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "verdict.h"

enum { LETTERS = 26, PIECE = 24 };

static char *letters(char *at, unsigned value)
{
    if (value >= LETTERS)
        at = letters(at, value / LETTERS);
    *at = (char)('a' + value % LETTERS);
    return at + 1;
}

char *token_write(struct deviations list, bool weak, uintptr_t split)
{
    char *token = malloc(list.count * PIECE + 2 * PIECE), *at = token;
    if (token == NULL)
        verdict_broken("no memory for a token");
    if (weak)
        *at++ = 'w';
    if (split != 0)
        at += sprintf(at, "p%lx.", (unsigned long)split);
    if (list.count == 0)
        *at++ = '0';
    uint32_t before = 0;
    for (size_t i = 0; i < list.count; i++) {
        at += sprintf(at, "%u", list.items[i].number - before);
        at = letters(at, list.items[i].value);
        before = list.items[i].number;
    }
    *at = '\0';
    return token;
}

static bool read_one(const char **at, struct deviation *into, uint32_t before)
{
    char *end;
    const unsigned long distance = strtoul(*at, &end, 10);
    unsigned value = 0;
    if (end == *at || !islower((unsigned char)*end))
        return false;
    while (islower((unsigned char)*end))
        value = value * LETTERS + (unsigned)(*end++ - 'a');
    *into = (struct deviation){before + (uint32_t)distance, (uint16_t)value};
    *at = end;
    return true;
}

bool token_read(const char *token, struct deviations *list, bool *weak, uintptr_t *split)
{
    list->items = NULL;
    *weak = *token == 'w';
    token += *weak;
    *split = 0;
    if (*token == 'p') {
        char *end;
        *split = strtoul(token + 1, &end, 16);
        if (*end != '.')
            return false;
        token = end + 1;
    }
    list->count = 0;
    list->items = calloc(strlen(token) + 1, sizeof *list->items);
    if (list->items == NULL)
        verdict_broken("no memory for a token");
    if (strcmp(token, "0") == 0)
        return true;
    uint32_t before = 0;
    while (*token != '\0') {
        struct deviation *next = &list->items[list->count];
        if (!isdigit((unsigned char)*token) || !read_one(&token, next, before))
            return false;
        before = next->number;
        list->count++;
    }
    return list->count > 0;
}
