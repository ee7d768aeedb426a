/* proc_files.c: /proc/PID/stat, read as a stream: how a process finds out whether another lives or is a zombie. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "family.h"
#include "memory.h"
#include "memstream.h"
#include "model.h"
#include "schedule.h"
#include "sync.h"
#include "trace.h"
#include "verdict.h"

enum { LINE = 160 };

/* What the program has in place of a FILE. */
struct stream {
    char text[LINE];
    size_t at, length;
};

static char state_of(int process)
{
    if (family_has_ended(process))
        return 'Z';
    return process == thread_self()->process ? 'R' : 'S';
}

static struct stream *open_stat(pid_t pid, uintptr_t pc)
{
    const int process = family_process(pid);
    int count;
    struct member *const *members = family_members(&count);
    schedule_point((struct operation){.object = process >= 0 && count > 0 ? (uintptr_t)members[process] : 0,
                                      .reads = true,
                                      .words = "look whether a process lives",
                                      .pc = pc},
                   NULL);
    const bool there = process >= 0 && family_exists(process);
    schedule_looked(pc, there ? (uint64_t)state_of(process) : 0);
    if (!there)
        return NULL;
    struct stream *stream = arena_zero(sizeof *stream);
    const int parent = count > 0 ? members[process]->parent : ORPHAN;
    stream->length = (size_t)snprintf(stream->text, sizeof stream->text, "%d (program) %c %d %d %d 0 -1 0\n", (int)pid,
                                      state_of(process), (int)(parent == ORPHAN ? 1 : family_pid(parent)),
                                      (int)family_pid(0), (int)family_pid(0));
    trace_event(pc, "sees process %d: %c", process, state_of(process));
    return stream;
}

MODEL(FILE *, fopen, (const char *path, const char *mode))
{
    int pid, end = 0;
    if (sscanf(path, "/proc/%d/stat%n", &pid, &end) != 1 || end == 0 || path[end] != '\0' || mode[0] != 'r')
        verdict_unsupported("fopen of %s", path);
    FILE *stream = (FILE *)open_stat(pid, PC);
    if (stream == NULL)
        errno = ENOENT;
    return stream;
}

static struct stream *find(FILE *stream)
{
    if (stream == stdin || stream == stdout || stream == stderr || memstream_is(stream, 0))
        verdict_unsupported("reading or closing the standard streams, or reading a stream that is written");
    return (struct stream *)stream;
}

static size_t take(struct stream *stream, void *into, size_t size, uintptr_t pc)
{
    const size_t left = stream->length - stream->at, taken = size < left ? size : left;
    memory_access((uintptr_t)into, taken, ACCESS_WRITE, pc);
    memcpy(into, stream->text + stream->at, taken);
    stream->at += taken;
    return taken;
}

MODEL(size_t, fread, (void *into, size_t size, size_t count, FILE *stream))
{
    return size == 0 ? 0 : take(find(stream), into, size * count, PC) / size;
}

MODEL(char *, fgets, (char *into, int size, FILE *stream))
{
    if (size <= 1)
        return NULL;
    const size_t taken = take(find(stream), into, (size_t)size - 1, PC); /* there is but one line */
    into[taken] = '\0';
    return taken > 0 ? into : NULL;
}

MODEL(int, fgetc, (FILE * stream))
{
    unsigned char byte;
    return take(find(stream), &byte, 1, PC) == 1 ? byte : EOF;
}

MODEL(int, fclose, (FILE * stream))
{
    if (memstream_is(stream, PC))
        memstream_close(stream, PC);
    else
        (void)find(stream);
    return 0;
}
