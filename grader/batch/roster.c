#include "roster.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../text.h"
#include "csv.h"
#include "names.h"

enum { ROSTER_BYTES_MAX = 16 << 20 };

static const char *const id_names[] = {"id",     "student id", "user id", "sis user id",
                                       "number", "id number",  "학번",    NULL};
static const char *const login_names[] = {"login", "username", "sis login id", "user name", "아이디", NULL};
static const char *const name_names[] = {"name", "full name", "student", "student name", "이름", "성명", NULL};
static const char *const first_names[] = {"first name", "given name", NULL};
static const char *const last_names[] = {"last name", "surname", "family name", NULL};
static const char *const email_names[] = {"email", "e-mail", "email address", "mail", "이메일", NULL};

struct columns {
    int id, login, name, first, last, email;
};

static struct columns find_columns(const struct csv *csv)
{
    return (struct columns){.id = csv_column(csv, id_names),
                            .login = csv_column(csv, login_names),
                            .name = csv_column(csv, name_names),
                            .first = csv_column(csv, first_names),
                            .last = csv_column(csv, last_names),
                            .email = csv_column(csv, email_names)};
}

static char *row_name(const struct csv *csv, size_t row, const struct columns *columns)
{
    char *full = columns->name >= 0
                     ? text_format("%s", csv_value(csv, row, columns->name))
                     : text_format("%s %s", csv_value(csv, row, columns->first), csv_value(csv, row, columns->last));
    char *tidy = names_tidy(full);
    free(full);
    return tidy;
}

static void put_row(struct gradebook *book, const struct csv *csv, size_t row, const struct columns *columns)
{
    const char *id = csv_value(csv, row, columns->id), *login = csv_value(csv, row, columns->login);
    char *name = row_name(csv, row, columns);
    const char *key = id[0] != '\0' ? id : login[0] != '\0' ? login : name;
    const char *email = csv_value(csv, row, columns->email);
    if (key[0] != '\0')
        gradebook_add_student(book, key, name[0] != '\0' ? name : key, login[0] != '\0' ? login : NULL,
                              email[0] != '\0' ? email : NULL, true);
    free(name);
}

bool roster_read(struct gradebook *book, const char *path, char **error)
{
    struct csv csv;
    char *text = text_read_file(path, ROSTER_BYTES_MAX, NULL);
    *error = NULL;
    if (text == NULL) {
        *error = text_format("cannot read the roster '%s': %s", path, strerror(errno));
        return false;
    }
    csv_parse(&csv, text);
    const struct columns columns = find_columns(&csv);
    if (columns.id < 0 && columns.login < 0 && columns.name < 0 && columns.last < 0)
        *error = text_format("'%s' is no roster: its first line names no column id, login or name", path);
    for (size_t row = 1; row < csv.count && *error == NULL; row++)
        put_row(book, &csv, row, &columns);
    csv_release(&csv);
    free(text);
    return *error == NULL;
}

int64_t roster_find(struct gradebook *book, const char *key, const char *name)
{
    const int64_t found = store_number(&book->store, 0,
                                       "SELECT id FROM student WHERE roster_id IS NOT NULL AND (roster_id = ?1 OR "
                                       "login = ?1) ORDER BY roster_id = ?1 DESC",
                                       "s", key);
    return found != 0 ? found : gradebook_named(book, name, true);
}
