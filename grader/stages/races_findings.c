#include "races_trial.h"

#include <stdlib.h>
#include <string.h>

#include "../text.h"

static const char *access_word(bool write)
{
    return write ? "writes" : "reads";
}

static char *describe_race(const struct trial *trial, const struct accusation *item)
{
    const struct accusation_place *a = &item->first, *b = &item->second;
    const char *file = trial->manifest->file;
    if (b->line == 0)
        return text_format(
            "data race: one thread %s memory at %s:%d in %s while another thread uses it, and nothing orders the two. "
            "Guard every access to it with the same lock.",
            access_word(a->write), file, a->line, a->function);
    return text_format(
        "data race: one thread %s at %s:%d in %s what another thread %s at %s:%d in %s, and nothing orders the two "
        "(no common lock, no join between them). Guard both with the same lock.",
        access_word(a->write), file, a->line, a->function, access_word(b->write), file, b->line, b->function);
}

static char *describe(const struct trial *trial, const struct accusation *item)
{
    const char *function = item->first.function != NULL ? item->first.function : "?";
    switch (item->kind) {
    case ACCUSATION_RACE:
        return describe_race(trial, item);
    case ACCUSATION_UNLOCK:
        return text_format(
            "unlock of a lock that this thread does not hold, in %s: the lock no longer protects anything, and "
            "POSIX leaves undefined what happens.",
            function);
    case ACCUSATION_EXIT:
        return text_format(
            "a thread ends while it still holds the lock it took in %s: whoever wants that lock waits for ever.",
            function);
    case ACCUSATION_DESTROY:
        return text_format("a lock or condition variable is destroyed in %s while a thread still uses it.", function);
    }
    return NULL;
}

static const char *kind_word(enum accusation_kind kind)
{
    switch (kind) {
    case ACCUSATION_RACE:
        return "data-race";
    case ACCUSATION_UNLOCK:
        return "unlock-not-held";
    case ACCUSATION_EXIT:
        return "exit-with-lock";
    case ACCUSATION_DESTROY:
        return "destroy-in-use";
    }
    return "?";
}

/* The command that shows the tool's own report: needs the programs kept. */
static char *tool_command(const struct trial *trial, size_t tool)
{
    char *keep = workspace_command(trial->workspace, trial->manifest, "keep", NULL);
    const char *run = tool == HELGRIND ? "valgrind --tool=helgrind"
                      : tool == DRD    ? "valgrind --tool=drd --check-stack-var=yes"
                                       : "setarch -R";
    char *command =
        text_format("%s && %s build/keep/%s/bin/race%s", keep, run, trial->manifest->id, tool == TSAN ? "_tsan" : "");
    free(keep);
    return command;
}

void trial_place(struct finding *finding, const struct trial *trial, int line, size_t tool)
{
    finding->file = text_copy(trial->workspace->handin_shown, strlen(trial->workspace->handin_shown));
    finding->line = line;
    finding->command = tool_command(trial, tool);
}

/* Shows line `number` of the hand-in, too, unless the finding is at that line. */
static void add_line(struct finding *finding, const struct trial *trial, int number)
{
    char *source = number > 0 && number != finding->line ? text_line(trial->workspace->content, number) : NULL;
    if (source != NULL) {
        char *clean = text_clean(source);
        finding->detail = text_format("%5d | %s", number, clean);
        free(clean);
    }
    free(source);
}

/* Names the variable if the tool knows it: helgrind's `data symbol "n"`, ThreadSanitizer's `global 'n'`. */
static void add_variable(struct finding *finding, const struct accusation *item)
{
    static const char *const before[] = {"data symbol \"", "global '"};
    for (size_t i = 0; i < sizeof before / sizeof *before && item->about != NULL; i++) {
        const char *hit = strstr(item->about, before[i]);
        if (hit == NULL)
            continue;
        const char *name = hit + strlen(before[i]);
        char *longer = text_format("%s%sThe variable is %.*s.", finding->detail != NULL ? finding->detail : "",
                                   finding->detail != NULL ? "\n" : "", (int)strcspn(name, "\"'"), name);
        free(finding->detail);
        finding->detail = longer;
        return;
    }
}

static void add_proven(struct stage_result *result, const struct trial *trial, size_t tool,
                       const struct accusation *item)
{
    char *text = describe(trial, item);
    struct finding *finding = result_add(result, kind_word(item->kind), "%s", text);
    trial_place(finding, trial, item->first.line, tool);
    add_line(finding, trial, item->second.line);
    add_variable(finding, item);
    finding->cost = result->findings_count == 1 ? result->max_score : 0;
    free(text);
}

/* --- what the explorer says --- */

/* `helgrind and ThreadSanitizer report it, too.`; caller frees. */
static char *name_witnesses(const struct trial *trial, const struct ruling_race *race)
{
    char *text = text_copy("", 0);
    int count = 0;
    for (size_t t = 0; t < TOOLS; t++)
        for (size_t i = 0; i < trial->said[t].count; i++) {
            if (!trial_is_race_at(&trial->said[t].items[i], race))
                continue;
            char *longer = text_format("%s%s %s", text, count++ > 0 ? "," : "", trial_tool_name(t));
            free(text);
            text = longer;
            break;
        }
    char *sentence =
        count > 0 ? text_format("%s %s it, too.", text, count == 1 ? "reports" : "report") : text_copy("", 0);
    free(text);
    return sentence;
}

static char *describe_explored(const struct trial *trial, const struct ruling_race *race)
{
    const struct ruling_place *a = &race->places[0], *b = &race->places[1];
    const char *file = trial->manifest->file;
    char *witnesses = name_witnesses(trial, race);
    char *other = b->line > 0 ? text_format("what another thread %s at %s:%d in %s", access_word(b->write), file,
                                            b->line, b->function)
                              : text_format("what another thread %s", access_word(b->write));
    char *text =
        text_format("data race: one thread %s at %s:%d in %s %s, and nothing orders the two (no common lock, no join "
                    "between them). Guard both with the same lock. The explorer shows it in the scenario %s.%s",
                    access_word(a->write), file, a->line, a->function, other, race->scenario, witnesses);
    free(other);
    free(witnesses);
    return text;
}

static bool same_race(const struct ruling_race *a, const struct ruling_race *b)
{
    return a->places[0].line + a->places[1].line == b->places[0].line + b->places[1].line &&
           (a->places[0].line == b->places[0].line || a->places[0].line == b->places[1].line);
}

/* Adds each race once, whatever scenarios show it. */
void trial_add_explored(struct stage_result *result, const struct trial *trial)
{
    const struct ruling *ruling = &trial->ruling;
    for (size_t i = 0; i < ruling->races_count; i++) {
        const struct ruling_race *race = &ruling->races[i];
        bool told = race->places[0].line == 0;
        for (size_t k = 0; k < i; k++)
            told = told || same_race(&ruling->races[k], race);
        if (told)
            continue;
        char *text = describe_explored(trial, race),
             *extra = text_format("SCHEDULE=%s:%s", race->scenario, race->token);
        struct finding *finding = result_add(result, kind_word(ACCUSATION_RACE), "%s", text);
        finding->file = text_copy(trial->workspace->handin_shown, strlen(trial->workspace->handin_shown));
        finding->line = race->places[0].line;
        finding->command = workspace_command(trial->workspace, trial->manifest, "replay", extra);
        finding->cost = result->findings_count == 1 ? result->max_score : 0;
        add_line(finding, trial, race->places[1].line);
        free(extra);
        free(text);
    }
}

/* An accusation that proves nothing: said, because the tools are part of the course, and said to be doubtful. */
static void add_note(struct stage_result *result, const struct trial *trial, size_t tool, const struct accusation *item)
{
    char *other = item->second.line > 0 && item->second.line != item->first.line
                      ? text_format(" and line %d", item->second.line)
                      : text_copy("", 0);
    const char *kind = kind_word(item->kind);
    struct finding *finding =
        trial_is_overshadowed(trial)
            ? result_add(result, "note", "%s reports '%s' at line %d%s. It may follow from what `schedules` shows.",
                         item->tool, kind, item->first.line, other)
            : result_add(result, "note", "%s alone reports '%s' at line %d%s. It is likely to be mistaken here: %s.",
                         item->tool, kind, item->first.line, other,
                         trial_is_acquitted(trial, item)
                             ? "the explorer found every access there ordered, in all schedules it ran"
                         : trial->judge == JUDGE_TWO_TOOLS ? "no other tool agrees"
                                                           : trial->reason);
    trial_place(finding, trial, item->first.line, tool);
    free(other);
}

/* Adds findings (notes, if `worth` is DOUBTFUL) for accusations that are worth just that. */
void trial_add_accusations(struct stage_result *result, const struct trial *trial, enum worth worth, size_t limit)
{
    size_t added = 0;
    for (size_t tool = 0; tool < TOOLS; tool++)
        for (size_t i = 0; i < trial->said[tool].count && added < limit; i++) {
            const struct accusation *item = &trial->said[tool].items[i];
            if (trial_weigh(trial, tool, item) != worth || trial_is_repeated(trial, tool, i))
                continue;
            (worth == DOUBTFUL ? add_note : add_proven)(result, trial, tool, item);
            added++;
        }
}
