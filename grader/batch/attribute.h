/*
 * attribute.h: whose a hand-in is, once its path has been recognised: of a student of the gradebook, found by the LMS's
 * id, the roster's id or login, or the name; else a new one. What cannot be told for certain is not guessed: namesakes
 * stay apart, and neither gets the roster's row.
 *
 * All run in the intake's transaction, with its temporary tables `candidate` (files taken in so far) and `namesake`.
 */
#ifndef GRADER_BATCH_ATTRIBUTE_H
#define GRADER_BATCH_ATTRIBUTE_H

#include "gradebook.h"
#include "recognise.h"

/* attribute_find: the student's number, made if there is none yet. */
int64_t attribute_find(struct gradebook *book, const char *lab, const struct who *who);

/* attribute_separate: after the last file: where a name of the roster turned out to stand for two people of the
 * download, the one who came first loses it again. */
void attribute_separate(struct gradebook *book);

/* attribute_again: students taken in without a roster who are found in it now become its students, with all they have.
 */
void attribute_again(struct gradebook *book);

#endif
