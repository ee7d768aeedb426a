/*
 * object.h: what a compiled hand-in defines and what it calls, read from its object file (libelf).
 */
#ifndef GRADER_OBJECT_H
#define GRADER_OBJECT_H

#include <stdbool.h>
#include <stddef.h>

struct object {
    char **defined; /* global and weak symbols it defines */
    size_t defined_count;
    char **undefined; /* symbols it needs from elsewhere */
    size_t undefined_count;
};

/* object_read: reads the symbol table of the relocatable file at `path`. Returns false with `*error` set
 * (caller frees) if it is none. Release with object_release. Blocks on file reads. Not thread safe with other users
 * of libelf on the same file. */
bool object_read(struct object *object, const char *path, char **error);
void object_release(struct object *object);

/* object_defines, object_uses: whether the symbol `name` is defined, or needed. A trailing `*` in `name` stands for
 * any ending. */
bool object_defines(const struct object *object, const char *name);
bool object_uses(const struct object *object, const char *name);

#endif
