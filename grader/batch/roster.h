/*
 * roster.h: the class list that an instructor may give: a CSV file with a heading. Columns are found by their names:
 * id (also: student id, number, user id, sis user id), login (username, sis login id), name (full name, student) or
 * first name and last name, email (e-mail, email address). Only one of id, login and name is needed.
 */
#ifndef GRADER_BATCH_ROSTER_H
#define GRADER_BATCH_ROSTER_H

#include "gradebook.h"

/* roster_read: puts the file's rows into the gradebook's students: by their id, others by login or name. In the
 * caller's transaction. Returns false with `*error` set (caller frees) if the file is no roster. */
bool roster_read(struct gradebook *book, const char *path, char **error);

/* roster_find: the number of the student whom a hand-in's key or name stand for: id, login, name, in this order; 0 if
 * there is none, -1 if a name stands for several. */
int64_t roster_find(struct gradebook *book, const char *key, const char *name);

#endif
