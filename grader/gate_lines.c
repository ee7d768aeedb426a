#include "gate_lines.h"

#include <dwarf.h>
#include <elfutils/libdwfl.h>
#include <stdbool.h>
#include <string.h>

#include "stacks.h"

/* The standard way ends in a look into the network. */
static int find_no_debuginfo(Dwfl_Module *module, void **data, const char *name, Dwarf_Addr base, const char *file,
                             const char *link, GElf_Word check, char **found)
{
    (void)module;
    (void)data;
    (void)name;
    (void)base;
    (void)file;
    (void)link;
    (void)check;
    (void)found;
    return -1;
}

static const Dwfl_Callbacks callbacks = {.find_debuginfo = find_no_debuginfo,
                                         .section_address = dwfl_offline_section_address};

static Dwfl_Module *open_object(const char *path, Dwfl **dwfl)
{
    *dwfl = dwfl_begin(&callbacks);
    if (*dwfl == NULL)
        return NULL;
    dwfl_report_begin(*dwfl);
    Dwfl_Module *module = dwfl_report_offline(*dwfl, "", path, -1);
    dwfl_report_end(*dwfl, NULL, NULL);
    return module;
}

static bool names(Elf *elf, const GElf_Shdr *relocations, const GElf_Rela *entry, const char *wanted)
{
    GElf_Shdr header;
    GElf_Sym symbol;
    Elf_Scn *table = elf_getscn(elf, relocations->sh_link);
    Elf_Data *data = table != NULL && gelf_getshdr(table, &header) != NULL ? elf_getdata(table, NULL) : NULL;
    if (data == NULL || gelf_getsym(data, (int)GELF_R_SYM(entry->r_info), &symbol) == NULL)
        return false;
    const char *name = elf_strptr(elf, header.sh_link, symbol.st_name);
    return name != NULL && strcmp(name, wanted) == 0;
}

/* The line of the first relocation of one section that names `symbol`. */
static int search_section(Dwfl_Module *module, Elf *elf, GElf_Addr bias, Elf_Scn *section, const char *symbol)
{
    GElf_Shdr header, target;
    if (gelf_getshdr(section, &header) == NULL || header.sh_type != SHT_RELA ||
        gelf_getshdr(elf_getscn(elf, header.sh_info), &target) == NULL || (target.sh_flags & SHF_EXECINSTR) == 0)
        return 0;
    Elf_Data *data = elf_getdata(section, NULL);
    for (int i = 0; data != NULL && (size_t)i < header.sh_size / header.sh_entsize; i++) {
        GElf_Rela entry;
        int line = 0;
        if (gelf_getrela(data, i, &entry) == NULL || !names(elf, &header, &entry, symbol))
            continue;
        Dwfl_Line *found = dwfl_module_getsrc(module, bias + target.sh_addr + entry.r_offset);
        if (found != NULL && dwfl_lineinfo(found, NULL, &line, NULL, NULL, NULL) != NULL && line > 0)
            return line;
    }
    return 0;
}

int gate_lines_of_use(const char *path, const char *symbol)
{
    Dwfl *dwfl;
    GElf_Addr bias = 0;
    Dwfl_Module *module = open_object(path, &dwfl);
    Elf *elf = module != NULL ? dwfl_module_getelf(module, &bias) : NULL;
    int line = 0;
    for (Elf_Scn *section = NULL; elf != NULL && line == 0 && (section = elf_nextscn(elf, section)) != NULL;)
        line = search_section(module, elf, bias, section, symbol);
    dwfl_end(dwfl);
    return line;
}

static int line_of_variable(Dwfl_Module *module, const char *symbol)
{
    Dwarf_Addr bias;
    for (Dwarf_Die *unit = NULL; (unit = dwfl_module_nextcu(module, unit, &bias)) != NULL;) {
        Dwarf_Die die;
        int line = 0;
        if (dwarf_child(unit, &die) != 0)
            continue;
        do {
            const char *name = dwarf_tag(&die) == DW_TAG_variable ? dwarf_diename(&die) : NULL;
            if (name != NULL && strcmp(name, symbol) == 0 && dwarf_decl_line(&die, &line) == 0)
                return line;
        } while (dwarf_siblingof(&die, &die) == 0);
    }
    return 0;
}

int gate_lines_of_definition(const char *path, const char *symbol)
{
    Dwfl *dwfl;
    const int line = stacks_function_line(path, symbol, NULL);
    if (line > 0)
        return line;
    Dwfl_Module *module = open_object(path, &dwfl);
    const int found = module != NULL ? line_of_variable(module, symbol) : 0;
    dwfl_end(dwfl);
    return found;
}
