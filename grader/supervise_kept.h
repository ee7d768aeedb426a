/*
 * supervise_kept.h: files a program has left in the memory of its sandbox, copied out when all of it is dead.
 */
#ifndef GRADER_SUPERVISE_KEPT_H
#define GRADER_SUPERVISE_KEPT_H

enum { KEPT_FILES_MAX = 1000, KEPT_BYTES_MAX = 128 << 20 /* together */ };

/* kept_copy: copies from the directory `from` (a descriptor, which stays open; its file system outlives the sandbox by
 * it) each regular file whose name begins with the last part of the path `to` to that path and the rest of its name,
 * where nothing may be yet. What is over the limits above, is no regular file or cannot be read is left out. Nothing of
 * the program may be alive. */
void kept_copy(int from, const char *to);

#endif
