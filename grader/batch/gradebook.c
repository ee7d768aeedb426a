#include "gradebook.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "../text.h"
#include "names.h"
#include "schema.h"

enum { APPLICATION = 1280262739 };

static bool is_current(struct store *store)
{
    return store_number(store, 0, "PRAGMA application_id", "") == APPLICATION &&
           store_number(store, 0, "PRAGMA user_version", "") == GRADEBOOK_VERSION;
}

static bool upgrade(struct store *store)
{
    if (is_current(store)) /* nothing to write, and nobody to wait for */
        return true;
    store_begin(store);
    int64_t version = store_number(store, 0, "PRAGMA user_version", "");
    const bool empty = store_number(store, 0, "SELECT count(*) FROM sqlite_schema", "") == 0;
    if (!empty && store_number(store, 0, "PRAGMA application_id", "") != APPLICATION)
        store_fail(store, "it is no gradebook");
    if (version > GRADEBOOK_VERSION)
        store_fail(store, "a later version of Lockstep made it");
    for (; version < GRADEBOOK_VERSION && store->error == NULL; version++) {
        char *pragma = text_format("PRAGMA user_version = %d", (int)version + 1);
        store_script(store, schema_scripts[version]);
        store_run(store, "INSERT INTO schema_version VALUES (?, datetime('now'))", "i", version + 1);
        store_script(store, pragma);
        free(pragma);
    }
    return store_end(store);
}

bool gradebook_open(struct gradebook *book, const char *path, bool create, char **error)
{
    *book = (struct gradebook){.path = text_copy(path, strlen(path)), .lock = -1};
    *error = NULL;
    if (!create && access(path, F_OK) != 0) {
        *error = text_format("cannot open the gradebook '%s': %s", path, strerror(errno));
    } else if (!store_open(&book->store, path) || !upgrade(&book->store)) {
        *error = text_format("cannot open the gradebook '%s': %s", path, book->store.error);
    }
    if (*error != NULL)
        gradebook_close(book);
    return *error == NULL;
}

/* A process that a killed batch was just starting may hold its lock for a moment more. */
static bool take_lock(int descriptor)
{
    const struct timespec pause = {.tv_nsec = 50000000};
    for (int i = 0; i < 20; i++) {
        if (flock(descriptor, LOCK_EX | LOCK_NB) == 0)
            return true;
        nanosleep(&pause, NULL);
    }
    return false;
}

bool gradebook_lock(struct gradebook *book, char **error)
{
    char *path = text_format("%s-lock", book->path);
    book->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (book->lock < 0)
        *error = text_format("cannot open '%s': %s", path, strerror(errno));
    else if (!take_lock(book->lock))
        *error = text_format("another batch works on '%s': wait for its end", book->path);
    free(path);
    return *error == NULL;
}

void gradebook_close(struct gradebook *book)
{
    store_close(&book->store);
    if (book->lock >= 0)
        close(book->lock);
    free(book->path);
    *book = (struct gradebook){.lock = -1};
}

char *gradebook_lab(struct gradebook *book, const char *lab, char **error)
{
    struct store *store = &book->store;
    *error = NULL;
    if (lab == NULL && store_number(store, 0, "SELECT count(*) FROM lab", "") > 1) {
        *error = text_format("the gradebook has several labs: name one with --lab");
        return NULL;
    }
    char *name = lab == NULL ? store_text(store, "SELECT name FROM lab", "")
                             : store_text(store,
                                          "SELECT name FROM lab WHERE name = ?1 OR substr(name, 1, "
                                          "length(?1) + 1) = ?1 || '_'",
                                          "s", lab);
    if (name == NULL)
        *error =
            lab == NULL ? text_format("the gradebook is empty") : text_format("the gradebook has no lab '%s'", lab);
    return name;
}

int64_t gradebook_add_student(struct gradebook *book, const char *key, const char *name, const char *login,
                              const char *email, bool listed)
{
    char *folded = names_fold(name), *sorted = names_sorted(name), *turned = names_turned(name);
    store_run(&book->store,
              "INSERT INTO student (key, name, login, email, roster_id, folded, sorted, turned) "
              "VALUES (?1, ?2, ?3, ?4, iif(?5, ?1, NULL), ?6, ?7, ?8) ON CONFLICT (key) DO UPDATE SET "
              "name = excluded.name, login = coalesce(excluded.login, login), "
              "email = coalesce(excluded.email, email), roster_id = coalesce(excluded.roster_id, roster_id), "
              "folded = excluded.folded, sorted = excluded.sorted, turned = excluded.turned",
              "ssssisss", key, name, login, email, (int64_t)listed, folded, sorted, turned);
    free(folded);
    free(sorted);
    free(turned);
    return store_number(&book->store, 0, "SELECT id FROM student WHERE key = ?", "s", key);
}

int64_t gradebook_named(struct gradebook *book, const char *name, bool listed)
{
    char *folded = names_fold(name), *sorted = names_sorted(name);
    int64_t found = 0;
    sqlite3_stmt *rows = store_query(&book->store,
                                     "SELECT id FROM student WHERE ?1 <> '' AND (folded = ?1 OR sorted = ?2 OR "
                                     "turned = ?1) AND (NOT ?3 OR roster_id IS NOT NULL)",
                                     "ssi", folded, sorted, (int64_t)listed);
    while (store_step(&book->store, rows))
        found = found == 0 ? sqlite3_column_int64(rows, 0) : -1;
    sqlite3_finalize(rows);
    free(folded);
    free(sorted);
    return found;
}

int64_t gradebook_student(struct gradebook *book, const char *who, char **error)
{
    *error = NULL;
    int64_t found = store_number(&book->store, 0,
                                 "SELECT id FROM student WHERE key = ?1 OR roster_id = ?1 OR login = ?1 "
                                 "ORDER BY key = ?1 DESC",
                                 "s", who);
    if (found == 0)
        found = gradebook_named(book, who, false);
    if (found > 0)
        return found;
    *error = found == 0 ? text_format("no student '%s' in the gradebook", who)
                        : text_format("several students are called '%s': use the id", who);
    return 0;
}
