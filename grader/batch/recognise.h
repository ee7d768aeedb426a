/*
 * recognise.h: who handed in what, told by the path of a file in a download. One table of recognisers, tried in
 * order; the first that fits decides. Only the first part of a path is the instructor's or the LMS's word; whatever
 * follows was named by the student and can claim nothing.
 *
 *   canvas   sortname[_LATE]_userid_attachmentid_original[-N].c   also anon[_LATE]_anonymousid_attachmentid_...
 *   moodle   Full Name_participantid_assignsubmission_file[_]/... and ..._assignsubmission_file_original.c
 *   clone    name/labs/labNN_stem/stem.c
 *   folder   name/....c, name.zip
 *   file     name.c
 */
#ifndef GRADER_BATCH_RECOGNISE_H
#define GRADER_BATCH_RECOGNISE_H

#include <stdbool.h>

#include "../manifest.h"

struct who {
    const char *recogniser; /* its name in the table; static */
    char *key;              /* tells the student from others: the LMS's user id, or the name of folder or file */
    char *name;             /* for people */
    char *lms_id;           /* the LMS's id of the student (Canvas) or of the hand-in's participant (Moodle), or NULL */
    char *original;         /* the file's name as the student had it */
    int attempt;            /* 0, or N of Canvas's -N: the higher one was handed in later */
    bool late;              /* the LMS marked it as late */
    bool knows_late;        /* the LMS marks what is late: no mark means in time */
    bool timeless;          /* the file's time says nothing about when it was handed in */
    int preference;         /* among several files of a hand-in the highest goes first */
};

/* recognise: fills `who` for the file at `path` (relative to the download, archives standing as folders) and returns
 * NULL, or returns why it is no hand-in; static. Release a filled one with who_release. */
const char *recognise(const char *path, const struct manifest *manifest, struct who *who);
void who_release(struct who *who);

/* recognise_is_archive: whether the file's name says that it is an archive we open. */
bool recognise_is_archive(const char *name);

/* recognise_is_source: whether the file's name says that it is C source. */
bool recognise_is_source(const char *name);

#endif
