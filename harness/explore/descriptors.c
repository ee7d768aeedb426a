#include "descriptors.h"

#include <string.h>

#include "arena.h"
#include "footprints.h"
#include "record_locks.h"
#include "schedule.h"
#include "verdict.h"

struct descriptor {
    struct file *file; /* NULL: not open */
    bool close_on_exec;
};

static struct descriptor tables[PROCESSES_MAX][DESCRIPTORS];
static int used_tables;

static struct descriptor *table_of(int process)
{
    while (used_tables <= process)
        memset(tables[used_tables++], 0, sizeof tables[0]);
    return tables[process];
}

void descriptors_reset(void)
{
    used_tables = 0;
}

void descriptors_touched(int process, struct footprint *footprint)
{
    const struct descriptor *table = table_of(process);
    for (int i = 0; i < DESCRIPTORS; i++)
        if (table[i].file != NULL)
            footprint_add_file(footprint, table[i].file, true);
}

struct file *file_make(enum file_kind kind, bool nonblocking)
{
    struct file *file = arena_zero(sizeof *file);
    file->kind = kind;
    file->nonblocking = nonblocking;
    return file;
}

void file_reads(struct file *file, struct channel *channel)
{
    file->in = channel;
    channel->readers++;
}

void file_writes(struct file *file, struct channel *channel)
{
    file->out = channel;
    channel->writers++;
}

static void let_go(struct file *file, const struct clock *known)
{
    if (file->in != NULL)
        clock_join(&file->in->clock, known); /* whoever sees the end knows that all have closed it */
    if (file->out != NULL)
        clock_join(&file->out->clock, known);
    if (--file->uses > 0)
        return;
    if (file->kind == FILE_SOCKET && file->in->count > 0 && file->out->readers > 0)
        file->out->lost = true;
    if (file->in != NULL) {
        file->in->readers -= file->in->readers > 0; /* shutdown took it away before */
        file->in->changes++;
    }
    if (file->out != NULL) {
        file->out->writers -= file->out->writers > 0;
        file->out->changes++;
    }
}

void descriptors_fork(int parent, int child)
{
    const struct descriptor *from = table_of(parent);
    struct descriptor *into = table_of(child);
    for (int i = 0; i < DESCRIPTORS; i++) {
        into[i] = from[i];
        if (into[i].file != NULL)
            into[i].file->uses++;
    }
}

void descriptors_end(int process, const struct clock *known)
{
    struct descriptor *table = table_of(process);
    for (int i = 0; i < DESCRIPTORS; i++)
        if (table[i].file != NULL) {
            record_locks_closed(table[i].file, process, known);
            let_go(table[i].file, known);
            table[i].file = NULL;
        }
    schedule_changed();
}

int descriptors_open(struct file *file, int from, bool close_on_exec)
{
    struct descriptor *table = table_of(thread_self()->process);
    for (int i = from < FIRST_DESCRIPTOR ? FIRST_DESCRIPTOR : from; i < DESCRIPTORS; i++)
        if (table[i].file == NULL) {
            table[i] = (struct descriptor){file, close_on_exec};
            file->uses++;
            return i;
        }
    verdict_unsupported("more than %d open descriptors", DESCRIPTORS);
}

static struct descriptor *find(int number)
{
    if (number < FIRST_DESCRIPTOR || number >= DESCRIPTORS)
        return NULL;
    return &table_of(thread_self()->process)[number];
}

struct file *descriptors_find(int number)
{
    const struct descriptor *descriptor = find(number);
    return descriptor != NULL ? descriptor->file : NULL;
}

void descriptors_close(int number)
{
    struct descriptor *descriptor = find(number);
    struct clock known;
    clock_clear(&known);
    schedule_release(&known);
    record_locks_closed(descriptor->file, thread_self()->process, &known);
    let_go(descriptor->file, &known);
    descriptor->file = NULL;
    schedule_changed();
}

bool *descriptors_close_on_exec(int number)
{
    return &find(number)->close_on_exec;
}
