/*
 * record_locks.h: locks on files, which their holder's end gives back: fcntl's, which belong to a process (all its
 * threads together) or to an open file (F_OFD_...), and flock's, which belong to an open file.
 */
#ifndef EXPLORE_RECORD_LOCKS_H
#define EXPLORE_RECORD_LOCKS_H

#include <fcntl.h>
#include <stdint.h>

#include "descriptors.h"

/* record_locks_closed: `process` closes a descriptor of `file`, not yet counted, knowing what `known` says: the locks
 * that go with it are given back. */
void record_locks_closed(const struct file *file, int process, const struct clock *known);

/* record_locks_control: fcntl(2) with F_SETLK, F_SETLKW, F_GETLK or one of their F_OFD_ kin, on a FILE_MEMORY. */
int record_locks_control(struct file *file, int command, struct flock *wish, uintptr_t pc);

#endif
