#include "stacks.h"

#include <dirent.h>
#include <dwarf.h>
#include <elfutils/libdwfl.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "process_tree.h"

enum { PROCESSES_MAX = 64, THREADS_MAX = 256 };

/* Only what stands in a file itself is used: the standard way to separate debugging information ends in a look into
 * the network (debuginfod), and what is said shall not depend on the packages installed. */
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

static _Thread_local pid_t looked_at; /* for find_elf, which libdwfl does not tell */

/* Paths are those the process sees, which may have a root of its own (a sandbox). */
static int find_elf(Dwfl_Module *module, void **data, const char *name, Dwarf_Addr base, char **file, Elf **elf)
{
    struct stat status;
    char *path;
    if (name[0] != '/' || asprintf(&path, "/proc/%d/root%s", (int)looked_at, name) < 0)
        return dwfl_linux_proc_find_elf(module, data, name, base, file, elf);
    /* the program lives, and may put a pipe there, or a link that leads out of its sandbox */
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
    if (fd >= 0 && (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))) {
        close(fd);
        free(path);
        return -1;
    }
    if (fd < 0) {
        free(path);
        return dwfl_linux_proc_find_elf(module, data, name, base, file, elf);
    }
    *file = path;
    return fd;
}

static const Dwfl_Callbacks live_callbacks = {.find_elf = find_elf, .find_debuginfo = find_no_debuginfo};
static const Dwfl_Callbacks file_callbacks = {.find_debuginfo = find_no_debuginfo,
                                              .section_address = dwfl_offline_section_address};

static char *copy(const char *text)
{
    return text != NULL ? strdup(text) : NULL;
}

/* The name without a symbol version, pthread_join@@GLIBC_2.34. */
static char *copy_name(const char *name)
{
    return name != NULL ? strndup(name, strcspn(name, "@")) : NULL;
}

static struct stack_frame frame_at(Dwfl *dwfl, Dwarf_Addr address)
{
    struct stack_frame frame = {0};
    Dwfl_Module *module = dwfl_addrmodule(dwfl, address);
    if (module == NULL)
        return frame;
    frame.function = copy_name(dwfl_module_addrname(module, address));
    Dwfl_Line *line = dwfl_module_getsrc(module, address);
    if (line != NULL)
        frame.file = copy(dwfl_lineinfo(line, NULL, &frame.line, NULL, NULL, NULL));
    return frame;
}

struct look {
    Dwfl *dwfl;
    pid_t process;
    struct stacks *stacks;
    struct stack *stack; /* of the thread that is being looked at */
};

static int add_frame(Dwfl_Frame *state, void *argument)
{
    struct look *look = argument;
    Dwarf_Addr pc;
    bool exact;
    if (look->stack->count == STACKS_FRAMES || !dwfl_frame_pc(state, &pc, &exact))
        return DWARF_CB_ABORT;
    /* a return address may already belong to the next line, or even function */
    look->stack->frames[look->stack->count++] = frame_at(look->dwfl, exact ? pc : pc - 1);
    return DWARF_CB_OK;
}

/* The letter in /proc/PID/task/TID/stat; X if there is none. */
static char thread_state(const char *path)
{
    char text[256];
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return 'X';
    const size_t length = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[length] = '\0';
    const char *after_name = strrchr(text, ')'); /* the name itself may hold brackets */
    return after_name != NULL && after_name[1] == ' ' ? after_name[2] : 'X';
}

/* In uninterruptible sleep (as after vfork) a thread cannot be stopped, and who tries to would wait for ever. */
static bool can_be_stopped(pid_t process, pid_t thread)
{
    enum { ATTEMPTS = 5 };
    char path[64], state = 'D';
    snprintf(path, sizeof path, "/proc/%d/task/%d/stat", (int)process, (int)thread);
    for (int attempt = 0; attempt < ATTEMPTS && state == 'D'; attempt++) {
        if (attempt > 0)
            nanosleep(&(struct timespec){.tv_nsec = 5 * 1000 * 1000}, NULL);
        state = thread_state(path);
    }
    return state != 'D' && state != 'Z' && state != 'X';
}

static void add_thread(struct look *look, pid_t thread)
{
    if (look->stacks->count == THREADS_MAX || !can_be_stopped(look->process, thread))
        return;
    look->stack = &look->stacks->items[look->stacks->count];
    *look->stack = (struct stack){.process = look->process, .thread = thread};
    dwfl_getthread_frames(look->dwfl, thread, add_frame, look); /* what came before an error is kept */
    if (look->stack->count > 0)
        look->stacks->count++;
}

static void add_threads(struct look *look)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task", (int)look->process);
    DIR *threads = opendir(path);
    if (threads == NULL)
        return;
    for (struct dirent *entry; (entry = readdir(threads)) != NULL;) {
        const pid_t thread = (pid_t)strtol(entry->d_name, NULL, 10);
        if (thread > 0)
            add_thread(look, thread);
    }
    closedir(threads);
}

static void add_process(pid_t process, struct stacks *stacks)
{
    struct look look = {.dwfl = dwfl_begin(&live_callbacks), .process = process, .stacks = stacks};
    looked_at = process;
    if (look.dwfl == NULL)
        return;
    if (dwfl_linux_proc_report(look.dwfl, process) == 0 && dwfl_report_end(look.dwfl, NULL, NULL) == 0 &&
        dwfl_linux_proc_attach(look.dwfl, process, false) == 0)
        add_threads(&look);
    dwfl_end(look.dwfl);
}

struct stacks stacks_of_tree(pid_t root)
{
    pid_t pids[PROCESSES_MAX];
    struct stacks stacks = {.items = calloc(THREADS_MAX, sizeof *stacks.items)};
    if (stacks.items == NULL)
        return stacks;
    const size_t count = process_tree_list(root, pids, PROCESSES_MAX);
    for (size_t i = 0; i < count; i++)
        add_process(pids[i], &stacks);
    return stacks;
}

void stack_release(struct stack *stack)
{
    for (size_t i = 0; i < stack->count; i++) {
        free(stack->frames[i].function);
        free(stack->frames[i].file);
    }
    stack->count = 0;
}

void stacks_release(struct stacks *stacks)
{
    for (size_t i = 0; i < stacks->count; i++)
        stack_release(&stacks->items[i]);
    free(stacks->items);
    *stacks = (struct stacks){0};
}

/* Opens a file that is not running. Returns NULL if it cannot be read; release *dwfl with dwfl_end in any case. */
static Dwfl_Module *open_file(const char *path, Dwfl **dwfl)
{
    *dwfl = dwfl_begin(&file_callbacks);
    if (*dwfl == NULL)
        return NULL;
    dwfl_report_begin(*dwfl);
    Dwfl_Module *module = dwfl_report_offline(*dwfl, "", path, -1);
    dwfl_report_end(*dwfl, NULL, NULL);
    return module;
}

bool stack_frame_is_in(const struct stack_frame *frame, const char *name)
{
    const char *slash = frame->file != NULL ? strrchr(frame->file, '/') : NULL;
    return frame->file != NULL && strcmp(slash != NULL ? slash + 1 : frame->file, name) == 0;
}

size_t stacks_resolve(const char *executable, const uint64_t *addresses, size_t count, struct stack *into)
{
    Dwfl *dwfl;
    Dwarf_Addr start = 0;
    Dwfl_Module *module = open_file(executable, &dwfl);
    *into = (struct stack){0};
    if (module != NULL) {
        dwfl_module_info(module, NULL, &start, NULL, NULL, NULL, NULL, NULL);
        for (; into->count < count && into->count < STACKS_FRAMES; into->count++)
            into->frames[into->count] = frame_at(dwfl, start + addresses[into->count] - (into->count > 0));
    }
    dwfl_end(dwfl);
    return into->count;
}

struct search {
    const char *function;
    int line; /* 0: not found yet */
    char *file;
};

static int compare_function(Dwarf_Die *die, void *argument)
{
    struct search *search = argument;
    const char *name = dwarf_diename(die);
    if (name == NULL || strcmp(name, search->function) != 0 || dwarf_hasattr(die, DW_AT_declaration))
        return DWARF_CB_OK;
    if (dwarf_decl_line(die, &search->line) != 0)
        return DWARF_CB_OK;
    search->file = copy(dwarf_decl_file(die));
    return DWARF_CB_ABORT;
}

int stacks_function_line(const char *path, const char *function, char **file)
{
    Dwfl *dwfl;
    Dwarf_Addr bias;
    struct search search = {.function = function};
    Dwfl_Module *module = open_file(path, &dwfl);
    Dwarf_Die *unit = NULL;
    while (module != NULL && search.line == 0 && (unit = dwfl_module_nextcu(module, unit, &bias)) != NULL)
        dwarf_getfuncs(unit, compare_function, &search, 0);
    dwfl_end(dwfl);
    if (file != NULL)
        *file = search.file;
    else
        free(search.file);
    return search.line;
}
