#include "mappings.h"

#include <string.h>
#include <sys/mman.h>

#include "family.h"
#include "files.h"
#include "heap.h"
#include "model.h"
#include "sync.h"
#include "verdict.h"

enum { PAGE = 4096 };

static char *top;

void mappings_reset(void)
{
    top = (char *)SHARED_BASE;
}

static size_t whole_pages(size_t size)
{
    return (size + PAGE - 1) & ~(size_t)(PAGE - 1);
}

char *mappings_shared(size_t size)
{
    char *taken = top;
    size = whole_pages(size);
    if (size > SHARED_BYTES || taken + size > (char *)SHARED_BASE + SHARED_BYTES)
        verdict_unsupported("a program that maps more than %d MiB", SHARED_BYTES >> 20);
    top += size;
    return memset(taken, 0, size);
}

static void *fail(int error)
{
    errno = error;
    return MAP_FAILED;
}

static void *map_file(int number, size_t length, int flags, off_t offset, uintptr_t pc)
{
    const struct file *file = descriptors_find(number);
    if (file == NULL)
        return fail(EBADF);
    if (file->kind != FILE_MEMORY)
        return fail(ENODEV);
    if (offset < 0 || offset % PAGE != 0)
        return fail(EINVAL);
    if ((size_t)offset + length > whole_pages(file->inode->size))
        verdict_unsupported("a mapping that is longer than its file");
    const char *bytes = files_bytes(file->inode, (size_t)offset + length) + offset;
    if (flags & MAP_SHARED)
        return (char *)bytes;
    return memcpy(heap_take(whole_pages(length), PAGE, pc), bytes, length);
}

MODEL(void *, mmap, (void *address, size_t length, int protection, int flags, int number, off_t offset))
{
    (void)protection;
    if (flags & MAP_FIXED)
        verdict_unsupported("mmap at a fixed address");
    (void)address; /* only a hint */
    if (length == 0)
        return fail(EINVAL);
    if (!(flags & MAP_ANONYMOUS))
        return map_file(number, length, flags, offset, PC);
    if (flags & MAP_SHARED)
        return mappings_shared(length);
    return memset(heap_take(whole_pages(length), PAGE, PC), 0, length);
}

/* What is mapped later lies elsewhere; shared memory may still be mapped by others. */
MODEL(int, munmap, (void *address, size_t length))
{
    (void)length;
    if (!family_is_shared((uintptr_t)address))
        heap_give_back(address, PC);
    return 0;
}

MODEL(int, mprotect, (void *address, size_t length, int protection))
{
    (void)address;
    (void)length;
    if (!(protection & PROT_READ) || !(protection & PROT_WRITE))
        verdict_unsupported("memory that is protected from reading or writing");
    return 0;
}
