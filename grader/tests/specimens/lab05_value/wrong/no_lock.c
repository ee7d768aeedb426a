/* expect: tests lost; schedules data-race | shared memory, but no lock at all */
#define _GNU_SOURCE
#include "value.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#define FAIL(what) return perror(what), NULL

// the number itself is the whole structure
struct value { int64_t number; };

struct value *value_create(int64_t initial)
{
    int fd = memfd_create("lab05-value", MFD_CLOEXEC);
    if (fd < 0) FAIL("memfd_create");
    if (ftruncate(fd, sysconf(_SC_PAGESIZE)) < 0) FAIL("ftruncate");
    struct value *v = mmap(NULL, (size_t)sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (v == MAP_FAILED) FAIL("mmap");
    v->number = initial;
    return v;
}

void value_free(struct value *v)
{
    if (v) munmap(v, (size_t)sysconf(_SC_PAGESIZE));
}

int64_t value_get(struct value *v) { return v->number; }
void value_add(struct value *v, int64_t amount) { v->number += amount; }
int64_t value_update(struct value *v, value_fn *fn, void *arg) { return v->number = fn(v->number, arg); }

int value_reduce(struct value *v, value_item *item, uint64_t count, unsigned processes)
{
    pid_t child[64];
    unsigned i, dead = 0;
    for (i = 0; i < processes; i++) {
        fflush(NULL);
        child[i] = fork();
        if (child[i] < 0) break;
        if (child[i] > 0) continue;
        // child i: every processes-th item
        int64_t s = 0;
        for (uint64_t k = i; k < count; k += processes) s += item(k);
        value_add(v, s);
        _exit(0);
    }
    dead = processes - i;
    while (i-- > 0) {
        int st;
        if (waitpid(child[i], &st, 0) < 0 || !WIFEXITED(st)) dead++;
    }
    return dead ? -1 : 0;
}
