#include "manifest_check.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "symbol_groups.h"
#include "text.h"

/* A manifest under inspection. */
struct check {
    struct manifest *manifest;
    const struct yaml_text *text;
    struct yaml_fault *fault;
};

/* What an entry of `tests`, one of `schedules` and one of `speedup` have in common. */
struct entry {
    const char *name, *function;
    char *why;
    int points;
};

static struct entry test_entry(const struct manifest *manifest, unsigned i)
{
    const struct manifest_test *test = &manifest->tests[i];
    return (struct entry){.name = test->name, .function = test->function, .why = test->why, .points = test->points};
}

static struct entry scenario_entry(const struct manifest *manifest, unsigned i)
{
    const struct manifest_scenario *scenario = &manifest->scenarios[i];
    return (struct entry){
        .name = scenario->name, .function = scenario->function, .why = scenario->why, .points = scenario->points};
}

static struct entry measure_entry(const struct manifest *manifest, unsigned i)
{
    const struct manifest_measure *measure = &manifest->measures[i];
    return (struct entry){
        .name = measure->name, .function = measure->function, .why = measure->why, .points = measure->points};
}

static bool is_identifier(const char *word)
{
    const size_t length = strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
    return length > 0 && !word[length] && !isdigit((unsigned char)*word);
}

static bool check_range(const struct check *check, int line, const char *key, double value, double low, double high)
{
    return (value >= low && value <= high) ||
           yaml_fault_set(check->fault, line, "'%s' must be %g to %g, not %.9g", key, low, high, value);
}

/* Texts are printed within a line; a block text (`>` or `|`) ends with a newline, which is cut. */
static bool check_sentence(const struct check *check, int line, const char *key, char *sentence)
{
    size_t length = strlen(sentence);
    while (length > 0 && isspace((unsigned char)sentence[length - 1]))
        sentence[--length] = '\0';
    if (length == 0)
        return yaml_fault_set(check->fault, line, "'%s' must be text, but it is empty", key);
    for (const char *c = sentence; *c; c++)
        if (iscntrl((unsigned char)*c))
            return yaml_fault_set(check->fault, line, "'%s' must be one line of text without control characters", key);
    return true;
}

static int line_of(const struct check *check, const char *key)
{
    return yaml_text_line(check->text, key, -1, NULL);
}

static bool check_texts(const struct check *check)
{
    struct manifest *manifest = check->manifest;
    char *wanted = text_format("%s.c", manifest->stem);
    const bool named = strcmp(manifest->file, wanted) == 0;
    if (!named)
        yaml_fault_set(check->fault, line_of(check, "file"),
                       "'file' must be '%s', after the lab's directory, not '%.60s'", wanted, manifest->file);
    free(wanted);
    return named && check_sentence(check, line_of(check, "title"), "title", manifest->title) &&
           check_sentence(check, line_of(check, "idea"), "idea", manifest->idea);
}

/* The names go on the command lines of pkg-config. */
static bool check_libraries(const struct check *check)
{
    const struct manifest *manifest = check->manifest;
    for (unsigned i = 0; i < manifest->libraries_count; i++) {
        const char *name = manifest->libraries[i];
        bool good = isalnum((unsigned char)*name);
        for (const char *c = name; *c; c++)
            good = good && (isalnum((unsigned char)*c) || strchr("._+-", *c));
        if (!good)
            return yaml_fault_set(check->fault, yaml_text_line(check->text, "libraries", (int)i, NULL),
                                  "'%.60s' is not the name of a pkg-config package", name);
    }
    return true;
}

/* It becomes the name of a file. */
static bool check_service(const struct check *check)
{
    const char *name = check->manifest->service;
    return name == NULL || is_identifier(name) ||
           yaml_fault_set(check->fault, line_of(check, "service"), "'%.60s' is not the name of a program", name);
}

static bool check_functions(const struct check *check)
{
    const struct manifest *manifest = check->manifest;
    for (unsigned i = 0; i < manifest->functions_count; i++) {
        const char *name = manifest->functions[i];
        const int line = yaml_text_line(check->text, "functions", (int)i, NULL);
        if (!is_identifier(name))
            return yaml_fault_set(check->fault, line, "'%.60s' is not the name of a C function", name);
        for (unsigned j = 0; j < i; j++)
            if (strcmp(name, manifest->functions[j]) == 0)
                return yaml_fault_set(check->fault, line, "function '%.60s' is there twice, first on line %d", name,
                                      yaml_text_line(check->text, "functions", (int)j, NULL));
    }
    return true;
}

static bool check_symbols(const struct check *check)
{
    const struct manifest *manifest = check->manifest;
    for (unsigned i = 0; i < manifest->symbols_count; i++) {
        const char *name = manifest->symbols[i], *const *names = symbol_groups_names();
        size_t count = 0;
        while (names[count] != NULL)
            count++;
        if (symbol_groups_is_group(name))
            continue;
        const char *nearest = yaml_nearest(name, names, count);
        return yaml_fault_set(check->fault, yaml_text_line(check->text, "symbols", (int)i, NULL),
                              "'%.60s' is no group of symbols%s%s%s", name, nearest ? " (did you mean '" : "",
                              nearest ? nearest : "", nearest ? "'?)" : "");
    }
    return true;
}

static bool check_points(const struct check *check)
{
    const struct manifest_points *points = &check->manifest->points;
    const struct {
        const char *key;
        int value;
    } rows[] = {{"build", points->build},
                {"tests", points->tests},
                {"schedules", points->schedules},
                {"races", points->races},
                {"speedup", points->speedup}};
    int sum = 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const int line = yaml_text_line(check->text, "points", -1, rows[i].key);
        if (!check_range(check, line, rows[i].key, rows[i].value, 0, 100))
            return false;
        sum += rows[i].value;
    }
    return sum == 100 || yaml_fault_set(check->fault, line_of(check, "points"), "points add up to %d, not to 100", sum);
}

struct limit {
    const char *key;
    double *seconds;
    int *count;
    double missing; /* what an absent key stands for */
    int low, high;
};

/* Sets those that are not given, and checks the others. */
static bool check_limit_rows(const struct check *check, const struct limit *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const int line = yaml_text_line(check->text, "limits", -1, rows[i].key);
        if (!line && rows[i].seconds)
            *rows[i].seconds = rows[i].missing;
        else if (!line)
            *rows[i].count = (int)rows[i].missing;
        else if (!check_range(check, line, rows[i].key, rows[i].seconds ? *rows[i].seconds : *rows[i].count,
                              rows[i].low, rows[i].high))
            return false;
    }
    return true;
}

/* First those of one clock and one process, from which those of whole trees follow. CPU time is meant for what burns
 * more than the eight cores a measure may use: a few threads that spin are to run into the deadline, on every machine.
 */
static bool check_limits(const struct check *check)
{
    enum { CORES = 8, SINGLES = 8, TREES = 4 };
    struct manifest_limits *limits = &check->manifest->limits;
    const struct limit singles[SINGLES] = {
        {"test_seconds", &limits->test_seconds, NULL, 10, 1, 120},
        {"race_seconds", &limits->race_seconds, NULL, 60, 1, 600},
        {"bench_seconds", &limits->bench_seconds, NULL, 20, 1, 600},
        {"memory_mb", NULL, &limits->memory_mb, 2048, 64, 65536},
        {"processes", NULL, &limits->processes, 64, 4, 4096},
        {"descriptors", NULL, &limits->descriptors, 1024, 64, 65536},
        {"file_mb", NULL, &limits->file_mb, 256, 1, 65536},
        {"output_mb", NULL, &limits->output_mb, 64, 1, 1024},
    };
    if (!check_limit_rows(check, singles, SINGLES))
        return false;
    const struct limit trees[TREES] = {
        {"test_cpu_seconds", &limits->test_cpu_seconds, NULL, CORES * limits->test_seconds, 1, 100000},
        {"race_cpu_seconds", &limits->race_cpu_seconds, NULL, CORES * limits->race_seconds, 1, 100000},
        {"bench_cpu_seconds", &limits->bench_cpu_seconds, NULL, CORES * limits->bench_seconds, 1, 100000},
        {"tree_memory_mb", NULL, &limits->tree_memory_mb, 2.0 * limits->memory_mb, 64, 131072},
    };
    return check_limit_rows(check, trees, TREES);
}

static bool check_function(const struct check *check, int line, const char *function)
{
    const struct manifest *manifest = check->manifest;
    const char *const *names = (const char *const *)manifest->functions;
    for (unsigned i = 0; i < manifest->functions_count; i++)
        if (strcmp(names[i], function) == 0)
            return true;
    const char *nearest = yaml_nearest(function, names, manifest->functions_count);
    return yaml_fault_set(check->fault, line, "function '%.60s' is not in 'functions'%s%s%s", function,
                          nearest ? " (did you mean '" : "", nearest ? nearest : "", nearest ? "'?)" : "");
}

static bool check_entry(const struct check *check, const char *list, unsigned i,
                        struct entry (*entry_of)(const struct manifest *, unsigned))
{
    const struct entry entry = entry_of(check->manifest, i);
    const int line = yaml_text_line(check->text, list, (int)i, "name");
    if (!is_identifier(entry.name))
        return yaml_fault_set(check->fault, line, "'name' must be a C name, not '%.60s'", entry.name);
    for (unsigned j = 0; j < i; j++)
        if (strcmp(entry.name, entry_of(check->manifest, j).name) == 0)
            return yaml_fault_set(check->fault, line, "name '%.60s' is there twice in '%s', first on line %d",
                                  entry.name, list, yaml_text_line(check->text, list, (int)j, "name"));
    return check_range(check, yaml_text_line(check->text, list, (int)i, "points"), "points", entry.points, 0, 100) &&
           check_function(check, yaml_text_line(check->text, list, (int)i, "function"), entry.function) &&
           check_sentence(check, yaml_text_line(check->text, list, (int)i, "why"), "why", entry.why);
}

/* An entry of a list is worth at most 100, so that the sum cannot overflow within LARGEST_FILE. */
static bool check_entries(const struct check *check, const char *list, unsigned count, int points,
                          struct entry (*entry_of)(const struct manifest *, unsigned))
{
    int sum = 0;
    for (unsigned i = 0; i < count; i++) {
        if (!check_entry(check, list, i, entry_of))
            return false;
        sum += entry_of(check->manifest, i).points;
    }
    return sum == points ||
           yaml_fault_set(check->fault, line_of(check, list),
                          "points in '%s' add up to %d, but 'points' gives %d for '%s'", list, sum, points, list);
}

/* Sets the budgets that are not given, and checks the others. */
static bool check_scenarios(const struct check *check)
{
    struct manifest *manifest = check->manifest;
    for (unsigned i = 0; i < manifest->scenarios_count; i++) {
        unsigned *schedules = &manifest->scenarios[i].schedules;
        const int line = yaml_text_line(check->text, "schedules", (int)i, "schedules");
        if (!line)
            *schedules = MANIFEST_SCHEDULES;
        else if (!check_range(check, line, "schedules", *schedules, 1, 1000000))
            return false;
    }
    return true;
}

/* A share of a speed above 1 asks for more than the machine has; a run may burn no more CPU time than 60 s. */
static bool check_measures(const struct check *check)
{
    const struct manifest *manifest = check->manifest;
    for (unsigned i = 0; i < manifest->measures_count; i++) {
        const struct manifest_measure *measure = &manifest->measures[i];
        const double most = measure->kind == MEASURE_WAITING ? 60 : 1;
        if (!check_range(check, yaml_text_line(check->text, "speedup", (int)i, "workers"), "workers", measure->workers,
                         0, 64) ||
            !check_range(check, yaml_text_line(check->text, "speedup", (int)i, "threshold"), "threshold",
                         measure->threshold, 0.001, most))
            return false;
    }
    return true;
}

static bool check_file(const struct check *check, const char *name)
{
    struct stat status;
    char *path = text_join(check->manifest->directory, name);
    const int cause = stat(path, &status) == 0 ? 0 : errno;
    free(path);
    const int line = line_of(check, "file");
    if (cause == ENOENT)
        return yaml_fault_set(check->fault, line, "lab file '%s' is missing", name);
    if (cause)
        return yaml_fault_set(check->fault, line, "cannot look at lab file '%s': %s", name, strerror(cause));
    return S_ISREG(status.st_mode) || yaml_fault_set(check->fault, line, "lab file '%s' is not a file", name);
}

static bool check_files(const struct check *check)
{
    static const char *const names[] = {"tests.c", "scenarios.c", "race.c", "bench.c", "README.md", "skeleton.c"};
    char *header = text_format("%s.h", check->manifest->stem);
    bool ok = check_file(check, header) && check_file(check, check->manifest->file);
    free(header);
    for (size_t i = 0; ok && i < sizeof names / sizeof *names; i++)
        ok = check_file(check, names[i]);
    return ok;
}

bool manifest_check(struct manifest *manifest, const struct yaml_text *text, struct yaml_fault *fault)
{
    const struct check context = {.manifest = manifest, .text = text, .fault = fault}, *check = &context;
    return check_texts(check) && check_libraries(check) && check_service(check) && check_functions(check) &&
           check_symbols(check) && check_points(check) && check_limits(check) &&
           check_entries(check, "tests", manifest->tests_count, manifest->points.tests, test_entry) &&
           check_entries(check, "schedules", manifest->scenarios_count, manifest->points.schedules, scenario_entry) &&
           check_scenarios(check) &&
           check_entries(check, "speedup", manifest->measures_count, manifest->points.speedup, measure_entry) &&
           check_measures(check) && check_files(check);
}
