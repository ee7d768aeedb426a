/*
 * receipt.h: one-line messages from a lab program to the grader.
 *
 * The grader names a file in the environment variable LOCKSTEP_RECEIPT; each receipt is appended to
 * it with a single write(2), so lines of several processes never mix. Without the variable (a
 * student runs the program by hand) receipts are dropped silently.
 */
#ifndef HARNESS_RECEIPT_H
#define HARNESS_RECEIPT_H

#include <stddef.h>

/* receipt_open: opens the file named by LOCKSTEP_RECEIPT. Call once, before receipt_write. Keeps the
 * descriptor (close-on-exec) until the process ends. Not thread safe. */
void receipt_open(void);

/* receipt_write: appends `length` bytes of `line`, which ends in a newline. Async-signal-safe and
 * thread safe; errors are ignored, a receipt that is missing counts as one never given. */
void receipt_write(const char *line, size_t length);

#endif
