/*
 * accusation.h: what helgrind, drd and ThreadSanitizer say about a hand-in, in one form and reduced to the
 * hand-in's own lines.
 */
#ifndef GRADER_ACCUSATION_H
#define GRADER_ACCUSATION_H

#include <stdbool.h>
#include <stddef.h>

enum accusation_kind {
    ACCUSATION_RACE,    /* two accesses without order, at least one a write */
    ACCUSATION_UNLOCK,  /* unlock of a lock that the thread does not hold */
    ACCUSATION_EXIT,    /* a thread ends while it holds a lock */
    ACCUSATION_DESTROY, /* a lock or condition variable is destroyed while in use */
};

/* A place in the hand-in: the innermost of its frames on a stack, unless a library other than the C library stands
 * between it and what is reported: what libcurl does inside is not the student's doing. line is 0 if there is none. */
struct accusation_place {
    char *function; /* NULL if unknown */
    int line;
    bool write; /* races: this access is a write */
};

struct accusation {
    enum accusation_kind kind;
    char *tool; /* helgrind, drd, ThreadSanitizer */
    struct accusation_place first;
    struct accusation_place second; /* races: the other access, if the tool knows it */
    char *about;                    /* races: what memory it is, in the tool's words; NULL if unknown */
};

struct accusations {
    struct accusation *items;
    size_t count;
    struct accusation_place crash; /* where in the hand-in a fatal signal ended the program; line 0 if none did */
    char *fatal;                   /* the tool itself failed, and how; NULL if it did not */
};

/* accusations_read_valgrind: adds what the XML file at `path`, written by `tool` (helgrind or drd), says about the file
 * `handin` (a file name without folder). Kinds of report other than those above are left out, and so are reports
 * without a frame in the hand-in, and of a forked process (named PATH/TOOL.PID.xml, with its parent's file beside it)
 * all but races. A file that is cut short (the program was killed) is read as far as it goes. Returns false if there is
 * nothing to read. */
bool accusations_read_valgrind(struct accusations *into, const char *tool, const char *path, const char *handin);

/* accusations_read_tsan: the same from ThreadSanitizer's text. */
void accusations_read_tsan(struct accusations *into, const char *text, const char *handin);

/* accusations_release: frees what it owns. */
void accusations_release(struct accusations *accusations);

#endif
