#include "explore_tell.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../harness/explore/protocol.h"
#include "../process.h"
#include "../text.h"
#include "columns.h"
#include "exploration_json.h"

enum { WIDTH = 100 };

static FILE *stream(const struct tell_wish *wish)
{
    return wish->json != NULL && strcmp(wish->json, "-") == 0 ? stderr : stdout;
}

static void tell_found(const struct tell_wish *wish, const struct results *results, struct lines *lines)
{
    FILE *into = stream(wish);
    char *places = columns_places(results, lines), *columns = columns_text(results, lines, wish->file, WIDTH);
    fprintf(into, "%s: %s\n", results->kind, results->text != NULL ? results->text : "");
    if (*places != '\0')
        fprintf(into, "%s\n", places);
    if (results->effect != NULL)
        fprintf(into, "what can come of it: %s\n", results->effect);
    if (!wish->quiet)
        fprintf(into, "\n%s\n", columns);
    free(columns);
    free(places);
}

/* Tells what one exploration came to; `name` of a scenario, NULL for a program. Returns the exit status. */
static int tell(const struct tell_wish *wish, const char *name, const struct exploration *exploration,
                struct lines *lines)
{
    static const int statuses[] = {[EXPLORED_CLEAN] = EXIT_CLEAN,
                                   [EXPLORED_FOUND] = EXIT_FOUND,
                                   [EXPLORED_UNSUPPORTED] = EXIT_BROKEN,
                                   [EXPLORED_MISUSED] = EXIT_MISUSED,
                                   [EXPLORED_BROKEN] = EXIT_BROKEN};
    FILE *into = stream(wish);
    const struct results *results = &exploration->results;
    if (wish->replayed && *exploration->output != '\0')
        fprintf(into, "%s\n", exploration->output);
    if (name != NULL)
        fprintf(into, "%s: ", name);
    switch (exploration->outcome) {
    case EXPLORED_CLEAN:
        fprintf(into, "nothing found\n");
        break;
    case EXPLORED_FOUND:
        tell_found(wish, results, lines);
        break;
    case EXPLORED_UNSUPPORTED:
        fprintf(into, "unsupported: %s\n", exploration->why);
        break;
    case EXPLORED_MISUSED:
    case EXPLORED_BROKEN:
        fprintf(stderr, "grader: %s\n", exploration->why);
        break;
    }
    if (!wish->replayed && exploration->outcome != EXPLORED_BROKEN) {
        char *coverage = exploration_coverage(results);
        fprintf(into, "%s\n", coverage);
        free(coverage);
    }
    if (results->token != NULL)
        fprintf(into, "schedule: %s%s%s\n", name != NULL ? name : "", name != NULL ? ":" : "",
                results->effect_token != NULL ? results->effect_token : results->token);
    return statuses[exploration->outcome];
}

int tell_not_built(enum program_outcome outcome, const char *error)
{
    if (outcome == PROGRAM_UNSUPPORTED)
        printf("unsupported: %s\n", error);
    else
        fprintf(stderr, "%s%s\n", outcome == PROGRAM_BROKEN ? "grader: " : "", error);
    return outcome == PROGRAM_REFUSED ? EXIT_MISUSED : EXIT_BROKEN;
}

/* The gravest of two exit statuses: a bug found counts more than what could not be judged. */
static int worse(int a, int b)
{
    static const int rank[] = {[EXIT_CLEAN] = 0, [EXIT_FOUND] = 3, [EXIT_MISUSED] = 1, [EXIT_BROKEN] = 2};
    return rank[a] >= rank[b] ? a : b;
}

static int write_json(const struct tell_wish *wish, const char *const *names, const struct exploration *items,
                      size_t count, struct lines *lines)
{
    char *json = exploration_json(names, items, count, lines);
    const bool to_stdout = strcmp(wish->json, "-") == 0;
    const bool ok =
        to_stdout ? fputs(json, stdout) >= 0 && fflush(stdout) == 0 : text_write_file(wish->json, json, strlen(json));
    if (!ok)
        fprintf(stderr, "grader: cannot write '%s': %s\n", wish->json, strerror(errno));
    free(json);
    return ok ? EXIT_CLEAN : EXIT_BROKEN;
}

int tell_all(const struct tell_wish *wish, const char *const *names, const struct exploration *items, size_t count,
             struct lines *lines)
{
    int status = EXIT_CLEAN;
    if (process_interrupted())
        status = EXIT_INTERRUPTED;
    for (size_t i = 0; i < count && status != EXIT_INTERRUPTED; i++) {
        if (i > 0)
            fputc('\n', stream(wish));
        status = worse(status, tell(wish, names[i], &items[i], lines));
    }
    if (status != EXIT_INTERRUPTED && wish->json != NULL && write_json(wish, names, items, count, lines) != EXIT_CLEAN)
        status = EXIT_BROKEN;
    return status;
}
