/*
 * files.h: files that exist only in memory: memfds, shared memory objects, temporary files. What lies in them is in the
 * part of the memory that all processes share, so that mapping one needs no copy.
 *
 * Paths below /tmp, /var/tmp and /dev/shm, and relative ones, name such files; each run begins with none of them. Other
 * files are refused.
 */
#ifndef EXPLORE_FILES_H
#define EXPLORE_FILES_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "clocks.h"
#include "descriptors.h"

struct inode {
    const char *name; /* NULL: unlinked, or never had one */
    struct inode *next;
    size_t size, room;
    char *bytes;                /* NULL: no byte was ever in it */
    struct record_lock *locks;  /* record_locks.c */
    struct clock clock, unlock; /* of reads and writes; of locks that were given back */
};

void files_reset(void);

/* files_bytes: what `inode` holds, at least `size` bytes of it; never moves once it is not NULL. */
char *files_bytes(struct inode *inode, size_t size);

/* files_read, files_write: at the file's position, which moves on. */
ssize_t files_read(struct file *file, void *into, size_t size, uintptr_t pc);
ssize_t files_write(struct file *file, const void *data, size_t size, uintptr_t pc);

/* files_memory: memfd_create(2). */
int files_memory(unsigned flags);

#endif
