/*
 * sandbox_filter.h: the system calls that a program in the sandbox may not make (libseccomp).
 */
#ifndef GRADER_SANDBOX_FILTER_H
#define GRADER_SANDBOX_FILTER_H

/* sandbox_filter_create: a memory file that holds the filter as the kernel takes it (an array of struct sock_filter),
 * at offset 0. Returns its descriptor, which is close-on-exec and belongs to the caller, or -1 if this machine's
 * libseccomp cannot make it. Does not block. */
int sandbox_filter_create(void);

#endif
