/*
 * inside.h: what the supervisor and the program `inside` say to each other.
 *
 * `inside` is the first process of a sandbox (process 1 of its namespace), started by bubblewrap:
 *
 *     supervise --> bwrap --> inside (1) --fork, filter, exec--> program --> its own children ...
 *         ^                      |
 *         +--- status socket ----+
 *
 *     inside USER DIRECTORY FILE PROGRAM [ARGUMENT...]
 *     inside USER                                          only tries whether it can become USER: exit status 0
 *
 * It becomes the user USER (a number; 0: it is who it should be already) if it was started by root, starts the program
 * FILE in DIRECTORY, waits for every process that ends in the sandbox, and ends when there is none left. FILE is empty
 * for a program that was not found. Its descriptors, besides those of the program (0 to 4 as in supervise.h):
 *
 *     5     the report, passed on (struct process_spec)
 *     6     the status socket (SOCK_SEQPACKET), kept from the program
 *     7     the filter of system calls (sandbox_filter.h), kept from the program
 *
 * The program cannot do it harm: the kernel delivers no signal to process 1 that comes from its own namespace, and its
 * memory and descriptors are closed to a program without privileges (PR_SET_DUMPABLE).
 */
#ifndef GRADER_INSIDE_H
#define GRADER_INSIDE_H

enum { INSIDE_REPORT = 5, INSIDE_STATUS = 6, INSIDE_FILTER = 7 };

enum inside_kind {
    INSIDE_DIRECTORY, /* sent first; comes with a descriptor of DIRECTORY, if there is one */
    INSIDE_STARTED,   /* sent by the program-to-be: the kernel adds its process id as the supervisor sees it */
    INSIDE_FAILED,    /* it could not become the program; `code` is errno */
    INSIDE_ENDED,     /* the program has ended; `code` is its wait status */
};

struct inside_message {
    enum inside_kind kind;
    int code;
    double cpu_seconds; /* with INSIDE_ENDED: of the program itself, without its children */
};

#endif
