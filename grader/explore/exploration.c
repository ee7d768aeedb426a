#include "exploration.h"

#include <stdlib.h>
#include <string.h>

#include "../../harness/explore/protocol.h"
#include "../process.h"
#include "../text.h"

enum { WORDS_MAX = 80, NUMBERS = 6 };

/* The search ends itself by its CPU time, of which a busy machine gives it a share only. */
static const double busy_factor = 3.0;

/* Beyond that: for shrinking and showing what it found. */
static const double grace_seconds = 20.0;

/* Wall clock, for one that hangs. */
static double deadline_of(const struct exploration_spec *spec)
{
    return busy_factor * spec->seconds + grace_seconds;
}

static const char *const strategies[] = {"all", "exhaustive", "pct", "random"};

int exploration_strategy(const char *name)
{
    for (size_t i = 0; i < sizeof strategies / sizeof *strategies; i++)
        if (strcmp(name, strategies[i]) == 0)
            return (int)i;
    return -1;
}

/* One run: its argument vector and environment. */
struct launch {
    const char *argv[WORDS_MAX];
    char *program, *results, *numbers[NUMBERS];
    const char *set[2];
};

static void prepare(struct launch *launch, const struct exploration_spec *spec)
{
    size_t n = 0;
    *launch = (struct launch){
        .program = text_join(spec->directory, "program"),
        .results = text_format(PROTOCOL_RESULTS "=%s", spec->results),
        .numbers = {text_format("%d", spec->strategy), text_format("%llu", (unsigned long long)spec->schedules),
                    text_format("%llu", (unsigned long long)spec->seed), text_format("%g", spec->seconds),
                    text_format("%d", spec->preemptions), text_format("%d", spec->leaks)}};
    launch->set[0] = launch->results;
    launch->argv[n++] = launch->program;
    launch->argv[n++] = spec->replay != NULL ? "replay" : "explore";
    if (spec->replay != NULL)
        launch->argv[n++] = spec->replay;
    for (size_t i = 0; i < NUMBERS && spec->replay == NULL; i++)
        launch->argv[n++] = launch->numbers[i];
    for (size_t i = 0; i < spec->arguments_count && n < WORDS_MAX - 1; i++)
        launch->argv[n++] = spec->arguments[i];
}

static void release_launch(struct launch *launch)
{
    free(launch->program);
    free(launch->results);
    for (size_t i = 0; i < NUMBERS; i++)
        free(launch->numbers[i]);
}

static void judge_exit(struct exploration *exploration, const struct process_result *run)
{
    const char *text = exploration->results.text;
    switch (run->code) {
    case EXIT_CLEAN:
        exploration->outcome = EXPLORED_CLEAN;
        return;
    case EXIT_FOUND:
        exploration->outcome = exploration->results.kind != NULL ? EXPLORED_FOUND : EXPLORED_BROKEN;
        return;
    case EXIT_MISUSED:
        exploration->outcome = EXPLORED_MISUSED;
        exploration->why = text_clean(run->err);
        return;
    default:
        exploration->outcome = EXPLORED_UNSUPPORTED;
        exploration->why = text_format("%s", text != NULL        ? text
                                             : *run->err != '\0' ? run->err
                                                                 : "its schedules are too long to be searched");
    }
}

static void judge(struct exploration *exploration, const struct exploration_spec *spec,
                  const struct process_result *run)
{
    const struct process_spec described = {.deadline = deadline_of(spec), .stage = "schedules"};
    *exploration = (struct exploration){.seconds = run->seconds, .output = text_clean(run->out)};
    const bool told = results_read(spec->results, &exploration->results);
    char *how = process_describe(&described, run);
    if (run->end == PROCESS_EXITED && told) {
        judge_exit(exploration, run);
    } else if (run->end == PROCESS_EXITED || run->end == PROCESS_NOT_STARTED || run->end == PROCESS_INTERRUPTED) {
        exploration->outcome = EXPLORED_BROKEN;
        exploration->why = text_format("the explored program %s", how);
    } else {
        exploration->outcome = EXPLORED_UNSUPPORTED;
        exploration->why = text_format("the explored program %s", how);
    }
    if (exploration->outcome == EXPLORED_BROKEN && exploration->why == NULL)
        exploration->why = text_format("the explored program told nothing");
    free(how);
}

bool exploration_run(const struct exploration_spec *specs, size_t count, size_t jobs, struct exploration *out)
{
    struct launch *launches = text_allocate(count, sizeof *launches);
    struct process_spec *processes = text_allocate(count, sizeof *processes);
    struct process_result *runs = text_allocate(count, sizeof *runs);
    for (size_t i = 0; i < count; i++) {
        prepare(&launches[i], &specs[i]);
        processes[i] = (struct process_spec){.argv = launches[i].argv,
                                             .set = launches[i].set,
                                             .sandbox = specs[i].sandbox,
                                             .stage = "schedules",
                                             .deadline = deadline_of(&specs[i])};
    }
    const bool ok = process_run(processes, count, jobs, runs);
    for (size_t i = 0; i < count; i++) {
        if (ok) {
            judge(&out[i], &specs[i], &runs[i]);
            process_release(&runs[i]);
        }
        release_launch(&launches[i]);
    }
    free(runs);
    free(processes);
    free(launches);
    return ok;
}

void exploration_release(struct exploration *exploration)
{
    results_release(&exploration->results);
    free(exploration->why);
    free(exploration->output);
    *exploration = (struct exploration){0};
}

char *exploration_coverage(const struct results *results)
{
    char *cut = results->cut > 0 ? text_format(", %llu of them given up as too long", results->cut) : text_copy("", 0);
    char *text =
        text_format("%s%llu%s schedule%s%s%s", results->complete ? "all " : "", results->schedules,
                    results->complete ? "" : " of many", results->complete && results->schedules == 1 ? "" : "s",
                    results->timeout ? ", out of time" : "", cut);
    free(cut);
    return text;
}
