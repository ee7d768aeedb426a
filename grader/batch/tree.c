#include "tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../text.h"
#include "recognise.h"

enum { DEPTH_MAX = 24, ARCHIVE_BYTES_MAX = 64 << 20 };

/* Reads the open file up to `limit` bytes; NULL if it cannot be read. Caller frees. */
static char *read_all(int fd, size_t limit, size_t *length)
{
    size_t size = 16384;
    char *bytes = text_allocate(size, 1);
    *length = 0;
    while (*length < limit) {
        if (*length == size)
            bytes = text_grow(bytes, size *= 2, 1);
        const size_t wanted = size - *length < limit - *length ? size - *length : limit - *length;
        const ssize_t got = read(fd, bytes + *length, wanted);
        if (got == 0)
            break;
        if (got < 0 && errno != EINTR) {
            free(bytes);
            return NULL;
        }
        *length += got > 0 ? (size_t)got : 0;
    }
    return bytes;
}

static void open_archive(const struct tree_sink *sink, const char *path, int fd, const struct stat *status)
{
    size_t length = 0;
    if (status->st_size > ARCHIVE_BYTES_MAX) {
        sink->files.refused(sink->files.context, path, "is larger than 64 MiB");
        return;
    }
    char *bytes = read_all(fd, ARCHIVE_BYTES_MAX, &length);
    if (bytes != NULL)
        unpack(path, bytes, length, &sink->files);
    else
        sink->files.refused(sink->files.context, path, "cannot be read");
    free(bytes);
}

static void open_file(const struct tree_sink *sink, const char *path, int fd, const struct stat *status)
{
    size_t length = 0;
    if (recognise_is_archive(path)) {
        open_archive(sink, path, fd, status);
    } else if (!recognise_is_source(path)) {
        sink->files.aside(sink->files.context, path, "not C source");
    } else {
        char *bytes = read_all(fd, UNPACK_FILE_MAX, &length);
        if (bytes != NULL)
            sink->files.file(sink->files.context, path, bytes, length, status->st_mtime);
        else
            sink->files.aside(sink->files.context, path, "cannot be read");
        free(bytes);
    }
}

static void walk(const struct tree_sink *sink, int directory, const char *above, int depth);

/* A clone holds the whole kit: only its file of this lab is somebody's work. */
static bool walk_clone(const struct tree_sink *sink, int directory, const char *path, int depth)
{
    const int inner = sink->clone != NULL && depth == 1
                          ? openat(directory, sink->clone, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
                          : -1;
    if (inner < 0)
        return false;
    char *below = text_join(path, sink->clone);
    walk(sink, inner, below, depth + 2);
    free(below);
    close(directory);
    return true;
}

static void visit(const struct tree_sink *sink, int directory, const char *name, const char *path, int depth)
{
    struct stat status;
    const char *why = unpack_left_aside(name);
    const int fd = why == NULL ? openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC) : -1;
    if (why == NULL && fd < 0)
        why = errno == ELOOP ? "a symbolic link" : errno == ENXIO ? "a socket" : "cannot be read";
    else if (why == NULL && fstat(fd, &status) != 0)
        why = "cannot be read";
    else if (why == NULL && S_ISDIR(status.st_mode) && depth >= DEPTH_MAX)
        why = "folders nested too deep";
    else if (why == NULL && !S_ISDIR(status.st_mode) && !S_ISREG(status.st_mode))
        why = "neither a file nor a folder";
    if (why != NULL)
        sink->files.aside(sink->files.context, path, why);
    else if (S_ISREG(status.st_mode))
        open_file(sink, path, fd, &status);
    else if (walk_clone(sink, fd, path, depth))
        return;
    else {
        walk(sink, fd, path, depth + 1);
        return;
    }
    if (fd >= 0)
        close(fd);
}

/* Takes over the descriptor. */
static void walk(const struct tree_sink *sink, int directory, const char *above, int depth)
{
    DIR *stream = fdopendir(directory);
    if (stream == NULL) {
        close(directory);
        sink->files.aside(sink->files.context, above, "cannot be read");
        return;
    }
    for (const struct dirent *entry; (entry = readdir(stream)) != NULL;) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        char *path = above[0] != '\0' ? text_join(above, entry->d_name) : text_format("%s", entry->d_name);
        visit(sink, dirfd(stream), entry->d_name, path, depth);
        free(path);
    }
    closedir(stream);
}

static bool walk_archive(const char *root, int fd, const struct tree_sink *sink, char **error)
{
    size_t length = 0;
    char *bytes = read_all(fd, (size_t)1 << 30, &length);
    char *why = bytes != NULL ? unpack_download(bytes, length, &sink->files) : text_format("cannot be read");
    free(bytes);
    if (why != NULL)
        *error = text_format("'%s' is refused: %s", root, why);
    free(why);
    return *error == NULL;
}

bool tree_walk(const char *root, const struct tree_sink *sink, char **error)
{
    struct stat status;
    const int fd = open(root, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    *error = NULL;
    if (fd < 0 || fstat(fd, &status) != 0) {
        *error = text_format("cannot read '%s': %s", root, strerror(errno));
    } else if (S_ISDIR(status.st_mode)) {
        walk(sink, fd, "", 1);
        return true;
    } else if (S_ISREG(status.st_mode) && recognise_is_archive(root)) {
        walk_archive(root, fd, sink, error);
    } else {
        *error = text_format("'%s' is neither a folder nor an archive", root);
    }
    if (fd >= 0)
        close(fd);
    return *error == NULL;
}
