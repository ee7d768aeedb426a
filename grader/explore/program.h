/*
 * program.h: from C files to an executable linked to the explorer's runtime (harness/explore/explore.h).
 *
 *   FILE.c --compiler, program_flags--> N.o --objcopy: malloc becomes x_malloc ...--> N.o
 *   first.o [scenario.o] [libcurl.o] N.o ... last.o libexplore.o --gcc--> program
 */
#ifndef GRADER_EXPLORE_PROGRAM_H
#define GRADER_EXPLORE_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>

enum { PROGRAM_FILES = 16 };

/* How the compiler makes an object for the explorer. */
extern const char program_flags[];

struct sandbox;

struct program_spec {
    const char *runtime;   /* directory of libexplore.o and its companions */
    const char *directory; /* absolute; DIRECTORY/program and all in between is put there */
    const char *compiler;  /* NULL: command_compiler() */
    const char *const *files;
    size_t files_count;           /* 1 to PROGRAM_FILES */
    const char *object;           /* one more, made with program_flags already; it stays as it is. NULL: none */
    const char *options;          /* more words for the compiler (-I, -D) */
    bool scenarios;               /* the files are a lab's scenarios: their main is scenario.o's */
    const char *const *libraries; /* names whose stand-ins, RUNTIME/NAME.o where there is one, are linked, too */
    size_t libraries_count;
    size_t jobs;                   /* compilers at a time */
    const struct sandbox *sandbox; /* of all tools; NULL: none */
};

enum program_outcome {
    PROGRAM_BUILT,
    PROGRAM_REFUSED,     /* it does not compile or link: `*error` is what compiler or linker said */
    PROGRAM_UNSUPPORTED, /* it uses what the explorer does not model: `*error` names it */
    PROGRAM_BROKEN,      /* a fault of ours, or of the machine */
};

/* program_build: makes DIRECTORY/program. `*error` is set, for the caller to free, unless it was built. Blocks until
 * the compilers are done. Thread safe. */
enum program_outcome program_build(const struct program_spec *spec, char **error);

#endif
