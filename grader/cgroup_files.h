/*
 * cgroup_files.h: the small files of control groups: a number, a list of words, or lines that begin with a key.
 *
 * All functions are thread safe, and block no longer than the kernel needs for such a file.
 */
#ifndef GRADER_CGROUP_FILES_H
#define GRADER_CGROUP_FILES_H

#include <stdbool.h>
#include <stdint.h>

enum { CGROUP_FILE_BYTES = 4096 }; /* what is read of one, with the NUL behind it */

/* cgroup_join: `directory/name`, which the caller frees; NULL without memory. */
char *cgroup_join(const char *directory, const char *name);

/* cgroup_open: as open(2) for a file of the directory, closed on exec; -1 with errno. */
int cgroup_open(const char *directory, const char *name, int flags);

/* cgroup_write: writes `text` to an open file in one piece; as cgroup_put. */
bool cgroup_write(int fd, const char *text);

/* cgroup_put: writes `text` in one piece. False, with errno, if there is no such file or the kernel refuses. */
bool cgroup_put(const char *directory, const char *name, const char *text);

/* cgroup_put_at: the same of an open directory, whose path need not be walked. */
bool cgroup_put_at(int directory, const char *name, const char *text);

/* cgroup_get, cgroup_get_in: read the beginning of a file, open or by name, into `text`, which is empty if that fails.
 */
void cgroup_get(int fd, char text[CGROUP_FILE_BYTES]);
void cgroup_get_in(const char *directory, const char *name, char text[CGROUP_FILE_BYTES]);

/* cgroup_number: the number behind `key` at the start of a line; the first of all with an empty key; 0 if there is
 * none. Pure. */
uint64_t cgroup_number(const char *text, const char *key);

/* cgroup_has_word: whether a list that spaces or commas separate holds `word`. Pure. */
bool cgroup_has_word(const char *text, const char *word);

#endif
