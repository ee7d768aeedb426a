#include "intake.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../text.h"
#include "attribute.h"
#include "names.h"
#include "policy.h"
#include "recognise.h"
#include "roster.h"
#include "sha256.h"
#include "tree.h"

struct intake {
    struct gradebook *book;
    const struct manifest *manifest;
};

static void put_aside(struct intake *intake, const char *path, const char *why, bool refused)
{
    char *shown = names_tidy(path), *cause = text_clean(why);
    store_run(&intake->book->store, "INSERT OR REPLACE INTO aside VALUES (?, ?, ?, ?)", "sssi", intake->manifest->name,
              shown, cause, (int64_t)refused);
    free(shown);
    free(cause);
}

static void on_aside(void *context, const char *path, const char *why)
{
    put_aside(context, path, why, false);
}

static void on_refused(void *context, const char *path, const char *why)
{
    put_aside(context, path, why, true);
}

static void on_file(void *context, const char *path, const char *bytes, size_t length, time_t modified)
{
    struct intake *intake = context;
    struct store *store = &intake->book->store;
    struct who who;
    char hash[SHA256_HEX];
    const char *why = recognise(path, intake->manifest, &who);
    if (why != NULL) {
        put_aside(intake, path, why, false);
        return;
    }
    char *shown = names_tidy(path);
    const int64_t student = attribute_find(intake->book, intake->manifest->name, &who);
    sha256_of(bytes, length, hash);
    store_run(store, "INSERT OR IGNORE INTO content VALUES (?, ?)", "sb", hash, (const void *)bytes, length);
    store_run(store,
              "INSERT INTO candidate (path, student, lms_id, recogniser, attempt, submitted, late, knows_late, hash, "
              "exact, preference) VALUES (?, ?, ?, ?, ?, nullif(?, 0), ?, ?, ?, lower(?) = lower(?), ?)",
              "sissiiiisssi", shown, student, who.lms_id, who.recogniser, (int64_t)who.attempt,
              (int64_t)(who.timeless ? 0 : modified), (int64_t)who.late, (int64_t)who.knows_late, hash, who.original,
              intake->manifest->file, (int64_t)who.preference);
    free(shown);
    who_release(&who);
}

/* Of each student's hand-in (attempt) one file counts; the rest is put aside. */
static void choose(struct intake *intake)
{
    struct store *store = &intake->book->store;
    const char *lab = intake->manifest->name;
    store_script(store, "CREATE TEMP TABLE ranked AS SELECT *, row_number() OVER files AS place, "
                        "count(*) OVER (PARTITION BY student, attempt) AS files, "
                        "max(exact) OVER (PARTITION BY student, attempt) AS any_exact, "
                        "max(late) OVER (PARTITION BY student, attempt) AS any_late FROM candidate "
                        "WINDOW files AS (PARTITION BY student, attempt ORDER BY preference DESC, exact DESC, "
                        "length(path) - length(replace(path, '/', '')), submitted DESC, path DESC)");
    store_run(store,
              "INSERT OR IGNORE INTO handin (lab, student, path, hash, recogniser, lms_id, attempt, submitted, "
              "marked_late, knows_late) SELECT ?, student, path, hash, recogniser, lms_id, attempt, submitted, "
              "any_late, knows_late FROM ranked WHERE place = 1 AND (exact OR files = 1) ORDER BY path",
              "s", lab);
    store_run(store,
              "INSERT OR REPLACE INTO aside SELECT ?1, path, CASE WHEN any_exact THEN "
              "'another file of the same hand-in counts' ELSE 'one of several C files, none called ' || ?2 END, "
              "NOT any_exact FROM ranked WHERE NOT (place = 1 AND (exact OR files = 1))",
              "ss", lab, intake->manifest->file);
    store_script(store, "DROP TABLE temp.ranked; DROP TABLE temp.candidate; DROP TABLE temp.namesake;"
                        "DELETE FROM content WHERE hash NOT IN (SELECT hash FROM handin)");
}

static char *function_names(const struct manifest *manifest)
{
    char *names = text_format("%s", "");
    for (unsigned i = 0; i < manifest->functions_count; i++) {
        char *longer = text_format("%s%s%s", names, i > 0 ? " " : "", manifest->functions[i]);
        free(names);
        names = longer;
    }
    return names;
}

static void put_lab(struct intake *intake, const struct intake_request *request)
{
    const struct manifest *manifest = intake->manifest;
    char *functions = function_names(manifest);
    int64_t due = 0;
    if (request->due != NULL)
        policy_parse_due(request->due, &due);
    store_run(
        &intake->book->store,
        "INSERT INTO lab (name, title, file, pick, due, late, functions) VALUES (?1, ?2, ?3, "
        "coalesce(?4, 'latest'), nullif(?5, 0), ?6, ?7) ON CONFLICT (name) DO UPDATE SET title = ?2, file = ?3, "
        "pick = coalesce(?4, pick), due = coalesce(nullif(?5, 0), due), late = coalesce(?6, late), functions = ?7",
        "ssssiss", manifest->name, manifest->title, manifest->file, request->pick, due, request->late, functions);
    store_run(&intake->book->store, "DELETE FROM aside WHERE lab = ?", "s", manifest->name);
    free(functions);
}

static void prepare(struct intake *intake)
{
    store_script(&intake->book->store,
                 "CREATE TEMP TABLE candidate (id INTEGER PRIMARY KEY, path TEXT, student INTEGER, lms_id TEXT, "
                 "recogniser TEXT, attempt INTEGER, submitted INTEGER, late INTEGER, knows_late INTEGER, hash TEXT, "
                 "exact INTEGER, preference INTEGER);"
                 "CREATE TEMP TABLE namesake (student INTEGER PRIMARY KEY);"
                 "CREATE INDEX temp.candidate_lms ON candidate (lms_id);"
                 "CREATE INDEX temp.candidate_student ON candidate (student)");
}

bool intake_run(struct gradebook *book, const struct manifest *manifest, const struct intake_request *request,
                char **error)
{
    struct intake intake = {.book = book, .manifest = manifest};
    char *clone = text_format("labs/%s", manifest->name);
    const struct tree_sink sink = {
        .files = {.file = on_file, .aside = on_aside, .refused = on_refused, .context = &intake}, .clone = clone};
    *error = NULL;
    store_begin(&book->store);
    put_lab(&intake, request);
    prepare(&intake);
    bool ok = request->roster == NULL || roster_read(book, request->roster, error);
    attribute_again(book);
    ok = ok && tree_walk(request->submissions, &sink, error);
    if (ok) {
        attribute_separate(book);
        choose(&intake);
        policy_apply(book, manifest->name);
    } else {
        store_fail(&book->store, "%s", *error);
    }
    ok = store_end(&book->store);
    if (!ok && *error == NULL)
        *error = text_format("cannot write the gradebook '%s': %s", book->path, book->store.error);
    free(clone);
    return ok;
}

/* A line for each file, but one for each folder and reason where many have the same. */
static void print_aside(struct store *store, const char *lab, bool refused)
{
    enum { SHOWN_ALONE = 3 };
    sqlite3_stmt *rows = store_query(
        store,
        "WITH top AS (SELECT *, substr(path, 1, instr(path || '/', '/') - 1) AS folder FROM aside "
        "WHERE lab = ? AND refused = ?) SELECT path, why, count(*) OVER w, row_number() OVER (w ORDER BY path) "
        "FROM top WINDOW w AS (PARTITION BY folder, why) ORDER BY path",
        "si", lab, (int64_t)refused);
    while (store_step(store, rows)) {
        const int64_t many = sqlite3_column_int64(rows, 2), place = sqlite3_column_int64(rows, 3);
        if (many > SHOWN_ALONE && place > 1)
            continue;
        fprintf(stderr, "  %s%s: %s", refused ? "refused  " : "aside    ", store_column(rows, 0),
                store_column(rows, 1));
        if (many > SHOWN_ALONE)
            fprintf(stderr, " (and %" PRId64 " more there)", many - 1);
        fputc('\n', stderr);
    }
    sqlite3_finalize(rows);
}

static void print_missing(struct store *store, const char *lab)
{
    sqlite3_stmt *rows = store_query(store,
                                     "SELECT name, key FROM student WHERE roster_id IS NOT NULL AND id NOT IN "
                                     "(SELECT student FROM handin WHERE lab = ?) ORDER BY name",
                                     "s", lab);
    while (store_step(store, rows))
        fprintf(stderr, "  nothing  %s (%s) is in the roster and handed in nothing\n", store_column(rows, 0),
                store_column(rows, 1));
    sqlite3_finalize(rows);
    rows = store_query(store,
                       "SELECT name, key FROM student WHERE roster_id IS NULL AND id IN (SELECT student FROM handin "
                       "WHERE lab = ?) AND EXISTS (SELECT 1 FROM student WHERE roster_id IS NOT NULL) ORDER BY name",
                       "s", lab);
    while (store_step(store, rows))
        fprintf(stderr, "  unlisted %s (%s) handed in and is not in the roster, or not in it once\n",
                store_column(rows, 0), store_column(rows, 1));
    sqlite3_finalize(rows);
}

void intake_print(struct gradebook *book, const char *lab)
{
    struct store *store = &book->store;
    fprintf(stderr, "%s: %" PRId64 " hand-ins of %" PRId64 " students\n", lab,
            store_number(store, 0, "SELECT count(*) FROM handin WHERE lab = ?", "s", lab),
            store_number(store, 0, "SELECT count(DISTINCT student) FROM handin WHERE lab = ?", "s", lab));
    print_aside(store, lab, true);
    print_aside(store, lab, false);
    print_missing(store, lab);
}
