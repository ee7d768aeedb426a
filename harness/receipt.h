/*
 * receipt.h: one-line messages from a lab program to the grader.
 *
 * The environment variable LOCKSTEP_RECEIPT is `NONCE:PATH`: a word of this run alone, by which the grader tells a
 * receipt from a forgery, and a file. Each receipt is appended to it with a single write(2), so lines of several
 * processes never mix. Without the variable (a student runs the program by hand) receipts are dropped silently.
 */
#ifndef HARNESS_RECEIPT_H
#define HARNESS_RECEIPT_H

#include <stddef.h>

/* receipt_open: takes nonce and path out of the environment, in which nothing of them stays. Call once, before
 * other code runs that should not see them. Keeps the descriptor (close-on-exec) until the process ends. Not thread
 * safe. */
void receipt_open(void);

/* receipt_write: appends `length` bytes of `line`, which ends in a newline. Async-signal-safe and
 * thread safe; errors are ignored, a receipt that is missing counts as one never given. */
void receipt_write(const char *line, size_t length);

/* receipt_nonce: the nonce of this run, empty if there is none. Static. */
const char *receipt_nonce(void);

#endif
