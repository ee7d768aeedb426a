/* named_semaphores.c: sem_open and its kin: semaphores that processes find by a name. */
#include <fcntl.h>
#include <limits.h>
#include <semaphore.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include "arena.h"
#include "mappings.h"
#include "memory.h"
#include "model.h"
#include "named_semaphores.h"
#include "schedule.h"
#include "semaphore_model.h"
#include "sync.h"

struct named {
    struct named *next;
    const char *name; /* NULL: unlinked */
    sem_t *semaphore;
};

static struct named *all;

void named_semaphores_reset(void)
{
    all = NULL;
}

static struct named *find(const char *name)
{
    name += name[0] == '/';
    for (struct named *named = all; named != NULL; named = named->next)
        if (named->name != NULL && strcmp(named->name, name) == 0)
            return named;
    return NULL;
}

static sem_t *make(const char *name, unsigned value, uintptr_t pc)
{
    struct named *named = arena_zero(sizeof *named);
    name += name[0] == '/';
    named->name = strcpy(arena_take(strlen(name) + 1), name);
    named->semaphore = (sem_t *)mappings_shared(sizeof(sem_t));
    named->next = all;
    all = named;
    semaphore_set(named->semaphore, value, pc);
    return named->semaphore;
}

static sem_t *fail(int error)
{
    errno = error;
    return SEM_FAILED;
}

MODEL(sem_t *, sem_open, (const char *name, int flags, ...))
{
    va_list arguments;
    va_start(arguments, flags);
    (void)va_arg(arguments, unsigned); /* mode */
    const unsigned value = va_arg(arguments, unsigned);
    va_end(arguments);
    schedule_point((struct operation){.object = (uintptr_t)&all, .words = "open a semaphore by its name", .pc = PC},
                   NULL);
    struct named *named = find(name);
    if (named == NULL && !(flags & O_CREAT))
        return fail(ENOENT);
    if (named != NULL && flags & O_CREAT && flags & O_EXCL)
        return fail(EEXIST);
    if (named != NULL)
        return named->semaphore;
    return value > SEM_VALUE_MAX ? fail(EINVAL) : make(name, value, PC);
}

MODEL(int, sem_close, (sem_t * semaphore))
{
    (void)semaphore;
    return 0; /* other processes may still use it */
}

MODEL(int, sem_unlink, (const char *name))
{
    schedule_point((struct operation){.object = (uintptr_t)&all, .words = "unlink a semaphore", .pc = PC}, NULL);
    struct named *named = find(name);
    if (named == NULL)
        return model_fail(ENOENT);
    named->name = NULL;
    return 0;
}
