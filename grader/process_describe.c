#include "process.h"

#include <ctype.h>
#include <inttypes.h>
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

static char *describe_flood(uint64_t limit)
{
    char *text;
    const bool whole = limit % (1 << 20) == 0;
    return asprintf(&text, "printed more than %" PRIu64 " %s", whole ? limit >> 20 : limit, whole ? "MiB" : "bytes") < 0
               ? NULL
               : text;
}

char *process_describe(const struct process_spec *spec, const struct process_result *result)
{
    char *text;
    int length = -1;
    switch (result->end) {
    case PROCESS_EXITED:
        length = asprintf(&text, "exited with status %d", result->code);
        break;
    case PROCESS_SIGNALED:
        return describe_signal(result->code);
    case PROCESS_TIMED_OUT:
        length = asprintf(&text, "was still running after %g s", spec->deadline);
        break;
    case PROCESS_FLOODED:
        return describe_flood(process_launch_defaults(spec).output_limit);
    case PROCESS_TOO_MANY:
        length =
            asprintf(&text, "had more than %u processes alive at once", process_launch_defaults(spec).process_limit);
        break;
    case PROCESS_INTERRUPTED:
        length = asprintf(&text, "was interrupted");
        break;
    case PROCESS_NOT_STARTED:
        length = asprintf(&text, "could not be started: %s", strerrordesc_np(result->code));
        break;
    }
    return length < 0 ? NULL : text;
}
