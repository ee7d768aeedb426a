/*
 * descriptors.h: each process's table of descriptors, and the open files behind them.
 *
 * As in a kernel, a descriptor is a number of one process, and leads to an open file, which fork and dup share. What
 * an open file was opened for is closed when no descriptor of any process leads to it any more. Descriptors 0 to 2
 * are the explorer's own.
 */
#ifndef EXPLORE_DESCRIPTORS_H
#define EXPLORE_DESCRIPTORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "channels.h"

enum { DESCRIPTORS = 128, FIRST_DESCRIPTOR = 3, PROCESSES_MAX = 32 };

enum file_kind { FILE_PIPE, FILE_EVENT, FILE_SOCKET, FILE_EPOLL, FILE_PROCESS, FILE_MEMORY };

struct file {
    enum file_kind kind;
    int uses; /* descriptors that lead to it, in all processes */
    bool nonblocking;
    struct channel *in, *out;   /* read from, written to; NULL: not */
    struct interest *interests; /* epoll */
    int process;                /* pidfd: whose */
    struct inode *inode;        /* memory */
    uint64_t position;
};

/* descriptors_reset: none; before each run. descriptors_fork: process `child` begins with a copy of `parent`'s table.
 * descriptors_end: a process has ended, and knew all that `known` says: its descriptors are closed. */
void descriptors_reset(void);
void descriptors_fork(int parent, int child);
void descriptors_end(int process, const struct clock *known);

/* descriptors_touched: adds what descriptors_end(process) would touch, up to FOOTPRINT_PER_FILE for each descriptor. */
struct footprint;
void descriptors_touched(int process, struct footprint *footprint);

/* file_make: an open file without a descriptor. file_reads, file_writes: it has this channel, too. */
struct file *file_make(enum file_kind kind, bool nonblocking);
void file_reads(struct file *file, struct channel *channel);
void file_writes(struct file *file, struct channel *channel);

/* descriptors_open: the lowest free descriptor, from `from` on, of the running process leads to `file` now.
 * descriptors_find: what `number` leads to; NULL: it is not open. descriptors_close: it is no longer. */
int descriptors_open(struct file *file, int from, bool close_on_exec);
struct file *descriptors_find(int number);
void descriptors_close(int number);

/* descriptors_close_on_exec: the mark, to be read and changed; only of an open descriptor. */
bool *descriptors_close_on_exec(int number);

#endif
