/*
 * progress.h: how far a batch is, on stderr: on a terminal one line that is drawn again and again, elsewhere a line for
 * each hand-in that is done. Not thread safe: the caller keeps others out.
 */
#ifndef GRADER_BATCH_PROGRESS_H
#define GRADER_BATCH_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>

struct progress {
    size_t total, done, failed;
    const char **running; /* names of hand-ins being graded, NULL where a slot is free; the caller's */
    size_t slots;
    double start; /* seconds on the monotonic clock */
    bool terminal;
};

/* progress_begin: `running` has room for `slots` names. */
void progress_begin(struct progress *progress, size_t total, const char **running, size_t slots);

/* progress_draw: the line on a terminal; elsewhere nothing. */
void progress_draw(const struct progress *progress);

/* progress_done: counts one more; `line` says what became of it. */
void progress_done(struct progress *progress, bool failed, const char *line);

/* progress_end: leaves the terminal's line. */
void progress_end(const struct progress *progress);

/* progress_line: what progress_draw shows, at most `width` columns, `seconds` after the start. Caller frees. */
char *progress_line(const struct progress *progress, double seconds, int width);

/* progress_now: seconds on the monotonic clock. */
double progress_now(void);

#endif
