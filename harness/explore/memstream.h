/*
 * memstream.h: open_memstream, the one kind of stream besides stdout and stderr that a program may write to: what is
 * written ends up in its own memory. Streams have a lock of their own, so writes of two threads are no data race.
 */
#ifndef EXPLORE_MEMSTREAM_H
#define EXPLORE_MEMSTREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* memstream_is: whether open_memstream made `stream` in this run; ends the run if it was closed since. */
bool memstream_is(const FILE *stream, uintptr_t pc);

/* memstream_write: appends `size` bytes. memstream_flush: tells the program where its bytes are and how many. */
void memstream_write(FILE *stream, const void *bytes, size_t size, uintptr_t pc);
void memstream_flush(FILE *stream, uintptr_t pc);

/* memstream_close: as memstream_flush, and the stream is gone. */
void memstream_close(FILE *stream, uintptr_t pc);

#endif
