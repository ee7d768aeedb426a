#include "ruling.h"

#include <stdlib.h>
#include <string.h>

#include "../text.h"
#include "lines.h"
#include "results.h"
#include "scenarios.h"

struct reading {
    struct ruling *ruling;
    const struct manifest *manifest;
    struct lines *lines;
};

static bool in_handin(const struct reading *reading, const struct line *line)
{
    return line->number > 0 && strcmp(line->file, reading->manifest->file) == 0;
}

/* Takes the access that is told at `from` and, if it is not in the hand-in itself, looks for the hand-in among its
 * callers, which follow. Returns where the next access is told. */
static size_t take_place(const struct reading *reading, const struct results *results, size_t from,
                         struct ruling_place *place)
{
    size_t i = from;
    place->write = strncmp(results->places[from].words, "write", 5) == 0;
    do {
        const struct line line = lines_at(reading->lines, results->places[i].pc);
        if (place->line == 0 && in_handin(reading, &line)) {
            place->line = line.number;
            place->function = text_format("%s", line.function);
        }
        i++;
    } while (i < results->place_count && strcmp(results->places[i].words, "called from here") == 0);
    return i;
}

static void take_race(const struct reading *reading, const struct manifest_scenario *scenario,
                      const struct results *results)
{
    struct ruling *ruling = reading->ruling;
    struct ruling_race race = {.scenario = scenario->name, .token = text_format("%s", results->token)};
    size_t next = 0;
    for (int i = 0; i < 2 && next < results->place_count; i++)
        next = take_place(reading, results, next, &race.places[i]);
    ruling->races = text_grow(ruling->races, ruling->races_count + 1, sizeof *ruling->races);
    ruling->races[ruling->races_count++] = race;
}

static void take_covered(const struct reading *reading, const struct results *results)
{
    struct ruling *ruling = reading->ruling;
    for (size_t i = 0; i < results->covered_count; i++) {
        const struct line line = lines_at(reading->lines, results->covered[i]);
        if (!in_handin(reading, &line))
            continue;
        if (line.number >= ruling->lines) {
            ruling->covered = text_grow(ruling->covered, (size_t)line.number + 1, sizeof *ruling->covered);
            memset(ruling->covered + ruling->lines, 0, (size_t)(line.number + 1 - ruling->lines));
            ruling->lines = line.number + 1;
        }
        ruling->covered[line.number] = true;
    }
}

/* Whether the scenario was judged. */
static bool take_scenario(const struct reading *reading, const struct workspace *workspace,
                          const struct manifest_scenario *scenario)
{
    struct results results;
    bool judged = false;
    if (scenarios_results(workspace, scenario, &results) && results.kind != NULL) {
        if (strcmp(results.kind, "data race") == 0 && results.token != NULL)
            take_race(reading, scenario, &results);
        reading->ruling->fails = reading->ruling->fails || results.token != NULL;
        judged = results.token != NULL ||
                 (strcmp(results.kind, "nothing") == 0 && !results.timeout && results.cut <= results.schedules / 2);
        take_covered(reading, &results);
    }
    results_release(&results);
    return judged;
}

void ruling_read(struct ruling *ruling, const struct manifest *manifest, const struct workspace *workspace)
{
    struct reading reading = {.ruling = ruling, .manifest = manifest, .lines = scenarios_lines(workspace)};
    *ruling = (struct ruling){.judged = manifest->scenarios_count > 0};
    for (unsigned i = 0; i < manifest->scenarios_count; i++)
        if (!take_scenario(&reading, workspace, &manifest->scenarios[i]))
            ruling->judged = false;
    lines_close(reading.lines);
}

void ruling_release(struct ruling *ruling)
{
    for (size_t i = 0; i < ruling->races_count; i++) {
        free(ruling->races[i].token);
        free(ruling->races[i].places[0].function);
        free(ruling->races[i].places[1].function);
    }
    free(ruling->races);
    free(ruling->covered);
    *ruling = (struct ruling){0};
}

bool ruling_acquits(const struct ruling *ruling)
{
    return ruling->judged && !ruling->fails;
}

bool ruling_covers(const struct ruling *ruling, int line)
{
    return line > 0 && line < ruling->lines && ruling->covered[line];
}
