#include "memstream.h"

#include <string.h>

#include "heap.h"
#include "memory.h"
#include "model.h"
#include "region.h"
#include "sync.h"

enum { FIRST_ROOM = 128 };

/* In the program's heap, as what libc allocates would be: it may leak, or be used after fclose. */
struct memstream {
    char **text; /* the program's variables */
    size_t *size;
    char *bytes;
    size_t length, room;
};

bool memstream_is(const FILE *stream, uintptr_t pc)
{
    if ((uintptr_t)stream - REGION_BASE >= HEAP_BYTES)
        return false;
    memory_access((uintptr_t)stream, sizeof(struct memstream), ACCESS_WRITE | ACCESS_ATOMIC, pc);
    return true;
}

static void make_room(struct memstream *stream, size_t size, uintptr_t pc)
{
    if (size <= stream->room)
        return;
    char *bytes = heap_take(2 * size + FIRST_ROOM, 16, pc);
    if (stream->bytes != NULL)
        memcpy(bytes, stream->bytes, stream->length);
    heap_give_back(stream->bytes, pc);
    stream->bytes = bytes;
    stream->room = 2 * size + FIRST_ROOM;
}

void memstream_write(FILE *stream, const void *bytes, size_t size, uintptr_t pc)
{
    struct memstream *memory = (struct memstream *)stream;
    make_room(memory, memory->length + size + 1, pc);
    memcpy(memory->bytes + memory->length, bytes, size);
    memory->length += size;
    memory->bytes[memory->length] = '\0';
}

void memstream_flush(FILE *stream, uintptr_t pc)
{
    struct memstream *memory = (struct memstream *)stream;
    memstream_write(stream, "", 0, pc);
    memory_access((uintptr_t)memory->text, sizeof *memory->text, ACCESS_WRITE, pc);
    memory_access((uintptr_t)memory->size, sizeof *memory->size, ACCESS_WRITE, pc);
    *memory->text = memory->bytes;
    *memory->size = memory->length;
}

MODEL(FILE *, open_memstream, (char **text, size_t *size))
{
    struct memstream *memory = heap_take(sizeof *memory, 16, PC);
    *memory = (struct memstream){.text = text, .size = size};
    return (FILE *)memory;
}

void memstream_close(FILE *stream, uintptr_t pc)
{
    memstream_flush(stream, pc);
    heap_give_back(stream, pc);
}
