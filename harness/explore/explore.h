/*
 * explore.h: theory of operation of the explorer; nothing is declared here.
 *
 * The explorer runs a threaded C program in many schedules, each chosen and each repeatable, and judges every one
 * exactly. How a program gets here (grader/explore/program.c):
 *
 *   FILE.c --gcc -O0 -fsanitize=thread--> FILE.o --objcopy: malloc becomes x_malloc ...--> FILE.o
 *   first.o FILE.o ... last.o libexplore.o --> program, without libtsan, not position independent
 *
 * The compiler has put a call before each access to memory (tsan.c) and in place of each atomic operation (atomics.c);
 * calls of libc functions that block, synchronise, allocate or print have been renamed to our models. Only the
 * program's own objects are changed, so the explorer itself is free to use libc. A function that is neither modelled
 * nor known to be harmless (symbols.def) is refused by name before anything runs.
 *
 * The program is one process with one OS thread. All schedules run in it, one after the other:
 *
 *   search.c   which schedules, in which order, when to stop
 *     run.c      one schedule: memory as at the start, then
 *       schedule.c  threads are fibers (fiber.c); at each scheduling point
 *         strategy.c  decides who goes on: exhaustive.c, PCT, random, or a list of deviations
 *       models      mutex.c cond.c attributes.c rwlock.c semaphore.c once.c thread_model.c c11.c futex.c vtime.c process.c
 *                   output.c memstream.c strings.c tree.c heap.c quiet.c (for scenarios)
 *                   processes: family.c (fork) children.c (wait) mappings.c sysv.c proc_files.c
 *                   signals: signals.c (what is pending) handlers.c (how they run) timers.c (alarms)
 *                   descriptors: descriptors.c (tables) fcntl.c channels.c pipes.c transfers.c poll.c epoll.c files.c
 *       judges      memory.c (races, use after free, out of bounds; clocks.h), deadlock.c,
 *                   location.c (atomics and fences, weak memory)
 *       verdict.c   what was wrong; ends the run
 *     coverage.c which accesses were executed at all
 *     shrink.c   fewest deviations; and what a data race can lead to
 *   main.c     tells the result in lines (protocol.h); grader/explore reads them, finds the source lines and prints
 *              columns
 *   scenario.c the main of a lab's scenarios (scenario.h)
 *
 * What makes a run repeatable: addresses are fixed (no randomisation, own heap and stacks, region.c), the clock is
 * virtual, rand() starts anew, uninitialised memory has a pattern, and a schedule is its deviations from the default
 * (go on with the same thread; else the next in a circle). Decisions are numbered whether or not there is a choice, so
 * a token (token.c) means the same under every strategy.
 *
 * Scheduling points are the operations other threads can notice. Plain accesses are not: a program without data races
 * cannot tell, and one with a data race is reported for that. Only to show what a race leads to are the accesses to
 * that variable taken apart (schedule.split).
 *
 * What else is a decision: which waiter is woken, wake-ups for no reason, time-outs, which thread takes a signal and
 * when (handlers.h), and whether a read or a write ends with a part, where it may: a write of more than PIPE_BUF bytes,
 * a read from a stream socket. From a pipe a read takes all that is there, up to what it asks for.
 *
 * Not modelled and refused by name: cancellation, files other than temporary ones, sockets other than pairs, longjmp,
 * 16-byte atomics, sigwait and signalfd, signals that stop a process, timers other than ITIMER_REAL, handlers that call
 * what is not async-signal-safe. A fault (SIGSEGV) is a crash, whatever handler there is. Not seen: inline assembly,
 * reads of memory that was never written, accesses outside of an array (memcheck and AddressSanitizer find the last
 * two).
 */
#ifndef EXPLORE_EXPLORE_H
#define EXPLORE_EXPLORE_H
#endif
