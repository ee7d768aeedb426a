#include "files.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "arena.h"
#include "mappings.h"
#include "memory.h"
#include "model.h"
#include "schedule.h"
#include "sync.h"
#include "verdict.h"

enum { LEAST_ROOM = 4096, NAME_SIZE = 256 };

static struct inode *all;
static unsigned temporary_count;

void files_reset(void)
{
    all = NULL;
    temporary_count = 0;
}

char *files_bytes(struct inode *inode, size_t size)
{
    if (inode->bytes == NULL) {
        inode->room = size > LEAST_ROOM ? size : LEAST_ROOM;
        inode->bytes = mappings_shared(inode->room);
    }
    if (size > inode->room)
        verdict_unsupported("a file that grows after its first use to more than %zu bytes", inode->room);
    return inode->bytes;
}

static int open_inode(struct inode *inode, bool close_on_exec)
{
    struct file *file = file_make(FILE_MEMORY, false);
    file->inode = inode;
    return descriptors_open(file, 0, close_on_exec);
}

int files_memory(unsigned flags)
{
    return open_inode(arena_zero(sizeof(struct inode)), flags & MFD_CLOEXEC);
}

MODEL(int, memfd_create, (const char *name, unsigned flags))
{
    (void)name;
    return files_memory(flags);
}

static struct inode *find_name(const char *name)
{
    for (struct inode *inode = all; inode != NULL; inode = inode->next)
        if (inode->name != NULL && strcmp(inode->name, name) == 0)
            return inode;
    return NULL;
}

static struct inode *add(const char *name)
{
    struct inode *inode = arena_zero(sizeof *inode);
    const size_t size = strlen(name) + 1;
    inode->name = memcpy(arena_take(size), name, size);
    inode->next = all;
    all = inode;
    return inode;
}

static void look_up_point(uintptr_t pc)
{
    schedule_point((struct operation){.object = (uintptr_t)&all, .words = "open a file by its name", .pc = pc}, NULL);
    schedule_changed();
}

static int open_name(const char *name, int flags, uintptr_t pc)
{
    look_up_point(pc);
    struct inode *inode = find_name(name);
    if (inode == NULL && !(flags & O_CREAT))
        return model_fail(ENOENT);
    if (inode != NULL && flags & O_CREAT && flags & O_EXCL)
        return model_fail(EEXIST);
    if (inode == NULL)
        inode = add(name);
    if (flags & O_TRUNC)
        inode->size = 0;
    return open_inode(inode, flags & O_CLOEXEC);
}

static int unlink_name(const char *name, uintptr_t pc)
{
    look_up_point(pc);
    struct inode *inode = find_name(name);
    if (inode == NULL)
        return model_fail(ENOENT);
    inode->name = NULL;
    return 0;
}

static void check_path(const char *path)
{
    static const char *const own[] = {"/tmp/", "/var/tmp/", "/dev/shm/"};
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
        if (strncmp(path, own[i], strlen(own[i])) == 0)
            return;
    if (path[0] == '/')
        verdict_unsupported("the file %s", path);
}

MODEL(int, open, (const char *path, int flags, ...))
{
    check_path(path);
    return open_name(path, flags, PC);
}

MODEL(int, unlink, (const char *path))
{
    check_path(path);
    return unlink_name(path, PC);
}

/* Shared memory objects lie in /dev/shm, as on Linux. */
static const char *shared_name(const char *name, char *into)
{
    strcpy(into, "/dev/shm/");
    strncat(into, name[0] == '/' ? name + 1 : name, NAME_SIZE - 1);
    return into;
}

MODEL(int, shm_open, (const char *name, int flags, mode_t mode))
{
    char path[NAME_SIZE + 16];
    (void)mode;
    return open_name(shared_name(name, path), flags | O_CLOEXEC, PC);
}

MODEL(int, shm_unlink, (const char *name))
{
    char path[NAME_SIZE + 16];
    return unlink_name(shared_name(name, path), PC);
}

static int make_temporary(char *pattern, uintptr_t pc)
{
    enum { XS = 6, DIGITS = 10 };
    const size_t length = strlen(pattern);
    if (length < XS || strcmp(pattern + length - XS, "XXXXXX") != 0)
        return model_fail(EINVAL);
    check_path(pattern);
    memory_access((uintptr_t)pattern, length + 1, ACCESS_WRITE, pc);
    unsigned number = ++temporary_count;
    for (size_t i = length; i-- > length - XS; number /= DIGITS)
        pattern[i] = (char)('0' + number % DIGITS);
    return open_name(pattern, O_CREAT | O_RDWR, pc);
}

MODEL(int, mkstemp, (char *pattern))
{
    return make_temporary(pattern, PC);
}

static struct file *find_file(int number)
{
    struct file *file = descriptors_find(number);
    return file != NULL && file->kind == FILE_MEMORY ? file : NULL;
}

MODEL(int, ftruncate, (int number, off_t size))
{
    const struct file *file = find_file(number);
    if (file == NULL || size < 0)
        return model_fail(file == NULL ? EBADF : EINVAL);
    schedule_point((struct operation){.object = (uintptr_t)file->inode, .words = "set a file's size", .pc = PC}, NULL);
    files_bytes(file->inode, (size_t)size);
    if ((size_t)size < file->inode->size)
        memset(file->inode->bytes + size, 0, file->inode->size - (size_t)size);
    file->inode->size = (size_t)size;
    return 0;
}

static void touch(struct inode *inode, const char *words, uintptr_t pc)
{
    schedule_point((struct operation){.object = (uintptr_t)inode, .words = words, .pc = pc}, NULL);
    schedule_acquire(&inode->clock);
    schedule_release(&inode->clock);
}

static ssize_t read_at(struct inode *inode, void *into, size_t size, uint64_t offset, uintptr_t pc)
{
    touch(inode, "read from a file", pc);
    if (offset >= inode->size)
        return 0;
    const size_t there = inode->size - offset < size ? inode->size - offset : size;
    memory_access((uintptr_t)into, there, ACCESS_WRITE, pc);
    memcpy(into, files_bytes(inode, inode->size) + offset, there);
    return (ssize_t)there;
}

static ssize_t write_at(struct inode *inode, const void *data, size_t size, uint64_t offset, uintptr_t pc)
{
    touch(inode, "write to a file", pc);
    schedule_changed();
    memory_access((uintptr_t)data, size, ACCESS_READ, pc);
    memcpy(files_bytes(inode, offset + size) + offset, data, size);
    if (offset + size > inode->size)
        inode->size = offset + size;
    return (ssize_t)size;
}

ssize_t files_read(struct file *file, void *into, size_t size, uintptr_t pc)
{
    const ssize_t got = read_at(file->inode, into, size, file->position, pc);
    file->position += (uint64_t)got;
    return got;
}

ssize_t files_write(struct file *file, const void *data, size_t size, uintptr_t pc)
{
    const ssize_t put = write_at(file->inode, data, size, file->position, pc);
    file->position += (uint64_t)put;
    return put;
}

MODEL(ssize_t, pread, (int number, void *into, size_t size, off_t offset))
{
    const struct file *file = find_file(number);
    return file != NULL ? read_at(file->inode, into, size, (uint64_t)offset, PC) : model_fail(EBADF);
}

MODEL(ssize_t, pwrite, (int number, const void *data, size_t size, off_t offset))
{
    const struct file *file = find_file(number);
    return file != NULL ? write_at(file->inode, data, size, (uint64_t)offset, PC) : model_fail(EBADF);
}

MODEL(off_t, lseek, (int number, off_t offset, int whence))
{
    struct file *file = find_file(number);
    if (file == NULL)
        return model_fail(descriptors_find(number) != NULL ? ESPIPE : EBADF);
    const off_t from = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? (off_t)file->position : (off_t)file->inode->size;
    if (from + offset < 0)
        return model_fail(EINVAL);
    file->position = (uint64_t)(from + offset);
    return from + offset;
}
