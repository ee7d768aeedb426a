#include "columns.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../text.h"

enum { STEP_MAX = 36, LAST_MIN = 46, COLUMNS_MAX = 5, HEAD = 15, TAIL = 35, NUMBER = 6, NAME_WIDTH = 20 };

/* Where the columns stand. */
struct layout {
    const char *file; /* whose lines are numbered; NULL: all */
    int threads, step, width;
};

static struct layout lay_out(const struct results *results, const char *file, int width)
{
    struct layout layout = {.file = file, .threads = 1, .width = width};
    for (size_t i = 0; i < results->event_count; i++)
        if (results->events[i].thread >= layout.threads)
            layout.threads = results->events[i].thread + 1;
    if (layout.threads > 1)
        layout.step = (width - LAST_MIN) / (layout.threads - 1);
    if (layout.step > STEP_MAX)
        layout.step = STEP_MAX;
    if (layout.threads > COLUMNS_MAX)
        layout.step = 0;
    return layout;
}

/* The name of a thread, as the words of the steps have it: `thread 2`; of the first one of a forked process, `process
 * 1, thread 2`. Caller frees. */
static char *name_of(const struct results *results, int thread)
{
    int process, first;
    if (thread <= 0)
        return text_format("main");
    for (size_t i = 0; i < results->event_count; i++)
        if (sscanf(results->events[i].words, "forks process %d, thread %d", &process, &first) == 2 && first == thread)
            return text_format("process %d, thread %d", process, thread);
    return text_format("thread %d", thread);
}

static void print_title(FILE *into, const struct results *results, const struct layout *layout)
{
    if (layout->threads > COLUMNS_MAX)
        return;
    for (int i = 0; i < layout->threads; i++) {
        char *name = name_of(results, i);
        const char *shown = layout->step > NAME_WIDTH || i == 0 ? name : strstr(name, "thread");
        fprintf(into, "%-*s", i == layout->threads - 1 ? 0 : layout->step, shown);
        free(name);
    }
    fprintf(into, "\n");
}

/* Bytes of `text` that fit into `room` characters, never half a character (UTF-8). */
static int fitting(const char *text, int room)
{
    int bytes = 0;
    for (int used = 0; text[bytes] != '\0'; bytes++) {
        if (((unsigned char)text[bytes] & 0xc0) != 0x80 && ++used > room)
            break;
    }
    return bytes;
}

/* The source line and what it did: on one line if both fit, else the second below the first. */
static void print_event(FILE *into, const struct layout *layout, const struct told *event, struct lines *lines)
{
    const struct line line = lines_at(lines, event->pc);
    const int thread = event->thread > 0 ? event->thread : 0, indent = thread * layout->step;
    const int room = layout->width - indent - NUMBER;
    if (layout->threads > COLUMNS_MAX)
        fprintf(into, "thread %-3d ", thread);
    if (layout->file == NULL || strcmp(layout->file, line.file) == 0)
        fprintf(into, "%*s%4d  ", indent, "", line.number);
    else
        fprintf(into, "%*s   .  ", indent, "");
    if ((int)(strlen(line.text) + strlen(event->words)) + 3 <= room)
        fprintf(into, "%s   %s\n", line.text, event->words);
    else
        fprintf(into, "%.*s\n%*s^ %s\n", fitting(line.text, room), line.text, indent + NUMBER, "", event->words);
}

/* How many times the step `from` is made in a row. */
static size_t repetitions(const struct results *results, size_t from)
{
    const struct told *events = results->events;
    size_t end = from + 1;
    while (end < results->event_count && events[end].thread == events[from].thread &&
           events[end].pc == events[from].pc && strcmp(events[end].words, events[from].words) == 0)
        end++;
    return end - from;
}

static void print_again(FILE *into, const struct layout *layout, const struct told *event, size_t times)
{
    const int thread = event->thread > 0 ? event->thread : 0;
    fprintf(into, "%*s^ and again, %zu time%s\n", thread * layout->step + NUMBER, "", times, times == 1 ? "" : "s");
}

char *columns_text(const struct results *results, struct lines *lines, const char *file, int width)
{
    char *text = NULL;
    size_t size = 0;
    FILE *into = open_memstream(&text, &size);
    const struct layout layout = lay_out(results, file, width);
    if (into == NULL)
        return text_copy("", 0);
    print_title(into, results, &layout);
    for (size_t i = 0, shown = 0; i < results->event_count; shown++) {
        const size_t times = repetitions(results, i), left = results->event_count - i;
        if (shown == HEAD && left > TAIL + 1) {
            fprintf(into, "... %zu steps left out ...\n", left - TAIL);
            i = results->event_count - TAIL;
            continue;
        }
        print_event(into, &layout, &results->events[i], lines);
        if (times > 1)
            print_again(into, &layout, &results->events[i], times - 1);
        i += times;
    }
    fclose(into);
    if (size > 0 && text[size - 1] == '\n')
        text[size - 1] = '\0';
    return text;
}

char *columns_places(const struct results *results, struct lines *lines)
{
    char *text = text_copy("", 0);
    for (size_t i = 0; i < results->place_count; i++) {
        const struct told *place = &results->places[i];
        const struct line line = lines_at(lines, place->pc);
        char *owner = place->thread >= 0 ? name_of(results, place->thread) : NULL;
        char *who = owner != NULL ? text_format("%s, ", owner) : text_format("%s", "");
        free(owner);
        char *longer = text_format("%s%s%s%s:%d in %s: %s\n    %s", text, i > 0 ? "\n" : "", who, line.file,
                                   line.number, line.function, place->words, line.text);
        free(who);
        free(text);
        text = longer;
    }
    return text;
}
