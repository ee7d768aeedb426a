#include <criterion/criterion.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../text.h"

static void expect_clean(const char *raw, const char *wanted)
{
    char *clean = text_clean(raw);
    cr_expect_str_eq(clean, wanted, "'%s' became '%s'", raw, clean);
    free(clean);
}

Test(text, clean_drops_what_a_terminal_would_obey)
{
    expect_clean("plain\ttext\n\n", "plain\ttext");
    expect_clean("\033[31mred\033[0m", "red");
    expect_clean("\033]0;title\abody", "body");
    expect_clean("a\rb\bc\x7f", "abc");
    expect_clean("\xc2\x9b"
                 "31mC1",
                 "31mC1");
    expect_clean("\033", "");
}

Test(text, clean_keeps_utf8_and_marks_what_is_not)
{
    expect_clean("\xea\xb0\x80\xeb\x82\x98 \xf0\x9f\x98\x80", "\xea\xb0\x80\xeb\x82\x98 \xf0\x9f\x98\x80");
    expect_clean("\xff\xfe", "??");
    expect_clean("\xb0\xa1", "??");
    expect_clean("cut \xea\xb0", "cut ??");
    expect_clean("\xc0\xaf overlong", "?? overlong");
    expect_clean("\xed\xa0\x80 surrogate", "??? surrogate");
}

Test(text, is_utf8)
{
    cr_expect(text_is_utf8("abc \xea\xb0\x80", 7));
    cr_expect(!text_is_utf8("\xf5\x80\x80\x80", 4));
    cr_expect(text_is_utf8("", 0));
}

Test(text, line)
{
    char *second = text_line("one\r\ntwo\nthree", 2), *third = text_line("one\r\ntwo\nthree", 3);
    cr_expect_str_eq(second, "two");
    cr_expect_str_eq(third, "three");
    cr_expect_null(text_line("one\n", 2));
    cr_expect_null(text_line("one", 0));
    cr_expect_null(text_line("one", 5));
    free(second);
    free(third);
}

Test(text, excerpt)
{
    char *whole = text_excerpt("a\nb\n", 2), *cut = text_excerpt("a\nb\nc", 2);
    cr_expect_str_eq(whole, "a\nb\n");
    cr_expect_str_eq(cut, "a\nb\n...");
    free(whole);
    free(cut);
}

Test(text, replace)
{
    char *text = text_replace("/w/x /w/y", "/w/", "");
    cr_expect_str_eq(text, "x y");
    free(text);
}

Test(text, files)
{
    char directory[] = "/tmp/lockstep-text-XXXXXX";
    size_t length = 0;
    cr_assert_not_null(mkdtemp(directory));
    char *path = text_join(directory, "file");
    cr_expect(text_write_file(path, "a\0b", 3));
    cr_expect(text_write_file(path, "a\0bc", 4), "an existing file is replaced");
    char *content = text_read_file(path, 100, &length);
    cr_assert_not_null(content);
    cr_expect_eq(length, 4);
    cr_expect_eq(memcmp(content, "a\0bc", 5), 0);
    cr_expect_null(text_read_file(path, 3, NULL));
    cr_expect_eq(errno, EFBIG);
    cr_expect_null(text_read_file(directory, 100, NULL));
    cr_expect_eq(errno, EISDIR);
    unlink(path);
    cr_expect_null(text_read_file(path, 100, NULL));
    cr_expect_eq(errno, ENOENT);
    char *nowhere = text_join(directory, "none/file");
    cr_expect(!text_write_file(nowhere, "x", 1));
    cr_expect_eq(rmdir(directory), 0, "nothing else is left in the folder");
    free(nowhere);
    free(content);
    free(path);
}

Test(text, numbers)
{
    uint64_t number;
    cr_expect(text_number("0", 0, 10, &number) && number == 0);
    cr_expect(text_number("18446744073709551615", 0, UINT64_MAX, &number) && number == UINT64_MAX);
    const char *const none[] = {"", " ", "x", "7x", "-1", " -1", "1.5", "18446744073709551616", "3", "11"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        cr_expect_not(text_number(none[i], 4, 10, &number), "'%s' is taken for a number", none[i]);
}
