#include "symbol_groups.h"

#include <string.h>

static const struct group {
    const char *name, *words;
} groups[] = {
#define GROUP(name, words) {#name, words},
#include "symbol_groups.def"
#undef GROUP
};
enum { GROUPS = sizeof groups / sizeof *groups, BASE = 0 };

/* What hand-ins that do not know better call, and what they mean by it. */
static const struct {
    const char *words, *text;
} advice[] = {
    {"exec* fexecve system popen pclose posix_spawn* wordexp",
     "A hand-in does its own work and starts no other programs."},
    {"dlopen dlsym dlvsym dlclose dlmopen dl_iterate_phdr dladdr", "Call the function itself."},
    {"atexit on_exit at_quick_exit __cxa_atexit pthread_atfork __register_atfork",
     "Clean up in the function that the lab's header names for it; tests end their process in their own way."},
    {"err errx verr verrx warn warnx error error_at_line",
     "Return what the header says on errors; fprintf(stderr, ...) prints."},
    {"socket connect bind listen accept accept4 getaddrinfo gethostbyname*", "There is no network."},
    {"setenv putenv unsetenv clearenv environ __environ", "Pass values as arguments."},
    {"ptrace process_vm_*", "There is nothing to be had from other processes."},
    {"fork vfork", "This lab is about threads: pthread_create."},
    {"open fopen creat openat", "This lab needs no files; printf and fprintf(stderr, ...) print."},
    {"syscall", "Call the function of the C library; in place of the futex call: a condition variable or a semaphore."},
};

static bool is_in(const char *words, const char *symbol)
{
    while (*(words += strspn(words, " ")) != '\0') {
        const size_t length = strcspn(words, " ");
        const bool open = words[length - 1] == '*';
        if (open ? strncmp(words, symbol, length - 1) == 0
                 : strncmp(words, symbol, length) == 0 && symbol[length] == '\0')
            return true;
        words += length;
    }
    return false;
}

/* Copies the plain name of `symbol` to `plain`: __snprintf_chk and __isoc99_sscanf without what surrounds them, lseek64
 * without its end. */
static void make_plain(const char *symbol, char *plain, size_t size)
{
    static const char *const versions[] = {"__isoc99_", "__isoc23_", "__isoc2x_", "__xpg_", "__sysv_"};
    size_t length;
    for (size_t i = 0; i < sizeof versions / sizeof *versions; i++)
        if (strncmp(symbol, versions[i], strlen(versions[i])) == 0)
            symbol += strlen(versions[i]);
    length = strlen(symbol);
    if (strncmp(symbol, "__", 2) == 0 && length > 6 && strcmp(symbol + length - 4, "_chk") == 0) {
        symbol += 2;
        length -= 6;
    } else if (length > 2 && strcmp(symbol + length - 2, "64") == 0) {
        length -= 2;
    }
    length = length < size ? length : size - 1;
    memcpy(plain, symbol, length);
    plain[length] = '\0';
}

static bool holds(const struct group *group, const char *symbol)
{
    char plain[64];
    make_plain(symbol, plain, sizeof plain);
    return is_in(group->words, symbol) || is_in(group->words, plain);
}

const char *const *symbol_groups_names(void)
{
    static const char *const names[] = {
#define GROUP(name, words) #name,
#include "symbol_groups.def"
#undef GROUP
        NULL};
    return names + 1;
}

bool symbol_groups_is_group(const char *name)
{
    for (size_t i = BASE + 1; i < GROUPS; i++)
        if (strcmp(groups[i].name, name) == 0)
            return true;
    return false;
}

bool symbol_groups_allow(char *const *names, size_t count, const char *symbol)
{
    if (holds(&groups[BASE], symbol))
        return true;
    for (size_t i = BASE + 1; i < GROUPS; i++)
        for (size_t k = 0; k < count; k++)
            if (strcmp(groups[i].name, names[k]) == 0 && holds(&groups[i], symbol))
                return true;
    return false;
}

const char *symbol_groups_of(const char *symbol)
{
    for (size_t i = 0; i < GROUPS; i++)
        if (holds(&groups[i], symbol))
            return groups[i].name;
    return NULL;
}

const char *symbol_groups_advice(const char *symbol)
{
    for (size_t i = 0; i < sizeof advice / sizeof *advice; i++)
        if (is_in(advice[i].words, symbol))
            return advice[i].text;
    return NULL;
}
