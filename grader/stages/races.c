#include "races.h"

#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>

#include "../accusation.h"
#include "../explore/ruling.h"
#include "../object.h"
#include "../process.h"
#include "../text.h"

enum { TOOLS = 3, HELGRIND = 0, DRD = 1, TSAN = 2, FINDINGS_MAX = 4, NOTES_MAX = 1, SAID_LINES = 4 };

/* Who decides about data races in this hand-in (see races.h). */
enum judge { JUDGE_TWO_TOOLS, JUDGE_TSAN, JUDGE_NOBODY };

static const struct tool {
    const char *name;
    const char *argv[12];
} tools[TOOLS] = {
    [HELGRIND] = {"helgrind",
                  {"valgrind", "--tool=helgrind", "--history-level=full", "--track-lockorders=no", "--fair-sched=try",
                   "--xml=yes", "--xml-file=helgrind.%p.xml", "../bin/race", NULL}},
    [DRD] = {"drd",
             {"valgrind", "--tool=drd", "--check-stack-var=yes", "--report-signal-unlocked=no", "--fair-sched=try",
              "--xml=yes", "--xml-file=drd.%p.xml", "../bin/race", NULL}},
    [TSAN] = {"ThreadSanitizer", {"setarch", "-R", "../bin/race_tsan", NULL}},
};

/* Symbols that show that a hand-in synchronises in a way that some of the tools cannot see. */
static const char *const c11_threads[] = {"thrd_*", "mtx_*", "cnd_*", "call_once", "tss_*"};
static const char *const nobody_sees[] = {"flock", "lockf", "fcntl", "fcntl64"};
static const char *const valgrind_blind[] = {"__tsan_atomic*", "syscall", "pipe",  "pipe2",       "eventfd",
                                             "socketpair",     "read",    "write", "pthread_once"};

struct trial {
    const struct manifest *manifest;
    const struct workspace *workspace;
    enum judge judge;
    const char *reason;   /* why two tools that agree do not decide */
    bool c11;             /* uses C11 threads: drd and ThreadSanitizer crash on them */
    struct ruling ruling; /* the explorer's */
    struct process_result runs[TOOLS];
    struct accusations said[TOOLS];
    bool ran[TOOLS];
};

static bool uses_any(const struct object *object, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (object_uses(object, names[i]))
            return true;
    return false;
}

/* Whether the compiler's assembly listing holds assembly of the hand-in's own (gcc and clang mark it with #APP). */
static bool has_assembly(const struct workspace *workspace)
{
    char *path = workspace_path(workspace, "bin/handin.s");
    char *listing = text_read_file(path, (size_t)64 << 20, NULL);
    const bool found = listing != NULL && strstr(listing, "#APP") != NULL;
    free(listing);
    free(path);
    return found;
}

static bool choose_judge(struct trial *trial, char **error)
{
    struct object object;
    char *path = workspace_path(trial->workspace, "bin/handin_tsan.o");
    const bool ok = object_read(&object, path, error);
    free(path);
    if (!ok)
        return false;
    trial->judge = JUDGE_TWO_TOOLS;
    if (uses_any(&object, c11_threads, sizeof c11_threads / sizeof *c11_threads)) {
        trial->c11 = true;
        trial->judge = JUDGE_NOBODY;
        trial->reason = "it uses C11 threads, which these tools do not understand";
    } else if (uses_any(&object, nobody_sees, sizeof nobody_sees / sizeof *nobody_sees)) {
        trial->judge = JUDGE_NOBODY;
        trial->reason = "it uses file locks, which these tools do not understand";
    } else if (has_assembly(trial->workspace)) {
        trial->judge = JUDGE_NOBODY;
        trial->reason = "it holds assembly, which these tools cannot follow";
    } else if (uses_any(&object, valgrind_blind, sizeof valgrind_blind / sizeof *valgrind_blind)) {
        trial->judge = JUDGE_TSAN;
        trial->reason = "it uses atomics or descriptors, which helgrind and drd do not understand";
    }
    object_release(&object);
    return true;
}

/* --- running the tools --- */

static bool run_tools(struct trial *trial)
{
    struct process_spec specs[TOOLS] = {0};
    struct process_result results[TOOLS];
    size_t which[TOOLS], count = 0;
    char *directory = workspace_path(trial->workspace, "run");
    char *seed = text_format("LOCKSTEP_SEED=%llu", (unsigned long long)trial->workspace->seed);
    char *helpers = text_format("LOCKSTEP_HELPERS=%s", trial->workspace->kit->harness);
    const char *set[] = {seed, helpers, "TSAN_OPTIONS=exitcode=0 detect_deadlocks=0 report_thread_leaks=0", NULL};
    for (size_t i = 0; i < TOOLS; i++) {
        if (i != HELGRIND && trial->c11)
            continue;
        which[count] = i;
        specs[count++] = (struct process_spec){.argv = tools[i].argv,
                                               .directory = directory,
                                               .set = set,
                                               .deadline = trial->manifest->limits.race_seconds,
                                               .process_limit = (unsigned)trial->manifest->limits.processes,
                                               .output_keep = (size_t)1 << 20};
    }
    const bool ok = process_run(specs, count, (size_t)trial->workspace->cores, results);
    for (size_t i = 0; i < count && ok; i++) {
        trial->runs[which[i]] = results[i];
        trial->ran[which[i]] = true;
    }
    free(helpers);
    free(seed);
    free(directory);
    return ok;
}

/* The driver may fork: valgrind follows and writes one file a process. */
static void read_valgrind(struct trial *trial, size_t tool)
{
    glob_t found;
    char *name = text_format("run/%s.*.xml", tools[tool].name);
    char *pattern = workspace_path(trial->workspace, name);
    if (glob(pattern, 0, NULL, &found) == 0) {
        for (size_t i = 0; i < found.gl_pathc; i++)
            accusations_read_valgrind(&trial->said[tool], tools[tool].name, found.gl_pathv[i], trial->manifest->file);
        globfree(&found);
    }
    free(pattern);
    free(name);
    /* A tool that fails on its own account ends as its program might: by its words they are told apart. */
    const char *err = trial->runs[tool].err;
    if (strstr(err, "the 'impossible' happened") != NULL || strstr(err, "valgrind: failed to start tool") != NULL ||
        strstr(err, "valgrind:  Fatal error at startup") != NULL || strstr(err, "WARNING: unhandled ") != NULL)
        trial->said[tool].fatal = text_format("%s failed on this program", tools[tool].name);
}

static void read_all(struct trial *trial)
{
    for (size_t i = 0; i < TOOLS; i++) {
        if (!trial->ran[i])
            continue;
        if (i == TSAN)
            accusations_read_tsan(&trial->said[i], trial->runs[i].err, trial->manifest->file);
        else
            read_valgrind(trial, i);
    }
}

/* --- weighing what they say --- */

static bool mentions_line(const struct accusations *said, int line)
{
    for (size_t i = 0; i < said->count; i++)
        if (said->items[i].kind == ACCUSATION_RACE &&
            (said->items[i].first.line == line || said->items[i].second.line == line))
            return true;
    return false;
}

/* Whether another tool than `tool` reports a race at `line`. (drd names one access at a time, the others both.) */
static bool others_agree(const struct trial *trial, size_t tool, int line)
{
    for (size_t i = 0; i < TOOLS; i++)
        if (i != tool && mentions_line(&trial->said[i], line))
            return true;
    return false;
}

static bool same_place(const struct accusation *a, const struct accusation *b)
{
    return a->kind == b->kind && ((a->first.line == b->first.line && a->second.line == b->second.line) ||
                                  (a->first.line == b->second.line && a->second.line == b->first.line));
}

/* Whether another tool than `tool` reports just this pair of lines. */
static bool others_report_pair(const struct trial *trial, size_t tool, const struct accusation *item)
{
    for (size_t t = 0; t < TOOLS; t++)
        for (size_t i = 0; i < trial->said[t].count; i++)
            if (t != tool && same_place(item, &trial->said[t].items[i]))
                return true;
    return false;
}

/* What an accusation is worth. A tool's idea of the other side of a race can be wrong: where two tools name the same
 * pair, only such pairs are shown. */
enum worth { DOUBTFUL, LINE_PROVEN, PROVEN };

/* Whether the explorer has run what is accused, in all schedules that matter, and found every access ordered. */
static bool is_acquitted(const struct trial *trial, const struct accusation *item)
{
    const struct ruling *ruling = &trial->ruling;
    return item->kind == ACCUSATION_RACE && ruling->acquits && ruling_covers(ruling, item->first.line) &&
           (item->second.line == 0 || ruling_covers(ruling, item->second.line));
}

static enum worth weigh_accusation(const struct trial *trial, size_t tool, const struct accusation *item)
{
    if (is_acquitted(trial, item))
        return DOUBTFUL;
    switch (trial->judge) {
    case JUDGE_NOBODY:
        return DOUBTFUL;
    case JUDGE_TSAN:
        return tool == TSAN || item->kind != ACCUSATION_RACE ? PROVEN : DOUBTFUL;
    case JUDGE_TWO_TOOLS:
        if (item->kind != ACCUSATION_RACE || (item->second.line > 0 && others_report_pair(trial, tool, item)))
            return PROVEN;
        if (others_agree(trial, tool, item->first.line) ||
            (item->second.line > 0 && others_agree(trial, tool, item->second.line)))
            return LINE_PROVEN;
        return DOUBTFUL;
    }
    return DOUBTFUL;
}

static bool is_race_at(const struct accusation *item, const struct ruling_race *race)
{
    const int a = race->places[0].line, b = race->places[1].line;
    return item->kind == ACCUSATION_RACE &&
           ((item->first.line == a && (item->second.line == b || item->second.line == 0)) ||
            (item->first.line == b && (item->second.line == a || item->second.line == 0)));
}

/* Whether the explorer, or an accusation before this one, says the same. */
static bool is_repeated(const struct trial *trial, size_t tool, size_t index)
{
    for (size_t i = 0; i < trial->ruling.races_count; i++)
        if (is_race_at(&trial->said[tool].items[index], &trial->ruling.races[i]))
            return true;
    for (size_t t = 0; t <= tool; t++)
        for (size_t i = 0; i < (t < tool ? trial->said[t].count : index); i++)
            if (same_place(&trial->said[t].items[i], &trial->said[tool].items[index]))
                return true;
    return false;
}

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

static struct finding *place(struct finding *finding, const struct trial *trial, int line, size_t tool)
{
    finding->file = text_copy(trial->workspace->handin_shown, strlen(trial->workspace->handin_shown));
    finding->line = line;
    finding->command = tool_command(trial, tool);
    return finding;
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
    place(finding, trial, item->first.line, tool);
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
            if (!is_race_at(&trial->said[t].items[i], race))
                continue;
            char *longer = text_format("%s%s%s", text, count++ > 0 ? " and " : " ", tools[t].name);
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
static void add_explored(struct stage_result *result, const struct trial *trial)
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
    struct finding *finding =
        result_add(result, "note", "%s alone reports '%s' at line %d%s. It is likely to be mistaken here: %s.",
                   item->tool, kind_word(item->kind), item->first.line, other,
                   is_acquitted(trial, item) ? "the explorer found every access there ordered, in all schedules it ran"
                   : trial->judge == JUDGE_TWO_TOOLS ? "no other tool agrees"
                                                     : trial->reason);
    place(finding, trial, item->first.line, tool);
    free(other);
}

/* Adds findings (notes, if `worth` is DOUBTFUL) for accusations that are worth just that. */
static void add_accusations(struct stage_result *result, const struct trial *trial, enum worth worth, size_t limit)
{
    size_t added = 0;
    for (size_t tool = 0; tool < TOOLS; tool++)
        for (size_t i = 0; i < trial->said[tool].count && added < limit; i++) {
            const struct accusation *item = &trial->said[tool].items[i];
            if (weigh_accusation(trial, tool, item) != worth || is_repeated(trial, tool, i))
                continue;
            (worth == DOUBTFUL ? add_note : add_proven)(result, trial, tool, item);
            added++;
        }
}

/* --- what the driver itself came to --- */

/* The driver's own words on stderr, without valgrind's and ThreadSanitizer's. */
static char *driver_said(const struct trial *trial, size_t tool)
{
    char *said = text_copy("", 0);
    int lines = 0;
    for (const char *line = trial->runs[tool].err; *line != '\0' && lines < SAID_LINES; lines++) {
        const size_t length = strcspn(line, "\n");
        if (length > 0 && line[0] != '=' && strncmp(line, "--", 2) != 0 &&
            strncmp(line, "WARNING: ThreadSanitizer", 24) != 0) {
            char *longer = text_format("%s%s%.*s", said, *said != '\0' ? " " : "", (int)length, line);
            free(said);
            said = longer;
        }
        line += length + (line[length] == '\n');
    }
    char *shown = workspace_shown(trial->workspace, trial->manifest, said);
    free(said);
    return shown;
}

static bool driver_failed(const struct trial *trial, size_t tool)
{
    const struct process_result *run = &trial->runs[tool];
    return trial->ran[tool] && trial->said[tool].fatal == NULL && run->end != PROCESS_NOT_STARTED &&
           run->end != PROCESS_INTERRUPTED && !(run->end == PROCESS_EXITED && run->code == 0);
}

static void add_driver_failure(struct stage_result *result, const struct trial *trial, size_t tool)
{
    const struct process_result *run = &trial->runs[tool];
    const struct process_spec spec = {.deadline = trial->manifest->limits.race_seconds};
    char *how = process_describe(&spec, run), *said = driver_said(trial, tool);
    struct finding *finding =
        run->end == PROCESS_EXITED
            ? result_add(result, "wrong-result", "the race driver gets a wrong result from your code: %s",
                         *said != '\0' ? said : how)
            : result_add(result, run->end == PROCESS_TIMED_OUT ? "hung" : "crashed", "the race driver %s under %s: %s",
                         how, tools[tool].name,
                         run->end == PROCESS_TIMED_OUT
                             ? "threads wait for each other or for a wake-up that never comes."
                             : "your code breaks when it is used by several threads at once.");
    place(finding, trial, trial->said[tool].crash.line, tool);
    finding->cost = result->max_score;
    free(how);
    free(said);
}

static enum status failure_status(const struct trial *trial, size_t tool)
{
    switch (trial->runs[tool].end) {
    case PROCESS_EXITED:
        return STATUS_FAILED;
    case PROCESS_TIMED_OUT:
        return STATUS_TIMED_OUT;
    case PROCESS_SIGNALED:
    case PROCESS_FLOODED:
    case PROCESS_TOO_MANY:
    case PROCESS_INTERRUPTED:
    case PROCESS_NOT_STARTED:
        return STATUS_CRASHED;
    }
    return STATUS_CRASHED;
}

/* --- the verdict of the stage --- */

static bool is_missing(const struct trial *trial, size_t tool)
{
    return trial->ran[tool] && trial->runs[tool].end == PROCESS_NOT_STARTED;
}

static void add_tool_notes(struct stage_result *result, const struct trial *trial)
{
    for (size_t i = 0; i < TOOLS; i++)
        if (trial->said[i].fatal != NULL)
            result_add(result, "note", "%s; it was left out of account.", trial->said[i].fatal);
}

static const char *const passed_words[] = {[JUDGE_TWO_TOOLS] = "no race found by helgrind, drd and ThreadSanitizer",
                                           [JUDGE_TSAN] = "no race found by ThreadSanitizer",
                                           [JUDGE_NOBODY] = "right results; races cannot be judged here"};

static struct stage_result conclude(struct stage_result *result, const struct trial *trial)
{
    add_explored(result, trial);
    add_accusations(result, trial, PROVEN, FINDINGS_MAX);
    if (result->findings_count == 0)
        add_accusations(result, trial, LINE_PROVEN, FINDINGS_MAX);
    const size_t proven = result->findings_count;
    enum status status = proven > 0 ? STATUS_FAILED : STATUS_PASSED;
    if (proven == 0)
        for (size_t i = 0; i < TOOLS && status == STATUS_PASSED; i++)
            if (driver_failed(trial, i)) {
                add_driver_failure(result, trial, i);
                status = failure_status(trial, i);
            }
    if (status == STATUS_PASSED)
        add_accusations(result, trial, DOUBTFUL, NOTES_MAX);
    add_tool_notes(result, trial);
    if (status == STATUS_PASSED)
        return result_finish(result, status, result->max_score, "%s",
                             trial->ruling.acquits ? "no race found by the explorer" : passed_words[trial->judge]);
    if (proven > 0)
        return result_finish(result, status, 0, "%zu place%s", proven, proven == 1 ? "" : "s");
    return result_finish(result, status, 0, "the race driver fails");
}

static struct stage_result weigh(struct stage_result *result, struct trial *trial)
{
    if (process_interrupted())
        return result_finish(result, STATUS_NOT_RUN, 0, "interrupted");
    if (is_missing(trial, HELGRIND)) {
        if (trial->runs[HELGRIND].code != ENOENT)
            return result_grader_error(result, "cannot start valgrind: %s", strerror(trial->runs[HELGRIND].code));
        result_add(result, "note",
                   "valgrind is not installed, so races were not looked for and no point is lost: install it with "
                   "`apt-get install valgrind`.");
        return result_finish(result, STATUS_NOT_RUN, result->max_score, "not measured: no valgrind");
    }
    read_all(trial);
    if (trial->judge == JUDGE_TSAN && (is_missing(trial, TSAN) || trial->said[TSAN].fatal != NULL)) {
        trial->judge = JUDGE_NOBODY;
        trial->reason = "ThreadSanitizer, which would have to decide here, does not run on this machine";
    }
    return conclude(result, trial);
}

struct stage_result races_run(const struct manifest *manifest, const struct workspace *workspace)
{
    struct stage_result result = {.name = "races", .max_score = manifest->points.races};
    struct trial trial = {.manifest = manifest, .workspace = workspace};
    char *error = NULL;
    ruling_read(&trial.ruling, manifest, workspace);
    if (!choose_judge(&trial, &error))
        result = result_grader_error(&result, "%s", error);
    else if (!run_tools(&trial))
        result = result_grader_error(&result, "cannot run the race driver of %s", manifest->name);
    else
        result = weigh(&result, &trial);
    for (size_t i = 0; i < TOOLS; i++) {
        if (trial.ran[i])
            process_release(&trial.runs[i]);
        accusations_release(&trial.said[i]);
    }
    ruling_release(&trial.ruling);
    free(error);
    return result;
}
