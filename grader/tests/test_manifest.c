#include <criterion/criterion.h>
#include <ftw.h>
#include <glob.h>
#include <locale.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../manifest.h"

/* The line numbers that the tests expect are those of this text. */
static const char good[] = "title: Sample lab\n"                                                     /*  1 */
                           "idea: One sentence.\n"                                                   /*  2 */
                           "file: sample.c\n"                                                        /*  3 */
                           "libraries: [libcurl, jansson]\n"                                         /*  4 */
                           "functions:\n"                                                            /*  5 */
                           "  - sample_create\n"                                                     /*  6 */
                           "  - sample_add\n"                                                        /*  7 */
                           "points: {build: 10, tests: 45, schedules: 15, races: 10, speedup: 20}\n" /*  8 */
                           "limits:\n"                                                               /*  9 */
                           "  test_seconds: 5.5\n"                                                   /* 10 */
                           "  race_seconds: 61\n"                                                    /* 11 */
                           "  bench_seconds: 21\n"                                                   /* 12 */
                           "  memory_mb: 1024\n"                                                     /* 13 */
                           "  processes: 32\n"                                                       /* 14 */
                           "# the tests\n"                                                           /* 15 */
                           "tests:\n"                                                                /* 16 */
                           "  - name: adds\n"                                                        /* 17 */
                           "    points: 40\n"                                                        /* 18 */
                           "    function: sample_add\n"                                              /* 19 */
                           "    why: The sum is wrong.\n"                                            /* 20 */
                           "  - {name: creates, points: 5, function: sample_create,\n"               /* 21 */
                           "     why: \"There: nothing.\"}\n"                                        /* 22 */
                           "speedup:\n"                                                              /* 23 */
                           "  - name: sum\n"                                                         /* 24 */
                           "    kind: latency\n"                                                     /* 25 */
                           "    workers: 8\n"                                                        /* 26 */
                           "    threshold: 0.75\n"                                                   /* 27 */
                           "    points: 15\n"                                                        /* 28 */
                           "    function: sample_add\n"                                              /* 29 */
                           "    why: >\n"                                                            /* 30 */
                           "      Two\n"                                                             /* 31 */
                           "      lines.\n"                                                          /* 32 */
                           "  - {name: idle, kind: waiting, workers: 0, threshold: 1,\n"             /* 33 */
                           "     points: 5, function: sample_create, why: It spins.}\n"              /* 34 */
                           "schedules:\n"                                                            /* 35 */
                           "  - {name: two_adders, points: 9, function: sample_add,\n"               /* 36 */
                           "     why: One addition is lost.}\n"                                      /* 37 */
                           "  - {name: add_and_create, points: 6, schedules: 777,\n"                 /* 38 */
                           "     function: sample_create, why: It is used too early.}\n";            /* 39 */

static const char *const lab_files[] = {"sample.h", "sample.c", "tests.c",   "scenarios.c",
                                        "race.c",   "bench.c",  "README.md", "skeleton.c"};

/* ---- a lab directory for one load ---- */

struct lab {
    char root[256];      /* to be removed */
    char directory[300]; /* root/NAME */
};

static void put_file(const struct lab *lab, const char *name, const void *bytes, size_t length)
{
    char path[600];
    snprintf(path, sizeof path, "%s/%s", lab->directory, name);
    FILE *file = fopen(path, "w");
    cr_assert(file && fwrite(bytes, 1, length, file) == length && fclose(file) == 0, "cannot write '%s'", path);
}

static void make_lab(struct lab *lab, const char *name)
{
    const char *top = getenv("TMPDIR");
    snprintf(lab->root, sizeof lab->root, "%s/test_manifest.XXXXXX", top ? top : "/tmp");
    cr_assert(mkdtemp(lab->root), "cannot make '%s'", lab->root);
    snprintf(lab->directory, sizeof lab->directory, "%s/%s", lab->root, name);
    cr_assert(mkdir(lab->directory, 0700) == 0);
    for (size_t i = 0; i < sizeof lab_files / sizeof *lab_files; i++)
        put_file(lab, lab_files[i], "\n", 1);
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *place)
{
    (void)status, (void)type, (void)place;
    return remove(path);
}

static void remove_lab(const struct lab *lab)
{
    nftw(lab->root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* ---- loading a variation of `good` ---- */

/* `good` with its only `from` replaced by `to`; caller frees. */
static char *vary(const char *from, const char *to)
{
    const char *at = strstr(good, from);
    cr_assert(at && !strstr(at + 1, from), "'%s' must be in the text once", from);
    size_t size = sizeof good + strlen(to);
    char *text = malloc(size);
    cr_assert(text);
    snprintf(text, size, "%.*s%s%s", (int)(at - good), good, to, at + strlen(from));
    return text;
}

/* Loads a lab and removes its directory. The message must start with the path, `expected` with the line. */
static void expect_refusal(struct lab *lab, const char *expected)
{
    char *error = NULL;
    struct manifest *manifest = manifest_load(lab->directory, &error);
    remove_lab(lab);
    cr_assert_null(manifest, "loaded, but expected: %s", expected);
    cr_assert_not_null(error);
    const size_t prefix = strlen(lab->directory);
    cr_assert(strncmp(error, lab->directory, prefix) == 0 && strncmp(error + prefix, "/lab.yaml:", 10) == 0,
              "does not start with FILE: %s", error);
    cr_expect_null(strchr(error, '\n'));
    cr_expect_eq(strncmp(error + prefix + 10, expected, strlen(expected)), 0, "expected '%s', got '%s'", expected,
                 error + prefix + 10);
    free(error);
}

static void expect_text_refused(const void *bytes, size_t length, const char *expected)
{
    struct lab lab;
    make_lab(&lab, "lab07_sample");
    put_file(&lab, "lab.yaml", bytes, length);
    expect_refusal(&lab, expected);
}

static void expect_variation_refused(const char *from, const char *to, const char *expected)
{
    char *text = vary(from, to);
    expect_text_refused(text, strlen(text), expected);
    free(text);
}

static struct manifest *load_text(const char *text)
{
    struct lab lab;
    char *error = NULL;
    make_lab(&lab, "lab07_sample");
    put_file(&lab, "lab.yaml", text, strlen(text));
    struct manifest *manifest = manifest_load(lab.directory, &error);
    remove_lab(&lab);
    cr_assert_not_null(manifest, "%s", error);
    return manifest;
}

static struct manifest *load_variation(const char *from, const char *to)
{
    char *text = vary(from, to);
    struct manifest *manifest = load_text(text);
    free(text);
    return manifest;
}

/* ---- good manifests ---- */

Test(manifest, every_field)
{
    struct lab lab;
    char *error = NULL, directory[sizeof lab.directory + 2];
    make_lab(&lab, "lab07_sample");
    put_file(&lab, "lab.yaml", good, strlen(good));
    snprintf(directory, sizeof directory, "%s//", lab.directory);
    struct manifest *m = manifest_load(directory, &error);
    char *absolute = realpath(lab.directory, NULL);
    remove_lab(&lab);
    cr_assert_not_null(m, "%s", error);
    cr_expect_str_eq(m->id, "lab07");
    cr_expect_str_eq(m->name, "lab07_sample");
    cr_expect_str_eq(m->stem, "sample");
    cr_expect_str_eq(m->directory, absolute);
    cr_expect_str_eq(m->title, "Sample lab");
    cr_expect_str_eq(m->idea, "One sentence.");
    cr_expect_str_eq(m->file, "sample.c");
    manifest_free(m);
    free(absolute);
}

Test(manifest, lists_points_and_limits)
{
    struct manifest *m = load_text(good);
    cr_assert_eq(m->libraries_count, 2);
    cr_expect_str_eq(m->libraries[0], "libcurl");
    cr_expect_str_eq(m->libraries[1], "jansson");
    cr_assert_eq(m->functions_count, 2);
    cr_expect_str_eq(m->functions[0], "sample_create");
    cr_expect_str_eq(m->functions[1], "sample_add");
    cr_expect_eq(m->points.build, 10);
    cr_expect_eq(m->points.tests, 45);
    cr_expect_eq(m->points.schedules, 15);
    cr_expect_eq(m->points.races, 10);
    cr_expect_eq(m->points.speedup, 20);
    cr_expect_eq(m->limits.test_seconds, 5.5);
    cr_expect_eq(m->limits.race_seconds, 61);
    cr_expect_eq(m->limits.bench_seconds, 21);
    cr_expect_eq(m->limits.memory_mb, 1024);
    cr_expect_eq(m->limits.processes, 32);
    manifest_free(m);
}

Test(manifest, tests_in_order)
{
    struct manifest *m = load_text(good);
    cr_assert_eq(m->tests_count, 2);
    cr_expect_str_eq(m->tests[0].name, "adds");
    cr_expect_eq(m->tests[0].points, 40);
    cr_expect_str_eq(m->tests[0].function, "sample_add");
    cr_expect_str_eq(m->tests[0].why, "The sum is wrong.");
    cr_expect_str_eq(m->tests[1].name, "creates");
    cr_expect_eq(m->tests[1].points, 5);
    cr_expect_str_eq(m->tests[1].function, "sample_create");
    cr_expect_str_eq(m->tests[1].why, "There: nothing.");
    manifest_free(m);
}

Test(manifest, scenarios_in_order)
{
    struct manifest *m = load_text(good);
    cr_assert_eq(m->scenarios_count, 2);
    cr_expect_str_eq(m->scenarios[0].name, "two_adders");
    cr_expect_eq(m->scenarios[0].points, 9);
    cr_expect_str_eq(m->scenarios[0].function, "sample_add");
    cr_expect_str_eq(m->scenarios[0].why, "One addition is lost.");
    cr_expect_eq(m->scenarios[0].schedules, MANIFEST_SCHEDULES, "the budget that is not given");
    cr_expect_str_eq(m->scenarios[1].name, "add_and_create");
    cr_expect_eq(m->scenarios[1].schedules, 777);
    manifest_free(m);
}

Test(manifest, refuses_wrong_scenarios)
{
    expect_variation_refused("schedules: 777", "schedules: 0", "38: 'schedules' must be 1 to 1e+06, not 0");
    expect_variation_refused("points: 9", "points: 8", "35: points in 'schedules' add up to 14, but 'points' gives 15");
    expect_variation_refused("add_and_create", "two_adders", "38: name 'two_adders' is there twice in 'schedules'");
}

Test(manifest, function_that_words_name)
{
    struct manifest *m = load_text(good);
    cr_expect_str_eq(manifest_named_function(m, "after sample_add and sample_create"), "sample_add");
    cr_expect_str_eq(manifest_named_function(m, "sample_add_all, then sample_create(1)"), "sample_create");
    cr_expect_null(manifest_named_function(m, "my_sample_add is another one"));
    cr_expect_null(manifest_named_function(m, ""));
    cr_expect_null(manifest_named_function(m, NULL));
    manifest_free(m);
}

Test(manifest, measures_in_order)
{
    struct manifest *m = load_text(good);
    cr_assert_eq(m->measures_count, 2);
    const struct manifest_measure *sum = &m->measures[0], *idle = &m->measures[1];
    cr_expect_str_eq(sum->name, "sum");
    cr_expect_eq(sum->kind, MEASURE_LATENCY);
    cr_expect_eq(sum->workers, 8);
    cr_expect_eq(sum->threshold, 0.75);
    cr_expect_eq(sum->points, 15);
    cr_expect_str_eq(sum->function, "sample_add");
    cr_expect_str_eq(sum->why, "Two lines.", "the newline of a block text is cut");
    cr_expect_str_eq(idle->name, "idle");
    cr_expect_eq(idle->kind, MEASURE_WAITING);
    cr_expect_eq(idle->workers, 0);
    cr_expect_eq(idle->threshold, 1.0, "a whole number is a number");
    cr_expect_eq(idle->points, 5);
    cr_expect_str_eq(idle->function, "sample_create");
    cr_expect_str_eq(idle->why, "It spins.");
    manifest_free(m);
}

Test(manifest, kind_cpu)
{
    struct manifest *m = load_variation("kind: latency", "kind: cpu");
    cr_expect_eq(m->measures[0].kind, MEASURE_CPU);
    manifest_free(m);
}

static void expect_default_limits(const char *to)
{
    struct manifest *m = load_variation("limits:\n  test_seconds: 5.5\n  race_seconds: 61\n  bench_seconds: 21\n"
                                        "  memory_mb: 1024\n  processes: 32\n",
                                        to);
    cr_expect_eq(m->limits.test_seconds, 10);
    cr_expect_eq(m->limits.race_seconds, 60);
    cr_expect_eq(m->limits.bench_seconds, 20);
    cr_expect_eq(m->limits.memory_mb, 2048);
    cr_expect_eq(m->limits.processes, 64);
    cr_expect_eq(m->limits.descriptors, 1024);
    cr_expect_eq(m->limits.file_mb, 256);
    cr_expect_eq(m->limits.output_mb, 64);
    cr_expect_eq(m->limits.test_cpu_seconds, 80);
    cr_expect_eq(m->limits.race_cpu_seconds, 480);
    cr_expect_eq(m->limits.bench_cpu_seconds, 160);
    cr_expect_eq(m->limits.tree_memory_mb, 4096);
    manifest_free(m);
}

Test(manifest, limits_of_a_whole_tree_follow_from_the_others)
{
    struct manifest *m = load_variation("title: Sample", "title: Sample");
    cr_expect_eq(m->limits.test_cpu_seconds, 44);
    cr_expect_eq(m->limits.race_cpu_seconds, 488);
    cr_expect_eq(m->limits.bench_cpu_seconds, 168);
    cr_expect_eq(m->limits.tree_memory_mb, 2048);
    manifest_free(m);
}

Test(manifest, limits_of_a_whole_tree_and_of_files)
{
    struct manifest *m = load_variation("  memory_mb: 1024\n",
                                        "  test_cpu_seconds: 2.5\n  race_cpu_seconds: 3\n  bench_cpu_seconds: 4\n"
                                        "  tree_memory_mb: 100\n  descriptors: 64\n  file_mb: 5\n  output_mb: 6\n");
    cr_expect_eq(m->limits.test_cpu_seconds, 2.5);
    cr_expect_eq(m->limits.race_cpu_seconds, 3);
    cr_expect_eq(m->limits.bench_cpu_seconds, 4);
    cr_expect_eq(m->limits.tree_memory_mb, 100);
    cr_expect_eq(m->limits.descriptors, 64);
    cr_expect_eq(m->limits.file_mb, 5);
    cr_expect_eq(m->limits.output_mb, 6);
    manifest_free(m);
}

Test(manifest, no_limits)
{
    expect_default_limits("");
}

Test(manifest, empty_limits)
{
    expect_default_limits("limits: {}\n");
}

Test(manifest, each_limit_has_its_default)
{
    struct manifest *m = load_variation("  memory_mb: 1024\n", "");
    cr_expect_eq(m->limits.memory_mb, 2048);
    cr_expect_eq(m->limits.processes, 32);
    manifest_free(m);
    m = load_variation("  test_seconds: 5.5\n", "");
    cr_expect_eq(m->limits.test_seconds, 10);
    cr_expect_eq(m->limits.race_seconds, 61);
    manifest_free(m);
}

Test(manifest, service)
{
    struct manifest *m = load_text(good);
    cr_expect_null(m->service);
    manifest_free(m);
    m = load_variation("functions:\n", "service: site\nfunctions:\n");
    cr_expect_str_eq(m->service, "site");
    manifest_free(m);
}

Test(manifest, no_libraries)
{
    struct manifest *m = load_variation("libraries: [libcurl, jansson]\n", "");
    cr_expect_eq(m->libraries_count, 0);
    manifest_free(m);
    m = load_variation("[libcurl, jansson]", "[]");
    cr_expect_eq(m->libraries_count, 0);
    manifest_free(m);
}

Test(manifest, decimal_point_in_any_locale)
{
    /* a locale with a decimal comma may not be installed: then this is every_field again */
    setlocale(LC_ALL, "de_DE.UTF-8");
    struct manifest *m = load_text(good);
    cr_expect_eq(m->measures[0].threshold, 0.75);
    manifest_free(m);
}

Test(manifest, free_of_null)
{
    manifest_free(NULL);
}

/* ---- mistakes: one row, one test ---- */

#define REFUSED(name, from, to, expected)                                                                              \
    Test(manifest, name)                                                                                               \
    {                                                                                                                  \
        expect_variation_refused(from, to, expected);                                                                  \
    }

REFUSED(unknown_key, "title:", "titel:", "1: unknown key 'titel' (did you mean 'title'?)")
REFUSED(unknown_key_in_test, "    points: 40\n", "    poinst: 40\n",
        "18: unknown key 'poinst' (did you mean 'points'?)")
REFUSED(unknown_key_in_flow, "why: \"There", "reason: \"There", "22: unknown key 'reason'")
REFUSED(unknown_key_of_elsewhere, "    workers: 8\n", "    workers: 8\n    libraries: []\n",
        "27: unknown key 'libraries'")
REFUSED(unknown_key_in_limits, "memory_mb", "memory", "13: unknown key 'memory' (did you mean 'memory_mb'?)")
REFUSED(unknown_key_in_points, "races: 10", "race: 10", "8: unknown key 'race' (did you mean 'races'?)")
REFUSED(key_twice, "    workers: 8\n", "    workers: 8\n    kind: cpu\n",
        "27: key 'kind' is there twice, first on line 25")
REFUSED(key_no_word, "title:", "[a, b]:", "1: a key must be a plain word")

REFUSED(missing_key, "title: Sample lab\n", "", "1: key 'title' is missing")
REFUSED(missing_key_in_test, "    why: The sum is wrong.\n", "", "17: key 'why' is missing in 'tests'")
REFUSED(missing_key_in_flow, " points: 5, function: sample_create,\n", "\n", "21: key 'points' is missing in 'tests'")
REFUSED(missing_key_in_points, "races: 10, ", "", "8: key 'races' is missing in 'points'")
REFUSED(missing_key_in_measure, "    kind: latency\n", "", "24: key 'kind' is missing in 'speedup'")
REFUSED(missing_kind_of_last, "kind: waiting, ", "", "33: key 'kind' is missing in 'speedup'")

REFUSED(word_for_int, "points: 40", "points: many", "18: 'points' must be a whole number, not 'many'")
REFUSED(fraction_for_int, "points: 40", "points: 3.5", "18: 'points' must be a whole number, not '3.5'")
REFUSED(unit_after_int, "memory_mb: 1024", "memory_mb: 1024MB", "13: 'memory_mb' must be a whole number, not '1024MB'")
REFUSED(octal_int, "points: 40", "points: 040", "18: 'points' must be a whole number, not '040'")
REFUSED(hex_int, "points: 40", "points: 0x28", "18: 'points' must be a whole number, not '0x28'")
REFUSED(huge_int, "points: 40", "points: 4294967336", "18: 'points' must be a whole number, not '4294967336'")
REFUSED(empty_int, "points: 40", "points:", "18: 'points' must be a whole number, but it is empty")
REFUSED(list_for_int, "points: 40", "points: [40]", "18: 'points' must be a whole number, not a list")
REFUSED(word_for_number, "threshold: 0.75", "threshold: fast", "27: 'threshold' must be a number, not 'fast'")
REFUSED(comma_for_point, "threshold: 0.75", "threshold: 0,75", "27: 'threshold' must be a number, not '0,75'")
REFUSED(nan_for_number, "threshold: 0.75", "threshold: nan", "27: 'threshold' must be a number, not 'nan'")
REFUSED(list_for_text, "title: Sample lab", "title: [Sample, lab]", "1: 'title' must be text, not a list")
REFUSED(mapping_for_text, "why: The sum is wrong.", "why: {The: sum}", "20: 'why' must be text, not a mapping")
REFUSED(text_for_list, "[libcurl, jansson]", "libcurl", "4: 'libraries' must be a list, not 'libcurl'")
REFUSED(nothing_for_list, "[libcurl, jansson]", "", "4: 'libraries' must be a list, but it is empty")
REFUSED(list_in_list, "  - sample_add\n", "  - [sample_add]\n", "7: 'functions' must be text, not a list")
REFUSED(text_for_mapping, "{build: 10, tests: 45, schedules: 15, races: 10, speedup: 20}", "100",
        "8: 'points' must be a mapping of keys and values, not '100'")
REFUSED(text_for_test, "  - name: adds\n", "  - adds\n  - name: adds\n",
        "17: 'tests' must be a mapping of keys and values, not 'adds'")
REFUSED(unknown_kind, "kind: latency", "kind: gpu", "25: 'kind' must be one of cpu, latency, waiting, not 'gpu'")
REFUSED(number_for_kind, "kind: latency", "kind: 1", "25: 'kind' must be one of cpu, latency, waiting, not '1'")
REFUSED(list_for_kind, "kind: latency", "kind: [cpu]", "25: 'kind' must be one word, not a list")
REFUSED(no_functions, "\n  - sample_create\n  - sample_add\n", " []\n",
        "5: 'functions' is a list of 0 entries, it must have at least 1")

REFUSED(empty_title, "title: Sample lab", "title: \"\"", "1: 'title' must be text, but it is empty")
REFUSED(blank_why, "why: The sum is wrong.", "why: ' '", "20: 'why' must be text, but it is empty")
REFUSED(idea_of_two_lines, "idea: One sentence.", "idea: \"One\\ntwo\"",
        "2: 'idea' must be one line of text without control characters")
REFUSED(other_file, "file: sample.c", "file: simple.c",
        "3: 'file' must be 'sample.c', after the lab's directory, not 'simple.c'")
REFUSED(file_elsewhere, "file: sample.c", "file: ../sample.c",
        "3: 'file' must be 'sample.c', after the lab's directory, not '../sample.c'")
REFUSED(library_option, "jansson", "--version", "4: '--version' is not the name of a pkg-config package")
REFUSED(library_command, "[libcurl, jansson]", "[libcurl,\n  'a;b']",
        "5: 'a;b' is not the name of a pkg-config package")
REFUSED(service_elsewhere, "functions:\n", "service: ../../bin/sh\nfunctions:\n",
        "5: '../../bin/sh' is not the name of a program")
REFUSED(function_no_name, "  - sample_add\n", "  - sample add\n", "7: 'sample add' is not the name of a C function")
REFUSED(function_digit_first, "  - sample_add\n", "  - 2add\n", "7: '2add' is not the name of a C function")
REFUSED(function_twice, "  - sample_add\n", "  - sample_add\n  - sample_create\n",
        "8: function 'sample_create' is there twice, first on line 6")

REFUSED(points_sum, "build: 10", "build: 15", "8: points add up to 105, not to 100")
REFUSED(points_negative, "build: 10", "build: -10", "8: 'build' must be 0 to 100, not -10")
REFUSED(points_too_many, "build: 10", "build: 101", "8: 'build' must be 0 to 100, not 101")
REFUSED(tests_sum, "points: 40", "points: 39", "16: points in 'tests' add up to 44, but 'points' gives 45 for 'tests'")
REFUSED(speedup_sum, "points: 15", "points: 16",
        "23: points in 'speedup' add up to 21, but 'points' gives 20 for 'speedup'")
REFUSED(test_points_negative, "points: 40", "points: -1", "18: 'points' must be 0 to 100, not -1")
REFUSED(test_points_too_many, "points: 40", "points: 999999999", "18: 'points' must be 0 to 100, not 999999999")

REFUSED(test_name_twice, "name: creates", "name: adds", "21: name 'adds' is there twice in 'tests', first on line 17")
REFUSED(measure_name_twice, "name: idle", "name: sum", "33: name 'sum' is there twice in 'speedup', first on line 24")
REFUSED(test_name_no_name, "name: adds", "name: adds/removes", "17: 'name' must be a C name, not 'adds/removes'")
REFUSED(measure_name_empty, "name: sum", "name: ''", "24: 'name' must be a C name, not ''")
REFUSED(test_function_unknown, "    function: sample_add\n    why: The sum",
        "    function: sample_ad\n    why: The sum",
        "19: function 'sample_ad' is not in 'functions' (did you mean 'sample_add'?)")
REFUSED(measure_function_unknown, "    function: sample_add\n    why: >", "    function: other\n    why: >",
        "29: function 'other' is not in 'functions'")

REFUSED(test_seconds_low, "test_seconds: 5.5", "test_seconds: 0.5", "10: 'test_seconds' must be 1 to 120, not 0.5")
REFUSED(test_seconds_zero, "test_seconds: 5.5", "test_seconds: 0", "10: 'test_seconds' must be 1 to 120, not 0")
REFUSED(test_seconds_high, "test_seconds: 5.5", "test_seconds: 121", "10: 'test_seconds' must be 1 to 120, not 121")
REFUSED(test_seconds_infinite, "test_seconds: 5.5", "test_seconds: 1e999",
        "10: 'test_seconds' must be 1 to 120, not inf")
REFUSED(race_seconds_high, "race_seconds: 61", "race_seconds: 601", "11: 'race_seconds' must be 1 to 600, not 601")
REFUSED(bench_seconds_low, "bench_seconds: 21", "bench_seconds: -3", "12: 'bench_seconds' must be 1 to 600, not -3")
REFUSED(memory_low, "memory_mb: 1024", "memory_mb: 63", "13: 'memory_mb' must be 64 to 65536, not 63")
REFUSED(memory_high, "memory_mb: 1024", "memory_mb: 65537", "13: 'memory_mb' must be 64 to 65536, not 65537")
REFUSED(cpu_low, "memory_mb: 1024", "test_cpu_seconds: 0.5", "13: 'test_cpu_seconds' must be 1 to 100000, not 0.5")
REFUSED(tree_memory_low, "memory_mb: 1024", "tree_memory_mb: 63", "13: 'tree_memory_mb' must be 64 to 131072, not 63")
REFUSED(descriptors_low, "memory_mb: 1024", "descriptors: 63", "13: 'descriptors' must be 64 to 65536, not 63")
REFUSED(file_low, "memory_mb: 1024", "file_mb: 0", "13: 'file_mb' must be 1 to 65536, not 0")
REFUSED(output_high, "memory_mb: 1024", "output_mb: 1025", "13: 'output_mb' must be 1 to 1024, not 1025")
REFUSED(processes_low, "processes: 32", "processes: 3", "14: 'processes' must be 4 to 4096, not 3")
REFUSED(processes_high, "processes: 32", "processes: 4097", "14: 'processes' must be 4 to 4096, not 4097")
REFUSED(workers_low, "workers: 8", "workers: -1", "26: 'workers' must be 0 to 64, not -1")
REFUSED(workers_high, "workers: 8", "workers: 65", "26: 'workers' must be 0 to 64, not 65")
REFUSED(threshold_zero, "threshold: 0.75", "threshold: 0", "27: 'threshold' must be 0.001 to 1, not 0")
REFUSED(threshold_high, "threshold: 0.75", "threshold: 1.5", "27: 'threshold' must be 0.001 to 1, not 1.5")
REFUSED(waiting_threshold_high, "threshold: 1,", "threshold: 61,", "33: 'threshold' must be 0.001 to 60, not 61")

REFUSED(
    colon_in_text, "why: The sum is wrong.", "why: The sum: wrong",
    "20: not valid YAML: mapping values are not allowed in this context (a text with ': ' in it must stand in quotes)")
REFUSED(open_bracket, "[libcurl, jansson]", "[libcurl, jansson", "5: not valid YAML: did not find expected ',' or ']'")
REFUSED(tab_as_indent, "  - sample_add\n", "\t- sample_add\n", "7: not valid YAML: found a tab character")
REFUSED(alias, "name: adds", "name: *anchor", "17: not valid YAML: found undefined alias")
REFUSED(anchor_and_alias, "title: Sample lab\nidea: One sentence.\n", "title: &a Sample lab\nidea: *a\n",
        "2: YAML alias unsupported")
REFUSED(two_documents, "speedup:\n", "---\nspeedup:\n", "23: a second document starts here, one is allowed")
REFUSED(latin1, "The sum is wrong.", "Na\xefve sum.", "20: not UTF-8 text: ")
REFUSED(control_character, "The sum is wrong.", "The \x01 sum.",
        "20: not UTF-8 text: control characters are not allowed")
REFUSED(escape_in_key, "title:", "\"\\e[31mtitle\":", "1: unknown key '?[31mtitle'")

/* ---- files that are no manifest at all ---- */

Test(manifest, empty_file)
{
    expect_text_refused("", 0, "1: is empty");
}

Test(manifest, comment_only)
{
    expect_text_refused("# nothing\n", 10, "1: is empty");
}

Test(manifest, one_word)
{
    expect_text_refused("hello\n", 6, "1: 'lab.yaml' must be a mapping of keys and values, not 'hello'");
}

Test(manifest, top_level_list)
{
    expect_text_refused("\n- a\n", 5, "2: 'lab.yaml' must be a mapping of keys and values, not a list");
}

Test(manifest, nul_bytes)
{
    static const char zeros[4096];
    expect_text_refused(zeros, sizeof zeros, "1: not UTF-8 text: control characters are not allowed");
}

Test(manifest, utf16)
{
    expect_text_refused("\xff\xfet\0i\0t\0l\0e\0", 12, "1: not UTF-8 text: ");
}

Test(manifest, ten_megabytes)
{
    enum { SIZE = 10 << 20 };
    char *bytes = malloc(SIZE);
    cr_assert(bytes);
    memset(bytes, '#', SIZE);
    expect_text_refused(bytes, SIZE, "1: is larger than 64 KiB, which no lab.yaml is");
    free(bytes);
}

Test(manifest, deep_nesting)
{
    enum { SIZE = 64 * 1024 };
    char *bytes = malloc(SIZE);
    cr_assert(bytes);
    memset(bytes, '[', SIZE);
    expect_text_refused(bytes, SIZE, "1: lists and mappings are nested too deeply");
    free(bytes);
}

Test(manifest, second_document)
{
    char text[2 * sizeof good + 8];
    snprintf(text, sizeof text, "%s---\n%s", good, good);
    expect_text_refused(text, strlen(text), "40: a second document starts here, one is allowed");
}

Test(manifest, too_many_entries)
{
    char list[201 * 3 + 1] = "", *text;
    for (int i = 0; i < 201; i++)
        strcat(list, "a, ");
    text = vary("jansson", list);
    expect_text_refused(text, strlen(text), "4: 'libraries' is a list of 202 entries, it must have at most 200");
    free(text);
}

Test(manifest, directory_in_place_of_file)
{
    struct lab lab;
    char path[320];
    make_lab(&lab, "lab07_sample");
    snprintf(path, sizeof path, "%s/lab.yaml", lab.directory);
    cr_assert_eq(mkdir(path, 0700), 0);
    expect_refusal(&lab, "1: cannot read it: Is a directory");
}

Test(manifest, no_manifest)
{
    struct lab lab;
    make_lab(&lab, "lab07_sample");
    expect_refusal(&lab, "1: cannot read it: No such file or directory");
}

Test(manifest, no_directory)
{
    struct lab lab;
    make_lab(&lab, "lab07_sample");
    strcat(lab.directory, "s");
    expect_refusal(&lab, "1: cannot read it: No such file or directory");
}

/* ---- the directory's name and files ---- */

Test(manifest, directory_names)
{
    static const char *const names[] = {"sample",   "lab7_sample", "lab07sample",  "lab07_",       "lab07_Sample",
                                        "lab07_2x", "lab07_a-b",   "LAB07_sample", "lab123_sample"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char expected[120];
        struct lab lab;
        make_lab(&lab, names[i]);
        put_file(&lab, "lab.yaml", good, strlen(good));
        snprintf(expected, sizeof expected, "1: the directory of a lab must be named labNN_stem, not '%s'", names[i]);
        expect_refusal(&lab, expected);
    }
}

Test(manifest, lab_files_missing)
{
    for (size_t i = 0; i < sizeof lab_files / sizeof *lab_files; i++) {
        char expected[80], path[600];
        struct lab lab;
        make_lab(&lab, "lab07_sample");
        put_file(&lab, "lab.yaml", good, strlen(good));
        snprintf(path, sizeof path, "%s/%s", lab.directory, lab_files[i]);
        cr_assert_eq(remove(path), 0);
        snprintf(expected, sizeof expected, "3: lab file '%s' is missing", lab_files[i]);
        expect_refusal(&lab, expected);
    }
}

Test(manifest, lab_file_is_directory)
{
    struct lab lab;
    char path[320];
    make_lab(&lab, "lab07_sample");
    put_file(&lab, "lab.yaml", good, strlen(good));
    snprintf(path, sizeof path, "%s/race.c", lab.directory);
    cr_assert(remove(path) == 0 && mkdir(path, 0700) == 0);
    expect_refusal(&lab, "3: lab file 'race.c' is not a file");
}

/* ---- the labs of this kit ---- */

Test(manifest, every_lab_of_the_kit_loads)
{
    const char *root = getenv("LOCKSTEP_ROOT");
    char pattern[4096];
    glob_t found = {0};
    snprintf(pattern, sizeof pattern, "%s/labs/*/lab.yaml", root ? root : ".");
    if (glob(pattern, 0, NULL, &found) == 0) /* else there is no lab yet */
        for (size_t i = 0; i < found.gl_pathc; i++) {
            char *error = NULL;
            found.gl_pathv[i][strlen(found.gl_pathv[i]) - strlen("/lab.yaml")] = '\0';
            struct manifest *m = manifest_load(found.gl_pathv[i], &error);
            cr_expect_not_null(m, "%s", error);
            manifest_free(m);
            free(error);
        }
    globfree(&found);
}
