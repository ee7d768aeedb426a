/* build_program.h: from C files to an executable linked to the explorer. */
#ifndef EXPLORE_BUILD_PROGRAM_H
#define EXPLORE_BUILD_PROGRAM_H

struct build {
    const char *compiler;  /* "gcc" or "clang" */
    const char *runtime;   /* directory of libexplore.a, first.o, last.o */
    const char *directory; /* to work in; everything made is put there */
    char **files;          /* the program's C files */
    int count;
    char **options; /* more compiler options (-I, -D) */
    int option_count;
};

/* build_program: makes DIRECTORY/program. Returns 0; EXIT_MISUSED (2) if a file does not compile or link (the compiler
 * has said why); EXIT_BROKEN (3) if it calls functions the explorer does not know (named on stderr). Blocks until the
 * compilers are done. */
int build_program(const struct build *build);

#endif
