/*
 * outputs.h: the files a report is written to, each in its format.
 */
#ifndef GRADER_FORMATS_OUTPUTS_H
#define GRADER_FORMATS_OUTPUTS_H

#include "formats.h"

enum { OUTPUTS_MAX = 16 };

/* Where one text goes. */
struct output {
    const struct format *format;
    char *path;     /* "-": stdout */
    char *before;   /* what the file held when grading began, kept at its head; NULL: nothing */
    bool is_stream; /* not a file that can be replaced (stdout, a pipe, a device): written once, at the end */
};

struct outputs {
    struct output items[OUTPUTS_MAX];
    size_t count;
    struct format_options options;
    bool named; /* the last item has been given its path by --out */
};

/* outputs_begin: reads the options (format_options_read). Release with outputs_release. False with errno set. */
bool outputs_begin(struct outputs *outputs);
void outputs_release(struct outputs *outputs);

/* outputs_format: adds an output in the format `name`, to stdout until outputs_path says otherwise. Both return NULL,
 * or what is wrong with the request (caller frees). */
char *outputs_format(struct outputs *outputs, const char *name);
char *outputs_path(struct outputs *outputs, const char *path);

/* outputs_check: after the last of them: at most one output may go to stdout, no two to the same path. Looks at what is
 * there, and adds companions (struct format). NULL, or what is wrong (caller frees). */
char *outputs_check(struct outputs *outputs);

/* outputs_on_stdout: the output that goes to stdout; NULL if none does. */
const struct output *outputs_on_stdout(const struct outputs *outputs);

/* outputs_write: replaces each file atomically; with `last` the streams are written, too. Returns the path that could
 * not be written, with errno set; NULL if all could. */
const char *outputs_write(const struct outputs *outputs, const struct report *report, bool last);

#endif
