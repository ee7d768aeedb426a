/* pipes.h: pipes and eventfds of the program, on descriptors of the explorer's own. Each process has a table of them.
 */
#ifndef EXPLORE_PIPES_H
#define EXPLORE_PIPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* pipes_reset: none; before each run. pipes_fork: process `child` begins with a copy of `parent`'s table. pipes_end: a
 * process has ended: all its descriptors are closed. */
void pipes_reset(void);
void pipes_fork(int parent, int child);
void pipes_end(int process);

/* pipes_write: write(2) to anything but stdout and stderr. */
ssize_t pipes_write(int descriptor, const void *data, size_t size, uintptr_t pc);

#endif
