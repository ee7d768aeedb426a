#include "census.h"

#include <ctype.h>
#include <dirent.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "thread_info.h"
#include "timing.h"

static _Noreturn void cannot_read(const char *path)
{
    perror(path);
    abort();
}

static DIR *open_directory(const char *path)
{
    DIR *directory = opendir(path);
    if (directory == NULL)
        cannot_read(path);
    return directory;
}

static FILE *open_file(const char *path)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        cannot_read(path);
    return file;
}

static int count_entries(const char *path)
{
    DIR *directory = open_directory(path);
    int count = 0;
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;)
        count += isdigit((unsigned char)entry->d_name[0]) != 0;
    closedir(directory);
    return count;
}

static void count_children(struct census *census)
{
    DIR *directory = open_directory("/proc");
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        const int id = (int)strtol(entry->d_name, NULL, 10); /* 0 for what is no process */
        if (id == 0 || thread_info_parent(id) != getpid())
            continue;
        census->children++;
        census->zombies += thread_info_state(id) == 'Z';
    }
    closedir(directory);
}

static int count_shared_maps(void)
{
    int count = 0;
    char line[1024], permissions[8];
    FILE *file = open_file("/proc/self/maps");
    while (fgets(line, sizeof line, file) != NULL)
        count += sscanf(line, "%*s %7s", permissions) == 1 && permissions[3] == 's';
    fclose(file);
    return count;
}

/* Bytes of the heap that are in use. What the calling thread has given back may lie in a cache of its own, which holds
 * up to CACHED blocks of each size and is taken for in use: so the cache is emptied first, by asking for all that it
 * can hold, and what was got is taken off. */
static size_t heap_in_use(void)
{
    enum { SMALLEST = 24, STEP = 16, SIZES = 64, CACHED = 7, OVERHEAD = sizeof(size_t) };
    void *got[SIZES][CACHED];
    size_t own = 0;
    for (int i = 0; i < SIZES; i++)
        for (int k = 0; k < CACHED; k++) {
            got[i][k] = malloc((size_t)(SMALLEST + i * STEP));
            if (got[i][k] != NULL)
                own += malloc_usable_size(got[i][k]) + OVERHEAD;
        }
    const struct mallinfo2 heap = mallinfo2();
    for (int i = 0; i < SIZES; i++)
        for (int k = 0; k < CACHED; k++)
            free(got[i][k]);
    return heap.uordblks + heap.hblkhd - own;
}

struct census census_take(void)
{
    struct census census = {
        .descriptors = count_entries("/proc/self/fd") - 1, /* the one that reads the directory */
        .threads = count_entries("/proc/self/task"),
        .shared_maps = count_shared_maps(),
        .heap_bytes = heap_in_use(),
    };
    count_children(&census);
    return census;
}

struct settling {
    const struct census *before;
    struct census now;
};

static bool has_settled(void *settling)
{
    struct settling *s = settling;
    s->now = census_take();
    return s->now.threads <= s->before->threads && s->now.children <= s->before->children;
}

struct census census_settle(const struct census *before)
{
    struct settling settling = {.before = before};
    timing_wait_until(has_settled, &settling, 1.0);
    return settling.now;
}

int census_without_stdin(void (*call)(void))
{
    close(STDIN_FILENO);
    const struct census before = census_take();
    call();
    return census_settle(&before).descriptors - before.descriptors;
}

void census_one_heap(void)
{
    mallopt(M_ARENA_MAX, 1);
}

size_t census_address_space(void)
{
    size_t pages = 0;
    FILE *file = open_file("/proc/self/statm");
    if (fscanf(file, "%zu", &pages) != 1)
        cannot_read("/proc/self/statm");
    fclose(file);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}
