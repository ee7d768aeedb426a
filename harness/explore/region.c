#include "region.h"

#include <asm/prctl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "marks.h"
#include "verdict.h"

static char *saved_data, *saved_bss, *saved_tls;
static size_t tls_size;
static ptrdiff_t tls_offset;           /* from a thread-local block's base to the program's variables */
static uintptr_t host_base;            /* the explorer's own thread-local block */
static uintptr_t fs_base[THREADS_MAX]; /* each slot's; 0: not made yet */

enum { TLS_BYTES = 64 << 10 }; /* of a slot's stack, for its thread-local block */

static size_t range_size(struct range range)
{
    return (size_t)(range.end - range.begin);
}

struct range region_data(void)
{
    return (struct range){explore_first_data, explore_last_data};
}

struct range region_bss(void)
{
    return (struct range){explore_first_bss, explore_last_bss};
}

bool region_has_tls(void)
{
    return tls_size > 0;
}

struct range region_stack(int id)
{
    char *low = (char *)STACKS_BASE;
    const size_t block = tls_size > 0 ? TLS_BYTES : 0;
    if (id == 0)
        return (struct range){low + GUARD_BYTES, low + MAIN_STACK_BYTES - block};
    low += MAIN_STACK_BYTES + (size_t)(id - 1) * STACK_BYTES;
    return (struct range){low + GUARD_BYTES, low + STACK_BYTES - block};
}

bool region_is_guard(uintptr_t address)
{
    for (int id = 0; id < THREADS_MAX; id++) {
        const uintptr_t begin = (uintptr_t)region_stack(id).begin;
        if (address >= begin - GUARD_BYTES && address < begin)
            return true;
    }
    return false;
}

/* Which thread-local block the code sees is decided by a register that Linux lets programs set by themselves on newer
 * processors (HWCAP2 says so), else by a system call. */
static void fs_set(uintptr_t base)
{
    enum { HWCAP2_FSGSBASE = 2 };
    if (getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE)
        __asm__ volatile("wrfsbase %0" : : "r"(base) : "memory");
    else
        syscall(SYS_arch_prctl, ARCH_SET_FS, base);
}

static uintptr_t fs_get(void)
{
    uintptr_t base;
    __asm__ volatile("movq %%fs:0, %0" : "=r"(base));
    return base;
}

static char *copy_range(struct range range)
{
    char *copy = malloc(range_size(range) + 1);
    if (copy == NULL)
        verdict_broken("no memory for a copy of the program's variables");
    memcpy(copy, range.begin, range_size(range));
    return copy;
}

void region_open(void)
{
    void *at = mmap((void *)REGION_BASE, REGION_BYTES, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
    if (at != (void *)REGION_BASE)
        verdict_broken("cannot map the program's memory");
    for (int id = 0; id < THREADS_MAX; id++)
        mprotect(region_stack(id).begin - GUARD_BYTES, GUARD_BYTES, PROT_NONE);
    saved_data = copy_range(region_data());
    saved_bss = copy_range(region_bss());
    const ptrdiff_t marks = 16;
    if (explore_last_tdata - explore_first_tdata > marks || explore_last_tbss - explore_first_tbss > marks) {
        const struct range tls = {explore_first_tdata, explore_last_tbss + marks};
        tls_size = range_size(tls);
        host_base = fs_get();
        tls_offset = tls.begin - (char *)host_base;
        saved_tls = copy_range(tls);
    }
}

void region_restore(void)
{
    memcpy(explore_first_data, saved_data, range_size(region_data()));
    memcpy(explore_first_bss, saved_bss, range_size(region_bss()));
    memset(region_stack(0).end - DEAD_FRAMES, 0, DEAD_FRAMES);
}

/* Where an OS thread's thread-local block is, only that thread can tell: one is started for each slot on a stack within
 * the slot, tells, and then sleeps for ever; its block is what the fiber of that slot uses. */
static void *tell_and_sleep(void *into)
{
    __atomic_store_n((uintptr_t *)into, fs_get(), __ATOMIC_RELEASE);
    for (;;)
        pause();
    return NULL;
}

static void make_block(int id)
{
    pthread_attr_t attributes;
    pthread_t thread;
    char *stack = region_stack(id).end; /* which ends below the block */
    sigset_t all, before;               /* the explorer's own thread gets all signals */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_attr_init(&attributes);
    pthread_attr_setstack(&attributes, stack, TLS_BYTES);
    if (pthread_create(&thread, &attributes, tell_and_sleep, &fs_base[id]) != 0)
        verdict_broken("cannot start a thread for thread-local variables");
    pthread_attr_destroy(&attributes);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    while (__atomic_load_n(&fs_base[id], __ATOMIC_ACQUIRE) == 0)
        usleep(10);
}

struct range region_tls(int id)
{
    if (tls_size == 0)
        return (struct range){NULL, NULL};
    char *begin = (char *)fs_base[id] + tls_offset;
    return (struct range){begin, begin + tls_size};
}

void region_tls_reset(int id)
{
    const uintptr_t seen = fs_get();
    fs_set(host_base); /* pthread_create must know whom it runs for */
    if (fs_base[id] == 0)
        make_block(id);
    memcpy(region_tls(id).begin, saved_tls, tls_size);
    fs_set(seen);
}

void region_tls_enter(int id)
{
    fs_set(id < 0 ? host_base : fs_base[id]);
}

char *region_tls_end(int id)
{
    return region_stack(id).end + (tls_size > 0 ? TLS_BYTES : 0);
}
