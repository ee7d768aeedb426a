/*
 * intake.h: from a download to hand-ins in the gradebook. recognise.h says who handed in what; this module finds the
 * student, and among several files of one hand-in the one that counts: that with the lab's file name, or the only C
 * file there is. Everything else is listed with its reason.
 */
#ifndef GRADER_BATCH_INTAKE_H
#define GRADER_BATCH_INTAKE_H

#include "../manifest.h"
#include "gradebook.h"

struct intake_request {
    const char *submissions; /* a folder, or an archive */
    const char *roster;      /* NULL: none */
    const char *pick;        /* latest or best; NULL: as before, or latest */
    const char *due, *late;  /* checked already (policy.h); NULL: as before, or none */
};

/* intake_run: one transaction: takes in what is there. The same download taken in again changes nothing; hand-ins that
 * are no longer there stay. Returns false with `*error` set (caller frees), the gradebook as it was. */
bool intake_run(struct gradebook *book, const struct manifest *manifest, const struct intake_request *request,
                char **error);

/* intake_print: on stderr: how many hand-ins of how many students, what was refused or left aside, who of the roster
 * handed in nothing. */
void intake_print(struct gradebook *book, const char *lab);

#endif
