#include "results.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../text.h"

enum { BYTES_MAX = 16 << 20 };

static void add(struct told **list, size_t *count, const char *rest)
{
    struct told told = {0};
    unsigned long pc = 0;
    int used = 0;
    if (sscanf(rest, "%d %lx %n", &told.thread, &pc, &used) < 2 || told.thread < -1)
        return;
    told.pc = pc;
    told.words = text_clean(rest + used);
    *list = text_grow(*list, *count + 1, sizeof **list);
    (*list)[(*count)++] = told;
}

static void add_covered(struct results *results, const char *rest)
{
    for (char *end; *rest != '\0'; rest = end) {
        const unsigned long pc = strtoul(rest, &end, 16);
        if (end == rest)
            return;
        results->covered = text_grow(results->covered, results->covered_count + 1, sizeof *results->covered);
        results->covered[results->covered_count++] = pc;
    }
}

static void set(char **into, const char *text)
{
    free(*into);
    *into = text_clean(text);
}

static void take(struct results *results, const char *word, const char *rest)
{
    const struct {
        const char *word;
        char **into;
    } texts[] = {{"kind", &results->kind},
                 {"text", &results->text},
                 {"token", &results->token},
                 {"effect", &results->effect},
                 {"effect-token", &results->effect_token}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (strcmp(word, texts[i].word) == 0)
            set(texts[i].into, rest);
    if (strcmp(word, "place") == 0)
        add(&results->places, &results->place_count, rest);
    else if (strcmp(word, "event") == 0)
        add(&results->events, &results->event_count, rest);
    else if (strcmp(word, "covered") == 0)
        add_covered(results, rest);
    else if (strcmp(word, "schedules") == 0)
        results->schedules = strtoull(rest, NULL, 10);
    else if (strcmp(word, "cut") == 0)
        results->cut = strtoull(rest, NULL, 10);
    else if (strcmp(word, "complete") == 0)
        results->complete = *rest == '1';
    else if (strcmp(word, "timeout") == 0)
        results->timeout = *rest == '1';
}

bool results_read(const char *path, struct results *results)
{
    char *content = text_read_file(path, BYTES_MAX, NULL), *next;
    *results = (struct results){0};
    for (char *line = content; line != NULL && *line != '\0'; line = next) {
        next = strchr(line, '\n');
        if (next != NULL)
            *next++ = '\0';
        char *space = strchr(line, ' ');
        if (space == NULL)
            continue;
        *space = '\0';
        take(results, line, space + 1);
    }
    free(content);
    return content != NULL;
}

static void release_list(struct told *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(list[i].words);
    free(list);
}

void results_release(struct results *results)
{
    free(results->kind);
    free(results->text);
    free(results->token);
    free(results->effect);
    free(results->effect_token);
    free(results->covered);
    release_list(results->places, results->place_count);
    release_list(results->events, results->event_count);
    *results = (struct results){0};
}
