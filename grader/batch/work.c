#include "work.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../text.h"

/* Contents that count (all of a student's hand-ins where the best one does), without those of other students. */
static bool find_wanted(struct gradebook *book, const char *lab, int64_t student)
{
    return store_script(&book->store, "DROP TABLE IF EXISTS temp.wanted;"
                                      "CREATE TEMP TABLE wanted (hash TEXT PRIMARY KEY, handins INTEGER)") &&
           store_run(&book->store,
                     "INSERT INTO wanted SELECT hash, count(*) FROM (SELECT h.hash, h.student, l.pick, row_number() "
                     "OVER (PARTITION BY h.student ORDER BY h.attempt DESC, h.submitted DESC, h.id DESC) AS place "
                     "FROM handin h JOIN lab l ON l.name = h.lab WHERE h.lab = ?1 AND (?2 = 0 OR h.student = ?2)) "
                     "WHERE pick = 'best' OR place = 1 GROUP BY hash",
                     "si", lab, student);
}

/* Lets hand-ins have the results that are there for their content under this key. */
static int64_t link_results(struct gradebook *book, const struct work_key *key)
{
    struct store *store = &book->store;
    store_script(store, "DROP TABLE IF EXISTS temp.link;"
                        "CREATE TEMP TABLE link (handin INTEGER PRIMARY KEY, result INTEGER)");
    store_run(store,
              "INSERT INTO link SELECT h.id, max(r.id) FROM handin h JOIN job j ON j.lab = h.lab AND j.hash = h.hash "
              "JOIN result r ON r.job = j.id WHERE h.lab = ?1 AND j.lab_version = ?2 AND j.grader_version = ?3 AND "
              "j.seed = ?4 GROUP BY h.id HAVING max(r.id) IS NOT h.result",
              "sssi", key->lab, key->lab_version, key->grader_version, key->seed);
    store_run(store, "INSERT INTO history (handin, result, why, at) SELECT handin, result, 'copied', ? FROM link", "i",
              (int64_t)time(NULL));
    store_script(store, "UPDATE handin SET result = (SELECT result FROM link WHERE handin = handin.id) "
                        "WHERE id IN (SELECT handin FROM link)");
    return store_number(store, 0, "SELECT count(*) FROM link", "");
}

/* Jobs for other versions, or for what counts no longer, were never done and never will be. */
static void drop_stale(struct gradebook *book, const struct work_key *key, const struct work_scope *scope)
{
    store_run(&book->store,
              "DELETE FROM job WHERE lab = ?1 AND state <> 'done' AND (lab_version <> ?2 OR grader_version <> ?3 OR "
              "seed <> ?4 OR (?5 = 0 AND hash NOT IN (SELECT hash FROM wanted)))",
              "sssii", key->lab, key->lab_version, key->grader_version, key->seed, scope->student);
    store_run(&book->store, "UPDATE job SET state = 'waiting', tries = 0 WHERE lab = ? AND state = 'failed'", "s",
              key->lab);
}

static void add_jobs(struct gradebook *book, const struct work_key *key, const struct work_scope *scope)
{
    store_run(&book->store,
              "INSERT OR IGNORE INTO job (lab, hash, lab_version, grader_version, seed, round, why) "
              "SELECT ?1, w.hash, ?2, ?3, ?4, count(r.id), ?6 FROM wanted w LEFT JOIN job j ON j.lab = ?1 AND "
              "j.hash = w.hash AND j.lab_version = ?2 AND j.grader_version = ?3 AND j.seed = ?4 "
              "LEFT JOIN result r ON r.job = j.id GROUP BY w.hash HAVING ?5 OR count(r.id) = 0 "
              "ORDER BY (SELECT min(id) FROM handin WHERE lab = ?1 AND hash = w.hash)",
              "sssiis", key->lab, key->lab_version, key->grader_version, key->seed, (int64_t)scope->again, scope->why);
}

bool work_plan(struct gradebook *book, const struct work_key *key, const struct work_scope *scope,
               struct work_counts *counts)
{
    struct store *store = &book->store;
    *counts = (struct work_counts){0};
    store_begin(store);
    find_wanted(book, key->lab, scope->student);
    drop_stale(book, key, scope);
    counts->linked = link_results(book, key);
    counts->resumed = scope->again && store_number(store, 0,
                                                   "SELECT count(*) FROM job WHERE lab = ? AND state = 'waiting' AND "
                                                   "why = ? AND hash IN (SELECT hash FROM wanted)",
                                                   "ss", key->lab, scope->why) > 0;
    if (!counts->resumed)
        add_jobs(book, key, scope);
    counts->waiting =
        store_number(store, 0, "SELECT count(*) FROM job WHERE lab = ? AND state = 'waiting'", "s", key->lab);
    counts->handins = store_number(store, 0,
                                   "SELECT count(*) FROM handin WHERE lab = ?1 AND hash IN (SELECT hash FROM job "
                                   "WHERE lab = ?1 AND state = 'waiting')",
                                   "s", key->lab);
    return store_end(store);
}

bool work_next(struct gradebook *book, const char *lab, int64_t after, struct work_job *job)
{
    struct store *store = &book->store;
    sqlite3_stmt *row = store_query(store,
                                    "SELECT j.id, j.hash, c.bytes, (SELECT s.name FROM handin h JOIN student s ON "
                                    "s.id = h.student WHERE h.lab = j.lab AND h.hash = j.hash ORDER BY h.id LIMIT 1) "
                                    "FROM job j JOIN content c ON c.hash = j.hash WHERE j.lab = ? AND j.state = "
                                    "'waiting' AND j.id > ? ORDER BY j.id LIMIT 1",
                                    "si", lab, after);
    const bool found = store_step(store, row);
    *job = (struct work_job){0};
    if (found) {
        job->id = sqlite3_column_int64(row, 0);
        job->hash = text_format("%s", store_column(row, 1));
        job->length = (size_t)sqlite3_column_bytes(row, 2);
        job->bytes = text_copy(job->length > 0 ? sqlite3_column_blob(row, 2) : "", job->length);
        job->name = text_format("%s", store_column(row, 3));
    }
    sqlite3_finalize(row);
    return found;
}

void work_release(struct work_job *job)
{
    free(job->hash);
    free(job->name);
    free(job->bytes);
    *job = (struct work_job){0};
}

bool work_done(struct gradebook *book, const struct work_job *job, int score, int max_score, double seconds,
               const char *report)
{
    struct store *store = &book->store;
    const int64_t now = time(NULL);
    store_begin(store);
    store_run(store,
              "INSERT INTO result (job, lab, hash, score, max_score, seconds, report, at) SELECT id, lab, hash, ?, ?, "
              "?, ?, ? FROM job WHERE id = ?",
              "iidsii", (int64_t)score, (int64_t)max_score, seconds, report, now, job->id);
    store_run(store,
              "INSERT INTO history (handin, result, why, at) SELECT h.id, r.id, iif(h.id = (SELECT min(id) FROM "
              "handin WHERE lab = h.lab AND hash = h.hash), j.why, 'copied'), ? FROM job j JOIN result r ON "
              "r.job = j.id JOIN handin h ON h.lab = j.lab AND h.hash = j.hash WHERE j.id = ? ORDER BY h.id",
              "ii", now, job->id);
    store_run(store,
              "UPDATE handin SET result = (SELECT id FROM result WHERE job = ?1) FROM job j WHERE j.id = ?1 AND "
              "handin.lab = j.lab AND handin.hash = j.hash",
              "i", job->id);
    store_run(store, "UPDATE job SET state = 'done', error = NULL WHERE id = ?", "i", job->id);
    return store_end(store);
}

bool work_failed(struct gradebook *book, const struct work_job *job, int tries, const char *error)
{
    store_begin(&book->store);
    store_run(&book->store, "UPDATE job SET state = 'failed', tries = ?, error = ? WHERE id = ?", "isi", (int64_t)tries,
              error, job->id);
    return store_end(&book->store);
}
