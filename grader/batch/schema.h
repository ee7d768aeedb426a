/*
 * schema.h: the tables of a gradebook, one script a version; README.md explains them.
 */
#ifndef GRADER_BATCH_SCHEMA_H
#define GRADER_BATCH_SCHEMA_H

/* schema_scripts[N] makes version N + 1 out of version N; GRADEBOOK_VERSION of them. */
extern const char *const schema_scripts[];

#endif
