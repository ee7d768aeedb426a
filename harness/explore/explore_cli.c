/*
 * explore_cli.c: the command `explore [options] FILE.c... [-- program arguments]`; see usage.
 */
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "build_program.h"
#include "columns.h"
#include "lines.h"
#include "results.h"
#include "verdict.h"

enum { PATH = 4096, OPTIONS_MAX = 32, ARGUMENTS_MAX = 64, GRACE_SECONDS = 20 };

struct wish {
    const char *strategy, *schedules, *seed, *seconds, *preemptions, *replay, *compiler, *keep;
    bool leaks, quiet;
    char *options[OPTIONS_MAX];
    int option_count;
    char **files;
    int file_count;
    char **arguments;
    int argument_count;
};

static const char *const strategies[] = {"all", "exhaustive", "pct", "random"};

static const char usage[] =
    "usage: explore [--strategy all|exhaustive|pct|random] [--schedules N] [--seconds N] [--seed S]\n"
    "               [--preemptions K] [--no-leaks] [--cc gcc|clang] [-I DIR] [-D NAME] [--quiet] [--keep DIR]\n"
    "               [--replay SCHEDULE] FILE.c... [-- program arguments]\n"
    "runs a threaded C program in many schedules and tells what is wrong with it\n"
    "exit status: 0 nothing found, 1 found, 2 usage or does not compile, 3 not supported or a fault of ours\n";

static int strategy_number(const char *name)
{
    for (int i = 0; i < 4; i++)
        if (strcmp(name, strategies[i]) == 0)
            return i;
    return -1;
}

static void add_option(struct wish *wish, int letter, const char *value)
{
    char *option;
    if (wish->option_count < OPTIONS_MAX && asprintf(&option, "-%c%s", letter, value) > 0)
        wish->options[wish->option_count++] = option;
}

static bool read_options(int count, char **words, struct wish *wish)
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
                                          {NULL, 0, NULL, 0}};
    for (int letter; (letter = getopt_long(count, words, "+I:D:", known, NULL)) != -1;)
        switch (letter) {
        case 's':
            wish->strategy = optarg;
            break;
        case 'n':
            wish->schedules = optarg;
            break;
        case 't':
            wish->seconds = optarg;
            break;
        case 'e':
            wish->seed = optarg;
            break;
        case 'p':
            wish->preemptions = optarg;
            break;
        case 'r':
            wish->replay = optarg;
            break;
        case 'l':
            wish->leaks = false;
            break;
        case 'c':
            wish->compiler = optarg;
            break;
        case 'q':
            wish->quiet = true;
            break;
        case 'k':
            wish->keep = optarg;
            break;
        case 'I':
        case 'D':
            add_option(wish, letter, optarg);
            break;
        default:
            return false;
        }
    return strategy_number(wish->strategy) >= 0;
}

static bool read_words(int count, char **words, struct wish *wish)
{
    *wish = (struct wish){.strategy = "all",
                          .schedules = "6000",
                          .seed = "1",
                          .seconds = "30",
                          .preemptions = "-1",
                          .compiler = "gcc",
                          .leaks = true};
    if (!read_options(count, words, wish))
        return false;
    wish->files = words + optind;
    while (optind + wish->file_count < count && strcmp(wish->files[wish->file_count], "--") != 0)
        wish->file_count++;
    const int after = optind + wish->file_count + 1;
    if (after < count) {
        wish->arguments = words + after;
        wish->argument_count = count - after;
    }
    return wish->file_count > 0 && wish->argument_count < ARGUMENTS_MAX - 10;
}

static void run_program(const struct wish *wish, const char *directory)
{
    char program[PATH], results[PATH], strategy[8];
    char *words[ARGUMENTS_MAX];
    int n = 0;
    snprintf(program, sizeof program, "%s/program", directory);
    snprintf(results, sizeof results, "%s/results", directory);
    snprintf(strategy, sizeof strategy, "%d", strategy_number(wish->strategy));
    words[n++] = program;
    if (wish->replay != NULL) {
        words[n++] = (char *)"replay";
        words[n++] = (char *)wish->replay;
    } else {
        const char *limits[] = {"explore",     strategy,          wish->schedules,        wish->seed,
                                wish->seconds, wish->preemptions, wish->leaks ? "1" : "0"};
        for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++)
            words[n++] = (char *)limits[i];
    }
    for (int i = 0; i < wish->argument_count; i++)
        words[n++] = wish->arguments[i];
    words[n] = NULL;
    FILE *file = fopen(results, "w");
    if (file == NULL || (fileno(file) != 3 && dup2(fileno(file), 3) < 0))
        _exit(EXIT_BROKEN);
    execv(program, words);
    _exit(EXIT_BROKEN);
}

/* Waits for the program; kills it when it overdoes. */
static int wait_for(pid_t child, double seconds)
{
    const struct timespec tick = {.tv_nsec = 2000000};
    int status;
    for (double waited = 0; waited < seconds; waited += 0.002) {
        if (waitpid(child, &status, WNOHANG) == child) {
            if (WIFEXITED(status))
                return WEXITSTATUS(status);
            fprintf(stderr, "explore: the explorer itself was ended by signal %d\n", WTERMSIG(status));
            return EXIT_BROKEN;
        }
        nanosleep(&tick, NULL);
    }
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    fprintf(stderr, "explore: the search did not end in time\n");
    return EXIT_BROKEN;
}

static void print_places(const struct results *results)
{
    for (size_t i = 0; i < results->place_count; i++) {
        const struct told *place = &results->places[i];
        const struct line line = lines_at(place->pc);
        printf("  %s %d, %s:%d in %s: %s\n      %s\n", place->thread == 0 ? "main, thread" : "thread", place->thread,
               line.file, line.number, line.function, place->words, line.text);
    }
}

static void print_coverage(const struct results *results)
{
    printf("%s%llu schedules%s%s", results->complete ? "all " : "", results->schedules,
           results->complete ? "" : " of many", results->timeout ? ", out of time" : "");
    if (results->cut > 0)
        printf(", %llu of them given up as too long", results->cut);
    printf("\n");
}

static void print_results(const struct wish *wish, const struct results *results, int status)
{
    const bool found = status == EXIT_FOUND;
    if (status == EXIT_BROKEN)
        printf("unsupported: %s\n", results->text != NULL ? results->text : "schedules too long to be searched");
    else if (!found)
        printf("nothing found\n");
    if (found && results->kind != NULL) {
        printf("%s: %s\n", results->kind, results->text != NULL ? results->text : "");
        print_places(results);
        if (results->effect != NULL)
            printf("what can come of it: %s\n  (schedule %s)\n", results->effect, results->effect_token);
        if (!wish->quiet)
            columns_print(stdout, results);
    }
    if (wish->replay == NULL)
        print_coverage(results);
    if (results->token != NULL)
        printf("schedule: %s\n", results->token);
}

static int explore(const struct wish *wish, const char *directory)
{
    char path[PATH], runtime[PATH];
    const ssize_t length = readlink("/proc/self/exe", runtime, sizeof runtime - 1);
    if (length <= 0)
        return EXIT_BROKEN;
    runtime[length] = '\0';
    *strrchr(runtime, '/') = '\0';
    const struct build build = {wish->compiler,         runtime,           directory, wish->files, wish->file_count,
                                (char **)wish->options, wish->option_count};
    int status = build_program(&build);
    if (status != 0)
        return status;
    const pid_t child = fork();
    if (child == 0)
        run_program(wish, directory);
    status = wait_for(child, atof(wish->seconds) + GRACE_SECONDS);
    struct results results;
    snprintf(path, sizeof path, "%s/results", directory);
    if (!results_read(path, &results))
        return EXIT_BROKEN;
    snprintf(path, sizeof path, "%s/program", directory);
    if (!lines_open(path))
        fprintf(stderr, "explore: no line numbers\n");
    print_results(wish, &results, status);
    lines_close();
    results_release(&results);
    return status;
}

static void remove_directory(const char *directory)
{
    const pid_t child = fork();
    if (child == 0) {
        execlp("rm", "rm", "-rf", directory, (char *)NULL);
        _exit(1);
    }
    waitpid(child, NULL, 0);
}

int main(int count, char **words)
{
    struct wish wish;
    char directory[] = "/tmp/explore-XXXXXX";
    if (!read_words(count, words, &wish)) {
        fputs(usage, stderr);
        return EXIT_MISUSED;
    }
    if (wish.keep == NULL && mkdtemp(directory) == NULL) {
        perror("explore: cannot make a directory");
        return EXIT_BROKEN;
    }
    const int status = explore(&wish, wish.keep != NULL ? wish.keep : directory);
    if (wish.keep == NULL)
        remove_directory(directory);
    return status;
}
