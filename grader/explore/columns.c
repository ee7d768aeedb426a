#include "columns.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../text.h"

enum { STEP_MAX = 36, LAST_MIN = 46, COLUMNS_MAX = 5, STEPS_SHOWN = 50, GAP_FILLED = 2, NUMBER = 6, NAME_WIDTH = 20 };

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
    if (layout->threads > COLUMNS_MAX || results->event_count == 0)
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

/* What happens once or several times in a row, at events[first]. */
struct step {
    size_t first, times;
    size_t distance; /* how many steps lie between it and what matters */
    bool shown;
};

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* What matters is where another thread goes on, and the end, of which thrice as much is shown, and the beginning. */
static void measure_distances(const struct results *results, struct step *steps, size_t count)
{
    size_t since = 0, until = 0;
    for (size_t i = 0; i < count; i++, since++) {
        if (i > 0 && results->events[steps[i].first].thread != results->events[steps[i - 1].first].thread)
            since = 0;
        steps[i].distance = since;
    }
    for (size_t i = count; i-- > 0; until++) {
        if (i + 1 < count && results->events[steps[i].first].thread != results->events[steps[i + 1].first].thread)
            until = 0;
        steps[i].distance =
            least(steps[i].distance, i + 1 < count && until < count - 1 - i ? until : (count - 1 - i) / 3);
    }
}

static size_t count_near(const struct step *steps, size_t count, size_t distance)
{
    size_t near = 0;
    for (size_t i = 0; i < count; i++)
        near += steps[i].distance <= distance;
    return near;
}

/* The distance up to which steps are shown. Where threads take turns all the time, that is the end only: SIZE_MAX. */
static size_t farthest_shown(const struct step *steps, size_t count)
{
    if (count <= STEPS_SHOWN)
        return count;
    if (count_near(steps, count, 0) > STEPS_SHOWN)
        return SIZE_MAX;
    size_t distance = 0;
    while (count_near(steps, count, distance + 1) <= STEPS_SHOWN)
        distance++;
    return distance;
}

/* To leave out one step or two takes as much room as to show them. */
static void choose_shown(struct step *steps, size_t count)
{
    const size_t farthest = farthest_shown(steps, count);
    size_t gap = 0;
    for (size_t i = 0; i < count; i++) {
        steps[i].shown = farthest == SIZE_MAX ? i + STEPS_SHOWN >= count : steps[i].distance <= farthest;
        for (; steps[i].shown && gap > 0 && gap <= GAP_FILLED; gap--)
            steps[i - gap].shown = true;
        gap = steps[i].shown ? 0 : gap + 1;
    }
}

static struct step *find_steps(const struct results *results, size_t *count)
{
    struct step *steps = text_allocate(results->event_count + 1, sizeof *steps);
    *count = 0;
    for (size_t i = 0; i < results->event_count; i += steps[(*count)++].times)
        steps[*count] = (struct step){.first = i, .times = repetitions(results, i)};
    measure_distances(results, steps, *count);
    choose_shown(steps, *count);
    return steps;
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
    size_t count, left_out = 0;
    struct step *steps = find_steps(results, &count);
    for (size_t i = 0; i < count; i++) {
        if (!steps[i].shown) {
            left_out++;
            continue;
        }
        if (left_out > 0)
            fprintf(into, "... %zu steps left out ...\n", left_out);
        left_out = 0;
        print_event(into, &layout, &results->events[steps[i].first], lines);
        if (steps[i].times > 1)
            print_again(into, &layout, &results->events[steps[i].first], steps[i].times - 1);
    }
    free(steps);
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
