/*
 * test_explore.c: the explorer's driver: results files, columns, and real programs built and explored.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../explore/columns.h"
#include "../explore/exploration.h"
#include "../explore/exploration_json.h"
#include "../explore/program.h"
#include "../explore/results.h"
#include "../explore/symbols.h"
#include "../text.h"

/* ---- a directory for one test ---- */

static char directory[] = "/tmp/test_explore.XXXXXX";

static void make_directory(void)
{
    cr_assert_not_null(mkdtemp(directory));
}

static void remove_directory(void)
{
    char *command = text_format("rm -rf '%s'", directory);
    cr_assert_eq(system(command), 0);
    free(command);
}

TestSuite(explore, .init = make_directory, .fini = remove_directory);

static char *put(const char *name, const char *content)
{
    char *path = text_join(directory, name);
    cr_assert(text_write_file(path, content, strlen(content)));
    return path;
}

/* ---- results ---- */

Test(explore, results_are_read)
{
    struct results results;
    char *path = put("results", "kind data race\ntext two threads\nplace 1 4011f0 reads\nplace 0 4011e4 writes\n"
                                "event 1 4011f0 reads 41\ntoken p1.2c\neffect assertion: lost\neffect-token p1.3\n"
                                "covered 4011e4 4011f0\ncovered 401300\nschedules 12\ncut 3\ncomplete 1\ntimeout 0\n"
                                "a line from the future\nnonsense\n\nplace broken\n");
    cr_assert(results_read(path, &results));
    cr_expect_str_eq(results.kind, "data race");
    cr_expect_str_eq(results.effect, "assertion: lost");
    cr_expect_str_eq(results.effect_token, "p1.3");
    cr_assert_eq(results.place_count, 2, "a broken line is left out");
    cr_expect_eq(results.places[1].pc, 0x4011e4);
    cr_expect_str_eq(results.places[1].words, "writes");
    cr_assert_eq(results.event_count, 1);
    cr_expect_str_eq(results.events[0].words, "reads 41");
    cr_assert_eq(results.covered_count, 3);
    cr_expect_eq(results.covered[2], 0x401300);
    cr_expect_eq(results.schedules, 12);
    cr_expect_eq(results.cut, 3);
    cr_expect(results.complete && !results.timeout);
    results_release(&results);
    free(path);
}

Test(explore, results_of_a_hostile_program_are_harmless)
{
    struct results results;
    char *path = put("results", "kind \033[2Jgone\nplace -7 1 x\nplace 99999999999 zz\nevent 1 1 \xff\xfe\n");
    cr_assert(results_read(path, &results));
    cr_expect_str_eq(results.kind, "gone");
    cr_expect_eq(results.place_count, 0);
    cr_assert_eq(results.event_count, 1);
    cr_expect(text_is_utf8(results.events[0].words, strlen(results.events[0].words)));
    results_release(&results);
    cr_expect_not(results_read("/nowhere", &results));
    free(path);
}

Test(explore, coverage_in_words)
{
    struct results results = {.schedules = 11, .complete = true};
    char *all = exploration_coverage(&results);
    cr_expect_str_eq(all, "all 11 schedules");
    results = (struct results){.schedules = 5, .cut = 1, .timeout = true};
    char *some = exploration_coverage(&results);
    cr_expect_str_eq(some, "5 of many schedules, out of time, 1 of them given up as too long");
    free(some);
    free(all);
}

Test(explore, symbols_of_the_models)
{
    char *renaming = symbols_renaming();
    cr_expect(symbols_is_known("pthread_mutex_lock") && symbols_is_known("__tsan_read4"));
    cr_expect_not(symbols_is_known("pthread_cancel") || symbols_is_known("__tsan_atomic128_load"));
    cr_expect(symbols_is_in_libc("pthread_cancel"));
    cr_expect_not(symbols_is_in_libc("no_such_function_of_mine"));
    cr_expect_not_null(strstr(renaming, "malloc x_malloc\n"));
    free(renaming);
}

/* ---- programs ---- */

static enum program_outcome build(const char *content, char **error)
{
    char *runtime = text_join(getenv("LOCKSTEP_HELPERS"), "explore"), *file = put("program.c", content);
    const struct program_spec spec = {
        .runtime = runtime, .directory = directory, .files = (const char *const[]){file}, .files_count = 1, .jobs = 1};
    const enum program_outcome outcome = program_build(&spec, error);
    free(file);
    free(runtime);
    return outcome;
}

static struct exploration explore(const char *replay)
{
    char *results = text_join(directory, "results");
    const struct exploration_spec spec = {.directory = directory,
                                          .results = results,
                                          .schedules = 200,
                                          .seed = 1,
                                          .seconds = 20,
                                          .preemptions = -1,
                                          .leaks = true,
                                          .replay = replay};
    struct exploration exploration;
    cr_assert(exploration_run(&spec, 1, 1, &exploration));
    free(results);
    return exploration;
}

#define THREADS                                                                                                        \
    "#include <assert.h>\n#include <pthread.h>\n#include <stdio.h>\n"                                                  \
    "static int n; static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;\n"

static const char right[] = THREADS "static void *add(void *a) { pthread_mutex_lock(&lock); n++;\n"
                                    " pthread_mutex_unlock(&lock); return a; }\n"
                                    "int main(void) { pthread_t t; pthread_create(&t, NULL, add, NULL); add(NULL);\n"
                                    " pthread_join(t, NULL); assert(n == 2); puts(\"two\"); return 0; }\n";

static const char wrong[] = THREADS "static void *add(void *a) { n++; return a; }\n" /* line 5 */
                                    "int main(void) { pthread_t t; pthread_create(&t, NULL, add, NULL); add(NULL);\n"
                                    " pthread_join(t, NULL); assert(n == 2); return 0; }\n";

Test(explore, right_program_is_clean)
{
    char *error = NULL;
    cr_assert_eq(build(right, &error), PROGRAM_BUILT, "%s", error);
    struct exploration exploration = explore(NULL);
    cr_expect_eq(exploration.outcome, EXPLORED_CLEAN, "%s", exploration.why);
    cr_expect(exploration.results.complete);
    cr_expect_gt(exploration.results.schedules, 1);
    exploration_release(&exploration);
    exploration = explore("0");
    cr_expect_str_eq(exploration.output, "two", "a replay lets the program print");
    exploration_release(&exploration);
}

Test(explore, wrong_program_is_shown_and_replayed)
{
    char *error = NULL, *path = text_join(directory, "program");
    cr_assert_eq(build(wrong, &error), PROGRAM_BUILT, "%s", error);
    struct exploration found = explore(NULL);
    cr_assert_eq(found.outcome, EXPLORED_FOUND, "%s", found.why);
    cr_expect_str_eq(found.results.kind, "data race");
    cr_assert_not_null(found.results.effect_token);
    struct lines *lines = lines_open(path);
    cr_assert_geq(found.results.place_count, 1);
    cr_expect_eq(lines_at(lines, found.results.places[0].pc).number, 5);
    char *columns = columns_text(&found.results, lines, "program.c", 96);
    cr_expect_not_null(strstr(columns, "thread 1"));
    cr_expect_not_null(strstr(columns, "static void *add"));
    char *json = exploration_json((const char *const[]){NULL}, &found, 1, lines);
    cr_expect_not_null(strstr(json, "\"outcome\": \"found\""));
    struct exploration again = explore(found.results.effect_token);
    cr_expect_eq(again.outcome, EXPLORED_FOUND);
    cr_expect_str_eq(again.results.kind, "assertion");
    exploration_release(&again);
    free(json);
    free(columns);
    lines_close(lines);
    exploration_release(&found);
    free(path);
}

Test(explore, what_is_no_program_is_refused)
{
    char *error = NULL;
    cr_expect_eq(build("int main(void) { return x; }\n", &error), PROGRAM_REFUSED);
    cr_expect_not_null(strstr(error, "program.c:1"), "%s", error);
    free(error);
    cr_expect_eq(build("int missing(void); int main(void) { return missing(); }\n", &error), PROGRAM_REFUSED);
    cr_expect_not_null(strstr(error, "missing"), "%s", error);
    free(error);
    cr_expect_eq(build("#include <pthread.h>\nint main(void) { return pthread_cancel(pthread_self()); }\n", &error),
                 PROGRAM_UNSUPPORTED);
    cr_expect_str_eq(error, "pthread_cancel");
    free(error);
}

Test(explore, wrong_token)
{
    char *error = NULL;
    cr_assert_eq(build(right, &error), PROGRAM_BUILT, "%s", error);
    struct exploration exploration = explore("%%%");
    cr_expect_eq(exploration.outcome, EXPLORED_MISUSED);
    exploration_release(&exploration);
}

/* The runtime's own names are out of the program's way. */
Test(explore, names_of_the_runtime_are_free)
{
    char *error = NULL;
    cr_expect_eq(build("int schedule; void run_once(void) { schedule++; } void trace_on(void) { run_once(); }\n"
                       "int main(void) { trace_on(); return schedule - 1; }\n",
                       &error),
                 PROGRAM_BUILT, "%s", error);
    struct exploration exploration = explore(NULL);
    cr_expect_eq(exploration.outcome, EXPLORED_CLEAN);
    exploration_release(&exploration);
    free(error);
}

/* ---- columns ---- */

Test(explore, columns_of_many_threads_and_steps)
{
    struct told events[80];
    struct lines *lines = lines_open("/nowhere");
    for (int i = 0; i < 80; i++)
        events[i] = (struct told){.thread = i % 12, .pc = 1, .words = (char *)"waits"};
    const struct results results = {.events = events, .event_count = 80};
    char *text = columns_text(&results, lines, NULL, 96);
    cr_expect_not_null(strstr(text, "... 30 steps left out ..."));
    cr_expect_not_null(strstr(text, "thread 11"));
    free(text);
    lines_close(lines);
}

Test(explore, columns_keep_what_is_near_a_switch)
{
    struct told events[200];
    char words[200][16];
    struct lines *lines = lines_open("/nowhere");
    for (int i = 0; i < 200; i++) {
        snprintf(words[i], sizeof words[i], "does %d.", i);
        events[i] = (struct told){.thread = i >= 100 && i < 103, .pc = 1, .words = words[i]};
    }
    const struct results results = {.events = events, .event_count = 200};
    char *text = columns_text(&results, lines, NULL, 96);
    for (const char *const *wanted = (const char *const[]){"does 0.", "does 99.", "does 100.", "does 101.", "does 102.",
                                                           "does 103.", "does 199.", "steps left out", NULL};
         *wanted != NULL; wanted++)
        cr_expect_not_null(strstr(text, *wanted), "%s is not in\n%s", *wanted, text);
    cr_expect_null(strstr(text, "does 50."));
    cr_expect_null(strstr(text, "does 150."));
    free(text);
    lines_close(lines);
}
