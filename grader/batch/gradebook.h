/*
 * gradebook.h: the database of a class: students, what they handed in, what it earned, and every change of that.
 * README.md in this folder documents its tables.
 *
 * Nothing is ever written but in transactions, each of which leaves the gradebook whole: it can be read, and written
 * by `adjust`, while a batch runs. Only one batch or regrade at a time: it holds a lock on FILE-lock, which the kernel
 * drops if it dies.
 */
#ifndef GRADER_BATCH_GRADEBOOK_H
#define GRADER_BATCH_GRADEBOOK_H

#include <stdbool.h>

#include "store.h"

enum { GRADEBOOK_VERSION = 1 };

struct gradebook {
    struct store store;
    char *path;
    int lock; /* -1: not locked */
};

/* gradebook_open: opens the gradebook at `path`, makes it if `create`, and brings its schema up to date. Returns false
 * with `*error` set (caller frees): not there, not a gradebook, made by a later version, or the disk's fault. */
bool gradebook_open(struct gradebook *book, const char *path, bool create, char **error);

/* gradebook_lock: takes the lock of batches. Returns false with `*error` set if another batch has it, after 1 s. */
bool gradebook_lock(struct gradebook *book, char **error);

/* gradebook_close: also gives the lock back. */
void gradebook_close(struct gradebook *book);

/* gradebook_labs: whether `lab` (a short or full name, or NULL: the only one there is) has hand-ins: its full name,
 * caller frees; NULL with `*error` set otherwise. */
char *gradebook_lab(struct gradebook *book, const char *lab, char **error);

/* gradebook_add_student: the number of the student with this key, made if there is none, its name and what else is not
 * NULL brought up to date. `listed`: the roster says so. In the caller's transaction. */
int64_t gradebook_add_student(struct gradebook *book, const char *key, const char *name, const char *login,
                              const char *email, bool listed);

/* gradebook_named: the number of the one student with that name, however it is written; 0 if there is none, -1 if there
 * are several. `listed`: only those of the roster. */
int64_t gradebook_named(struct gradebook *book, const char *name, bool listed);

/* gradebook_student: the number of the one student whose key, roster id, login or name `who` is; 0 with `*error` set if
 * there is none or more than one. */
int64_t gradebook_student(struct gradebook *book, const char *who, char **error);

#endif
