#include "gate_names.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "text.h"

static const struct {
    const char *prefix, *owner;
} prefixes[] = {
    {"cr_", "Criterion"},           {"criterion_", "Criterion"},        {"__criterion_", "Criterion"},
    {"bxf", "Criterion"},           {"__tsan_", "the sanitizers"},      {"__asan_", "the sanitizers"},
    {"__ubsan_", "the sanitizers"}, {"__sanitizer_", "the sanitizers"}, {"__interceptor_", "the sanitizers"},
    {"__wrap_", "the harness"},     {"__real_", "the harness"},         {"__libc_", "the C library"},
    {"_IO_", "the C library"},      {"__cxa_", "the C library"},
};

/* In every program, and not in a library that could be asked. */
static const char *const linked_in[] = {"atexit", "at_quick_exit",   "pthread_atfork",     "_start",      "_init",
                                        "_fini",  "__libc_csu_init", "__executable_start", "__dso_handle"};

static void add_symbols(struct gate_names *names, Elf *elf, Elf_Scn *section, const GElf_Shdr *header)
{
    Elf_Data *data = elf_getdata(section, NULL);
    for (int i = 0; data != NULL && header->sh_entsize > 0 && (size_t)i < header->sh_size / header->sh_entsize; i++) {
        GElf_Sym symbol;
        if (gelf_getsym(data, i, &symbol) == NULL || GELF_ST_BIND(symbol.st_info) == STB_LOCAL ||
            symbol.st_shndx == SHN_UNDEF)
            continue;
        const char *name = elf_strptr(elf, header->sh_link, symbol.st_name);
        if (name == NULL)
            continue;
        names->harness = text_grow(names->harness, names->count + 1, sizeof *names->harness);
        names->harness[names->count++] = text_format("%s", name);
    }
}

static void add_object(struct gate_names *names, Elf *elf)
{
    for (Elf_Scn *section = NULL; (section = elf_nextscn(elf, section)) != NULL;) {
        GElf_Shdr header;
        if (gelf_getshdr(section, &header) != NULL && header.sh_type == SHT_SYMTAB)
            add_symbols(names, elf, section, &header);
    }
}

/* Of an object, or of all members of an archive. */
static bool add_file(struct gate_names *names, const char *path)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    Elf *file = fd >= 0 ? elf_begin(fd, ELF_C_READ, NULL) : NULL;
    const bool good = file != NULL && elf_kind(file) != ELF_K_NONE;
    Elf_Cmd command = ELF_C_READ;
    if (good && elf_kind(file) == ELF_K_ELF)
        add_object(names, file);
    for (Elf *member; good && elf_kind(file) == ELF_K_AR && (member = elf_begin(fd, command, file)) != NULL;) {
        if (elf_kind(member) == ELF_K_ELF)
            add_object(names, member);
        command = elf_next(member);
        elf_end(member);
    }
    elf_end(file);
    if (fd >= 0)
        close(fd);
    return good;
}

bool gate_names_read(struct gate_names *names, const char *directory, char **error)
{
    static const char *const files[] = {"libharness.a", "test.o", "bench.o"};
    *names = (struct gate_names){0};
    elf_version(EV_CURRENT);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char *path = text_join(directory, files[i]);
        if (!add_file(names, path)) {
            *error = text_format("cannot read '%s': run make again", path);
            free(path);
            return false;
        }
        free(path);
    }
    return true;
}

void gate_names_release(struct gate_names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->harness[i]);
    free(names->harness);
    *names = (struct gate_names){0};
}

static bool is_in_library(const char *library, const char *symbol)
{
    void *handle = dlopen(library, RTLD_LAZY | RTLD_LOCAL);
    const bool found = handle != NULL && dlsym(handle, symbol) != NULL;
    if (handle != NULL)
        dlclose(handle);
    return found;
}

static bool is_of_libc(const char *symbol)
{
    return is_in_library("libc.so.6", symbol) || is_in_library("libm.so.6", symbol);
}

/* What the harness puts in front of a function of the C library (scarce.h) is called as that. */
const char *gate_names_owner(const struct gate_names *names, const char *symbol)
{
    for (size_t i = 0; i < names->count; i++)
        if (strcmp(names->harness[i], symbol) == 0)
            return is_of_libc(symbol) ? "the C library" : "the harness";
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (strncmp(symbol, prefixes[i].prefix, strlen(prefixes[i].prefix)) == 0)
            return prefixes[i].owner;
    for (size_t i = 0; i < sizeof linked_in / sizeof *linked_in; i++)
        if (strcmp(symbol, linked_in[i]) == 0)
            return "the C library";
    return is_of_libc(symbol) ? "the C library" : NULL;
}
