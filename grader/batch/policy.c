#include "policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static bool parse_zone(const char *text, int64_t *seconds)
{
    int hours, minutes;
    char sign, rest;
    *seconds = 0;
    if (strcmp(text, "Z") == 0)
        return true;
    if (strlen(text) != 6 || sscanf(text, "%c%2d:%2d%c", &sign, &hours, &minutes, &rest) != 3)
        return false;
    if ((sign != '+' && sign != '-') || hours < 0 || hours > 15 || minutes < 0 || minutes > 59)
        return false;
    *seconds = (hours * 3600 + minutes * 60) * (sign == '-' ? -1 : 1);
    return true;
}

bool policy_parse_due(const char *text, int64_t *due)
{
    struct tm when = {.tm_isdst = -1};
    int64_t zone;
    const char *rest = strptime(text, "%Y-%m-%dT%H:%M", &when);
    if (rest != NULL && *rest == ':')
        rest = strptime(rest, ":%S", &when);
    if (rest == NULL)
        return false;
    if (*rest == '\0') {
        *due = mktime(&when);
        return true;
    }
    if (!parse_zone(rest, &zone))
        return false;
    *due = timegm(&when) - zone;
    return true;
}

bool policy_parse_late(const char *text, struct late_policy *late)
{
    char *end;
    late->percent = strtod(text, &end);
    if (end == text || *end != '%' || !(late->percent >= 0 && late->percent <= 100))
        return false;
    late->unit = strcmp(end, "%/day") == 0 ? 86400 : strcmp(end, "%/hour") == 0 ? 3600 : 0;
    return late->unit > 0 || strcmp(end, "%") == 0;
}

double policy_penalty(const struct late_policy *late, int64_t due, int64_t submitted, bool marked, bool knows_late,
                      bool *is_late)
{
    const bool after = due != 0 && submitted != 0 && submitted > due;
    *is_late = knows_late ? marked : after;
    if (!*is_late)
        return 0;
    const int64_t units = after && late->unit > 0 ? (submitted - due + late->unit - 1) / late->unit : 1;
    const double percent = late->percent * (double)units;
    return percent < 100 ? percent : 100;
}

void policy_apply(struct gradebook *book, const char *lab)
{
    struct store *store = &book->store;
    struct late_policy late = {0};
    const int64_t due = store_number(store, 0, "SELECT due FROM lab WHERE name = ?", "s", lab);
    char *text = store_text(store, "SELECT late FROM lab WHERE name = ?", "s", lab);
    if (text == NULL || !policy_parse_late(text, &late))
        late = (struct late_policy){0};
    free(text);
    sqlite3_stmt *rows = store_query(
        store, "SELECT id, submitted, marked_late, knows_late, late, penalty FROM handin WHERE lab = ?", "s", lab);
    while (store_step(store, rows)) {
        bool is_late;
        const double penalty = policy_penalty(&late, due, sqlite3_column_int64(rows, 1), sqlite3_column_int(rows, 2),
                                              sqlite3_column_int(rows, 3), &is_late);
        if (is_late != (bool)sqlite3_column_int(rows, 4) || penalty != sqlite3_column_double(rows, 5))
            store_run(store, "UPDATE handin SET late = ?, penalty = ? WHERE id = ?", "idi", (int64_t)is_late, penalty,
                      (int64_t)sqlite3_column_int64(rows, 0));
    }
    sqlite3_finalize(rows);
}
