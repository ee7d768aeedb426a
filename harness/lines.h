/*
 * lines.h: which cache line (64 bytes) several workers of a bench program write for step after step.
 *
 * Theory of operation. Such a line is taken from one core by the other at each write ("false sharing", where the
 * variables in it are different ones). How long that takes is the machine's business, and on some it is hard to see by
 * the clock; that it happens is not. The program `lines` is a lab's bench.c and the hand-in compiled with
 * -fsanitize=thread, so that the compiler calls a function of this module, not of ThreadSanitizer, for each access. It
 * counts, in memory that all processes share, how often each worker (a thread) has written to each line:
 *
 *     counts[worker][slot]     slot: of a hash table of lines
 *
 * A line is contended if each of two workers wrote to it while the other was alive (memory that one thread has after
 * another has ended is not, be it a stack's or from malloc) and, where they belong to different processes, if it lies
 * in a shared mapping. What counts is how many of its writes are not those of the worker that wrote most; of a worker's
 * writes no more than those of the others that were alive, so that one who writes there once contends with nobody. A
 * worker lives from its first write until its thread ends; that a process has ended is not noticed.
 *
 * Not counted: what leaves a value as it is (a spin lock that is tried), what the C library writes (the word of a
 * lock), addresses at which processes have mapped the same memory apart, and lines beyond those that the table has room
 * for.
 */
#ifndef HARNESS_LINES_H
#define HARNESS_LINES_H

#include <stdint.h>

/* lines_report: prints `lines STEPS WRITES PC` on stdout, for the line that was contended most: `steps`; how many
 * writes were not those of its main writer; and an instruction that writes to it, relative to the executable's load
 * address, in hexadecimal. `lines STEPS 0 0` if none was contended. To be called when the workers have ended. In
 * programs that do not hold this module its address is NULL. */
void lines_report(uint64_t steps) __attribute__((weak));

#endif
