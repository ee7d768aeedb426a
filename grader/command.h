/*
 * command.h: the command line of a compiler or another tool, put together word by word.
 */
#ifndef GRADER_COMMAND_H
#define GRADER_COMMAND_H

#include <stddef.h>

enum { COMMAND_WORDS = 160 };

struct command {
    char *words[COMMAND_WORDS + 1]; /* owned; NULL-terminated: fit to be an argv */
    size_t count;
};

/* command_compiler: what compiles hand-ins: $CC, or gcc. */
const char *command_compiler(void);

/* command_add_words: appends each word of `text`, which blanks separate. command_add_path: appends PREFIX DIRECTORY /
 * NAME as one word. command_add: appends one word as it is. More than COMMAND_WORDS words are dropped. */
void command_add_words(struct command *command, const char *text);
void command_add_path(struct command *command, const char *prefix, const char *directory, const char *name);
void command_add(struct command *command, const char *word);

/* command_release: frees the words. */
void command_release(struct command *command);

#endif
