/*
 * store.h: a thin layer over SQLite. The first error is kept and makes whatever follows do nothing, so that a sequence
 * of steps is checked once, at its end: a transaction in which anything failed is rolled back as a whole.
 */
#ifndef GRADER_BATCH_STORE_H
#define GRADER_BATCH_STORE_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

struct store {
    sqlite3 *db;
    char *error; /* NULL as long as all went well */
};

/* store_open: opens or makes the database, in WAL mode with every commit on the disk before it returns. Returns
 * false with store->error set. */
bool store_open(struct store *store, const char *path);
void store_close(struct store *store);

/* store_query: a prepared statement with its parameters bound: `types` has a letter for each, s (const char *, may be
 * NULL), i (int64_t), d (double), b (const void *, size_t). NULL on error. Step with store_step, end with
 * sqlite3_finalize (NULL is fine). */
sqlite3_stmt *store_query(struct store *store, const char *sql, const char *types, ...);

/* store_step: true: there is a row. False: no more, or an error. */
bool store_step(struct store *store, sqlite3_stmt *statement);

/* store_run: a statement for its effect. Returns false on error. */
bool store_run(struct store *store, const char *sql, const char *types, ...);

/* store_number, store_text: the first column of the first row; `otherwise`, or NULL (caller frees), without a row. */
int64_t store_number(struct store *store, int64_t otherwise, const char *sql, const char *types, ...);
char *store_text(struct store *store, const char *sql, const char *types, ...);

/* store_script: several statements without parameters. */
bool store_script(struct store *store, const char *sql);

/* store_begin, store_end: a transaction that may write. store_end commits, or rolls back if there was an error, and
 * returns whether it was committed. After a rollback the error stays. */
bool store_begin(struct store *store);
bool store_end(struct store *store);

/* store_fail: keeps a formatted error, if it is the first. */
void store_fail(struct store *store, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* store_column: a text column, "" for NULL; valid until the next step. */
const char *store_column(sqlite3_stmt *statement, int column);

#endif
