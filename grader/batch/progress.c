#include "progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>
#include <uniwidth.h>

#include "../text.h"

enum { BAR = 20 };

double progress_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void progress_begin(struct progress *progress, size_t total, const char **running, size_t slots)
{
    const char *terminal = getenv("TERM");
    *progress = (struct progress){.total = total, .running = running, .slots = slots, .start = progress_now()};
    progress->terminal = isatty(STDERR_FILENO) && (terminal == NULL || strcmp(terminal, "dumb") != 0);
}

static char *time_left(const struct progress *progress, double seconds)
{
    if (progress->done == 0)
        return text_format("time left unknown");
    const double left = seconds / (double)progress->done * (double)(progress->total - progress->done);
    return left < 90 ? text_format("%.0f s left", left) : text_format("%.0f min left", left / 60);
}

static char *running_names(const struct progress *progress)
{
    char *names = text_format("%s", "");
    for (size_t i = 0; i < progress->slots; i++) {
        if (progress->running[i] == NULL)
            continue;
        char *longer = text_format("%s%s%s", names, names[0] != '\0' ? ", " : "", progress->running[i]);
        free(names);
        names = longer;
    }
    return names;
}

/* Cuts at whole characters; wide ones take two columns. */
static void cut(char *line, int width)
{
    while (line[0] != '\0' && u8_strwidth((const uint8_t *)line, "UTF-8") > width) {
        size_t length = strlen(line) - 1;
        while (length > 0 && ((unsigned char)line[length] & 0xc0) == 0x80)
            length--;
        line[length] = '\0';
    }
}

char *progress_line(const struct progress *progress, double seconds, int width)
{
    const size_t full = progress->total > 0 ? progress->done * BAR / progress->total : BAR;
    char *left = time_left(progress, seconds), *names = running_names(progress);
    const double rate = seconds > 0 ? (double)progress->done * 60 / seconds : 0;
    char *failures = progress->failed > 0 ? text_format(", %zu failed", progress->failed) : text_format("%s", "");
    char *line = text_format("[%.*s%.*s] %zu/%zu%s, %.1f a minute, %s; now %s", (int)full, "####################",
                             (int)(BAR - full), "....................", progress->done, progress->total, failures, rate,
                             left, names);
    cut(line, width);
    free(failures);
    free(left);
    free(names);
    return line;
}

static int terminal_width(void)
{
    struct winsize size;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 10 ? size.ws_col - 1 : 79;
}

void progress_draw(const struct progress *progress)
{
    if (!progress->terminal)
        return;
    char *line = progress_line(progress, progress_now() - progress->start, terminal_width());
    fprintf(stderr, "\r\033[K%s", line);
    free(line);
}

void progress_done(struct progress *progress, bool failed, const char *line)
{
    progress->done++;
    progress->failed += failed ? 1 : 0;
    if (!progress->terminal)
        fprintf(stderr, "%zu/%zu  %s\n", progress->done, progress->total, line);
    else if (failed)
        fprintf(stderr, "\r\033[K%s\n", line);
    progress_draw(progress);
}

void progress_end(const struct progress *progress)
{
    if (progress->terminal)
        fputs("\r\033[K", stderr);
}
