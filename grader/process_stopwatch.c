#include "process_stopwatch.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include "process_priority.h"

/* CPU seconds the program has used, negative if it has ended and been waited for. */
static double cpu_of(pid_t program)
{
    clockid_t clock;
    struct timespec t;
    if (clock_getcpuclockid(program, &clock) != 0 || clock_gettime(clock, &t) != 0)
        return -1;
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void go_if_possible(struct process_stopwatch *watch)
{
    if (watch->state != STOPWATCH_READY || watch->program == 0)
        return;
    process_priority_favour(watch->program);
    process_activity_start(&watch->activity, watch->supervisor, watch->program);
    watch->cpu_start = cpu_of(watch->program);
    watch->state = watch->cpu_start < 0 ? STOPWATCH_BROKEN : STOPWATCH_RUNNING;
    watch->start = uv_hrtime();
    if (write(watch->go, "go\n", 3) != 3)
        watch->state = STOPWATCH_BROKEN;
}

void process_stopwatch_know(struct process_stopwatch *watch, pid_t program, pid_t supervisor)
{
    watch->program = program;
    watch->supervisor = supervisor;
    go_if_possible(watch);
}

void process_stopwatch_look(struct process_stopwatch *watch)
{
    if (watch->state == STOPWATCH_RUNNING)
        process_activity_look(&watch->activity);
}

static bool parse_done(const char *line, uint64_t *answer)
{
    char *end;
    if (strncmp(line, "done ", 5) != 0 || !isdigit((unsigned char)line[5]))
        return false;
    errno = 0;
    *answer = strtoull(line + 5, &end, 10);
    return errno == 0 && *end == '\0';
}

/* `more` bytes followed the line at once: after `ready` they cannot be an answer to `go`. */
static void hear_line(struct process_stopwatch *watch, bool more, uint64_t arrival)
{
    if (watch->state == STOPWATCH_PREPARING && strcmp(watch->line, "ready") == 0 && !more) {
        watch->state = STOPWATCH_READY;
        go_if_possible(watch);
    } else if (watch->state == STOPWATCH_RUNNING && parse_done(watch->line, &watch->answer)) {
        watch->end = arrival;
        process_activity_look(&watch->activity);
        watch->cpu_end = cpu_of(watch->program);
        watch->state = STOPWATCH_DONE;
    } else {
        watch->state = STOPWATCH_BROKEN;
    }
}

static void hear_byte(struct process_stopwatch *watch, char byte, bool more, uint64_t arrival)
{
    if (watch->state == STOPWATCH_READY || watch->state == STOPWATCH_DONE) {
        watch->state = STOPWATCH_BROKEN; /* it is not its turn */
    } else if (byte == '\n') {
        watch->line[watch->length] = '\0';
        watch->length = 0;
        hear_line(watch, more, arrival);
    } else if (watch->length < sizeof watch->line - 1) {
        watch->line[watch->length++] = byte;
    } else {
        watch->state = STOPWATCH_BROKEN;
    }
}

void process_stopwatch_hear(struct process_stopwatch *watch, const char *text, size_t size, uint64_t arrival)
{
    for (size_t i = 0; i < size && watch->state != STOPWATCH_BROKEN; i++)
        hear_byte(watch, text[i], i + 1 < size, arrival);
}
