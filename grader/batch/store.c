#include "store.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "../text.h"

enum { BUSY_MS = 20000 };

void store_fail(struct store *store, const char *format, ...)
{
    va_list arguments;
    if (store->error != NULL)
        return;
    va_start(arguments, format);
    store->error = text_vformat(format, arguments);
    va_end(arguments);
}

static void fail_with(struct store *store)
{
    store_fail(store, "%s", store->db != NULL ? sqlite3_errmsg(store->db) : "out of memory");
}

bool store_open(struct store *store, const char *path)
{
    *store = (struct store){0};
    if (sqlite3_open_v2(path, &store->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX, NULL) !=
        SQLITE_OK)
        fail_with(store);
    sqlite3_busy_timeout(store->db, BUSY_MS);
    /* FULL: a commit in WAL mode is on the disk, not only in the operating system, when it returns. */
    return store_script(store, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
                               "PRAGMA trusted_schema = OFF; PRAGMA temp_store = FILE; PRAGMA cache_size = -4000;");
}

void store_close(struct store *store)
{
    sqlite3_close_v2(store->db);
    free(store->error);
    *store = (struct store){0};
}

static void bind(sqlite3_stmt *statement, const char *types, va_list arguments)
{
    for (int i = 1; *types != '\0'; types++, i++) {
        if (*types == 's') {
            sqlite3_bind_text(statement, i, va_arg(arguments, const char *), -1, SQLITE_TRANSIENT);
        } else if (*types == 'i') {
            sqlite3_bind_int64(statement, i, va_arg(arguments, int64_t));
        } else if (*types == 'd') {
            sqlite3_bind_double(statement, i, va_arg(arguments, double));
        } else {
            const void *bytes = va_arg(arguments, const void *);
            sqlite3_bind_blob64(statement, i, bytes, va_arg(arguments, size_t), SQLITE_TRANSIENT);
        }
    }
}

static sqlite3_stmt *query(struct store *store, const char *sql, const char *types, va_list arguments)
{
    sqlite3_stmt *statement = NULL;
    if (store->error != NULL)
        return NULL;
    if (sqlite3_prepare_v2(store->db, sql, -1, &statement, NULL) != SQLITE_OK) {
        fail_with(store);
        return NULL;
    }
    bind(statement, types, arguments);
    return statement;
}

sqlite3_stmt *store_query(struct store *store, const char *sql, const char *types, ...)
{
    va_list arguments;
    va_start(arguments, types);
    sqlite3_stmt *statement = query(store, sql, types, arguments);
    va_end(arguments);
    return statement;
}

bool store_step(struct store *store, sqlite3_stmt *statement)
{
    if (statement == NULL || store->error != NULL)
        return false;
    const int code = sqlite3_step(statement);
    if (code != SQLITE_ROW && code != SQLITE_DONE)
        fail_with(store);
    return code == SQLITE_ROW;
}

bool store_run(struct store *store, const char *sql, const char *types, ...)
{
    va_list arguments;
    va_start(arguments, types);
    sqlite3_stmt *statement = query(store, sql, types, arguments);
    va_end(arguments);
    while (store_step(store, statement)) {
    }
    sqlite3_finalize(statement);
    return store->error == NULL;
}

int64_t store_number(struct store *store, int64_t otherwise, const char *sql, const char *types, ...)
{
    va_list arguments;
    va_start(arguments, types);
    sqlite3_stmt *statement = query(store, sql, types, arguments);
    va_end(arguments);
    if (store_step(store, statement) && sqlite3_column_type(statement, 0) != SQLITE_NULL)
        otherwise = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return otherwise;
}

char *store_text(struct store *store, const char *sql, const char *types, ...)
{
    char *text = NULL;
    va_list arguments;
    va_start(arguments, types);
    sqlite3_stmt *statement = query(store, sql, types, arguments);
    va_end(arguments);
    if (store_step(store, statement) && sqlite3_column_type(statement, 0) != SQLITE_NULL)
        text = text_format("%s", store_column(statement, 0));
    sqlite3_finalize(statement);
    return text;
}

bool store_script(struct store *store, const char *sql)
{
    if (store->error == NULL && sqlite3_exec(store->db, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail_with(store);
    return store->error == NULL;
}

bool store_begin(struct store *store)
{
    return store_script(store, "BEGIN IMMEDIATE");
}

bool store_end(struct store *store)
{
    if (store_script(store, "COMMIT"))
        return true;
    if (!sqlite3_get_autocommit(store->db))
        sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
    return false;
}

const char *store_column(sqlite3_stmt *statement, int column)
{
    const char *text = (const char *)sqlite3_column_text(statement, column);
    return text != NULL ? text : "";
}
