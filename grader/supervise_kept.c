#include "supervise_kept.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A link, a pipe or a device in the place of a file: whoever put it there does not choose what is read. */
static int open_regular(int directory, const char *name)
{
    struct stat status;
    const int file = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (file < 0 || (fstat(file, &status) == 0 && S_ISREG(status.st_mode)))
        return file;
    close(file);
    return -1;
}

static bool write_all(int file, const char *data, size_t length)
{
    while (length > 0) {
        const ssize_t written = write(file, data, length);
        if (written <= 0)
            return false;
        data += written;
        length -= (size_t)written;
    }
    return true;
}

/* Copies one file, of at most `room` bytes; returns how many. */
static size_t copy_file(int directory, const char *name, const char *to, size_t room)
{
    static char block[1 << 16];
    size_t copied = 0;
    const int source = open_regular(directory, name);
    const int target = source >= 0 ? open(to, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600) : -1;
    while (target >= 0 && copied < room) {
        const size_t most = room - copied < sizeof block ? room - copied : sizeof block;
        const ssize_t got = read(source, block, most);
        if (got <= 0 || !write_all(target, block, (size_t)got))
            break;
        copied += (size_t)got;
    }
    if (target >= 0)
        close(target);
    if (source >= 0)
        close(source);
    return copied;
}

void kept_copy(int from, const char *to)
{
    const char *prefix = strrchr(to, '/') + 1;
    const int again = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = again >= 0 ? fdopendir(again) : NULL;
    size_t room = KEPT_BYTES_MAX;
    int files = 0;
    struct dirent *entry;
    while (directory != NULL && room > 0 && files < KEPT_FILES_MAX && (entry = readdir(directory)) != NULL) {
        char path[PATH_MAX];
        if (strncmp(entry->d_name, prefix, strlen(prefix)) != 0)
            continue;
        if ((size_t)snprintf(path, sizeof path, "%.*s%s", (int)(prefix - to), to, entry->d_name) >= sizeof path)
            continue;
        room -= copy_file(from, entry->d_name, path, room);
        files++;
    }
    if (directory != NULL)
        closedir(directory);
}
