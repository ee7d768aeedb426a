#include "lines.h"

#include <elfutils/libdwfl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILES_MAX = 32, LINES_MAX = 5000 };

struct source {
    char *path;
    char *lines[LINES_MAX];
    int count;
};

static Dwfl *dwfl;
static struct source *sources[FILES_MAX];
static int source_count;

static int find_nothing(Dwfl_Module *module, void **data, const char *name, Dwarf_Addr base, const char *file,
                        const char *link, GElf_Word check, char **found)
{
    (void)module, (void)data, (void)name, (void)base, (void)file, (void)link, (void)check, (void)found;
    return -1;
}

bool lines_open(const char *executable)
{
    static const Dwfl_Callbacks callbacks = {.find_debuginfo = find_nothing,
                                             .section_address = dwfl_offline_section_address};
    dwfl = dwfl_begin(&callbacks);
    if (dwfl == NULL)
        return false;
    const bool done = dwfl_report_elf(dwfl, "program", executable, -1, 0, false) != NULL;
    return dwfl_report_end(dwfl, NULL, NULL) == 0 && done;
}

static void free_source(struct source *source)
{
    for (int i = 0; i < source->count; i++)
        free(source->lines[i]);
    free(source->path);
    free(source);
}

void lines_close(void)
{
    while (source_count > 0)
        free_source(sources[--source_count]);
    if (dwfl != NULL)
        dwfl_end(dwfl);
    dwfl = NULL;
}

static void read_lines(struct source *source)
{
    char *line = NULL;
    size_t room = 0;
    FILE *file = fopen(source->path, "re");
    if (file == NULL)
        return;
    while (source->count < LINES_MAX && getline(&line, &room, file) > 0) {
        line[strcspn(line, "\n")] = '\0';
        source->lines[source->count++] = strdup(line + strspn(line, " \t"));
    }
    free(line);
    fclose(file);
}

static const char *text_of(const char *path, int number)
{
    struct source *source = NULL;
    for (int i = 0; i < source_count; i++)
        if (strcmp(sources[i]->path, path) == 0)
            source = sources[i];
    if (source == NULL) {
        if (source_count == FILES_MAX || (source = calloc(1, sizeof *source)) == NULL)
            return "";
        source->path = strdup(path);
        sources[source_count++] = source;
        read_lines(source);
    }
    return number >= 1 && number <= source->count ? source->lines[number - 1] : "";
}

struct line lines_at(uintptr_t address)
{
    struct line found = {"?", 0, "?", ""};
    Dwfl_Module *module = dwfl != NULL && address != 0 ? dwfl_addrmodule(dwfl, address - 1) : NULL;
    if (module == NULL)
        return found;
    const char *function = dwfl_module_addrname(module, address - 1);
    if (function != NULL)
        found.function = strcmp(function, "x_main") == 0 ? "main" : function;
    Dwfl_Line *line = dwfl_module_getsrc(module, address - 1);
    const char *path = line != NULL ? dwfl_lineinfo(line, NULL, &found.number, NULL, NULL, NULL) : NULL;
    if (path == NULL)
        return found;
    const char *slash = strrchr(path, '/');
    found.file = slash != NULL ? slash + 1 : path;
    found.text = text_of(path, found.number);
    return found;
}
