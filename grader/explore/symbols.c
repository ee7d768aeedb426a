#include "symbols.h"

#include <dlfcn.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "../text.h"

struct symbol {
    const char *name;
    bool modelled;
};

#define MODELLED(name) {#name, true},
#define HARMLESS(name) {#name, false},
static const struct symbol symbols[] = {
#include "../../harness/explore/symbols.def"
};
#undef MODELLED
#undef HARMLESS

static const struct symbol *find(const char *name)
{
    for (size_t i = 0; i < sizeof symbols / sizeof symbols[0]; i++)
        if (strcmp(symbols[i].name, name) == 0)
            return &symbols[i];
    return NULL;
}

bool symbols_is_known(const char *name)
{
    if (strncmp(name, "__tsan_atomic128", 16) == 0)
        return false;
    return strncmp(name, "__tsan_", 7) == 0 || find(name) != NULL;
}

bool symbols_is_in_libc(const char *name)
{
    return strncmp(name, "__tsan", 6) == 0 || strncmp(name, "__atomic", 8) == 0 || dlsym(RTLD_DEFAULT, name) != NULL;
}

char *symbols_renaming(void)
{
    char *lines = text_copy("", 0);
    for (size_t i = 0; i < sizeof symbols / sizeof symbols[0]; i++) {
        if (!symbols[i].modelled)
            continue;
        char *longer = text_format("%s%s x_%s\n", lines, symbols[i].name, symbols[i].name);
        free(lines);
        lines = longer;
    }
    return lines;
}
