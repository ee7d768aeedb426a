#include <criterion/criterion.h>

#include <string.h>

#include "../batch/csv.h"
#include "../batch/policy.h"
#include "../text.h"

static void expect_round_trip(const char *text, char separator)
{
    struct csv csv;
    csv_parse(&csv, text);
    char *again = csv_text(&csv);
    cr_expect_str_eq(again, text);
    cr_expect_eq(csv.separator, separator, "%s", text);
    free(again);
    csv_release(&csv);
}

Test(batch_csv, what_is_not_changed_is_written_back_byte_for_byte)
{
    expect_round_trip("", ',');
    expect_round_trip("a,b\r\n1,2\r\n", ',');
    expect_round_trip("a;b\n\"1,5\";2", ';');
    expect_round_trip("\xef\xbb\xbf\"Full name\"\t\"Grade\"\n\"Kim\"\t\n\n", '\t');
    expect_round_trip("\"a;;;;\",b\n\"x\"\"y\r\nz\", 1 \n", ',');
    expect_round_trip("a,b\n\"never closed,1\n2,3", ',');
}

Test(batch_csv, values_are_read_and_set_as_the_file_writes_them)
{
    struct csv csv;
    static const char *const names[] = {"Grade", NULL}, *const none[] = {"Mark", NULL};
    csv_parse(&csv, "\xef\xbb\xbf\"Full name\";\"GRADE \";Note\n\"Kim \"\"K\"\" M\";\"\";x\nLee;;y\n");
    cr_expect_eq(csv_column(&csv, names), 1);
    cr_expect_eq(csv_column(&csv, none), -1);
    cr_expect_str_eq(csv_value(&csv, 1, 0), "Kim \"K\" M");
    cr_expect_str_eq(csv_value(&csv, 9, 0), "");
    cr_expect(csv_set(&csv, 1, 1, "7,5"));
    cr_expect(csv_set(&csv, 2, 1, "8;\"9"));
    cr_expect(!csv_set(&csv, 2, 7, "nowhere"));
    char *text = csv_text(&csv);
    cr_expect_str_eq(text,
                     "\xef\xbb\xbf\"Full name\";\"GRADE \";Note\n\"Kim \"\"K\"\" M\";\"7,5\";x\nLee;\"8;\"\"9\";y\n");
    free(text);
    csv_release(&csv);
}

Test(batch_csv, late_is_what_the_mark_or_the_time_says)
{
    struct late_policy late;
    int64_t due, same;
    bool is_late;
    cr_assert(policy_parse_due("2026-12-01T23:59+09:00", &due) && policy_parse_due("2026-12-01T14:59:00Z", &same));
    cr_expect_eq(due, same);
    cr_expect_eq(due, 1796137140);
    cr_expect(!policy_parse_due("tomorrow", &due) && !policy_parse_due("2026-12-01T23:59+9", &due));
    cr_expect(!policy_parse_late("10", &late) && !policy_parse_late("10%/week", &late));
    cr_expect(!policy_parse_late("-1%", &late) && !policy_parse_late("nan%", &late));
    cr_assert(policy_parse_late("10%/day", &late));
    cr_expect_eq(policy_penalty(&late, same, same, false, false, &is_late), 0);
    cr_expect(!is_late, "the last second is in time");
    cr_expect_eq(policy_penalty(&late, same, same + 1, false, false, &is_late), 10);
    cr_expect(is_late);
    cr_expect_eq(policy_penalty(&late, same, same + 86401, false, false, &is_late), 20);
    cr_expect_eq(policy_penalty(&late, same, same + 900 * 86400, false, false, &is_late), 100);
    cr_expect_eq(policy_penalty(&late, same, 0, false, false, &is_late), 0, "no time, no mark: not late");
    cr_expect_eq(policy_penalty(&late, same, same + 86401, false, true, &is_late), 0, "the LMS marked it as in time");
    cr_expect_eq(policy_penalty(&late, same, same - 9, true, true, &is_late), 10, "marked; the time does not say how");
    cr_expect_eq(policy_penalty(&late, 0, same, true, true, &is_late), 10);
}
