#include "attribute.h"

#include <stdlib.h>

#include "../text.h"
#include "roster.h"

/* Whether in this lab the student has a hand-in of another id of the LMS: then it is a namesake. */
static bool is_namesake(struct gradebook *book, const char *lab, int64_t student, const char *lms_id)
{
    return store_number(&book->store, 0,
                        "SELECT EXISTS (SELECT 1 FROM handin WHERE lab = ?1 AND student = ?2 AND lms_id <> ?3) OR "
                        "EXISTS (SELECT 1 FROM candidate WHERE student = ?2 AND lms_id <> ?3)",
                        "sis", lab, student, lms_id) != 0;
}

static int64_t known_by_lms(struct gradebook *book, const char *lab, const char *lms_id)
{
    return store_number(&book->store, 0,
                        "SELECT student FROM (SELECT student FROM candidate WHERE lms_id = ?2 UNION ALL "
                        "SELECT student FROM handin WHERE lab = ?1 AND lms_id = ?2) LIMIT 1",
                        "ss", lab, lms_id);
}

static int64_t by_key(struct gradebook *book, const char *key)
{
    return store_number(&book->store, 0, "SELECT id FROM student WHERE key = ?", "s", key);
}

int64_t attribute_find(struct gradebook *book, const char *lab, const struct who *who)
{
    int64_t found = who->lms_id != NULL ? known_by_lms(book, lab, who->lms_id) : 0;
    if (found != 0)
        return found;
    found = roster_find(book, who->key, who->name);
    if (found <= 0)
        found = by_key(book, who->key);
    if (found > 0 && (who->lms_id == NULL || !is_namesake(book, lab, found, who->lms_id)))
        return found;
    if (found > 0)
        store_run(&book->store, "INSERT OR IGNORE INTO namesake VALUES (?)", "i", found);
    char *key = found > 0 ? text_format("%s #%s", who->key, who->lms_id) : text_format("%s", who->key);
    found = gradebook_add_student(book, key, who->name, NULL, NULL, false);
    free(key);
    return found;
}

void attribute_separate(struct gradebook *book)
{
    struct store *store = &book->store;
    sqlite3_stmt *rows = store_query(store,
                                     "SELECT DISTINCT s.id, s.name, c.lms_id FROM namesake n JOIN student s ON s.id = "
                                     "n.student JOIN candidate c ON c.student = s.id WHERE s.roster_id IS NOT NULL AND "
                                     "c.lms_id IS NOT NULL AND c.lms_id IS NOT s.key",
                                     "");
    while (store_step(store, rows)) {
        char *key = text_format("%s #%s", store_column(rows, 1), store_column(rows, 2));
        const int64_t apart = gradebook_add_student(book, key, store_column(rows, 1), NULL, NULL, false);
        store_run(store, "UPDATE candidate SET student = ? WHERE student = ? AND lms_id = ?", "iis", apart,
                  (int64_t)sqlite3_column_int64(rows, 0), store_column(rows, 2));
        free(key);
    }
    sqlite3_finalize(rows);
}

static void merge(struct gradebook *book, int64_t from, int64_t into)
{
    struct store *store = &book->store;
    store_run(store, "UPDATE handin SET student = ? WHERE student = ?", "ii", into, from);
    store_run(store, "UPDATE adjustment SET student = ? WHERE student = ?", "ii", into, from);
    store_run(store, "DELETE FROM student WHERE id = ?", "i", from);
}

/* Whether both have hand-ins in one lab under different ids of the LMS, or one name stands for several unlisted. */
static bool are_two(struct gradebook *book, int64_t one, int64_t other)
{
    return store_number(&book->store, 1,
                        "SELECT EXISTS (SELECT 1 FROM handin a JOIN handin b ON a.lab = b.lab WHERE a.student = ?1 AND "
                        "b.student = ?2 AND a.lms_id IS NOT b.lms_id) OR EXISTS (SELECT 1 FROM student s, student t "
                        "WHERE s.id = ?1 AND t.id <> ?1 AND t.roster_id IS NULL AND t.folded = s.folded)",
                        "ii", one, other) != 0;
}

void attribute_again(struct gradebook *book)
{
    struct store *store = &book->store;
    store_script(store,
                 "DROP TABLE IF EXISTS temp.unlisted; CREATE TEMP TABLE unlisted AS SELECT id, key, name FROM "
                 "student WHERE roster_id IS NULL AND EXISTS (SELECT 1 FROM student WHERE roster_id IS NOT NULL)");
    sqlite3_stmt *rows = store_query(store, "SELECT id, key, name FROM temp.unlisted", "");
    while (store_step(store, rows)) {
        const int64_t found = roster_find(book, store_column(rows, 1), store_column(rows, 2));
        const int64_t unlisted = sqlite3_column_int64(rows, 0);
        if (found > 0 && !are_two(book, unlisted, found))
            merge(book, unlisted, found);
    }
    sqlite3_finalize(rows);
    store_script(store, "DROP TABLE temp.unlisted");
}
