#include "lines.h"

#include <elfutils/libdwfl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "../text.h"

enum { FILES_MAX = 32, FILE_BYTES_MAX = 8 << 20 };

struct source {
    char *path, *content; /* content: NULL if it cannot be read; newlines are replaced by NUL */
    char **starts;        /* of each line, leading blanks skipped */
    int count;
};

struct lines {
    Dwfl *dwfl;
    struct source sources[FILES_MAX];
    int count;
};

static int find_nothing(Dwfl_Module *module, void **data, const char *name, Dwarf_Addr base, const char *file,
                        const char *link, GElf_Word check, char **found)
{
    (void)module, (void)data, (void)name, (void)base, (void)file, (void)link, (void)check, (void)found;
    return -1;
}

struct lines *lines_open(const char *executable)
{
    static const Dwfl_Callbacks callbacks = {.find_debuginfo = find_nothing,
                                             .section_address = dwfl_offline_section_address};
    struct lines *lines = text_allocate(1, sizeof *lines);
    lines->dwfl = dwfl_begin(&callbacks);
    if (lines->dwfl != NULL) {
        dwfl_report_elf(lines->dwfl, "program", executable, -1, 0, false);
        dwfl_report_end(lines->dwfl, NULL, NULL);
    }
    return lines;
}

void lines_close(struct lines *lines)
{
    if (lines == NULL)
        return;
    for (int i = 0; i < lines->count; i++) {
        free(lines->sources[i].path);
        free(lines->sources[i].content);
        free(lines->sources[i].starts);
    }
    if (lines->dwfl != NULL)
        dwfl_end(lines->dwfl);
    free(lines);
}

static void split(struct source *source)
{
    for (char *line = source->content; line != NULL;) {
        char *end = strchr(line, '\n');
        source->starts = text_grow(source->starts, (size_t)source->count + 1, sizeof *source->starts);
        source->starts[source->count++] = line + strspn(line, " \t");
        if (end != NULL)
            *end++ = '\0';
        line = end;
    }
}

static const struct source *find_source(struct lines *lines, const char *path)
{
    for (int i = 0; i < lines->count; i++)
        if (strcmp(lines->sources[i].path, path) == 0)
            return &lines->sources[i];
    if (lines->count == FILES_MAX)
        return NULL;
    struct source *source = &lines->sources[lines->count++];
    char *bytes = text_read_file(path, FILE_BYTES_MAX, NULL);
    *source =
        (struct source){.path = text_copy(path, strlen(path)), .content = bytes != NULL ? text_clean(bytes) : NULL};
    free(bytes);
    split(source);
    return source;
}

static const char *text_of(struct lines *lines, const char *path, int number)
{
    const struct source *source = find_source(lines, path);
    return source != NULL && number >= 1 && number <= source->count ? source->starts[number - 1] : "";
}

struct line lines_at(struct lines *lines, uintptr_t address)
{
    struct line found = {"?", 0, "?", ""};
    Dwfl_Module *module = lines->dwfl != NULL && address != 0 ? dwfl_addrmodule(lines->dwfl, address - 1) : NULL;
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
    found.text = text_of(lines, path, found.number);
    return found;
}
