#include "object.h"

#include <fcntl.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "text.h"

static void append(char ***list, size_t *count, const char *name)
{
    *list = text_grow(*list, *count + 1, sizeof **list);
    (*list)[(*count)++] = text_copy(name, strlen(name));
}

static void read_symbols(struct object *object, Elf *elf, Elf_Scn *section, const GElf_Shdr *header)
{
    Elf_Data *data = elf_getdata(section, NULL);
    const size_t count = data != NULL && header->sh_entsize > 0 ? header->sh_size / header->sh_entsize : 0;
    for (size_t i = 0; i < count; i++) {
        GElf_Sym symbol;
        if (gelf_getsym(data, (int)i, &symbol) == NULL || GELF_ST_BIND(symbol.st_info) == STB_LOCAL)
            continue;
        const char *name = elf_strptr(elf, header->sh_link, symbol.st_name);
        if (name == NULL)
            continue;
        if (symbol.st_shndx == SHN_UNDEF)
            append(&object->undefined, &object->undefined_count, name);
        else
            append(&object->defined, &object->defined_count, name);
    }
}

bool object_read(struct object *object, const char *path, char **error)
{
    *object = (struct object){0};
    *error = NULL;
    elf_version(EV_CURRENT);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    Elf *elf = fd >= 0 ? elf_begin(fd, ELF_C_READ, NULL) : NULL;
    if (elf == NULL || elf_kind(elf) != ELF_K_ELF) {
        *error = text_format("cannot read object file '%s'", path);
    } else {
        for (Elf_Scn *section = NULL; (section = elf_nextscn(elf, section)) != NULL;) {
            GElf_Shdr header;
            if (gelf_getshdr(section, &header) != NULL && header.sh_type == SHT_SYMTAB)
                read_symbols(object, elf, section, &header);
        }
    }
    elf_end(elf);
    if (fd >= 0)
        close(fd);
    return *error == NULL;
}

static void release_list(char **list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(list[i]);
    free(list);
}

void object_release(struct object *object)
{
    release_list(object->defined, object->defined_count);
    release_list(object->undefined, object->undefined_count);
    *object = (struct object){0};
}

static bool holds(char *const *list, size_t count, const char *name)
{
    const size_t length = strlen(name);
    const bool any_ending = length > 0 && name[length - 1] == '*';
    for (size_t i = 0; i < count; i++)
        if (any_ending ? strncmp(list[i], name, length - 1) == 0 : strcmp(list[i], name) == 0)
            return true;
    return false;
}

bool object_defines(const struct object *object, const char *name)
{
    return holds(object->defined, object->defined_count, name);
}

bool object_uses(const struct object *object, const char *name)
{
    return holds(object->undefined, object->undefined_count, name);
}
