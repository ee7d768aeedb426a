#include "outputs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../text.h"

/* GitHub takes no more than 1 MiB for a step's summary, from all that was written to it. */
enum { BEFORE_MAX = 1 << 20 };

bool outputs_begin(struct outputs *outputs)
{
    *outputs = (struct outputs){.named = true};
    return format_options_read(&outputs->options);
}

void outputs_release(struct outputs *outputs)
{
    for (size_t i = 0; i < outputs->count; i++) {
        free(outputs->items[i].path);
        free(outputs->items[i].before);
    }
    format_options_release(&outputs->options);
    *outputs = (struct outputs){0};
}

static char *add(struct outputs *outputs, const struct format *format, const char *path)
{
    if (outputs->count == OUTPUTS_MAX)
        return text_format("more than %d outputs", OUTPUTS_MAX);
    outputs->items[outputs->count++] = (struct output){.format = format, .path = text_copy(path, strlen(path))};
    return NULL;
}

char *outputs_format(struct outputs *outputs, const char *name)
{
    const struct format *format = format_find(name);
    if (format == NULL) {
        char *names = format_names();
        char *problem = text_format("--format '%s': the formats are %s", name, names);
        free(names);
        return problem;
    }
    const char *missing = format_missing(format, &outputs->options);
    if (missing != NULL)
        return text_format("--format %s: the environment variable %s is not set, from which it takes what the result "
                           "is about",
                           name, missing);
    outputs->named = false;
    return add(outputs, format, "-");
}

char *outputs_path(struct outputs *outputs, const char *path)
{
    if (outputs->named)
        return text_format("--out '%s' follows no --format", path);
    struct output *output = &outputs->items[outputs->count - 1];
    free(output->path);
    output->path = text_copy(path, strlen(path));
    outputs->named = true;
    return NULL;
}

const struct output *outputs_on_stdout(const struct outputs *outputs)
{
    for (size_t i = 0; i < outputs->count; i++)
        if (strcmp(outputs->items[i].path, "-") == 0)
            return &outputs->items[i];
    return NULL;
}

static char *add_companions(struct outputs *outputs)
{
    const size_t asked_for = outputs->count;
    for (size_t i = 0; i < asked_for; i++) {
        const struct format *format = outputs->items[i].format;
        const char *path = format->companion != NULL ? getenv(format->companion_path) : NULL;
        if (path == NULL || *path == '\0')
            continue;
        char *problem = add(outputs, format_find(format->companion), path);
        if (problem != NULL)
            return problem;
        char *before = text_read_file(path, BEFORE_MAX, NULL);
        outputs->items[outputs->count - 1].before = before != NULL ? before : text_copy("", 0);
    }
    return NULL;
}

char *outputs_check(struct outputs *outputs)
{
    char *problem = add_companions(outputs);
    for (size_t i = 0; i < outputs->count && problem == NULL; i++) {
        struct output *output = &outputs->items[i];
        struct stat status;
        output->is_stream =
            strcmp(output->path, "-") == 0 || (stat(output->path, &status) == 0 && !S_ISREG(status.st_mode));
        for (size_t k = 0; k < i && problem == NULL; k++)
            if (strcmp(outputs->items[k].path, output->path) == 0)
                problem = text_format("two reports cannot both go to %s: say --out FILE after --format",
                                      strcmp(output->path, "-") == 0 ? "stdout" : output->path);
    }
    return problem;
}

static bool write_stream(const struct output *output, const char *text)
{
    if (strcmp(output->path, "-") == 0)
        return fputs(text, stdout) >= 0 && fflush(stdout) == 0;
    FILE *stream = fopen(output->path, "we");
    if (stream == NULL)
        return false;
    const bool written = fputs(text, stream) >= 0;
    return fclose(stream) == 0 && written;
}

/* A summary that would become too long is left as it was: GitHub shows none at all of one that is. */
static bool write_output(const struct output *output, const char *text)
{
    if (output->is_stream)
        return write_stream(output, text);
    if (output->before == NULL)
        return text_write_file(output->path, text, strlen(text));
    char *all = text_format("%s%s", output->before, text);
    const bool ok = strlen(all) >= BEFORE_MAX || text_write_file(output->path, all, strlen(all));
    free(all);
    return ok;
}

const char *outputs_write(const struct outputs *outputs, const struct report *report, bool last)
{
    const char *failed = NULL;
    int cause = 0;
    for (size_t i = 0; i < outputs->count; i++) {
        const struct output *output = &outputs->items[i];
        if (output->is_stream && !last)
            continue;
        char *text = format_text(output->format, report, &outputs->options);
        if (!write_output(output, text) && failed == NULL) {
            failed = output->path;
            cause = errno;
        }
        free(text);
    }
    errno = cause;
    return failed;
}
