/*
 * unpack.h: opens what students packed (libarchive), in memory: nothing is ever unpacked onto a disk.
 *
 * An archive is taken whole or refused whole. Refused are paths that lead out (.., absolute, drive letters), links,
 * devices, pipes and sockets, too many entries, too many bytes, bytes that unpack to more than a source could,
 * archives in archives in archives, passwords, and damage.
 */
#ifndef GRADER_BATCH_UNPACK_H
#define GRADER_BATCH_UNPACK_H

#include <stddef.h>
#include <time.h>

enum {
    UNPACK_ENTRIES_MAX = 5000,
    UNPACK_BYTES_MAX = 64 << 20, /* unpacked, with what nested archives unpack to */
    UNPACK_RATIO_MAX = 200,      /* unpacked to packed, beyond UNPACK_RATIO_FREE bytes */
    UNPACK_RATIO_FREE = 4 << 20,
    UNPACK_FILE_MAX = (1 << 20) + 1, /* of a source file; longer ones are cut, and the build stage says too large */
    UNPACK_DEPTH_MAX = 2,            /* an archive in an archive is opened, one more is not */
};

struct unpack_sink {
    /* A C file of an archive; `path` is the archive's own with the entry's behind it. `bytes` is the callee's only
     * during the call. `modified` is 0 if not known. */
    void (*file)(void *context, const char *path, const char *bytes, size_t length, time_t modified);
    /* Anything else there is. `why` is static. */
    void (*aside)(void *context, const char *path, const char *why);
    /* An archive that is refused. `why` is the callee's only during the call. */
    void (*refused)(void *context, const char *path, const char *why);
    void *context;
};

/* unpack: opens the archive in `bytes` and hands what it holds to `sink`, in the archive's order, unless it is
 * refused: then only sink->refused is called. Thread safe. */
void unpack(const char *path, const void *bytes, size_t length, const struct unpack_sink *sink);

/* unpack_download: the same for a whole download from an LMS, packed by the instructor: up to 1 GiB, paths
 * without the archive's own name, and each archive in it is one of its own for the limits. Returns NULL, or why it is
 * refused (caller frees): the sink may have got files before. */
char *unpack_download(const void *bytes, size_t length, const struct unpack_sink *sink);

/* unpack_left_aside: why a file with this name is not looked at though it may be C source: what systems leave
 * behind, version control. NULL if it is looked at; static. `name` is one part of a path. */
const char *unpack_left_aside(const char *name);

#endif
