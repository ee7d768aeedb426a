#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../accusation.h"
#include "../text.h"

#define FRAME(function, file, line)                                                                                    \
    "<frame><ip>0x1</ip><fn>" function "</fn><dir>/w</dir><file>" file "</file><line>" #line "</line></frame>"

/* Reads `xml` as a report of `tool`. */
static struct accusations read_xml(const char *tool, const char *xml)
{
    char path[] = "/tmp/lockstep-xml-XXXXXX";
    struct accusations said = {0};
    const int fd = mkstemp(path);
    cr_assert(fd >= 0);
    FILE *file = fdopen(fd, "w");
    fprintf(file, "<?xml version=\"1.0\"?>\n<valgrindoutput>\n%s", xml);
    fclose(file);
    cr_assert(accusations_read_valgrind(&said, tool, path, "counter.c"));
    unlink(path);
    return said;
}

static const char race[] =
    "<error><kind>Race</kind><xwhat><text>Possible data race during read of size 8 at 0x1 by thread #3</text></xwhat>"
    "<stack><frame><ip>0x1</ip></frame>" FRAME("counter_value", "counter.c", 40)
        FRAME("main", "race.c",
              9) "</stack>"
                 "<xauxwhat><text>This conflicts with a previous write of size 8 by thread #2</text></xauxwhat>"
                 "<stack>" FRAME("counter_add", "counter.c",
                                 31) "</stack>"
                                     "<auxwhat>Address 0x1 is 40 bytes inside a block of size 48 alloc'd</auxwhat>"
                                     "<stack>" FRAME("counter_create", "counter.c", 12) "</stack></error>\n";

static void expect_the_race(const struct accusations *said)
{
    cr_assert_eq(said->count, 1);
    const struct accusation *a = &said->items[0];
    cr_expect_eq(a->kind, ACCUSATION_RACE);
    cr_expect_str_eq(a->tool, "helgrind");
    cr_expect_eq(a->first.line, 40);
    cr_expect_str_eq(a->first.function, "counter_value");
    cr_expect(!a->first.write);
    cr_expect_eq(a->second.line, 31);
    cr_expect(a->second.write);
    cr_expect_str_eq(a->about, "Address 0x1 is 40 bytes inside a block of size 48 alloc'd");
}

Test(accusation, race_of_helgrind)
{
    char xml[4096];
    snprintf(xml, sizeof xml, "%s</valgrindoutput>", race);
    struct accusations said = read_xml("helgrind", xml);
    expect_the_race(&said);
    accusations_release(&said);
}

Test(accusation, report_that_is_cut_short)
{
    char xml[4096];
    snprintf(xml, sizeof xml, "%s<error><kind>Race</kind><xwha", race);
    struct accusations said = read_xml("helgrind", xml);
    expect_the_race(&said);
    accusations_release(&said);
}

Test(accusation, frames_outside_the_hand_in_do_not_count)
{
    struct accusations said =
        read_xml("helgrind", "<error><kind>Race</kind><xwhat><text>Possible data race during write of size 4"
                             "</text></xwhat><stack>" FRAME("main", "race.c", 9) "</stack></error></valgrindoutput>");
    cr_expect_eq(said.count, 0);
    accusations_release(&said);
}

#define FRAME_OF(object, function) "<frame><ip>0x1</ip><obj>" object "</obj><fn>" function "</fn></frame>"

Test(accusation, what_a_library_does_inside_is_not_the_students_doing)
{
    static const char head[] =
        "<error><kind>Race</kind><xwhat><text>Possible data race during write of size 4</text></xwhat><stack>";
    char inside[2000], through[2000];
    snprintf(inside, sizeof inside, "%s%s%s</stack></error></valgrindoutput>", head,
             FRAME_OF("/usr/lib/libcurl.so.4.8.0", "Curl_open"), FRAME("work", "counter.c", 9));
    snprintf(through, sizeof through, "%s%s%s%s</stack></error></valgrindoutput>", head,
             FRAME_OF("/usr/lib/valgrind/vgpreload_helgrind.so", "memcpy"), FRAME_OF("/usr/lib/libc.so.6", "strdup"),
             FRAME("work", "counter.c", 9));
    struct accusations none = read_xml("helgrind", inside), one = read_xml("helgrind", through);
    cr_expect_eq(none.count, 0);
    cr_expect_eq(one.count, 1);
    accusations_release(&none);
    accusations_release(&one);
}

Test(accusation, kinds_that_are_often_wrong_are_left_out)
{
    struct accusations said = read_xml(
        "helgrind", "<error><kind>LockOrder</kind><xwhat><text>lock order violated</text></xwhat><stack>" FRAME(
                        "counter_add", "counter.c",
                        31) "</stack></error><error><kind>Dubious</kind><what>associated lock is not held"
                            "</what><stack>" FRAME("event_set", "counter.c", 33) "</stack></error></valgrindoutput>");
    cr_expect_eq(said.count, 0);
    accusations_release(&said);
}

Test(accusation, misuse_of_locks)
{
    struct accusations said =
        read_xml("helgrind", "<error><kind>UnlockUnlocked</kind><xwhat><text>Thread #1 unlocked a not-locked lock at "
                             "0x1</text></xwhat><stack>" FRAME(
                                 "counter_add", "counter.c",
                                 31) "</stack></error><error><kind>Misc</kind><xwhat><text>Thread #1's call to "
                                     "pthread_mutex_destroy of a locked mutex</text></xwhat><stack>" FRAME(
                                         "counter_free", "counter.c", 50) "</stack></error></valgrindoutput>");
    cr_assert_eq(said.count, 2);
    cr_expect_eq(said.items[0].kind, ACCUSATION_UNLOCK);
    cr_expect_eq(said.items[1].kind, ACCUSATION_DESTROY);
    cr_expect_eq(said.items[1].first.line, 50);
    accusations_release(&said);
}

Test(accusation, drd_names_one_access)
{
    struct accusations said =
        read_xml("drd", "<error><kind>ConflictingAccess</kind><what>Conflicting store by thread 3 at 0x1 size 8</what>"
                        "<stack>" FRAME("counter_add", "counter.c", 31) "</stack></error></valgrindoutput>");
    cr_assert_eq(said.count, 1);
    cr_expect(said.items[0].first.write);
    cr_expect_eq(said.items[0].second.line, 0);
    accusations_release(&said);
}

static void put_file(const char *directory, const char *name, const char *xml)
{
    char path[200];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    fprintf(file, "<valgrindoutput>%s</valgrindoutput>", xml);
    fclose(file);
}

Test(accusation, locks_that_a_forked_process_seems_to_hold)
{
    static const char exiting[] =
        "<error><kind>Misc</kind><xwhat><text>Thread #1: Exiting thread still holds 1 lock</text></xwhat><stack>" FRAME(
            "run", "counter.c", 66) "</stack></error>";
    char directory[] = "/tmp/lockstep-xml-XXXXXX", path[200], xml[2000];
    struct accusations said = {0};
    cr_assert_not_null(mkdtemp(directory));
    put_file(directory, "helgrind.10.xml", "<pid>10</pid><ppid>9</ppid>");
    snprintf(xml, sizeof xml, "<pid>11</pid><ppid>10</ppid>%s", exiting);
    put_file(directory, "helgrind.11.xml", xml);
    snprintf(path, sizeof path, "%s/helgrind.11.xml", directory);
    cr_expect(accusations_read_valgrind(&said, "helgrind", path, "counter.c"));
    cr_expect_eq(said.count, 0, "its parent's file stands beside it");
    unlink(path);
    snprintf(xml, sizeof xml, "<pid>10</pid><ppid>9</ppid>%s", exiting);
    put_file(directory, "helgrind.10.xml", xml);
    snprintf(path, sizeof path, "%s/helgrind.10.xml", directory);
    cr_expect(accusations_read_valgrind(&said, "helgrind", path, "counter.c"));
    cr_expect_eq(said.count, 1, "the program itself does hold it");
    unlink(path);
    rmdir(directory);
    accusations_release(&said);
}

Test(accusation, fatal_signal)
{
    struct accusations said =
        read_xml("helgrind", "<fatal_signal><tid>1</tid><signo>11</signo><signame>SIGSEGV</signame><sicode>1</sicode>"
                             "<stack>" FRAME("memset", "string.c", 3) FRAME("counter_add", "counter.c", 31)
                                 FRAME("main", "race.c", 9) "</stack></fatal_signal></valgrindoutput>");
    cr_expect_eq(said.count, 0);
    cr_expect_eq(said.crash.line, 31);
    cr_expect_str_eq(said.crash.function, "counter_add");
    accusations_release(&said);
}

Test(accusation, no_file)
{
    struct accusations said = {0};
    cr_expect(!accusations_read_valgrind(&said, "drd", "/nonexistent.xml", "counter.c"));
    cr_expect_eq(said.count, 0);
}

Test(accusation, thread_sanitizer)
{
    static const char text[] = "==================\n"
                               "WARNING: ThreadSanitizer: data race (pid=7)\n"
                               "  Write of size 8 at 0x1 by thread T2:\n"
                               "    #0 memcpy ../../sanitizer.inc:1 (libtsan.so+0x1)\n"
                               "    #1 counter_add /w/handin/counter.c:31 (race_tsan+0x11df)\n"
                               "\n"
                               "  Previous read of size 8 at 0x1 by thread T1:\n"
                               "    #0 counter_value /w/handin/counter.c:40:9 (race_tsan+0x1200)\n"
                               "\n"
                               "  Location is heap block of size 48 at 0x1 allocated by main thread:\n"
                               "    #0 counter_create /w/handin/counter.c:12 (race_tsan+0x1)\n"
                               "\n"
                               "SUMMARY: ThreadSanitizer: data race /w/handin/counter.c:31 in counter_add\n"
                               "==================\n"
                               "WARNING: ThreadSanitizer: data race (pid=7)\n"
                               "  Write of size 8 at 0x1 by thread T2:\n"
                               "    #0 main /w/lab/race.c:31 (race_tsan+0x11df)\n"
                               "==================\n"
                               "WARNING: ThreadSanitizer: data race (pid=7)\n"
                               "  Write of size 8 at 0x1 by thread T2:\n"
                               "    #0 Curl_open <null> (libcurl.so.4+0x11df)\n"
                               "    #1 work /w/handin/counter.c:9 (race_tsan+0x11df)\n"
                               "==================\n";
    struct accusations said = {0};
    accusations_read_tsan(&said, text, "counter.c");
    cr_assert_eq(said.count, 1);
    cr_expect_eq(said.items[0].first.line, 31);
    cr_expect(said.items[0].first.write);
    cr_expect_eq(said.items[0].second.line, 40);
    cr_expect_str_eq(said.items[0].second.function, "counter_value");
    cr_expect_null(said.fatal);
    accusations_read_tsan(&said, "FATAL: ThreadSanitizer: unexpected memory mapping\n", "counter.c");
    cr_expect_str_eq(said.fatal, "FATAL: ThreadSanitizer: unexpected memory mapping");
    accusations_release(&said);
}

/* How many accusations come of a race of `function` with another thread's pthread_barrier_wait. */
static size_t races_with_barrier_wait(const char *function)
{
    struct accusations said = {0};
    char *text = text_format("==================\n"
                             "WARNING: ThreadSanitizer: data race (pid=7)\n"
                             "  Write of size 1 at 0x1 by thread T2:\n"
                             "    #0 %s ../../sanitizer.inc:1 (libtsan.so+0x1)\n"
                             "    #1 leave /w/handin/counter.c:31 (race_tsan+0x11df)\n"
                             "\n"
                             "  Previous read of size 8 at 0x1 by thread T1:\n"
                             "    #0 pthread_barrier_wait ../../sanitizer.inc:2 (libtsan.so+0x2)\n"
                             "    #1 meet /w/handin/counter.c:40 (race_tsan+0x1200)\n"
                             "==================\n",
                             function);
    accusations_read_tsan(&said, text, "counter.c");
    const size_t count = said.count;
    accusations_release(&said);
    free(text);
    return count;
}

/* ThreadSanitizer's own look at the barrier after the wait is no access of the hand-in. */
Test(accusation, tsan_reads_a_barrier_once_more)
{
    cr_expect_eq(races_with_barrier_wait("pthread_barrier_destroy"), 0);
    cr_expect_eq(races_with_barrier_wait("pthread_barrier_init"), 1, "waiting before it is made is a race");
}

Test(accusation, tsan_starts_no_thread_on_a_small_stack)
{
    struct accusations said = {0};
    accusations_read_tsan(&said, "valgrind: failed to start tool\n", "counter.c");
    cr_expect_null(said.fatal, "another tool's words");
    accusations_read_tsan(&said, "Sanitizer: pre-allocated stack size is insufficient: 262144 < 921088\n", "counter.c");
    cr_expect_str_eq(said.fatal, "Sanitizer: pre-allocated stack size is insufficient: 262144 < 921088");
    accusations_release(&said);
}
