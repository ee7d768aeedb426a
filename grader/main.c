/*
 * main.c: wires the subcommands of `grader`; decides nothing about hand-ins.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "batch/adjust_command.h"
#include "batch/batch_command.h"
#include "batch/export_command.h"
#include "batch/report_command.h"
#include "doctor.h"
#include "explain.h"
#include "explore/explore_command.h"
#include "formats/environment.h"
#include "formats/outputs.h"
#include "kit.h"
#include "manifest.h"
#include "overlay.h"
#include "pipeline.h"
#include "process.h"
#include "report_text.h"
#include "sandbox.h"
#include "text.h"
#include "watch.h"
#include "workspace.h"

static const char usage_text[] =
    "usage: grader grade LAB [FILE|DIR] [options]   grade one hand-in (default: the file in labs/)\n"
    "       grader explore [options] FILE.c...      search the schedules of a program (grader explore --help)\n"
    "       grader explain [KIND]                   what a kind of finding means and how to mend it\n"
    "       grader watch LAB [FILE|DIR]             build and test at each save; g grades in full\n"
    "       grader batch LAB ...                    grade a class (grader COMMAND --help lists its options)\n"
    "       grader regrade | adjust | history | report | export GRADEBOOK ...   what to do with it afterwards\n"
    "       grader list                             the labs\n"
    "       grader doctor                           what this machine has, and what a lack costs\n"
    "options of grade:\n"
    "  --format FORMAT   also write the report as text, json, junit, github, markdown, gradescope, autolab,\n"
    "                    prairielearn, classroom50 or classroom; may be said several times\n"
    "  --out FILE        where the format before it goes: written anew after each stage; without it, or with -, to\n"
    "                    stdout at the end, and nothing else does\n"
    "  --json OUT        the same as --format json --out OUT, but with - the text goes to stderr\n"
    "  --require N       exit 1 unless at least N points were earned\n"
    "  --seed N          seed of inputs (default 1)\n"
    "  --only STAGE,...  only these stages of build, tests, schedules, races, speedup, hidden\n"
    "  --test NAME       only this test, of the stage tests\n"
    "  --overlay DIR     hidden tests from DIR/LAB/hidden.yaml (default: those in the lab's folder hidden/, if any)\n"
    "  --no-sandbox      run the hand-in with all of your rights; only for what you wrote yourself\n"
    "  --keep DIR        work in DIR, which must not exist, build all programs and leave them there\n";

/* What `grade` was asked to do. */
struct request {
    const char *lab, *handin, *only, *test, *keep, *overlay;
    long require; /* -1: not asked */
    uint64_t seed;
    bool text_on_stderr;
    bool help; /* nothing but the usage is wanted */
    struct outputs outputs;
};

/* Prints `grader: ` and the text on stderr and returns EXIT_USAGE. */
static int usage_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
static int usage_error(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("grader: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    return EXIT_USAGE;
}

/* Reports what is wrong with an option's value, if anything is, and frees it. */
static bool is_good(char *problem)
{
    if (problem == NULL)
        return true;
    usage_error("%s", problem);
    free(problem);
    return false;
}

static bool parse_output(int option, const char *value, struct request *request)
{
    struct outputs *outputs = &request->outputs;
    if (option == 'p')
        return is_good(outputs_path(outputs, value));
    if (option == 'f')
        return is_good(outputs_format(outputs, value));
    request->text_on_stderr = request->text_on_stderr || strcmp(value, "-") == 0;
    return is_good(outputs_format(outputs, "json")) && is_good(outputs_path(outputs, value));
}

static bool parse_option(int option, const char *value, struct request *request)
{
    uint64_t number = 0;
    switch (option) {
    case 'o':
        request->only = value;
        return true;
    case 'v':
        request->overlay = value;
        return true;
    case 't':
        request->test = value;
        return true;
    case 'k':
        request->keep = value;
        return true;
    case 'n':
        sandbox_turn_off();
        return true;
    case 'h':
        request->help = true;
        return true;
    case 's':
        return text_number(value, 0, INT64_MAX, &request->seed);
    case 'r':
        if (!text_number(value, 0, INT_MAX, &number))
            return false;
        request->require = (long)number;
        return true;
    default:
        return false;
    }
}

static int parse_grade(int argc, char **argv, struct request *request)
{
    static const struct option options[] = {
        {"json", required_argument, NULL, 'j'},    {"require", required_argument, NULL, 'r'},
        {"seed", required_argument, NULL, 's'},    {"only", required_argument, NULL, 'o'},
        {"test", required_argument, NULL, 't'},    {"keep", required_argument, NULL, 'k'},
        {"format", required_argument, NULL, 'f'},  {"out", required_argument, NULL, 'p'},
        {"overlay", required_argument, NULL, 'v'}, {"no-sandbox", no_argument, NULL, 'n'},
        {"help", no_argument, NULL, 'h'},          {NULL, 0, NULL, 0}};
    *request = (struct request){.require = -1, .seed = 1};
    if (!outputs_begin(&request->outputs)) {
        fprintf(stderr, "grader: no random numbers: %s\n", strerror(errno));
        return EXIT_GRADER_ERROR;
    }
    for (int option; (option = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
        if (option == '?') /* the usage would push getopt's line off the screen */
            return usage_error("`grader grade --help` lists the options");
        if (strchr("jfp", option) != NULL) {
            if (!parse_output(option, optarg, request))
                return EXIT_USAGE;
        } else if (!parse_option(option, optarg, request))
            return usage_error("'%s' is not a number that option can take", optarg);
    }
    if (request->help)
        return EXIT_GRADED;
    if (optind >= argc || argc - optind > 2) {
        fputs(usage_text, stderr);
        return EXIT_USAGE;
    }
    request->lab = argv[optind];
    request->handin = argc - optind == 2 ? argv[optind + 1] : NULL;
    return is_good(outputs_check(&request->outputs)) ? EXIT_GRADED : EXIT_USAGE;
}

static bool wants_color(FILE *stream)
{
    const char *no_color = getenv("NO_COLOR"), *terminal = getenv("TERM");
    return isatty(fileno(stream)) && (no_color == NULL || *no_color == '\0') &&
           (terminal == NULL || strcmp(terminal, "dumb") != 0);
}

/* Keeps the files up to date while grading goes on; what cannot be written now is reported at the end. */
static void write_progress(const struct report *report, void *context)
{
    const struct request *request = context;
    outputs_write(&request->outputs, report, false);
}

static int write_text(const struct request *request, const struct report *report)
{
    if (outputs_on_stdout(&request->outputs) != NULL && !request->text_on_stderr)
        return EXIT_GRADED;
    FILE *stream = request->text_on_stderr ? stderr : stdout;
    report_text(stream, report, wants_color(stream));
    if (fflush(stream) == 0 && !ferror(stream))
        return EXIT_GRADED;
    fprintf(stderr, "grader: cannot write the report: %s\n", strerror(errno));
    return EXIT_GRADER_ERROR;
}

static int write_report(const struct request *request, const struct report *report)
{
    int code = write_text(request, report);
    const char *failed = outputs_write(&request->outputs, report, true);
    if (failed != NULL) {
        fprintf(stderr, "grader: cannot write '%s': %s\n", failed, strerror(errno));
        code = EXIT_GRADER_ERROR;
    }
    if (code == EXIT_GRADED && report_has_error(report))
        code = EXIT_GRADER_ERROR;
    if (code == EXIT_GRADED && request->require > report->score)
        code = EXIT_BELOW;
    return code;
}

static bool has_test(const struct manifest *manifest, const char *name)
{
    for (unsigned i = 0; i < manifest->tests_count; i++)
        if (strcmp(manifest->tests[i].name, name) == 0)
            return true;
    return false;
}

/* Grades with everything that was asked for known to exist. */
static int grade_handin(const struct request *request, const struct kit *kit, const struct manifest *manifest,
                        const struct overlay *overlay, unsigned stages)
{
    struct workspace workspace;
    struct report report;
    char *error = NULL;
    char *own = text_join(manifest->directory, manifest->file);
    char *top = text_format("%s/", kit->top);
    char directory[PATH_MAX];
    /* Started in the kit's own folder, as make does, the path is shown as short as it can be. */
    const bool at_top = getcwd(directory, sizeof directory) != NULL && strcmp(directory, kit->top) == 0;
    const char *own_shown = at_top && strncmp(own, top, strlen(top)) == 0 ? own + strlen(top) : own;
    int code = workspace_create(&workspace, kit, manifest, request->handin != NULL ? request->handin : own_shown,
                                request->keep, &error);
    if (code == EXIT_GRADED) {
        workspace.seed = request->seed;
        workspace.stages = stages;
        workspace.overlay = overlay;
        workspace.programs = request->keep != NULL ? pipeline_stages(NULL) : stages;
        workspace.only_test = request->test;
        pipeline_run_watched(manifest, &workspace, &report, write_progress, (void *)request);
        code = process_interrupted() ? EXIT_INTERRUPTED : write_report(request, &report);
        report_release(&report);
        workspace_remove(&workspace);
    } else {
        fprintf(stderr, "grader: %s\n", error);
    }
    free(error);
    free(top);
    free(own);
    return code;
}

static int grade_lab(const struct request *request, const struct kit *kit, const struct manifest *manifest)
{
    const unsigned stages = pipeline_stages(request->only != NULL   ? request->only
                                            : request->test != NULL ? "tests"
                                                                    : NULL);
    if (stages == 0)
        return usage_error("--only '%s': the stages are build, tests, schedules, races, speedup, hidden",
                           request->only);
    if (request->test != NULL && !has_test(manifest, request->test))
        return usage_error("%s has no test '%s': they are listed in %s/lab.yaml", manifest->id, request->test,
                           manifest->directory);
    struct overlay *overlay;
    char *error = NULL;
    if (!overlay_load(manifest, request->overlay, &overlay, &error)) {
        fprintf(stderr, "grader: %s\n", error);
        free(error);
        return EXIT_USAGE;
    }
    const int code = grade_handin(request, kit, manifest, overlay, stages);
    overlay_free(overlay);
    return code;
}

static int run_request(const struct kit *kit, const struct request *request)
{
    char *error = NULL;
    char *directory = kit_lab(kit, request->lab);
    if (directory == NULL)
        return usage_error("unknown lab '%s': `grader list` names them", request->lab);
    struct manifest *manifest = manifest_load(directory, &error);
    int result = EXIT_USAGE;
    if (manifest != NULL)
        result = grade_lab(request, kit, manifest);
    else
        fprintf(stderr, "%s\n", error);
    manifest_free(manifest);
    free(error);
    free(directory);
    return result;
}

static int run_grade(const struct kit *kit, int argc, char **argv)
{
    struct request request;
    int code = parse_grade(argc, argv, &request);
    environment_scrub();
    if (code == EXIT_GRADED && request.help)
        fputs(usage_text, stdout);
    else if (code == EXIT_GRADED)
        code = run_request(kit, &request);
    outputs_release(&request.outputs);
    return code;
}

static int run_list(const struct kit *kit, int argc, char **argv)
{
    char **labs = kit_labs(kit);
    int code = EXIT_GRADED;
    (void)argc;
    (void)argv;
    for (size_t i = 0; labs[i] != NULL; i++) {
        char *error = NULL;
        struct manifest *manifest = manifest_load(labs[i], &error);
        if (manifest != NULL) {
            printf("%s  %-22s %s\n", manifest->id, manifest->title, manifest->idea);
        } else {
            fprintf(stderr, "%s\n", error);
            code = EXIT_USAGE;
        }
        manifest_free(manifest);
        free(error);
        free(labs[i]);
    }
    free(labs);
    return code;
}

static const char list_usage[] = "usage: grader list    the labs\n";
static const char explain_usage[] = "usage: grader explain [KIND]    a page about that kind of finding; or the kinds\n";
static const char doctor_usage[] =
    "usage: grader doctor [--starts N]    what this machine has; or what isolation adds to a start, N times\n";

static int run_doctor(const struct kit *kit, int argc, char **argv)
{
    uint64_t pairs;
    if (argc == 1)
        return doctor_run(kit);
    if (argc == 3 && strcmp(argv[1], "--starts") == 0 && text_number(argv[2], 1, 100000, &pairs))
        return doctor_starts((size_t)pairs);
    fputs(doctor_usage, stderr);
    return EXIT_USAGE;
}

static const struct {
    const char *name;
    int (*run)(const struct kit *kit, int argc, char **argv);
    const char *usage; /* NULL: it knows --help itself */
} commands[] = {
    {"grade", run_grade, NULL},
    {"explore", explore_command, NULL},
    {"explain", explain_run, explain_usage},
    {"watch", watch_command, watch_usage},
    {"batch", batch_command, batch_usage},
    {"regrade", regrade_command, regrade_usage},
    {"adjust", adjust_command, adjust_usage},
    {"history", history_command, history_usage},
    {"export", export_command, export_usage},
    {"report", report_command, report_usage},
    {"list", run_list, list_usage},
    {"doctor", run_doctor, doctor_usage},
};

static bool is_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

/* The first option is looked at only: a word after it may be its value, as the comment on a mark. */
static bool wants_help(int argc, char **argv)
{
    int word = 1;
    while (word < argc && argv[word][0] != '-')
        word++;
    return word < argc && is_help(argv[word]);
}

static int run_command(const char *name, int argc, char **argv)
{
    struct kit kit;
    char *error = NULL;
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (strcmp(commands[i].name, name) != 0)
            continue;
        if (commands[i].usage != NULL && wants_help(argc, argv)) {
            fputs(commands[i].usage, stdout);
            return EXIT_GRADED;
        }
        if (!kit_find(&kit, &error)) {
            fprintf(stderr, "grader: %s\n", error);
            free(error);
            return EXIT_GRADER_ERROR;
        }
        const int code = commands[i].run(&kit, argc, argv);
        kit_release(&kit);
        return code;
    }
    fprintf(stderr, "grader: unknown command '%s'\n%s", name, usage_text);
    return EXIT_USAGE;
}

int main(int argc, char **argv)
{
    if (argc >= 2 && is_help(argv[1])) {
        fputs(usage_text, stdout);
        return 0;
    }
    if (argc < 2) {
        fputs(usage_text, stderr);
        return EXIT_USAGE;
    }
    signal(SIGPIPE, SIG_IGN);
    process_catch_interrupts();
    return run_command(argv[1], argc - 1, argv + 1);
}
