/*
 * census.h: counts what a process holds, so that a test can show that nothing was left behind.
 */
#ifndef HARNESS_CENSUS_H
#define HARNESS_CENSUS_H

#include <stddef.h>

/* What the calling process holds at one moment. */
struct census {
    int descriptors;   /* open file descriptors */
    int threads;       /* threads, the caller included */
    int children;      /* child processes, zombies included */
    int zombies;       /* children that have ended and were not waited for */
    int shared_maps;   /* shared memory mappings (MAP_SHARED) */
    size_t heap_bytes; /* bytes of the heap in use; freed blocks that the allocator caches for other threads than
                          the caller may count */
};

/* census_take: counts now. A joined thread can stay visible in /proc for a moment: use
 * census_settle to compare. Aborts if /proc cannot be read. Thread safe. */
struct census census_take(void);

/* census_settle: waits up to a second for threads and children to come down to those of `before`,
 * then counts. Blocks. Thread safe. */
struct census census_settle(const struct census *before);

/* census_without_stdin: closes descriptor 0, which the next that is opened has then, and makes `call`. Returns how many
 * more descriptors are open after it than before. Aborts if /proc cannot be read. Blocks as `call` does, and as
 * census_settle. */
int census_without_stdin(void (*call)(void));

/* census_one_heap: from now on all threads have their memory from one heap. To be called before the first thread is
 * started, by a test that compares heap_bytes while threads come and go: the C library (glibc, malloc/arena.c) makes
 * one more heap whenever more threads than ever before allocate at once, and its head counts as in use. */
void census_one_heap(void);

/* census_address_space: bytes of address space that the process has mapped; the stack of a thread that has ended is
 * among them until the thread is joined. Aborts if /proc cannot be read. Thread safe. */
size_t census_address_space(void);

#endif
