#include "columns.h"

#include <string.h>

#include "lines.h"

enum { WIDTH = 34, COLUMNS_MAX = 6, HEAD = 15, TAIL = 35, TEXT = 300 };

static int thread_count(const struct results *results)
{
    int count = 1;
    for (size_t i = 0; i < results->event_count; i++)
        if (results->events[i].thread >= count)
            count = results->events[i].thread + 1;
    return count;
}

static void describe(char *text, size_t size, const struct told *event)
{
    const struct line line = lines_at(event->pc);
    snprintf(text, size, "%3d  %.40s  %s", line.number, line.text, event->words);
}

static void print_title(FILE *into, int threads)
{
    for (int i = 0; i < threads; i++) {
        char name[32];
        snprintf(name, sizeof name, i == 0 ? "main" : "thread %d", i);
        fprintf(into, " %-*s", i == threads - 1 ? 0 : WIDTH, name);
    }
    fprintf(into, "\n");
}

/* The source on one line, what it did beneath it when both do not fit. */
static void print_columns(FILE *into, const struct told *event)
{
    const struct line line = lines_at(event->pc);
    const int indent = 1 + event->thread * (WIDTH + 1);
    fprintf(into, "%*s%3d  %.*s\n", indent, "", line.number, 60, line.text);
    fprintf(into, "%*s     ^ %s\n", indent, "", event->words);
}

static void print_flat(FILE *into, const struct told *event)
{
    char text[TEXT];
    describe(text, sizeof text, event);
    fprintf(into, " %s %-3d %s\n", "thread", event->thread, text);
}

void columns_print(FILE *into, const struct results *results)
{
    const int threads = thread_count(results);
    if (threads <= COLUMNS_MAX)
        print_title(into, threads);
    for (size_t i = 0; i < results->event_count; i++) {
        if (results->event_count > HEAD + TAIL + 1 && i == HEAD) {
            fprintf(into, " ... %zu steps left out ...\n", results->event_count - HEAD - TAIL);
            i = results->event_count - TAIL;
        }
        if (threads <= COLUMNS_MAX)
            print_columns(into, &results->events[i]);
        else
            print_flat(into, &results->events[i]);
    }
}
