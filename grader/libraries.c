#include "libraries.h"

#include <string.h>

#include "command.h"
#include "process.h"
#include "text.h"

static const double answer_seconds = 20.0;

char *libraries_flags(const struct manifest *manifest, const char *option, char **error)
{
    struct command command = {0};
    struct process_result result;
    char *flags = NULL;
    if (manifest->libraries_count == 0)
        return text_copy("", 0);
    command_add_words(&command, "pkg-config");
    command_add(&command, option);
    for (unsigned i = 0; i < manifest->libraries_count; i++)
        command_add(&command, manifest->libraries[i]);
    const struct process_spec spec = {.argv = (const char *const *)command.words, .deadline = answer_seconds};
    if (!process_run(&spec, 1, 1, &result)) {
        *error = text_format("cannot run pkg-config");
    } else {
        if (result.end == PROCESS_EXITED && result.code == 0)
            flags = text_copy(result.out, strlen(result.out));
        else
            *error = text_format("pkg-config does not find the lab's libraries: %s", result.err);
        process_release(&result);
    }
    command_release(&command);
    return flags;
}
