#include <criterion/criterion.h>

#include <string.h>

#include "../batch/names.h"
#include "../batch/recognise.h"
#include "../text.h"

static struct manifest manifest = {.id = (char[]){"lab01"},
                                   .name = (char[]){"lab01_counter"},
                                   .stem = (char[]){"counter"},
                                   .file = (char[]){"counter.c"}};

/* Paths as LMSs and people write them; recogniser NULL: no hand-in, and `key` is a part of the reason. */
static const struct {
    const char *path, *recogniser, *key, *name, *lms_id, *original;
    int attempt;
    bool late;
} rows[] = {
    {"kimminsu_101_9001_counter.c", "canvas", "101", "kimminsu", "101", "counter.c", 0, false},
    {"kimminsu_LATE_101_9001_counter-3.c", "canvas", "101", "kimminsu", "101", "counter.c", 3, true},
    {"김민수_101_9001_counter.c", "canvas", "101", "김민수", "101", "counter.c", 0, false},
    {"o'neilzoë_77_12_my solution.c", "canvas", "77", "o'neilzoë", "77", "my solution.c", 0, false},
    {"de_la_cruz_7_8_counter.c", "canvas", "7", "de_la_cruz", "7", "counter.c", 0, false},
    {"kim_101_9001_work-2.zip/src/counter.c", "canvas", "101", "kim", "101", "counter.c", 0, false},
    {"anon_aB3xZ_9001_counter.c", "canvas", "aB3xZ", "anonymous aB3xZ", "aB3xZ", "counter.c", 0, false},
    {"anon_LATE_aB3xZ_9001_counter.c", "canvas", "aB3xZ", "anonymous aB3xZ", "aB3xZ", "counter.c", 0, true},
    /* A student who calls the file 999_888_counter.c is not student 999. */
    {"kim_101_9001_999_888_counter.c", "canvas", "101", "kim", "101", "999_888_counter.c", 0, false},
    {"Kim Minsu_555_assignsubmission_file_/counter.c", "moodle", "Kim Minsu", "Kim Minsu", "555", "counter.c", 0,
     false},
    {"김 민수_555_assignsubmission_file/src/counter.c", "moodle", "김 민수", "김 민수", "555", "counter.c", 0, false},
    {"Zoë \"Z\" O'Neil_556_assignsubmission_file_counter.c", "moodle", "Zoë \"Z\" O'Neil", "Zoë \"Z\" O'Neil", "556",
     "counter.c", 0, false},
    {"Kim_555_assignsubmission_file_a_556_assignsubmission_file_counter.c", "moodle", "Kim", "Kim", "555",
     "a_556_assignsubmission_file_counter.c", 0, false},
    {"Kim Minsu_555_assignsubmission_onlinetext_/onlinetext.html", NULL, "text typed", NULL, NULL, NULL, 0, false},
    {"kim/labs/lab01_counter/counter.c", "clone", "kim", "kim", NULL, "counter.c", 0, false},
    {"kim.zip/lockstep/labs/lab01_counter/counter.c", "clone", "kim", "kim", NULL, "counter.c", 0, false},
    {"kim.zip/lockstep/solutions/lab01_counter/counter.c", NULL, "not this lab's file", NULL, NULL, NULL, 0, false},
    {"Kim  Minsu/counter.c", "folder", "Kim Minsu", "Kim Minsu", NULL, "counter.c", 0, false},
    {"kim.tar.gz/a/counter.c", "folder", "kim", "kim", NULL, "counter.c", 0, false},
    {"kim/lee_1_2_counter.c", "folder", "kim", "kim", NULL, "lee_1_2_counter.c", 0, false},
    {"Mañana, José.C", "file", "Mañana, José", "Mañana, José", NULL, "counter.c", 0, false},
    {"counter.c", NULL, "whose it is", NULL, NULL, NULL, 0, false},
    {" .zip/counter.c", NULL, "empty", NULL, NULL, NULL, 0, false},
};

Test(batch_recognise, tells_whose_a_file_is)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct who who;
        const char *why = recognise(rows[i].path, &manifest, &who);
        if (rows[i].recogniser == NULL) {
            cr_assert(why != NULL && strstr(why, rows[i].key) != NULL, "%s: %s", rows[i].path, why != NULL ? why : "");
            continue;
        }
        cr_assert_null(why, "%s: %s", rows[i].path, why);
        cr_expect_str_eq(who.recogniser, rows[i].recogniser, "%s", rows[i].path);
        cr_expect_str_eq(who.key, rows[i].key, "%s: key %s", rows[i].path, who.key);
        cr_expect_str_eq(who.name, rows[i].name, "%s: name %s", rows[i].path, who.name);
        cr_expect_str_eq(who.original, rows[i].original, "%s: original %s", rows[i].path, who.original);
        cr_expect((who.lms_id == NULL) == (rows[i].lms_id == NULL), "%s", rows[i].path);
        if (who.lms_id != NULL && rows[i].lms_id != NULL)
            cr_expect_str_eq(who.lms_id, rows[i].lms_id, "%s", rows[i].path);
        cr_expect_eq(who.late, rows[i].late, "%s", rows[i].path);
        if (strstr(rows[i].path, ".zip") == NULL)
            cr_expect_eq(who.attempt, rows[i].attempt, "%s", rows[i].path);
        who_release(&who);
    }
}

static void expect_same(const char *one, const char *other, bool same)
{
    char *a = names_fold(one), *b = names_fold(other), *c = names_sorted(one), *d = names_sorted(other),
         *e = names_turned(one), *f = names_turned(other);
    const bool got = strcmp(a, b) == 0 || strcmp(c, d) == 0 || strcmp(e, b) == 0 || strcmp(a, f) == 0;
    cr_expect_eq(got, same, "'%s' and '%s'", one, other);
    free(a);
    free(b);
    free(c);
    free(d);
    free(e);
    free(f);
}

Test(batch_recognise, names_are_compared_as_people_write_them)
{
    expect_same("Kim, Min-su", "kimminsu", true);
    expect_same("Minsu Kim", "kimminsu", true);
    expect_same("Minsu Kim", "Kim, Minsu", true);
    expect_same("김 민수", "김민수", true);
    expect_same("Zoe\xcc\x88 O'Neil", "ZOË O’Neil", true);
    expect_same("Kim Minsu", "Kim Minseo", false);
    char *tidy = names_tidy("\xe1\x84\x80\xe1\x85\xb5\xe1\x86\xb7 \t\x1b[31m x");
    cr_expect_str_eq(tidy, "김 x", "what a Mac decomposed is composed: %s", tidy);
    free(tidy);
}
