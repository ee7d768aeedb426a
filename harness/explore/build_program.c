#include "build_program.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "symbols.h"
#include "verdict.h"

enum { WORDS_MAX = 200, WORD = 4096, NAMES_MAX = 400 };

struct command {
    char *words[WORDS_MAX];
    int count;
};

static void add(struct command *command, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add(struct command *command, const char *format, ...)
{
    char word[WORD];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(word, sizeof word, format, arguments);
    va_end(arguments);
    if (command->count < WORDS_MAX - 1)
        command->words[command->count++] = strdup(word);
}

/* Runs it, and forgets its words. Whether it ended with 0. */
static bool run(struct command *command)
{
    command->words[command->count] = NULL;
    const pid_t child = fork();
    if (child == 0) {
        execvp(command->words[0], command->words);
        fprintf(stderr, "explore: cannot start '%s'\n", command->words[0]);
        _exit(127);
    }
    int status = -1;
    waitpid(child, &status, 0);
    while (command->count > 0)
        free(command->words[--command->count]);
    return status == 0;
}

static bool compile(const struct build *build, int i)
{
    struct command command = {0};
    add(&command, "%s", build->compiler);
    for (const char *const *option =
             (const char *const[]){"-std=gnu17", "-g", "-O0", "-w", "-fsanitize=thread", "-fno-pie", "-fno-builtin",
                                   "-fno-stack-protector", "-U_FORTIFY_SOURCE", "-c", NULL};
         *option != NULL; option++)
        add(&command, "%s", *option);
    for (int k = 0; k < build->option_count; k++)
        add(&command, "%s", build->options[k]);
    add(&command, "%s", build->files[i]);
    add(&command, "-o");
    add(&command, "%s/%d.o", build->directory, i);
    return run(&command);
}

struct names {
    char *items[NAMES_MAX];
    int count;
};

static bool contains(const struct names *names, const char *name)
{
    for (int i = 0; i < names->count; i++)
        if (strcmp(names->items[i], name) == 0)
            return true;
    return false;
}

/* What `nm` with these options names in object `i`. */
static void list_names(const struct build *build, int i, const char *options, struct names *names)
{
    char command[WORD + 64], line[WORD];
    snprintf(command, sizeof command, "nm -P %s '%s/%d.o'", options, build->directory, i);
    FILE *pipe = popen(command, "re");
    while (pipe != NULL && fgets(line, sizeof line, pipe) != NULL) {
        line[strcspn(line, " \n")] = '\0';
        if (names->count < NAMES_MAX)
            names->items[names->count++] = strdup(line);
    }
    if (pipe != NULL)
        pclose(pipe);
}

static void release(struct names *names)
{
    while (names->count > 0)
        free(names->items[--names->count]);
}

static bool repeated(const struct names *names, int index)
{
    for (int i = 0; i < index; i++)
        if (strcmp(names->items[i], names->items[index]) == 0)
            return true;
    return false;
}

static bool all_known(const struct build *build)
{
    struct names wanted = {0}, defined = {0};
    bool known = true;
    for (int i = 0; i < build->count; i++) {
        list_names(build, i, "-u", &wanted);
        list_names(build, i, "--defined-only -g", &defined);
    }
    for (int i = 0; i < wanted.count; i++) {
        if (symbols_is_known(wanted.items[i]) || contains(&defined, wanted.items[i]))
            continue;
        if (repeated(&wanted, i) || !symbols_is_in_libc(wanted.items[i]))
            continue; /* the linker will complain of what is missing */
        fprintf(stderr, "unsupported: %s\n", wanted.items[i]);
        known = false;
    }
    release(&wanted);
    release(&defined);
    return known;
}

static bool rename_calls(const struct build *build, int i)
{
    struct command command = {0};
    add(&command, "objcopy");
    add(&command, "--redefine-syms=%s/renaming", build->directory);
    add(&command, "%s/%d.o", build->directory, i);
    return run(&command);
}

static bool write_renaming(const struct build *build)
{
    char path[WORD];
    snprintf(path, sizeof path, "%s/renaming", build->directory);
    FILE *file = fopen(path, "we");
    if (file == NULL)
        return false;
    symbols_write_renaming(file);
    return fclose(file) == 0;
}

static bool link_program(const struct build *build)
{
    struct command command = {0};
    add(&command, "gcc");
    add(&command, "-no-pie");
    add(&command, "-o");
    add(&command, "%s/program", build->directory);
    add(&command, "%s/first.o", build->runtime);
    for (int i = 0; i < build->count; i++)
        add(&command, "%s/%d.o", build->directory, i);
    add(&command, "%s/last.o", build->runtime);
    add(&command, "%s/libexplore.a", build->runtime);
    add(&command, "-lpthread");
    add(&command, "-lm");
    return run(&command);
}

int build_program(const struct build *build)
{
    for (int i = 0; i < build->count; i++)
        if (!compile(build, i))
            return EXIT_MISUSED;
    if (!all_known(build))
        return EXIT_BROKEN;
    if (!write_renaming(build))
        return EXIT_BROKEN;
    for (int i = 0; i < build->count; i++)
        if (!rename_calls(build, i))
            return EXIT_BROKEN;
    return link_program(build) ? 0 : EXIT_MISUSED;
}
