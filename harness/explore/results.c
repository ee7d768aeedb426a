#include "results.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void add(struct told **list, size_t *count, const char *rest)
{
    struct told told = {0};
    unsigned long pc = 0;
    int used = 0;
    if (sscanf(rest, "%d %lx %n", &told.thread, &pc, &used) < 2)
        return;
    struct told *grown = realloc(*list, (*count + 1) * sizeof **list);
    if (grown == NULL)
        return;
    told.pc = pc;
    told.words = strdup(rest + used);
    *list = grown;
    grown[(*count)++] = told;
}

static void set(char **into, const char *text)
{
    free(*into);
    *into = strdup(text);
}

static void take(struct results *results, const char *word, const char *rest)
{
    if (strcmp(word, "kind") == 0)
        set(&results->kind, rest);
    else if (strcmp(word, "text") == 0)
        set(&results->text, rest);
    else if (strcmp(word, "token") == 0)
        set(&results->token, rest);
    else if (strcmp(word, "effect") == 0)
        set(&results->effect, rest);
    else if (strcmp(word, "effect-token") == 0)
        set(&results->effect_token, rest);
    else if (strcmp(word, "place") == 0)
        add(&results->places, &results->place_count, rest);
    else if (strcmp(word, "event") == 0)
        add(&results->events, &results->event_count, rest);
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
    char *line = NULL;
    size_t room = 0;
    FILE *file = fopen(path, "re");
    *results = (struct results){0};
    if (file == NULL)
        return false;
    while (getline(&line, &room, file) > 0) {
        line[strcspn(line, "\n")] = '\0';
        char *space = strchr(line, ' ');
        if (space == NULL)
            continue;
        *space = '\0';
        take(results, line, space + 1);
    }
    free(line);
    fclose(file);
    return true;
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
    release_list(results->places, results->place_count);
    release_list(results->events, results->event_count);
}
