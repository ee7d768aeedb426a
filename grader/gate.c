#include "gate.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "diagnostics.h"
#include "gate_lines.h"
#include "gate_names.h"
#include "object.h"
#include "symbol_groups.h"
#include "text.h"

enum { LISTING_BYTES_MAX = 64 << 20 };

/* One object under inspection. */
struct gate {
    struct stage_result *result;
    const struct manifest *manifest;
    const struct workspace *workspace;
    const struct gate_object *object;
    const struct gate_names *names;
    Elf *elf;
};

/* A finding is told once, though several objects have it. */
static bool is_told(const struct gate *gate, const char *kind)
{
    for (size_t i = 0; i < gate->result->findings_count; i++)
        if (strcmp(gate->result->findings[i].kind, kind) == 0)
            return true;
    return false;
}

/* Takes over `message`. */
static void refuse(const struct gate *gate, const char *kind, int line, char *message)
{
    if (!is_told(gate, kind)) {
        struct finding *finding = result_add(gate->result, kind, "%s", message);
        diagnostics_place(finding, gate->manifest, gate->workspace, line);
        finding->cost = gate->result->max_score;
    }
    free(message);
}

/* --- symbols it defines --- */

static bool is_of_lab(const struct gate *gate, const char *name)
{
    for (unsigned i = 0; i < gate->manifest->functions_count; i++)
        if (strcmp(gate->manifest->functions[i], name) == 0)
            return true;
    return false;
}

/* Whether the compiler calls functions of this name unasked: a definition takes their place even where no other file
 * sees it. */
static bool is_instrumentation(const struct gate *gate, const char *name)
{
    const char *owner = gate_names_owner(gate->names, name);
    return owner != NULL && strcmp(owner, "the sanitizers") == 0;
}

/* What is defined beside the lab's functions is made local later (contract.h): its name meets no other. */
static void check_definition(const struct gate *gate, const char *name, const GElf_Sym *symbol)
{
    const int type = GELF_ST_TYPE(symbol->st_info), bind = GELF_ST_BIND(symbol->st_info);
    const char *path = gate->object->path;
    if (type == STT_GNU_IFUNC)
        refuse(
            gate, "runs-unasked", gate_lines_of_definition(path, name),
            text_format("%s is chosen by code that runs before the program does (ifunc). A hand-in's code runs when it "
                        "is called.",
                        name));
    else if (type != STT_FILE && type != STT_SECTION && is_instrumentation(gate, name))
        refuse(
            gate, "name-taken", gate_lines_of_definition(path, name),
            text_format("%s is defined here, but the name belongs to the sanitizers, and the compiler would call this "
                        "one in place of theirs. Give it another name.",
                        name));
    else if (bind != STB_LOCAL && strcmp(name, "main") == 0)
        refuse(gate, "main-defined", gate_lines_of_definition(path, name),
               text_format("The file defines main(), and so do the lab's test programs: two cannot be linked. "
                           "Move your own main() to another file."));
    else if (!is_of_lab(gate, name) && (bind == STB_GNU_UNIQUE || symbol->st_shndx == SHN_COMMON))
        refuse(gate, "name-taken", gate_lines_of_definition(path, name),
               text_format("%s is one for the whole program: whoever else has that name shares it (a common or unique "
                           "symbol). Leave __attribute__((common)) out.",
                           name));
}

/* --- symbols it needs --- */

static char *describe_groups(const struct manifest *manifest)
{
    char *list = text_format("base");
    for (unsigned i = 0; i < manifest->symbols_count; i++) {
        char *longer = text_format("%s, %s", list, manifest->symbols[i]);
        free(list);
        list = longer;
    }
    return list;
}

static void refuse_call(const struct gate *gate, const char *name)
{
    const char *advice = symbol_groups_advice(name);
    char *groups = describe_groups(gate->manifest);
    char *rule = gate->manifest->symbols_count > 0
                     ? text_format("This lab allows calls of these groups: %s (grader/symbol_groups.def).", groups)
                     : text_format("It belongs to %s.", gate_names_owner(gate->names, name));
    refuse(gate, "call-not-allowed", gate_lines_of_use(gate->object->path, name),
           text_format("%s may not be used in this lab.%s%s %s", name, advice != NULL ? " " : "",
                       advice != NULL ? advice : "", rule));
    free(rule);
    free(groups);
}

/* What nobody defines is left to the linker, which says so better. */
static void check_use(const struct gate *gate, const char *name, bool weak)
{
    const struct manifest *manifest = gate->manifest;
    if (*name == '\0' || strcmp(name, "_GLOBAL_OFFSET_TABLE_") == 0 ||
        (gate->object->sanitized && strncmp(name, "__tsan_", 7) == 0))
        return;
    const char *owner = gate_names_owner(gate->names, name);
    const bool of_libc = owner != NULL && strcmp(owner, "the C library") == 0;
    const bool known = symbol_groups_allow(manifest->symbols, manifest->symbols_count, name);
    if (owner != NULL && !known && (!of_libc || manifest->symbols_count > 0))
        refuse_call(gate, name);
    else if (owner == NULL && weak)
        refuse(
            gate, "call-not-allowed", gate_lines_of_use(gate->object->path, name),
            text_format("%s is declared as weak and defined nowhere in the hand-in: whether it is there depends on the "
                        "program it is linked to, and a hand-in is the same in all of them.",
                        name));
}

static void check_symbols(const struct gate *gate, Elf_Scn *section, const GElf_Shdr *header)
{
    Elf_Data *data = elf_getdata(section, NULL);
    const size_t count = data != NULL && header->sh_entsize > 0 ? header->sh_size / header->sh_entsize : 0;
    for (size_t i = 1; i < count; i++) {
        GElf_Sym symbol;
        if (gelf_getsym(data, (int)i, &symbol) == NULL)
            continue;
        const char *name = elf_strptr(gate->elf, header->sh_link, symbol.st_name);
        if (name == NULL)
            continue;
        if (symbol.st_shndx == SHN_UNDEF)
            check_use(gate, name, GELF_ST_BIND(symbol.st_info) == STB_WEAK);
        else
            check_definition(gate, name, &symbol);
    }
}

/* --- sections --- */

static bool starts(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* The sanitizer's own constructor: one pointer, with a priority that compilers keep for themselves. */
static bool is_sanitizers(const struct gate *gate, const char *name, const GElf_Shdr *header)
{
    return gate->object->sanitized && header->sh_type == SHT_INIT_ARRAY && header->sh_size == sizeof(Elf64_Addr) &&
           starts(name, ".init_array.0");
}

static bool runs_unasked(const char *name, const GElf_Shdr *header)
{
    if (header->sh_size == 0 || (header->sh_flags & SHF_ALLOC) == 0)
        return false;
    return header->sh_type == SHT_INIT_ARRAY || header->sh_type == SHT_FINI_ARRAY ||
           header->sh_type == SHT_PREINIT_ARRAY || starts(name, ".init") || starts(name, ".fini") ||
           starts(name, ".preinit") || starts(name, ".ctors") || starts(name, ".dtors");
}

static bool is_usual(const char *name)
{
    static const char *const usual[] = {
        ".text",    ".data",    ".bss",   ".rodata", ".tdata",           ".tbss", ".note", ".eh_frame",
        ".comment", ".lrodata", ".ldata", ".lbss",   ".gcc_except_table"};
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
        if (starts(name, usual[i]) && (name[strlen(usual[i])] == '\0' || name[strlen(usual[i])] == '.'))
            return true;
    return false;
}

/* Whether a variable lies in a section of code: its bytes could be called. */
static bool holds_variables(const struct gate *gate, size_t index)
{
    for (Elf_Scn *section = NULL; (section = elf_nextscn(gate->elf, section)) != NULL;) {
        GElf_Shdr header;
        if (gelf_getshdr(section, &header) == NULL || header.sh_type != SHT_SYMTAB)
            continue;
        Elf_Data *data = elf_getdata(section, NULL);
        for (size_t i = 0; data != NULL && i < header.sh_size / header.sh_entsize; i++) {
            GElf_Sym symbol;
            if (gelf_getsym(data, (int)i, &symbol) != NULL && symbol.st_shndx == index &&
                GELF_ST_TYPE(symbol.st_info) == STT_OBJECT)
                return true;
        }
    }
    return false;
}

static void check_section(const struct gate *gate, Elf_Scn *section, const char *name, const GElf_Shdr *header)
{
    const bool code = (header->sh_flags & SHF_EXECINSTR) != 0;
    if (is_sanitizers(gate, name, header))
        return;
    if (strcmp(name, ".note.GNU-stack") == 0 && code) {
        refuse(
            gate, "section-not-allowed", 0,
            text_format("The file needs a stack whose data can be run as code: take no address of a function within a "
                        "function."));
    } else if (runs_unasked(name, header)) {
        refuse(gate, "runs-unasked", 0,
               text_format(
                   "The file holds code that runs before or after the program without being called (section %s: "
                   "__attribute__((constructor)) or destructor). A hand-in's code runs when it is called: do it in "
                   "the function that needs it.",
                   name));
    } else if ((header->sh_flags & SHF_ALLOC) != 0 && header->sh_size > 0 && !is_usual(name)) {
        refuse(
            gate, "section-not-allowed", 0,
            text_format("The file puts something into a section of its own, '%s'. Leave __attribute__((section)) out.",
                        name));
    } else if (code && ((header->sh_flags & SHF_WRITE) != 0 || holds_variables(gate, elf_ndxscn(section)))) {
        refuse(gate, "section-not-allowed", 0,
               text_format("The file holds data that can be run as code (section '%s').", name));
    }
}

static void check_sections(const struct gate *gate)
{
    size_t names;
    if (elf_getshdrstrndx(gate->elf, &names) != 0)
        return;
    for (Elf_Scn *section = NULL; (section = elf_nextscn(gate->elf, section)) != NULL;) {
        GElf_Shdr header;
        if (gelf_getshdr(section, &header) == NULL)
            continue;
        const char *name = elf_strptr(gate->elf, names, header.sh_name);
        check_section(gate, section, name != NULL ? name : "", &header);
        if (header.sh_type == SHT_SYMTAB)
            check_symbols(gate, section, &header);
    }
}

/* --- assembly --- */

static bool allows_assembly(const struct manifest *manifest)
{
    for (unsigned i = 0; i < manifest->symbols_count; i++)
        if (strcmp(manifest->symbols[i], "assembly") == 0)
            return true;
    return false;
}

/* gcc and clang mark a hand-in's own assembly with a line #APP. A text within it cannot begin a line. */
static const char *find_mark(const char *listing)
{
    const char *gcc = strstr(listing, "\n#APP"), *clang = strstr(listing, "\n\t#APP");
    return gcc != NULL ? gcc : clang;
}

/* The line is named before it (.loc FILE LINE). */
static int line_before(const char *listing, const char *mark)
{
    int line = 0;
    for (const char *at = listing; (at = strstr(at, "\t.loc ")) != NULL && at < mark; at++)
        sscanf(at, " .loc %*d %d", &line);
    return line;
}

static void check_listing(const struct gate *gate)
{
    if (gate->object->listing == NULL || allows_assembly(gate->manifest))
        return;
    char *listing = text_read_file(gate->object->listing, LISTING_BYTES_MAX, NULL);
    const char *mark = listing != NULL ? find_mark(listing) : NULL;
    if (mark != NULL)
        refuse(gate, "assembly-not-allowed", line_before(listing, mark),
               text_format("The file holds assembly. This lab is about C: use the functions of the C library and "
                           "<stdatomic.h>."));
    else if (listing == NULL && errno == EFBIG)
        refuse(gate, "compile-error", 0,
               text_format("The file becomes more than %d MiB of machine code.", LISTING_BYTES_MAX >> 20));
    free(listing);
}

/* --- all of it --- */

static bool check_object(struct gate *gate, char **error)
{
    const int fd = open(gate->object->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    gate->elf = fd >= 0 ? elf_begin(fd, ELF_C_READ, NULL) : NULL;
    const bool good = gate->elf != NULL && elf_kind(gate->elf) == ELF_K_ELF;
    if (good) {
        check_sections(gate);
        check_listing(gate);
    } else {
        *error = text_format("cannot read object file '%s'", gate->object->path);
    }
    elf_end(gate->elf);
    if (fd >= 0)
        close(fd);
    return good;
}

static void check_functions(const struct gate *gate, const struct object *object)
{
    const struct manifest *manifest = gate->manifest;
    char *missing = text_copy("", 0);
    int count = 0;
    for (unsigned i = 0; i < manifest->functions_count; i++) {
        if (object_defines(object, manifest->functions[i]))
            continue;
        char *longer = text_format("%s%s%s", missing, count > 0 ? ", " : "", manifest->functions[i]);
        free(missing);
        missing = longer;
        count++;
    }
    if (count > 0)
        refuse(gate, "missing-function", 0,
               text_format("%s %s not defined in %s (or defined as static): %s.h declares %s, and the tests call %s.",
                           missing, count == 1 ? "is" : "are", manifest->file, manifest->stem,
                           count == 1 ? "it" : "them", count == 1 ? "it" : "them"));
    free(missing);
}

static bool check_missing(const struct gate *gate, char **error)
{
    struct object object;
    const bool good = object_read(&object, gate->object->path, error);
    if (good && !is_told(gate, "main-defined"))
        check_functions(gate, &object);
    object_release(&object);
    return good;
}

bool gate_check(struct stage_result *result, const struct manifest *manifest, const struct workspace *workspace,
                const struct gate_object *objects, size_t count, char **error)
{
    struct gate_names names;
    bool good = gate_names_read(&names, workspace->kit->harness, error);
    struct gate gate = {.result = result, .manifest = manifest, .workspace = workspace, .names = &names};
    for (size_t i = 0; i < count && good; i++) {
        gate.object = &objects[i];
        good = check_object(&gate, error);
    }
    gate.object = objects;
    good = good && check_missing(&gate, error);
    gate_names_release(&names);
    return good;
}
