#include "schedules.h"

#include <stdlib.h>
#include <string.h>

#include "../explore/columns.h"
#include "../explore/scenarios.h"
#include "../process.h"
#include "../stacks.h"
#include "../text.h"

enum { WIDTH = 96 };

/* A last resort against schedules that take long; what is found must not depend on it. */
static const double search_seconds = 40.0;

struct search {
    const struct manifest *manifest;
    const struct workspace *workspace;
    struct lines *lines;
    struct exploration *items; /* one for each scenario of the manifest */
};

/* `data race` as one word: `data-race`. Caller frees. */
static char *kind_word(const char *kind)
{
    return text_replace(kind, " ", "-");
}

/* Whether nothing was done at this place but to call the one before it. */
static bool is_caller(const struct told *place)
{
    return strcmp(place->words, "called from here") == 0;
}

/* The line of the first place in the hand-in whose words hold `word`; 0 if there is none. */
static int place_line(const struct search *search, const struct results *results, const char *word)
{
    for (size_t i = 0; i < results->place_count; i++) {
        const struct line line = lines_at(search->lines, results->places[i].pc);
        if (strcmp(line.file, search->manifest->file) == 0 && line.number > 0 &&
            strstr(results->places[i].words, word) != NULL)
            return line.number;
    }
    return 0;
}

/* The line of the first place in the hand-in; rather of what was done there than of what called others that did it. */
static int first_line(const struct search *search, const struct results *results)
{
    for (size_t i = 0; i < results->place_count; i++) {
        const struct line line = lines_at(search->lines, results->places[i].pc);
        if (strcmp(line.file, search->manifest->file) == 0 && line.number > 0 && !is_caller(&results->places[i]))
            return line.number;
    }
    return place_line(search, results, "");
}

/* Whether the wait that event `i` ends is in a loop: the next thing that its thread does, but for reading, is to wait
 * there again. */
static bool waits_again(const struct results *results, size_t i)
{
    const struct told *end = &results->events[i];
    for (size_t k = i + 1; k < results->event_count; k++) {
        const struct told *next = &results->events[k];
        if (next->thread == end->thread && strncmp(next->words, "reads", strlen("reads")) != 0)
            return next->pc == end->pc && strncmp(next->words, "waits", strlen("waits")) == 0;
    }
    return false;
}

/* The line of the hand-in at which a wait ends for no reason in this schedule, and its thread does not wait again; 0 if
 * there is none. The schedule was shrunk to what it needs: where one is left, it is the cause of whatever follows. */
static int spurious_line(const struct search *search, const struct results *results)
{
    for (size_t i = 0; i < results->event_count; i++) {
        const struct line line = lines_at(search->lines, results->events[i].pc);
        if (strstr(results->events[i].words, "for no reason") != NULL && line.number > 0 &&
            strcmp(line.file, search->manifest->file) == 0 && !waits_again(results, i))
            return line.number;
    }
    return 0;
}

static const char spurious_words[] =
    " The wait in this line ended for no reason, as any wait may: after it the condition "
    "must be looked at again, in a loop.";

/* Where the function begins that the scenario's words are about, or else the one that the scenario is about. */
static int function_line(const struct search *search, const struct manifest_scenario *scenario, const char *words)
{
    const char *named = manifest_named_function(search->manifest, words);
    char *object = workspace_path(search->workspace, "bin/handin.o");
    const int line = stacks_function_line(object, named != NULL ? named : scenario->function, NULL);
    free(object);
    return line;
}

/* An effect without its kind: `assertion: an update is lost` is an update that is lost. */
static const char *plain_effect(const char *effect)
{
    static const char prefix[] = "assertion: ";
    return strncmp(effect, prefix, strlen(prefix)) == 0 ? effect + strlen(prefix) : effect;
}

/* Whether a finding of this kind may turn up in any scenario, so that what a scenario says of its own idea would lead
 * astray: what is left behind, memory that is gone, and locks used as they must not be. */
static bool stands_for_itself(const char *kind)
{
    static const char *const kinds[] = {"out of bounds", "use after free",      "double free",
                                        "memory leak",   "thread never joined", "child never waited for",
                                        "misuse",        "exit with lock"};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kind, kinds[i]) == 0)
            return true;
    return false;
}

/* A race that the scenario itself sees: its threads use a variable of its own before one call and after another. */
static char *race_outside(const struct manifest_scenario *scenario)
{
    return text_format(
        "%s: data race: what one thread did before it called your code is not ordered before what another "
        "thread does after its call returned. Only your functions can order the two: under the same lock, "
        "or with an atomic that is released by one and acquired by the other. %s",
        scenario->name, scenario->why);
}

/* What is wrong, as the scenario says it if it does, and why: by the scenario's own words where they are a whole
 * sentence, else by the manifest's. */
static char *sentence(const struct search *search, const struct manifest_scenario *scenario,
                      const struct results *results)
{
    const char *text = results->text != NULL ? results->text : "", *kind = results->kind;
    const char *said = results->effect != NULL ? plain_effect(results->effect) : text;
    const bool whole = text_is_sentence(said);
    const char *stop = whole ? "" : ".", *space = whole ? "" : " ", *why = whole ? "" : scenario->why;
    if (results->effect != NULL)
        return text_format("%s: %s%s It comes of a %s.%s%s", scenario->name, said, stop, kind, space, why);
    if (strcmp(kind, "assertion") == 0)
        return text_format("%s: %s%s%s%s", scenario->name, text, stop, space, why);
    const bool race = strcmp(kind, "data race") == 0;
    const bool circle = strcmp(kind, "deadlock") == 0 && strstr(text, "same order") != NULL;
    if (race && place_line(search, results, "") == 0)
        return race_outside(scenario);
    if ((stands_for_itself(kind) || circle) && *text != '\0')
        return text_format("%s: %s: %s.", scenario->name, kind, text);
    return text_format("%s: %s%s%s.%s What this scenario is about: %s", scenario->name, kind, *text != '\0' ? ": " : "",
                       text, race ? " Guard every access to it with the same lock." : "", scenario->why);
}

/* What is left over at the end shows in every scenario that uses the function. */
static bool is_left_over(const char *kind)
{
    return strcmp(kind, "memory leak") == 0 || strcmp(kind, "thread never joined") == 0;
}

/* Whether what is left over is so in the plainest schedule: then no order of the threads is to blame. */
static bool is_in_any_schedule(const struct results *results)
{
    const bool made =
        results->place_count > 0 && strcmp(results->places[results->place_count - 1].words, "made here") == 0;
    return (is_left_over(results->kind) || made) && results->token != NULL && strcmp(results->token, "0") == 0;
}

static char *show_schedule(const struct search *search, const struct results *results)
{
    if (is_in_any_schedule(results) || results->event_count == 0)
        return columns_places(results, search->lines);
    char *columns = columns_text(results, search->lines, search->manifest->file, WIDTH);
    /* Of several threads that wait for each other or for nothing, the schedule shows where the last step was made. */
    char *places = results->effect == NULL && results->place_count > 1 ? columns_places(results, search->lines) : NULL;
    const char *title = places == NULL                            ? ""
                        : strcmp(results->kind, "data race") == 0 ? "\nThe two accesses:\n"
                                                                  : "\nIn the end:\n";
    char *text = text_format("The schedule that shows it (lines with a dot are those of labs/%s/scenarios.c):\n%s%s%s",
                             search->manifest->name, columns, title, places != NULL ? places : "");
    free(places);
    free(columns);
    return text;
}

static char *replay_command(const struct search *search, const struct manifest_scenario *scenario,
                            const struct results *results)
{
    const char *token = results->effect_token != NULL ? results->effect_token : results->token;
    char *extra = text_format("SCHEDULE=%s:%s", scenario->name, token != NULL ? token : "0");
    char *command = workspace_command(search->workspace, search->manifest, "replay", extra);
    free(extra);
    return command;
}

/* Whether a finding at `line` is what the results tell: at that place or, of a race, with either access there. */
static bool is_told(const struct search *search, const struct results *results, int line, int told_line)
{
    if (line == told_line)
        return true;
    for (size_t i = 0; strcmp(results->kind, "data race") == 0 && i < results->place_count; i++) {
        const struct line place = lines_at(search->lines, results->places[i].pc);
        if (strcmp(place.file, search->manifest->file) == 0 && place.number == told_line &&
            !is_caller(&results->places[i]))
            return true;
    }
    return false;
}

/* An earlier scenario's finding of the same kind, or from the same wait that ended for no reason, at the same line: one
 * mistake is told once. */
static struct finding *find_same(struct stage_result *result, const struct search *search,
                                 const struct results *results, const char *kind, int line, bool spurious)
{
    for (size_t i = 0; i < result->findings_count; i++) {
        struct finding *other = &result->findings[i];
        const bool both_spurious = spurious && strstr(other->message, spurious_words) != NULL;
        if (line > 0 && other->line > 0 && is_told(search, results, line, other->line) &&
            (both_spurious || strcmp(other->kind, kind) == 0))
            return other;
    }
    return NULL;
}

/* A race of the scenario's own memory is a symptom: what the scenario says is wrong is the reason. */
static void prefer_assertion(const struct search *search, struct results *results)
{
    static const char prefix[] = "assertion: ";
    if (results->effect == NULL || strncmp(results->effect, prefix, strlen(prefix)) != 0 ||
        place_line(search, results, "") > 0)
        return;
    free(results->kind);
    free(results->text);
    free(results->token);
    results->kind = text_copy("assertion", strlen("assertion"));
    results->text = text_copy(plain_effect(results->effect), strlen(plain_effect(results->effect)));
    results->token = results->effect_token;
    free(results->effect);
    results->effect = results->effect_token = NULL;
    while (results->place_count > 0) /* they are the race's */
        free(results->places[--results->place_count].words);
}

/* `It fails in ONE, ANOTHER and NAME, too.` at the end of the message. */
static void add_scenario(struct finding *finding, const char *name)
{
    static const char begin[] = " It fails in ", end[] = ", too.", last[] = " and ";
    const size_t length = strlen(finding->message), cut = sizeof end - 1;
    const bool more = length > cut && strcmp(finding->message + length - cut, end) == 0;
    const char *names = more ? strstr(finding->message, begin) : NULL,
               *before = names != NULL ? strstr(names, last) : NULL;
    char *longer;
    if (before != NULL)
        longer = text_format("%.*s, %.*s%s%s%s", (int)(before - finding->message), finding->message,
                             (int)(length - cut - (size_t)(before - finding->message) - strlen(last)),
                             before + strlen(last), last, name, end);
    else
        longer = text_format("%.*s%s%s%s", (int)(more ? length - cut : length), finding->message, more ? last : begin,
                             name, end);
    free(finding->message);
    finding->message = longer;
}

static void add_failure(struct stage_result *result, const struct search *search, size_t i)
{
    const struct manifest_scenario *scenario = &search->manifest->scenarios[i];
    struct results *results = &search->items[i].results;
    prefer_assertion(search, results);
    char *kind = kind_word(results->kind);
    /* Where a wake-up was lost, others may wait for the end of the thread that waits for it. */
    int line = strcmp(results->kind, "lost wake-up") == 0 ? place_line(search, results, "signal") : 0;
    const int spurious = line == 0 ? spurious_line(search, results) : 0;
    if (line == 0)
        line = spurious;
    if (line == 0)
        line = first_line(search, results);
    if (line == 0)
        line = function_line(search, scenario, results->text);
    struct finding *same = find_same(result, search, results, kind, line, spurious > 0);
    if (same != NULL) {
        add_scenario(same, scenario->name);
        same->cost += is_left_over(results->kind) ? 0 : scenario->points; /* the points of one */
        free(kind);
        return;
    }
    char *message = sentence(search, scenario, results);
    struct finding *finding = result_add(result, kind, "%s%s", message, spurious > 0 ? spurious_words : "");
    finding->file = text_copy(search->workspace->handin_shown, strlen(search->workspace->handin_shown));
    finding->line = line;
    finding->detail = show_schedule(search, results);
    finding->command = replay_command(search, scenario, results);
    finding->cost = scenario->points;
    free(message);
    free(kind);
}

/* Why scenario `i` says nothing about the hand-in; NULL if it does. Caller frees. */
static char *unjudged(const struct search *search, size_t i)
{
    const struct exploration *item = &search->items[i];
    if (item->outcome == EXPLORED_FOUND)
        return NULL;
    if (item->outcome == EXPLORED_CLEAN && !item->results.timeout)
        return NULL;
    if (item->outcome == EXPLORED_CLEAN)
        return text_format("the time was up after %llu schedules", item->results.schedules);
    return text_format("%s", item->why);
}

static struct stage_result conclude(struct stage_result *result, const struct search *search)
{
    const unsigned count = search->manifest->scenarios_count;
    unsigned failed = 0, skipped = 0;
    unsigned long long schedules = 0;
    int score = result->max_score;
    for (unsigned i = 0; i < count; i++) {
        char *why = unjudged(search, i);
        schedules += search->items[i].results.schedules;
        if (search->items[i].outcome == EXPLORED_FOUND) {
            add_failure(result, search, i);
            failed++;
        } else if (why != NULL && skipped++ == 0) {
            result_add(result, "note", "The explorer cannot judge the scenario %s with this hand-in: %s.",
                       search->manifest->scenarios[i].name, why);
        }
        free(why);
    }
    for (size_t i = 0; i < result->findings_count; i++)
        score -= result->findings[i].cost;
    if (failed > 0)
        return result_finish(result, STATUS_FAILED, score, "%u of %u scenarios fail in some schedule", failed, count);
    if (skipped > 0)
        return result_finish(result, STATUS_NOT_RUN, score, "%u of %u scenarios cannot be judged, none fails", skipped,
                             count);
    return result_finish(result, STATUS_PASSED, score, "%u scenarios right in %llu schedules", count, schedules);
}

static struct stage_result explore(struct stage_result *result, struct search *search)
{
    const struct exploration_spec wish = {.strategy = exploration_strategy("all"),
                                          .seed = 1,
                                          .seconds = search_seconds,
                                          .preemptions = -1,
                                          .leaks = true};
    const unsigned count = search->manifest->scenarios_count;
    const struct manifest_scenario **scenarios = text_allocate(count, sizeof *scenarios);
    search->items = text_allocate(count, sizeof *search->items);
    for (unsigned i = 0; i < count; i++)
        scenarios[i] = &search->manifest->scenarios[i];
    if (!scenarios_explore(search->workspace, scenarios, count, &wish, search->items)) {
        *result = result_grader_error(result, "cannot run the explorer");
    } else {
        search->lines = scenarios_lines(search->workspace);
        if (process_interrupted())
            *result = result_finish(result, STATUS_NOT_RUN, 0, "interrupted");
        else
            *result = conclude(result, search);
        lines_close(search->lines);
        for (unsigned i = 0; i < count; i++)
            exploration_release(&search->items[i]);
    }
    free(search->items);
    free(scenarios);
    return *result;
}

/* The hand-in was built by the stage before this one, so what fails now does not speak against it. */
static struct stage_result not_built(struct stage_result *result, const struct search *search,
                                     enum program_outcome outcome, const char *error)
{
    char *shown = workspace_shown(search->workspace, search->manifest, error);
    char *excerpt = text_excerpt(shown, 3);
    if (outcome == PROGRAM_BROKEN) {
        *result = result_grader_error(result, "cannot build the scenarios: %s", excerpt);
    } else {
        result_add(result, "note",
                   outcome == PROGRAM_UNSUPPORTED
                       ? "The explorer does not model what this file uses, so no schedules were explored: %s."
                       : "This file cannot be linked to the explorer, so no schedules were explored: %s",
                   excerpt);
        *result = result_finish(result, STATUS_NOT_RUN, result->max_score, "not explored");
    }
    free(excerpt);
    free(shown);
    return *result;
}

struct stage_result schedules_run(const struct manifest *manifest, const struct workspace *workspace)
{
    struct stage_result result = {.name = "schedules", .max_score = manifest->points.schedules};
    struct search search = {.manifest = manifest, .workspace = workspace};
    char *error = NULL;
    const enum program_outcome outcome = scenarios_build(manifest, workspace, &error);
    if (outcome == PROGRAM_BUILT)
        return explore(&result, &search);
    result = process_interrupted() ? result_finish(&result, STATUS_NOT_RUN, 0, "interrupted")
                                   : not_built(&result, &search, outcome, error);
    free(error);
    return result;
}

bool schedules_show_hang(const struct stage_result *result)
{
    static const char *const kinds[] = {"deadlock", "lost-wake-up", "livelock", "exit-with-lock"};
    for (size_t i = 0; i < result->findings_count; i++)
        for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
            if (strcmp(result->findings[i].kind, kinds[k]) == 0)
                return true;
    return false;
}
