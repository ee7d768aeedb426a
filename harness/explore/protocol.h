/*
 * protocol.h: how an explored program and whoever runs it understand each other.
 *
 *   PROGRAM explore STRATEGY SCHEDULES SEED SECONDS PREEMPTIONS LEAKS [arguments]     STRATEGY: enum search_strategy
 *   PROGRAM replay TOKEN [arguments]
 *   PROGRAM bench SECONDS [arguments]
 *
 * It writes lines, a word and its text, to the file that the variable PROTOCOL_RESULTS names (else to stdout): kind,
 * text, place THREAD PC WORDS, event THREAD PC WORDS, token, effect, effect-token, covered PC..., schedules, cut,
 * complete, timeout. PC is a return address in hexadecimal.
 */
#ifndef EXPLORE_PROTOCOL_H
#define EXPLORE_PROTOCOL_H

#define PROTOCOL_RESULTS "EXPLORE_RESULTS"

/* How it ends. */
enum {
    EXIT_CLEAN = 0,   /* nothing found */
    EXIT_FOUND = 1,   /* something is wrong */
    EXIT_MISUSED = 2, /* the command line makes no sense */
    EXIT_BROKEN = 3,  /* not supported, or a fault of ours */
};

#endif
