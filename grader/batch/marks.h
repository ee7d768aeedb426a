/*
 * marks.h: what each student has in a lab, read from the gradebook's view `mark`, one after the other.
 */
#ifndef GRADER_BATCH_MARKS_H
#define GRADER_BATCH_MARKS_H

#include "gradebook.h"

struct mark {
    int64_t student, handin;
    const char *lab, *key, *name, *login, *email, *lms_id, *path, *recogniser;
    const char *report;  /* JSON, "" without a result */
    const char *status;  /* graded, waiting (not graded yet), error (our fault) */
    const char *error;   /* why, if it is `error` */
    const char *comment; /* of the last adjustment, "" if none */
    bool has_final;      /* there is a final mark: a result, or one set by the instructor */
    double final;        /* after lateness and adjustment */
    double points;       /* after lateness */
    int score, max_score;
    const char *adjusted; /* add, set, none, "" */
    double adjustment, penalty;
    bool late;
    int64_t submitted, graded_at;
    int twins; /* hand-ins of others with the same content */
};

/* marks_query: statement for the marks of a lab (NULL: all labs), by lab and name; or of one student if `student` is
 * not 0. marks_next: fills `mark` with the next; its strings are valid until the call after. sqlite3_finalize ends it.
 */
sqlite3_stmt *marks_query(struct gradebook *book, const char *lab, int64_t student);
bool marks_next(struct gradebook *book, sqlite3_stmt *statement, struct mark *mark);

/* marks_number: as people write a mark: no more than two decimals, none if they are 0. Caller frees. */
char *marks_number(double number);

/* marks_summary: a few lines for the student: score, lateness, adjustment, and what to mend. Caller frees. */
char *marks_summary(const struct mark *mark);

#endif
