#include "cgroup_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char *cgroup_join(const char *directory, const char *name)
{
    char *path;
    return asprintf(&path, "%s/%s", directory, name) < 0 ? NULL : path;
}

int cgroup_open(const char *directory, const char *name, int flags)
{
    char *path = cgroup_join(directory, name);
    const int fd = path != NULL ? open(path, flags | O_CLOEXEC) : -1;
    const int cause = errno;
    free(path);
    errno = cause;
    return fd;
}

bool cgroup_write(int fd, const char *text)
{
    return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

static bool put(int fd, const char *text)
{
    if (fd < 0)
        return false;
    const bool written = cgroup_write(fd, text);
    const int cause = errno;
    close(fd);
    errno = cause;
    return written;
}

bool cgroup_put_at(int directory, const char *name, const char *text)
{
    return put(openat(directory, name, O_WRONLY | O_TRUNC | O_CLOEXEC), text);
}

bool cgroup_put(const char *directory, const char *name, const char *text)
{
    return put(cgroup_open(directory, name, O_WRONLY | O_TRUNC), text);
}

void cgroup_get(int fd, char text[CGROUP_FILE_BYTES])
{
    const ssize_t length = fd >= 0 ? pread(fd, text, CGROUP_FILE_BYTES - 1, 0) : -1;
    text[length > 0 ? length : 0] = '\0';
}

void cgroup_get_in(const char *directory, const char *name, char text[CGROUP_FILE_BYTES])
{
    const int fd = cgroup_open(directory, name, O_RDONLY);
    cgroup_get(fd, text);
    if (fd >= 0)
        close(fd);
}

uint64_t cgroup_number(const char *text, const char *key)
{
    const size_t length = strlen(key);
    for (const char *line = text; *line != '\0'; line += strcspn(line, "\n"), line += *line == '\n')
        if (length == 0 || (strncmp(line, key, length) == 0 && line[length] == ' '))
            return strtoull(line + length, NULL, 10);
    return 0;
}

bool cgroup_has_word(const char *text, const char *word)
{
    const size_t length = strlen(word);
    for (const char *at = text; (at = strstr(at, word)) != NULL; at += length)
        if ((at == text || strchr(" ,+\n", at[-1]) != NULL) && strchr(" ,\n", at[length]) != NULL)
            return true;
    return false;
}
