#include <criterion/criterion.h>

#include <string.h>

#include "../batch/html.h"
#include "../batch/page_speedup.h"
#include "../batch/progress.h"
#include "../batch/report_command.h"

Test(batch_pages, feedback_goes_where_the_lms_looks_for_it)
{
    static const struct {
        const char *recogniser, *path, *key, *name;
    } rows[] = {
        {"moodle", "Kim Minsu_555_assignsubmission_file_/src/counter.c", "k",
         "Kim Minsu_555_assignsubmission_file_/feedback.html"},
        {"moodle", "Kim_555_assignsubmission_file_counter.c", "k", "Kim_555_assignsubmission_file_/feedback.html"},
        {"canvas", "kim_LATE_1_2_counter-1.c", "1", "kim_LATE_1_2_counter-1.html"},
        {"canvas", "kim_1_2_work.tar.gz/a/counter.c", "1", "kim_1_2_work.html"},
        {"folder", "kim/counter.c", "kim", "kim.html"},
        {"folder", "x/counter.c", "../../etc/passwd", "_.._.._etc_passwd.html"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *name = report_feedback_name(rows[i].recogniser, rows[i].path, rows[i].key);
        cr_expect_str_eq(name, rows[i].name, "%s: %s", rows[i].path, name);
        free(name);
    }
}

Test(batch_pages, speed_ups_are_read_from_the_summary)
{
    double handin = 0, reference = 0;
    cr_assert(page_speedup_read("count 1.92x on 2 cores (plain split 1.95x)", &handin, &reference));
    cr_expect(handin == 1.92 && reference == 1.95);
    cr_assert(
        page_speedup_read("fetch 7.50x with 9 workers; sum 0.98x on 2 cores (plain split 1.80x)", &handin, &reference));
    cr_expect(handin == 0.98 && reference == 1.80);
    cr_expect(!page_speedup_read("count not measured", &handin, &reference));
    cr_expect(!page_speedup_read("(plain split 1.80x)", &handin, &reference));
    cr_expect(!page_speedup_read("", &handin, &reference));
}

Test(batch_pages, html_lets_no_markup_through)
{
    char *text = NULL;
    size_t length = 0;
    FILE *stream = open_memstream(&text, &length);
    html_write(stream, "<p title=\"%s\">%s %d %f %%</p>", "\" onload='x'", "<b>&\033[31m\xff", 7, 2.50);
    fclose(stream);
    cr_expect_str_eq(text, "<p title=\"&quot; onload=&#39;x&#39;\">&lt;b&gt;&amp;? 7 2.5 %</p>");
    free(text);
}

Test(batch_pages, progress_fits_the_terminal)
{
    const char *running[] = {"김민수", NULL, "o'neil"};
    const struct progress progress = {.total = 40, .done = 10, .failed = 1, .running = running, .slots = 3};
    char *line = progress_line(&progress, 60, 200);
    cr_expect_str_eq(line, "[#####...............] 10/40, 1 failed, 10.0 a minute, 3 min left; now 김민수, o'neil");
    free(line);
    line = progress_line(&progress, 60, 73);
    cr_expect_str_eq(line, "[#####...............] 10/40, 1 failed, 10.0 a minute, 3 min left; now 김",
                     "wide characters are not cut in two: %s", line);
    free(line);
}
