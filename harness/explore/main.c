/*
 * main.c: the explored program's real main: reads what to do from its arguments, searches, and tells the result
 * (protocol.h).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <time.h>
#include <unistd.h>

#include "coverage.h"
#include "exhaustive.h"
#include "output.h"
#include "process.h"
#include "protocol.h"
#include "schedule.h"
#include "search.h"
#include "shrink.h"
#include "token.h"
#include "trace.h"

static FILE *result_stream;

static void tell_place(const struct verdict_place *place)
{
    fprintf(result_stream, "place %d %lx %s\n", place->thread, (unsigned long)place->pc, place->words);
    for (int i = 0; i < VERDICT_CALLERS && place->callers[i] != 0; i++)
        fprintf(result_stream, "place %d %lx called from here\n", place->thread, (unsigned long)place->callers[i]);
}

static void tell_verdict(const struct verdict *verdict)
{
    fprintf(result_stream, "kind %s\n", verdict_name(verdict->kind));
    if (verdict->text[0] != '\0')
        fprintf(result_stream, "text %s\n", verdict->text);
    for (size_t i = 0; i < verdict->count; i++)
        tell_place(&verdict->places[i]);
}

static void tell_events(void)
{
    size_t count;
    const struct event *events = trace_events(&count);
    for (size_t i = 0; i < count; i++)
        fprintf(result_stream, "event %d %lx %s\n", events[i].thread, (unsigned long)events[i].pc, events[i].words);
}

/* Shows the schedule; what the program prints is let through. */
static const struct verdict *show(struct deviations list, bool weak, uintptr_t split)
{
    const struct plan plan = shrink_plan(list, weak, split);
    trace_on(true);
    output_show(true);
    const struct verdict *verdict = run_once(&plan);
    output_show(false);
    fflush(NULL);
    tell_events();
    trace_on(false);
    return verdict;
}

static void tell_token(const char *word, const struct search_result *result)
{
    char *token = token_write(result->list, result->weak, result->split);
    fprintf(result_stream, "%s %s\n", word, token);
    free(token);
}

/* A race is a fault whatever comes of it; but what comes of it makes it plain. */
static bool tell_effect(const struct search_result *race)
{
    struct search_result effect = shrink_effect(race);
    const bool found = effect.verdict.kind != VERDICT_NONE;
    if (found) {
        fprintf(result_stream, "effect %s: %s\n", verdict_name(effect.verdict.kind), effect.verdict.text);
        tell_token("effect-token", &effect);
        show(effect.list, effect.weak, effect.split);
    }
    free(effect.list.items);
    return found;
}

static int tell_found(struct search_result *result)
{
    if (!shrink(result)) {
        fprintf(result_stream,
                "kind unsupported\ntext a program that behaves differently when a schedule is repeated\n");
        return EXIT_BROKEN;
    }
    tell_token("token", result);
    tell_verdict(&result->verdict);
    trace_watch(result->verdict.address);
    if (result->verdict.kind != VERDICT_RACE || !tell_effect(result))
        show(result->list, result->weak, result->split);
    return EXIT_FOUND;
}

static int explore(char **argument)
{
    const struct search_limits limits = {.strategy = (enum search_strategy)atoi(argument[0]),
                                         .schedules = strtoull(argument[1], NULL, 10),
                                         .seed = strtoull(argument[2], NULL, 10),
                                         .seconds = atof(argument[3]),
                                         .preemptions = atoi(argument[4]),
                                         .leaks = atoi(argument[5]) != 0};
    struct search_result result = search_run(&limits);
    int status = EXIT_CLEAN;
    fprintf(result_stream, "schedules %llu\ncut %llu\ncomplete %d\ntimeout %d\n", (unsigned long long)result.schedules,
            (unsigned long long)result.cut, result.complete, result.out_of_time);
    if (result.verdict.kind < VERDICT_NONE)
        status = tell_found(&result);
    else
        tell_verdict(&result.verdict);
    if (result.verdict.kind == VERDICT_UNSUPPORTED || (status == EXIT_CLEAN && result.cut > result.schedules / 2))
        status = EXIT_BROKEN;
    coverage_tell(result_stream);
    free(result.list.items);
    return status;
}

static int replay(const char *token)
{
    struct deviations list;
    bool weak;
    uintptr_t split;
    if (!token_read(token, &list, &weak, &split)) {
        fprintf(stderr, "explore: '%s' is not a schedule\n", token);
        return EXIT_MISUSED;
    }
    const struct plan plan = shrink_plan(list, weak, split);
    const uintptr_t address = run_once(&plan)->address;
    trace_watch(split != 0 ? split : address);
    const struct verdict *verdict = show(list, weak, split);
    fprintf(result_stream, "token %s\n", token);
    tell_verdict(verdict);
    free(list.items);
    if (verdict->kind == VERDICT_UNSUPPORTED)
        return EXIT_BROKEN;
    return verdict->kind < VERDICT_NONE ? EXIT_FOUND : EXIT_CLEAN;
}

/* How many schedules a second of CPU time: the exhaustive search again and again, without reporting. */
static int bench(const char *seconds)
{
    const struct plan plan = {.strategy = STRATEGY_EXHAUSTIVE};
    struct timespec begin, now;
    unsigned long long runs = 0, steps = 0;
    double passed = 0;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begin);
    exhaustive_begin(UNBOUNDED);
    while (runs % 256 != 0 || passed < atof(seconds)) {
        run_once(&plan);
        runs++;
        steps += schedule.steps;
        if (!exhaustive_next())
            exhaustive_begin(UNBOUNDED);
        if (runs % 256 != 0)
            continue;
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
        passed = (double)(now.tv_sec - begin.tv_sec) + (double)(now.tv_nsec - begin.tv_nsec) / 1e9;
    }
    fprintf(result_stream, "text %.0f schedules a second, %.0f scheduling points a second\n", (double)runs / passed,
            (double)steps / passed);
    return EXIT_CLEAN;
}

/* Addresses must be the same in every process, too. */
static void fix_addresses(char **arguments)
{
    const int now = personality(0xffffffff);
    if (now == -1 || now & ADDR_NO_RANDOMIZE || personality((unsigned long)now | ADDR_NO_RANDOMIZE) == -1)
        return;
    execv("/proc/self/exe", arguments);
}

/* The program is not told where. */
static void open_results(void)
{
    const char *path = getenv(PROTOCOL_RESULTS);
    result_stream = path != NULL ? fopen(path, "we") : stdout;
    if (result_stream == NULL) {
        fprintf(stderr, "explore: cannot write '%s'\n", path);
        _exit(EXIT_BROKEN);
    }
    unsetenv(PROTOCOL_RESULTS);
}

/* argv of the program: its name, and what follows the explorer's own arguments. Lives as long as the process. */
static char **program_arguments(int count, char **arguments, int from)
{
    char **own = calloc((size_t)count + 2, sizeof *own);
    if (own == NULL)
        verdict_broken("no memory for arguments");
    own[0] = arguments[0];
    memcpy(own + 1, arguments + from, (size_t)count * sizeof *own);
    return own;
}

int main(int count, char **arguments)
{
    enum { EXPLORE_ARGUMENTS = 6, REPLAY_ARGUMENTS = 1 };
    const bool exploring = count > 1 && strcmp(arguments[1], "explore") == 0;
    const int used = 2 + (exploring ? EXPLORE_ARGUMENTS : REPLAY_ARGUMENTS);
    const bool benching = count > 1 && strcmp(arguments[1], "bench") == 0;
    if (count < used || (!exploring && !benching && strcmp(arguments[1], "replay") != 0)) {
        fprintf(stderr, "explore: this program is run by `explore'\n");
        return EXIT_MISUSED;
    }
    fix_addresses(arguments);
    open_results();
    process_arguments(count - used + 1, program_arguments(count - used, arguments, used));
    run_open();
    const int status = benching ? bench(arguments[2]) : exploring ? explore(&arguments[2]) : replay(arguments[2]);
    fflush(result_stream);
    _exit(status);
}
