/*
 * directory.h: working directories of the grader. All functions are thread safe.
 */
#ifndef GRADER_DIRECTORY_H
#define GRADER_DIRECTORY_H

/* directory_parent: where they are made: $TMPDIR if that is an absolute path, else /tmp. Not to be freed. */
const char *directory_parent(void);

/* directory_remove: deletes the directory and all in it, also what a program has made unreadable there. Links are not
 * followed. Blocks on the file system. */
void directory_remove(const char *path);

#endif
