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
#include "explore/explore_command.h"
#include "kit.h"
#include "manifest.h"
#include "pipeline.h"
#include "process.h"
#include "report_json.h"
#include "report_text.h"
#include "text.h"
#include "workspace.h"

static const char usage_text[] =
    "usage: grader grade LAB [FILE|DIR] [options]   grade one hand-in (default: the file in labs/)\n"
    "       grader explore [options] FILE.c...      search the schedules of a program (grader explore --help)\n"
    "       grader batch LAB ...                    grade a class (these six say their options without any)\n"
    "       grader regrade | adjust | history | report | export GRADEBOOK ...   what to do with it afterwards\n"
    "       grader list                             the labs\n"
    "       grader doctor                           what this machine has, and what a lack costs\n"
    "options of grade:\n"
    "  --json OUT        write the report as JSON, too (- for stdout; the text then goes to stderr)\n"
    "  --require N       exit 1 unless at least N points were earned\n"
    "  --seed N          seed of inputs (default 1)\n"
    "  --only STAGE,...  only these stages of build, tests, schedules, races, speedup\n"
    "  --test NAME       only this test, of the stage tests\n"
    "  --keep DIR        work in DIR, which must not exist, build all programs and leave them there\n";

/* What `grade` was asked to do. */
struct request {
    const char *lab, *handin, *json, *only, *test, *keep;
    long require; /* -1: not asked */
    uint64_t seed;
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

static bool parse_number(const char *text, uint64_t limit, uint64_t *number)
{
    char *end;
    errno = 0;
    *number = strtoull(text, &end, 10);
    return errno == 0 && end != text && *end == '\0' && text[0] != '-' && *number <= limit;
}

static bool parse_option(int option, const char *value, struct request *request)
{
    uint64_t number = 0;
    switch (option) {
    case 'j':
        request->json = value;
        return true;
    case 'o':
        request->only = value;
        return true;
    case 't':
        request->test = value;
        return true;
    case 'k':
        request->keep = value;
        return true;
    case 's':
        return parse_number(value, INT64_MAX, &request->seed);
    case 'r':
        if (!parse_number(value, INT_MAX, &number))
            return false;
        request->require = (long)number;
        return true;
    default:
        return false;
    }
}

static int parse_grade(int argc, char **argv, struct request *request)
{
    static const struct option options[] = {{"json", required_argument, NULL, 'j'},
                                            {"require", required_argument, NULL, 'r'},
                                            {"seed", required_argument, NULL, 's'},
                                            {"only", required_argument, NULL, 'o'},
                                            {"test", required_argument, NULL, 't'},
                                            {"keep", required_argument, NULL, 'k'},
                                            {NULL, 0, NULL, 0}};
    *request = (struct request){.require = -1, .seed = 1};
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option == '?') {
            fputs(usage_text, stderr);
            return EXIT_USAGE;
        }
        if (!parse_option(option, optarg, request))
            return usage_error("'%s' is not a number that option can take", optarg);
    }
    if (optind >= argc || argc - optind > 2) {
        fputs(usage_text, stderr);
        return EXIT_USAGE;
    }
    request->lab = argv[optind];
    request->handin = argc - optind == 2 ? argv[optind + 1] : NULL;
    return EXIT_GRADED;
}

static bool wants_color(FILE *stream)
{
    const char *no_color = getenv("NO_COLOR"), *terminal = getenv("TERM");
    return isatty(fileno(stream)) && (no_color == NULL || *no_color == '\0') &&
           (terminal == NULL || strcmp(terminal, "dumb") != 0);
}

static int write_json(const struct request *request, const struct report *report)
{
    char *json = report_json(report);
    bool ok;
    if (strcmp(request->json, "-") == 0)
        ok = fputs(json, stdout) >= 0 && fflush(stdout) == 0;
    else
        ok = text_write_file(request->json, json, strlen(json));
    const int cause = errno;
    free(json);
    if (ok)
        return EXIT_GRADED;
    fprintf(stderr, "grader: cannot write '%s': %s\n", request->json, strerror(cause));
    return EXIT_GRADER_ERROR;
}

static int write_report(const struct request *request, const struct report *report)
{
    FILE *stream = request->json != NULL && strcmp(request->json, "-") == 0 ? stderr : stdout;
    report_text(stream, report, wants_color(stream));
    int code = EXIT_GRADED;
    if (fflush(stream) != 0 || ferror(stream)) {
        fprintf(stderr, "grader: cannot write the report: %s\n", strerror(errno));
        code = EXIT_GRADER_ERROR;
    }
    if (request->json != NULL && write_json(request, report) != EXIT_GRADED)
        code = EXIT_GRADER_ERROR;
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
                        unsigned stages)
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
        workspace.programs = request->keep != NULL ? pipeline_stages(NULL) : stages;
        workspace.only_test = request->test;
        pipeline_run(manifest, &workspace, &report);
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
        return usage_error("--only '%s': the stages are build, tests, schedules, races, speedup", request->only);
    if (request->test != NULL && !has_test(manifest, request->test))
        return usage_error("%s has no test '%s': they are listed in %s/lab.yaml", manifest->id, request->test,
                           manifest->directory);
    return grade_handin(request, kit, manifest, stages);
}

static int run_grade(const struct kit *kit, int argc, char **argv)
{
    struct request request;
    char *error = NULL;
    const int code = parse_grade(argc, argv, &request);
    if (code != EXIT_GRADED)
        return code;
    char *directory = kit_lab(kit, request.lab);
    if (directory == NULL)
        return usage_error("unknown lab '%s': `grader list` names them", request.lab);
    struct manifest *manifest = manifest_load(directory, &error);
    int result = EXIT_USAGE;
    if (manifest != NULL)
        result = grade_lab(&request, kit, manifest);
    else
        fprintf(stderr, "%s\n", error);
    manifest_free(manifest);
    free(error);
    free(directory);
    return result;
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

static int run_doctor(const struct kit *kit, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return doctor_run(kit);
}

static const struct {
    const char *name;
    int (*run)(const struct kit *kit, int argc, char **argv);
} commands[] = {
    {"grade", run_grade},       {"explore", explore_command}, {"batch", batch_command},   {"regrade", regrade_command},
    {"adjust", adjust_command}, {"history", history_command}, {"export", export_command}, {"report", report_command},
    {"list", run_list},         {"doctor", run_doctor},
};

static int run_command(const char *name, int argc, char **argv)
{
    struct kit kit;
    char *error = NULL;
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (strcmp(commands[i].name, name) != 0)
            continue;
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
    if (argc >= 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
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
