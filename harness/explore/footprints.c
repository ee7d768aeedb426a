#include "footprints.h"

#include "arena.h"
#include "family.h"

struct footprint *footprint_make(unsigned most)
{
    struct footprint *footprint = arena_take(sizeof *footprint + most * sizeof footprint->items[0]);
    footprint->count = 0;
    return footprint;
}

static void add(struct footprint *footprint, uintptr_t object, const int *uses)
{
    footprint->items[footprint->count].object = object;
    footprint->items[footprint->count++].uses = uses;
}

void footprint_add(struct footprint *footprint, uintptr_t object)
{
    add(footprint, object, NULL);
}

/* Any close of a memory file gives locks back. */
void footprint_add_file(struct footprint *footprint, const struct file *file, bool closes)
{
    const int *uses = closes ? &file->uses : NULL;
    int count;
    if (file->in != NULL)
        add(footprint, (uintptr_t)file->in, uses);
    if (file->out != NULL && file->out != file->in)
        add(footprint, (uintptr_t)file->out, uses);
    switch (file->kind) {
    case FILE_MEMORY:
        add(footprint, (uintptr_t)file->inode, NULL);
        break;
    case FILE_EPOLL:
        add(footprint, (uintptr_t)file, uses);
        break;
    case FILE_PROCESS:
        if (!closes)
            add(footprint, (uintptr_t)family_members(&count)[file->process], NULL);
        break;
    case FILE_PIPE:
    case FILE_EVENT:
    case FILE_SOCKET:
        break;
    }
}
