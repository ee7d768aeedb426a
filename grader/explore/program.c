#include "program.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../command.h"
#include "../object.h"
#include "../process.h"
#include "../text.h"
#include "symbols.h"

static const double tool_seconds = 60.0;
static const uint64_t tool_memory = (uint64_t)4 << 30;

/* At -O0: the optimiser deletes racy reads that are not used. Without builtins, so that each call is one. A large
 * array is touched page by page as it begins, or it reaches beyond the guard of its thread's stack into another's. */
const char program_flags[] =
    "-std=gnu17 -g -O0 -w -fsanitize=thread -fno-pie -fno-builtin -fno-stack-protector -fstack-clash-protection "
    "-U_FORTIFY_SOURCE -pthread";
enum { COMMANDS_MAX = PROGRAM_FILES + 1 };

static bool succeeded(const struct process_result *result)
{
    return result->end == PROCESS_EXITED && result->code == 0;
}

/* What a tool that failed said; how it ended if it said nothing. */
static char *describe_failure(const struct command *command, const struct process_spec *spec,
                              const struct process_result *result)
{
    char *how = process_describe(spec, result);
    char *text = *result->err != '\0' ? text_clean(result->err) : text_format("'%s' %s", command->words[0], how);
    free(how);
    return text;
}

/* Runs the commands side by side, and releases them. `refusal` is what it means that one of them ends with an error. */
static enum program_outcome run_all(const struct program_spec *spec, struct command *commands, size_t count,
                                    enum program_outcome refusal, char **error)
{
    struct process_spec specs[COMMANDS_MAX] = {0};
    struct process_result results[COMMANDS_MAX];
    char *temporary = text_format("TMPDIR=%s", spec->directory);
    const char *set[] = {temporary, "LC_ALL=C.UTF-8", NULL};
    enum program_outcome outcome = PROGRAM_BUILT;
    for (size_t i = 0; i < count; i++)
        specs[i] = (struct process_spec){.argv = (const char *const *)commands[i].words,
                                         .set = set,
                                         .sandbox = spec->sandbox,
                                         .deadline = tool_seconds,
                                         .memory_limit = tool_memory};
    if (!process_run(specs, count, spec->jobs, results)) {
        *error = text_format("cannot run '%s'", commands[0].words[0]);
        outcome = PROGRAM_BROKEN;
    }
    for (size_t i = 0; i < count && outcome != PROGRAM_BROKEN; i++) {
        if (!succeeded(&results[i]) && outcome == PROGRAM_BUILT) {
            *error = describe_failure(&commands[i], &specs[i], &results[i]);
            outcome = results[i].end == PROCESS_EXITED ? refusal : PROGRAM_BROKEN;
        }
        process_release(&results[i]);
    }
    for (size_t i = 0; i < count; i++)
        command_release(&commands[i]);
    free(temporary);
    return outcome;
}

static char *object_path(const struct program_spec *spec, size_t i)
{
    return text_format("%s/%zu.o", spec->directory, i);
}

static size_t count_objects(const struct program_spec *spec)
{
    return spec->files_count + (spec->object != NULL);
}

/* Object `i` before its calls are renamed. */
static char *compiled_path(const struct program_spec *spec, size_t i)
{
    return i < spec->files_count ? object_path(spec, i) : text_format("%s", spec->object);
}

static enum program_outcome compile(const struct program_spec *spec, char **error)
{
    struct command commands[PROGRAM_FILES] = {0};
    for (size_t i = 0; i < spec->files_count; i++) {
        char *object = object_path(spec, i);
        command_add_words(&commands[i], spec->compiler != NULL ? spec->compiler : command_compiler());
        command_add_words(&commands[i], program_flags);
        command_add_words(&commands[i], spec->options != NULL ? spec->options : "");
        command_add(&commands[i], "-c");
        command_add(&commands[i], spec->files[i]);
        command_add(&commands[i], "-o");
        command_add(&commands[i], object);
        free(object);
    }
    return run_all(spec, commands, spec->files_count, PROGRAM_REFUSED, error);
}

static bool defined_anywhere(const struct object *objects, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (object_defines(&objects[i], name))
            return true;
    return false;
}

/* Adds to `names` what `object` needs, no other object defines, and the explorer does not know. What is in no library
 * either the linker will complain of. */
static char *add_unknown(char *names, const struct object *object, const struct object *objects, size_t count)
{
    for (size_t i = 0; i < object->undefined_count; i++) {
        const char *name = object->undefined[i];
        if (symbols_is_known(name) || defined_anywhere(objects, count, name) || !symbols_is_in_libc(name) ||
            strstr(names, name) != NULL)
            continue;
        char *longer = text_format("%s%s%s", names, *names != '\0' ? ", " : "", name);
        free(names);
        names = longer;
    }
    return names;
}

/* The stand-in for library `i`; NULL if there is none: then its functions are not modelled. Caller frees. */
static char *stand_in(const struct program_spec *spec, size_t i)
{
    char *path = text_format("%s/%s.o", spec->runtime, spec->libraries[i]);
    if (access(path, F_OK) == 0)
        return path;
    free(path);
    return NULL;
}

static bool read_stand_ins(const struct program_spec *spec, struct object *objects, char **error)
{
    bool ok = true;
    for (size_t i = 0; i < spec->libraries_count && ok; i++) {
        char *path = stand_in(spec, i);
        ok = path == NULL || object_read(&objects[i], path, error);
        free(path);
    }
    return ok;
}

static enum program_outcome check_symbols(const struct program_spec *spec, char **error)
{
    const size_t own = count_objects(spec), count = own + spec->libraries_count;
    struct object *objects = text_allocate(count, sizeof *objects);
    enum program_outcome outcome = PROGRAM_BUILT;
    char *names = text_copy("", 0);
    if (!read_stand_ins(spec, objects + own, error))
        outcome = PROGRAM_BROKEN;
    for (size_t i = 0; i < own && outcome == PROGRAM_BUILT; i++) {
        char *path = compiled_path(spec, i);
        if (!object_read(&objects[i], path, error))
            outcome = PROGRAM_BROKEN;
        free(path);
    }
    for (size_t i = 0; i < own && outcome == PROGRAM_BUILT; i++)
        names = add_unknown(names, &objects[i], objects, count);
    for (size_t i = 0; i < count; i++)
        object_release(&objects[i]);
    free(objects);
    if (outcome == PROGRAM_BUILT && *names != '\0') {
        *error = names;
        return PROGRAM_UNSUPPORTED;
    }
    free(names);
    return outcome;
}

static enum program_outcome rename_calls(const struct program_spec *spec, char **error)
{
    const size_t count = count_objects(spec);
    struct command commands[COMMANDS_MAX] = {0};
    char *renaming = symbols_renaming(), *path = text_join(spec->directory, "renaming");
    const bool written = text_write_file(path, renaming, strlen(renaming));
    if (!written)
        *error = text_format("cannot write '%s': %s", path, strerror(errno));
    for (size_t i = 0; i < count && written; i++) {
        char *from = compiled_path(spec, i), *to = object_path(spec, i);
        command_add(&commands[i], "objcopy");
        command_add_path(&commands[i], "--redefine-syms=", spec->directory, "renaming");
        command_add(&commands[i], from);
        command_add(&commands[i], to);
        free(to);
        free(from);
    }
    free(path);
    free(renaming);
    return written ? run_all(spec, commands, count, PROGRAM_BROKEN, error) : PROGRAM_BROKEN;
}

static enum program_outcome link_program(const struct program_spec *spec, char **error)
{
    struct command command = {0};
    command_add_words(&command, "gcc -no-pie -o");
    command_add_path(&command, "", spec->directory, "program");
    command_add_path(&command, "", spec->runtime, "first.o");
    if (spec->scenarios)
        command_add_path(&command, "", spec->runtime, "scenario.o");
    for (size_t i = 0; i < spec->libraries_count; i++) {
        char *path = stand_in(spec, i);
        if (path != NULL)
            command_add(&command, path);
        free(path);
    }
    for (size_t i = 0; i < count_objects(spec); i++) {
        char *object = object_path(spec, i);
        command_add(&command, object);
        free(object);
    }
    command_add_path(&command, "", spec->runtime, "last.o");
    command_add_path(&command, "", spec->runtime, "libexplore.o");
    command_add_words(&command, "-lpthread -lm");
    return run_all(spec, &command, 1, PROGRAM_REFUSED, error);
}

enum program_outcome program_build(const struct program_spec *spec, char **error)
{
    static enum program_outcome (*const steps[])(const struct program_spec *, char **) = {compile, check_symbols,
                                                                                          rename_calls, link_program};
    *error = NULL;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        const enum program_outcome outcome = steps[i](spec, error);
        if (outcome != PROGRAM_BUILT)
            return outcome;
    }
    return PROGRAM_BUILT;
}
