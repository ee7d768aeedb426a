#include "build.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../command.h"
#include "../contract.h"
#include "../diagnostics.h"
#include "../explore/program.h"
#include "../gate.h"
#include "../libraries.h"
#include "../pipeline.h"
#include "../policy.h"
#include "../process.h"
#include "../text.h"

enum { COMMANDS_MAX = 8, DETAIL_LINES = 12 };

static const double compile_seconds = 60.0;
static const uint64_t compile_memory = (uint64_t)1 << 30;

/* What all compiler runs of one build share. */
struct build {
    const struct manifest *manifest;
    const struct workspace *workspace;
    char *cflags, *libs; /* of the lab's libraries, from pkg-config */
};

/* DWARF 4: valgrind cannot read clang's DWARF 5. */
static struct command start_command(const struct build *build, const char *flags)
{
    struct command command = {0};
    command_add_words(&command, command_compiler());
    command_add_words(&command, "-std=gnu17 -gdwarf-4 -pthread -fno-diagnostics-color");
    command_add_words(&command, flags);
    command_add_words(&command, build->cflags);
    command_add_path(&command, "-I", build->workspace->root, "lab");
    command_add_path(&command, "-I", build->workspace->kit->top, "harness");
    return command;
}

/* Runs `count` commands side by side in the folder of the hand-in, in a sandbox after `policy`. False if that
 * failed for reasons of ours. */
static bool run_commands(const struct build *build, struct command *commands, size_t count, const struct policy *policy,
                         struct process_result *results)
{
    struct process_spec specs[COMMANDS_MAX] = {0};
    char *directory = workspace_path(build->workspace, "handin");
    char *temporary = text_format("TMPDIR=%s/bin", build->workspace->root);
    const char *set[] = {temporary, "LC_ALL=C.UTF-8", NULL};
    for (size_t i = 0; i < count; i++)
        specs[i] = (struct process_spec){.argv = (const char *const *)commands[i].words,
                                         .directory = directory,
                                         .set = set,
                                         .sandbox = &policy->sandbox,
                                         .stage = "build",
                                         .deadline = compile_seconds,
                                         .memory_limit = compile_memory};
    const bool ok = process_run(specs, count, (size_t)build->workspace->cores, results);
    for (size_t i = 0; i < count; i++)
        command_release(&commands[i]);
    free(temporary);
    free(directory);
    return ok;
}

static void release_results(struct process_result *results, size_t count)
{
    for (size_t i = 0; i < count; i++)
        process_release(&results[i]);
}

static bool succeeded(const struct process_result *result)
{
    return result->end == PROCESS_EXITED && result->code == 0;
}

char *build_compiler(void)
{
    struct command command = {0};
    command_add_words(&command, command_compiler());
    command_add_words(&command, "--version");
    struct process_spec spec = {.argv = (const char *const *)command.words, .deadline = 20.0};
    struct process_result result;
    char *line = NULL;
    if (process_run(&spec, 1, 1, &result)) {
        line = succeeded(&result) ? text_line(result.out, 1) : NULL;
        process_release(&result);
    }
    command_release(&command);
    return line;
}

/* Whether the compiler itself was stopped; then says so. */
static bool add_stopped(struct stage_result *result, const struct build *build, const struct process_result *run)
{
    if (run->end == PROCESS_EXITED || run->end == PROCESS_INTERRUPTED || run->end == PROCESS_NOT_STARTED)
        return false;
    const struct process_spec spec = {.deadline = compile_seconds, .stage = "build"};
    char *how = process_describe(&spec, run);
    struct finding *finding =
        result_add(result, "compile-error", "Compiling this file takes more than a compiler may use: it %s.", how);
    diagnostics_place(finding, build->manifest, build->workspace, 0);
    finding->cost = result->max_score;
    free(how);
    return true;
}

/* --- the programs --- */

struct program {
    const char *output, *flags, *driver, *handin; /* handin: object or source, NULL for none */
    const char *harness_object;                   /* NULL for none */
    const char *counter;                          /* the harness object that counts its writes; NULL for none */
    const char *libraries;
    enum stage_id stage;
};

static const struct program programs[] = {
    {"bin/tests", "-O0 -Wl,--wrap=exit,--wrap=_exit,--wrap=quick_exit,--wrap=_Exit", "lab/tests.c", "bin/handin.o",
     "test.o", NULL, "-lcriterion", STAGE_TESTS},
    {"bin/race", "-O0", "lab/race.c", "bin/handin.o", NULL, NULL, "", STAGE_RACES},
    {"bin/race_tsan", "-O0 -fsanitize=thread -fno-pie -no-pie", "lab/race.c", "bin/handin_tsan.o", NULL, NULL, "",
     STAGE_RACES},
    {"bin/bench", "-O2 -DBENCH_STUDENT=1", "lab/bench.c", "bin/handin_fast.o", "bench.o", NULL, "", STAGE_SPEEDUP},
    {"bin/lines", "-O2 -DBENCH_STUDENT=1 -DBENCH_DIVISOR=5 -fno-pie -no-pie", "lab/bench.c", "bin/handin_tsan.o",
     "bench.o", "lines.o", "", STAGE_SPEEDUP},
    {"bin/baseline", "-O2 -DBENCH_STUDENT=0", "lab/bench.c", NULL, "bench.o", NULL, "", STAGE_SPEEDUP},
};
enum { PROGRAMS = sizeof programs / sizeof *programs };

static struct command link_program(const struct build *build, const struct program *program)
{
    struct command command = start_command(build, program->flags);
    command_add_path(&command, "", build->workspace->root, program->driver);
    if (program->handin != NULL)
        command_add_path(&command, "", build->workspace->root, program->handin);
    if (program->harness_object != NULL)
        command_add_path(&command, "", build->workspace->kit->harness, program->harness_object);
    if (program->counter != NULL)
        command_add_path(&command, "", build->workspace->kit->harness, program->counter);
    command_add_path(&command, "", build->workspace->kit->harness, "libharness.a");
    command_add_words(&command, program->libraries);
    command_add_words(&command, build->libs);
    command_add_words(&command, "-lm -l:libatomic.a -o"); /* part of gcc: atomics of 16 bytes */
    command_add_path(&command, "", build->workspace->root, program->output);
    return command;
}

static void add_machine_error(struct stage_result *result, const char *output)
{
    char *excerpt = text_excerpt(output, 3);
    *result = result_grader_error(result, "the compiler cannot write its output (is the disk full?): %s", excerpt);
    free(excerpt);
}

/* The ways in which the hand-in is compiled, and the stages that need them. An object is made of its listing, so the
 * gate sees in the one what becomes of the other. */
static const struct {
    const char *flags, *listing, *object;
    bool sanitized;
    unsigned stages;
} objects[] = {
    {"-O0 -Wall -Wextra", "bin/handin.s", "bin/handin.o", false, 1u << STAGE_BUILD},
    {program_flags, "bin/handin_tsan.s", "bin/handin_tsan.o", true,
     1u << STAGE_SCHEDULES | 1u << STAGE_RACES | 1u << STAGE_SPEEDUP},
    {"-O2 -w", "bin/handin_fast.s", "bin/handin_fast.o", false, 1u << STAGE_SPEEDUP},
};
enum { OBJECTS = sizeof objects / sizeof *objects };

/* No macro tells in which of these ways the hand-in is compiled: what is graded is the same text each time. */
static const char same_macros[] = "-U__OPTIMIZE__ -U__NO_INLINE__ -U__SANITIZE_THREAD__ -U__PIC__ -U__pic__ -U__PIE__ "
                                  "-U__pie__ -U__SSP_STRONG__ -U_FORTIFY_SOURCE";

static bool is_wanted(const struct build *build, unsigned stages)
{
    return (build->workspace->programs & stages) != 0;
}

/* Says why the compiler did not finish. */
static void judge_compile(struct stage_result *result, const struct build *build, const struct process_result *run)
{
    if (add_stopped(result, build, run))
        return;
    if (run->end != PROCESS_EXITED) {
        char *how = process_describe(&(struct process_spec){.deadline = compile_seconds}, run);
        *result = result_grader_error(result, "the compiler '%s' %s", command_compiler(), how);
        free(how);
    } else if (diagnostics_machine_failed(run->err)) {
        add_machine_error(result, run->err);
    } else {
        diagnostics_compile_error(result, build->manifest, build->workspace, run->err);
    }
}

static struct command compile_handin(const struct build *build, size_t i)
{
    struct command command = start_command(build, objects[i].flags);
    command_add_words(&command, same_macros);
    command_add_words(&command, "-S");
    command_add_words(&command, build->manifest->file);
    command_add_words(&command, "-o");
    command_add_path(&command, "", build->workspace->root, objects[i].listing);
    return command;
}

static struct command assemble_handin(const struct build *build, size_t i)
{
    struct command command = {0};
    command_add_words(&command, command_compiler());
    command_add_words(&command, "-c");
    command_add_path(&command, "", build->workspace->root, objects[i].listing);
    command_add_words(&command, "-o");
    command_add_path(&command, "", build->workspace->root, objects[i].object);
    return command;
}

/* Takes one step towards all objects that are needed. Returns whether all went well. */
static bool make_objects(struct stage_result *result, const struct build *build,
                         struct command (*step)(const struct build *, size_t))
{
    struct command commands[OBJECTS];
    struct process_result results[OBJECTS];
    struct policy policy;
    size_t count = 0;
    for (size_t i = 0; i < OBJECTS; i++)
        if (is_wanted(build, objects[i].stages))
            commands[count++] = step(build, i);
    policy_compile(&policy, build->workspace);
    const bool ran = run_commands(build, commands, count, &policy, results);
    policy_release(&policy);
    if (!ran) {
        *result = result_grader_error(result, "cannot run the compiler '%s'", command_compiler());
        return false;
    }
    bool ok = true;
    for (size_t i = 0; i < count && ok; i++) {
        ok = succeeded(&results[i]);
        if (!ok)
            judge_compile(result, build, &results[i]);
    }
    if (ok)
        diagnostics_warnings(result, build->manifest, build->workspace, results[0].err);
    release_results(results, count);
    return ok;
}

static bool is_clean(const struct stage_result *result)
{
    bool clean = result->status != STATUS_GRADER_ERROR;
    for (size_t i = 0; i < result->findings_count; i++)
        clean = clean && result->findings[i].cost == 0;
    return clean;
}

/* Sends the objects through the gate, and hides what in them is the hand-in's own. Returns whether they are fit to be
 * linked. */
static bool pass_gate(struct stage_result *result, const struct build *build)
{
    struct gate_object chosen[OBJECTS];
    const char *paths[OBJECTS];
    char *owned[2 * OBJECTS], *error = NULL;
    size_t count = 0;
    for (size_t i = 0; i < OBJECTS; i++) {
        if (!is_wanted(build, objects[i].stages))
            continue;
        owned[2 * count] = workspace_path(build->workspace, objects[i].object);
        owned[2 * count + 1] = workspace_path(build->workspace, objects[i].listing);
        paths[count] = owned[2 * count];
        chosen[count] = (struct gate_object){
            .path = paths[count], .listing = owned[2 * count + 1], .sanitized = objects[i].sanitized};
        count++;
    }
    if (!gate_check(result, build->manifest, build->workspace, chosen, count, &error) ||
        (is_clean(result) && !contract_keep(build->manifest, build->workspace, paths, count, &error)))
        *result = result_grader_error(result, "%s", error);
    for (size_t i = 0; i < 2 * count; i++)
        free(owned[i]);
    free(error);
    return is_clean(result);
}

/* Whether linking failed for the sake of the hand-in: the baseline holds none of it, and only a linker's own error can
 * be about it. */
static void judge_link(struct stage_result *result, const struct build *build, const struct program *program,
                       const struct process_result *run)
{
    if (diagnostics_machine_failed(run->err)) {
        add_machine_error(result, run->err);
        return;
    }
    if (program->handin == NULL || run->end != PROCESS_EXITED || !diagnostics_linker_spoke(run->err)) {
        char *excerpt = text_excerpt(run->err, DETAIL_LINES);
        *result =
            result_grader_error(result, "cannot build '%s' of %s: %s", program->output, build->manifest->name, excerpt);
        free(excerpt);
        return;
    }
    diagnostics_link_error(result, build->manifest, build->workspace, run->err);
}

/* Only the work of `cpu` measures can have steps, whose writes are counted. */
static bool has_steps(const struct manifest *manifest)
{
    for (unsigned i = 0; i < manifest->measures_count; i++)
        if (manifest->measures[i].kind == MEASURE_CPU)
            return true;
    return false;
}

static bool link_programs(struct stage_result *result, const struct build *build)
{
    struct command commands[PROGRAMS];
    const struct program *chosen[PROGRAMS];
    struct process_result results[PROGRAMS];
    struct policy policy;
    size_t count = 0;
    for (size_t i = 0; i < PROGRAMS; i++) {
        if (!is_wanted(build, 1u << programs[i].stage) || (programs[i].counter != NULL && !has_steps(build->manifest)))
            continue;
        chosen[count] = &programs[i];
        commands[count++] = link_program(build, &programs[i]);
    }
    policy_link(&policy, build->workspace);
    const bool ran = run_commands(build, commands, count, &policy, results);
    policy_release(&policy);
    if (!ran) {
        *result = result_grader_error(result, "cannot run the compiler '%s'", command_compiler());
        return false;
    }
    bool ok = true;
    for (size_t i = 0; i < count && ok; i++) {
        ok = succeeded(&results[i]);
        if (!ok)
            judge_link(result, build, chosen[i], &results[i]);
    }
    release_results(results, count);
    return ok;
}

static void build_all(struct stage_result *result, const struct build *build)
{
    if (make_objects(result, build, compile_handin) && make_objects(result, build, assemble_handin) &&
        pass_gate(result, build))
        link_programs(result, build);
}

struct stage_result build_run(const struct manifest *manifest, const struct workspace *workspace)
{
    struct stage_result result = {.name = "build", .max_score = manifest->points.build};
    struct build build = {.manifest = manifest, .workspace = workspace};
    char *error = NULL;
    if (sandbox_lack() != NULL)
        result_add(&result, "note", "the hand-in ran without a sandbox, with all rights of whoever graded it: %s.",
                   sandbox_lack());
    if (workspace->problem != NULL) {
        struct finding *finding = result_add(&result, "not-source", "%s", workspace->problem);
        diagnostics_place(finding, manifest, workspace, 0);
        finding->cost = result.max_score;
        return result_finish(&result, STATUS_FAILED, 0, "not a C file");
    }
    char *unreadable = policy_unreadable(workspace->kit);
    if (unreadable != NULL) {
        result = result_grader_error(&result, "hand-ins run as another user, who may not read '%s': chmod -R a+rX %s",
                                     unreadable, workspace->kit->top);
        free(unreadable);
        return result;
    }
    build.cflags = libraries_flags(manifest, "--cflags", &error);
    build.libs = build.cflags != NULL ? libraries_flags(manifest, "--libs", &error) : NULL;
    if (build.libs == NULL)
        result = result_grader_error(&result, "%s", error);
    else
        build_all(&result, &build);
    free(error);
    free(build.cflags);
    free(build.libs);
    if (result.status == STATUS_GRADER_ERROR)
        return result;
    if (!is_clean(&result))
        return result_finish(&result, STATUS_FAILED, 0, "does not build");
    return result_finish(&result, STATUS_PASSED, result.max_score, "compiles and links");
}
