/*
 * crash.h: says where a lab program was when a fatal signal ended it.
 *
 * On SIGSEGV, SIGBUS, SIGFPE, SIGILL or SIGABRT a handler on its own stack writes the receipt
 * `crash SIGNAL PC PC ...` (signal number and program counters of the crashing thread, innermost first, in
 * hexadecimal; counters are relative to the executable's load address, the first lies in the instruction that runs or
 * calls, the others are return addresses; frames outside the executable are left out) and lets the signal take its
 * course. The grader turns the counters into file and line.
 */
#ifndef HARNESS_CRASH_H
#define HARNESS_CRASH_H

/* crash_install: installs the handlers and opens the receipt file. Only the calling thread gets an
 * alternate stack: a stack overflow in another thread ends the process without a receipt.
 * Does nothing under valgrind, which reports crashes itself. Not thread safe; does not block. */
void crash_install(void);

#endif
