#include "explore_command.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../harness/explore/protocol.h"
#include "../directory.h"
#include "../pipeline.h"
#include "../process.h"
#include "../stages/build.h"
#include "../text.h"
#include "explore_tell.h"
#include "scenarios.h"

enum { SCHEDULES = 6000, OPTION_BYTES = 4096 };

static const char usage[] =
    "usage: grader explore [options] FILE.c... [-- program arguments]       a program with main()\n"
    "       grader explore [options] --lab LAB [--scenario NAME] [HANDIN]   a lab's scenarios\n"
    "runs a threaded C program in many schedules and tells what is wrong with it\n"
    "  --schedules N     how many schedules are tried beyond the exhaustive search (6000)\n"
    "  --seconds N       stop after N seconds of CPU time (30); with --seconds alone as many schedules as fit\n"
    "  --strategy S      all (default), exhaustive, pct or random\n"
    "  --preemptions K   the exhaustive search takes the processor from a running thread at most K times\n"
    "  --seed N          of the strategies that draw lots (1)\n"
    "  --replay TOKEN    show this schedule again instead of searching (with --lab: SCENARIO:TOKEN)\n"
    "  --no-leaks        memory and threads left over at the end are no finding\n"
    "  --cc COMPILER     gcc or clang;  -I DIR, -D NAME  are handed to it\n"
    "  --json OUT        write the result as JSON, too (- for stdout; the text then goes to stderr)\n"
    "  --quiet           leave out the columns\n"
    "  --keep DIR        leave the program there, for gdb: DIR/program (with --lab: DIR/bin/schedules/program)\n"
    "exit status: 0 nothing found, 1 a bug found, 2 usage or does not compile, 3 not supported or a fault of ours\n";

/* What was asked for. */
struct wish {
    struct exploration_spec spec;
    struct tell_wish tell;
    const char *compiler, *keep, *lab, *scenario;
    char *options; /* for the compiler */
    bool timed, counted;
    char **files;
    int files_count;
};

static bool add_option(struct wish *wish, int letter, const char *value)
{
    char *longer = text_format("%s -%c%s", wish->options, letter, value);
    free(wish->options);
    wish->options = longer;
    return strpbrk(value, " \t\n") == NULL && strlen(longer) < OPTION_BYTES;
}

static bool take_option(struct wish *wish, int letter, const char *value)
{
    uint64_t number = 0;
    switch (letter) {
    case 's':
        wish->spec.strategy = exploration_strategy(value);
        return wish->spec.strategy >= 0;
    case 'n':
        wish->counted = true;
        return text_number(value, 1, (uint64_t)1 << 40, &wish->spec.schedules);
    case 't':
        wish->timed = true;
        if (!text_number(value, 1, 86400, &number))
            return false;
        wish->spec.seconds = (double)number;
        return true;
    case 'e':
        return text_number(value, 0, INT64_MAX, &wish->spec.seed);
    case 'p':
        if (!text_number(value, 0, 1000, &number))
            return false;
        wish->spec.preemptions = (int)number;
        return true;
    case 'l':
        wish->spec.leaks = false;
        return true;
    case 'q':
        wish->tell.quiet = true;
        return true;
    case 'I':
    case 'D':
        return add_option(wish, letter, value);
    default:
        break;
    }
    const struct {
        int letter;
        const char **into;
    } words[] = {{'r', &wish->spec.replay}, {'c', &wish->compiler}, {'k', &wish->keep},
                 {'j', &wish->tell.json},   {'L', &wish->lab},      {'S', &wish->scenario}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (words[i].letter == letter)
            *words[i].into = value;
    return true;
}

static bool read_options(int argc, char **argv, struct wish *wish)
{
    static const struct option known[] = {{"strategy", required_argument, NULL, 's'},
                                          {"schedules", required_argument, NULL, 'n'},
                                          {"seconds", required_argument, NULL, 't'},
                                          {"seed", required_argument, NULL, 'e'},
                                          {"preemptions", required_argument, NULL, 'p'},
                                          {"replay", required_argument, NULL, 'r'},
                                          {"no-leaks", no_argument, NULL, 'l'},
                                          {"cc", required_argument, NULL, 'c'},
                                          {"quiet", no_argument, NULL, 'q'},
                                          {"keep", required_argument, NULL, 'k'},
                                          {"json", required_argument, NULL, 'j'},
                                          {"lab", required_argument, NULL, 'L'},
                                          {"scenario", required_argument, NULL, 'S'},
                                          {NULL, 0, NULL, 0}};
    for (int letter; (letter = getopt_long(argc, argv, "I:D:", known, NULL)) != -1;) {
        if (letter == '?')
            return false;
        if (!take_option(wish, letter, optarg)) {
            fprintf(stderr, "grader: '%s' is nothing this option can take\n", optarg);
            return false;
        }
    }
    return true;
}

static bool read_words(int argc, char **argv, struct wish *wish)
{
    *wish = (struct wish){.spec = {.schedules = SCHEDULES, .seed = 1, .seconds = 30, .preemptions = -1, .leaks = true},
                          .options = text_copy("", 0)};
    int own = 1; /* words of ours: what follows `--` is the program's */
    while (own < argc && strcmp(argv[own], "--") != 0)
        own++;
    if (!read_options(own, argv, wish))
        return false;
    wish->tell.replayed = wish->spec.replay != NULL;
    wish->files = argv + optind;
    wish->files_count = own - optind;
    if (own + 1 < argc) {
        wish->spec.arguments = (const char *const *)argv + own + 1;
        wish->spec.arguments_count = (size_t)(argc - own - 1);
    }
    if (wish->timed && !wish->counted)
        wish->spec.schedules = (uint64_t)1 << 40;
    else if (wish->lab != NULL && !wish->counted)
        wish->spec.schedules = 0; /* as its manifest says */
    return wish->lab != NULL ? wish->files_count <= 1
                             : wish->files_count >= 1 && wish->files_count <= PROGRAM_FILES && wish->scenario == NULL;
}

/* --- a program --- */

static int explore_files(const struct wish *wish, const char *runtime, const char *directory)
{
    const struct program_spec program = {.runtime = runtime,
                                         .directory = directory,
                                         .compiler = wish->compiler,
                                         .files = (const char *const *)wish->files,
                                         .files_count = (size_t)wish->files_count,
                                         .options = wish->options,
                                         .jobs = 2};
    struct exploration exploration;
    char *error = NULL;
    const enum program_outcome outcome = program_build(&program, &error);
    if (outcome != PROGRAM_BUILT) {
        const int status = process_interrupted() ? EXIT_INTERRUPTED : tell_not_built(outcome, error);
        free(error);
        return status;
    }
    char *results = text_join(directory, "results"), *path = text_join(directory, "program");
    struct exploration_spec spec = wish->spec;
    spec.directory = directory;
    spec.results = results;
    struct lines *lines = lines_open(path);
    int status = EXIT_BROKEN;
    if (exploration_run(&spec, 1, 1, &exploration)) {
        status = tell_all(&wish->tell, (const char *const[]){NULL}, &exploration, 1, lines);
        exploration_release(&exploration);
    } else {
        fputs("grader: cannot run the explorer\n", stderr);
    }
    lines_close(lines);
    free(path);
    free(results);
    return status;
}

static int explore_program(const struct kit *kit, const struct wish *wish)
{
    char *made = wish->keep != NULL ? text_copy(wish->keep, strlen(wish->keep))
                                    : text_format("%s/lockstep-XXXXXX", directory_parent());
    char *runtime = text_join(kit->harness, "explore");
    const bool there = wish->keep != NULL ? mkdir(made, 0755) == 0 || errno == EEXIST : mkdtemp(made) != NULL;
    char *directory = there ? realpath(made, NULL) : NULL;
    int status = EXIT_BROKEN;
    if (directory != NULL)
        status = explore_files(wish, runtime, directory);
    else
        fprintf(stderr, "grader: cannot make the directory '%s': %s\n", made, strerror(errno));
    if (directory != NULL && wish->keep == NULL)
        directory_remove(directory);
    free(directory);
    free(runtime);
    free(made);
    return status;
}

/* --- a lab --- */

/* The scenarios to run: the one that is named (`length` characters), or all. */
static size_t choose(const struct manifest *manifest, const char *name, size_t length,
                     const struct manifest_scenario **chosen, const char **names)
{
    size_t count = 0;
    for (unsigned i = 0; i < manifest->scenarios_count; i++) {
        const struct manifest_scenario *scenario = &manifest->scenarios[i];
        if (name != NULL && (strlen(scenario->name) != length || strncmp(scenario->name, name, length) != 0))
            continue;
        names[count] = scenario->name;
        chosen[count++] = scenario;
    }
    return count;
}

static int explore_scenarios(struct wish *wish, const struct manifest *manifest, const struct workspace *workspace)
{
    const struct manifest_scenario **chosen = text_allocate(manifest->scenarios_count, sizeof *chosen);
    const char **names = text_allocate(manifest->scenarios_count, sizeof *names);
    struct exploration *items = text_allocate(manifest->scenarios_count, sizeof *items);
    struct exploration_spec spec = wish->spec;
    wish->tell.file = manifest->file;
    const char *colon = spec.replay != NULL ? strchr(spec.replay, ':') : NULL;
    const char *name = colon != NULL ? spec.replay : wish->scenario;
    char *error = NULL;
    int status = EXIT_MISUSED;
    size_t count = choose(manifest, name,
                          colon != NULL  ? (size_t)(colon - name)
                          : name != NULL ? strlen(name)
                                         : 0,
                          chosen, names);
    if (colon != NULL)
        spec.replay = colon + 1;
    if (count == 0 || (spec.replay != NULL && count > 1)) {
        fprintf(stderr, "grader: %s of %s is meant? They are listed in %s/lab.yaml, below schedules\n",
                "which scenario", manifest->id, manifest->directory);
    } else {
        const enum program_outcome outcome = scenarios_build(manifest, workspace, &error);
        if (outcome != PROGRAM_BUILT) {
            status = process_interrupted() ? EXIT_INTERRUPTED : tell_not_built(outcome, error);
        } else if (!scenarios_explore(workspace, chosen, count, &spec, items)) {
            fputs("grader: cannot run the explorer\n", stderr);
            status = EXIT_BROKEN;
        } else {
            struct lines *lines = scenarios_lines(workspace);
            status = tell_all(&wish->tell, names, items, count, lines);
            lines_close(lines);
            for (size_t i = 0; i < count; i++)
                exploration_release(&items[i]);
        }
    }
    free(error);
    free(items);
    free(names);
    free(chosen);
    return status;
}

/* Builds the hand-in as for grading. Returns an exit status other than EXIT_CLEAN, with the reason told, if that fails.
 */
static int build_handin(const struct manifest *manifest, struct workspace *workspace)
{
    workspace->programs = 1u << STAGE_BUILD | 1u << STAGE_SCHEDULES;
    struct stage_result result = build_run(manifest, workspace);
    int status = EXIT_CLEAN;
    if (process_interrupted()) {
        status = EXIT_INTERRUPTED;
    } else if (result.status == STATUS_GRADER_ERROR) {
        fprintf(stderr, "grader: %s\n", result.summary);
        status = EXIT_BROKEN;
    } else if (result.status != STATUS_PASSED) {
        for (size_t i = 0; i < result.findings_count; i++)
            if (result.findings[i].cost > 0)
                fprintf(stderr, "%s:%d: %s\n%s\n", result.findings[i].file, result.findings[i].line,
                        result.findings[i].message, result.findings[i].detail != NULL ? result.findings[i].detail : "");
        status = EXIT_MISUSED;
    }
    result_release(&result);
    return status;
}

static int explore_lab(const struct kit *kit, struct wish *wish)
{
    char *directory = kit_lab(kit, wish->lab), *error = NULL;
    struct manifest *manifest = directory != NULL ? manifest_load(directory, &error) : NULL;
    struct workspace workspace;
    int status = EXIT_MISUSED;
    if (directory == NULL)
        error = text_format("grader: unknown lab '%s': `grader list` names them", wish->lab);
    if (manifest != NULL) {
        char *own = text_join(manifest->directory, manifest->file);
        status = workspace_create(&workspace, kit, manifest, wish->files_count == 1 ? wish->files[0] : own, wish->keep,
                                  &error);
        free(own);
        if (status == EXIT_GRADED) {
            status = build_handin(manifest, &workspace);
            if (status == EXIT_CLEAN)
                status = explore_scenarios(wish, manifest, &workspace);
            workspace_remove(&workspace);
        }
    }
    if (error != NULL)
        fprintf(stderr, "%s\n", error);
    manifest_free(manifest);
    free(error);
    free(directory);
    return status;
}

int explore_command(const struct kit *kit, int argc, char **argv)
{
    struct wish wish;
    int status = EXIT_MISUSED;
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        fputs(usage, stdout);
        return EXIT_CLEAN;
    }
    if (!read_words(argc, argv, &wish))
        fputs(usage, stderr);
    else
        status = wish.lab != NULL ? explore_lab(kit, &wish) : explore_program(kit, &wish);
    free(wish.options);
    return status;
}
