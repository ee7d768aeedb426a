#include "environment.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../text.h"

static bool is_private(const char *name)
{
    static const char *const starts[] = {"GITHUB_", "RUNNER_", "ACTIONS_", "INPUT_"};
    static const char *const words[] = {"TOKEN", "SECRET", "PASSWORD", "PASSWD", "CREDENTIAL"};
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++)
        if (strncmp(name, starts[i], strlen(starts[i])) == 0)
            return true;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcasestr(name, words[i]) != NULL)
            return true;
    return false;
}

void environment_scrub(void)
{
    for (size_t i = 0; environ[i] != NULL;) {
        const size_t length = strcspn(environ[i], "=");
        char *name = text_copy(environ[i], length);
        if (is_private(name)) {
            explicit_bzero(environ[i] + length, strlen(environ[i] + length));
            for (size_t k = i; (environ[k] = environ[k + 1]) != NULL;)
                k++;
        } else {
            i++;
        }
        free(name);
    }
}
