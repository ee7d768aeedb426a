#include "command.h"

#include <stdlib.h>
#include <string.h>

#include "text.h"

const char *command_compiler(void)
{
    const char *cc = getenv("CC");
    return cc != NULL && *cc != '\0' ? cc : "gcc";
}

/* Takes over `word`. */
static void append(struct command *command, char *word)
{
    if (command->count < COMMAND_WORDS)
        command->words[command->count++] = word;
    else
        free(word);
}

void command_add_words(struct command *command, const char *text)
{
    for (;;) {
        text += strspn(text, " \t\n");
        const size_t length = strcspn(text, " \t\n");
        if (length == 0)
            return;
        append(command, text_copy(text, length));
        text += length;
    }
}

void command_add_path(struct command *command, const char *prefix, const char *directory, const char *name)
{
    append(command, text_format("%s%s/%s", prefix, directory, name));
}

void command_add(struct command *command, const char *word)
{
    append(command, text_copy(word, strlen(word)));
}

void command_release(struct command *command)
{
    for (size_t i = 0; i < command->count; i++)
        free(command->words[i]);
    *command = (struct command){0};
}
