#include "process.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "process_launch.h"

static char *describe_signal(int number)
{
    char *text;
    const char *name = sigabbrev_np(number), *meaning = sigdescr_np(number);
    if (name == NULL || meaning == NULL)
        return asprintf(&text, "was ended by signal %d", number) < 0 ? NULL : text;
    /* the C library writes `Segmentation fault`, but also `CPU time limit exceeded` */
    const bool acronym = isupper((unsigned char)meaning[0]) && isupper((unsigned char)meaning[1]);
    const char first = acronym ? meaning[0] : (char)tolower((unsigned char)meaning[0]);
    return asprintf(&text, "was ended by SIG%s (%c%s)", name, first, meaning + 1) < 0 ? NULL : text;
}

/* Caller frees, as for those below. */
static char *bytes_text(uint64_t bytes)
{
    char *text;
    const double mib = (double)bytes / (1 << 20);
    if (mib < 1)
        return asprintf(&text, "%" PRIu64 " bytes", bytes) < 0 ? NULL : text;
    return asprintf(&text, "%.10g MiB", round(10 * mib) / 10) < 0 ? NULL : text;
}

static char *seconds_text(double seconds)
{
    char *text;
    return asprintf(&text, "%g s", round(10 * seconds) / 10) < 0 ? NULL : text;
}

/* Of time on the clock on the wall. */
static char *time_text(const struct process_result *result)
{
    char *text, *all = seconds_text(result->seconds), *excused = seconds_text(result->excused_seconds);
    if (result->excused_seconds < 0.1)
        text = all != NULL ? strdup(all) : NULL;
    else if (all == NULL || excused == NULL ||
             asprintf(&text, "%s, of which %s do not count, for other programs had the processors", all, excused) < 0)
        text = NULL;
    free(excused);
    free(all);
    return text;
}

static char *count_text(unsigned count)
{
    char *text;
    return asprintf(&text, "%u", count) < 0 ? NULL : text;
}

/* What was used where it was ended at once: the same on every run. Takes over `limit`. */
static char *more_than(char *limit)
{
    char *text;
    if (limit == NULL || asprintf(&text, "more than %s", limit) < 0)
        text = NULL;
    free(limit);
    return text;
}

/* The one sentence about a limit. Takes over `limit` and `used`. */
static char *limit_sentence(const char *what, char *limit, char *used, const struct process_spec *spec)
{
    char *text;
    const bool staged = spec->stage != NULL;
    if (limit == NULL || used == NULL ||
        asprintf(&text, "%s (limit: %s, used: %s%s%s)", what, limit, used, staged ? ", stage: " : "",
                 staged ? spec->stage : "") < 0)
        text = NULL;
    free(used);
    free(limit);
    return text;
}

enum process_limit process_limit_hit(const struct process_result *result)
{
    switch (result->end) {
    case PROCESS_TIMED_OUT:
        return LIMIT_TIME;
    case PROCESS_FLOODED:
        return LIMIT_OUTPUT;
    case PROCESS_TOO_MANY:
        return LIMIT_PROCESSES;
    case PROCESS_OUT_OF_MEMORY:
        return LIMIT_MEMORY;
    case PROCESS_OUT_OF_CPU:
        return LIMIT_CPU;
    case PROCESS_SIGNALED:
        return result->code == SIGXFSZ ? LIMIT_FILE : LIMIT_NONE;
    case PROCESS_EXITED:
    case PROCESS_INTERRUPTED:
    case PROCESS_NOT_STARTED:
        break;
    }
    return LIMIT_NONE;
}

char *process_describe_limit(const struct process_spec *wish, enum process_limit limit,
                             const struct process_result *result)
{
    const struct process_spec spec = process_launch_defaults(wish);
    char *text, *what;
    switch (limit) {
    case LIMIT_TIME:
        if (asprintf(&what, "was still running after %g s", spec.deadline) < 0)
            return NULL;
        text = limit_sentence(what, seconds_text(spec.deadline), time_text(result), &spec);
        free(what);
        return text;
    case LIMIT_CPU:
        return limit_sentence("used more CPU time than it may, all its processes together",
                              seconds_text(spec.cpu_limit), seconds_text(result->cpu_seconds), &spec);
    case LIMIT_MEMORY:
        return limit_sentence("needed more memory than it may, all its processes together",
                              bytes_text(spec.tree_memory_limit), more_than(bytes_text(spec.tree_memory_limit)), &spec);
    case LIMIT_PROCESSES:
        return limit_sentence("had more processes alive at once than it may", count_text(spec.process_limit),
                              more_than(count_text(spec.process_limit)), &spec);
    case LIMIT_OUTPUT:
        return limit_sentence("printed more than it may", bytes_text(spec.output_limit),
                              more_than(bytes_text(spec.output_limit)), &spec);
    case LIMIT_FILE:
        return limit_sentence("wrote a larger file than it may", bytes_text(spec.file_limit),
                              more_than(bytes_text(spec.file_limit)), &spec);
    case LIMIT_NONE:
        break;
    }
    return strdup("kept to its limits");
}

char *process_describe(const struct process_spec *spec, const struct process_result *result)
{
    char *text;
    int length = -1;
    const enum process_limit limit = process_limit_hit(result);
    if (limit != LIMIT_NONE)
        return process_describe_limit(spec, limit, result);
    if (result->end == PROCESS_SIGNALED)
        return describe_signal(result->code);
    if (result->end == PROCESS_EXITED)
        length = asprintf(&text, "exited with status %d", result->code);
    else if (result->end == PROCESS_NOT_STARTED)
        length = asprintf(&text, "could not be started: %s", strerrordesc_np(result->code));
    else
        length = asprintf(&text, "was interrupted");
    return length < 0 ? NULL : text;
}
