/* Unit tests of the harness modules that lab programs lean on. */
#include <criterion/criterion.h>

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../census.h"
#include "../leftovers.h"
#include "../receipt.h"
#include "../scarce.h"
#include "../seed.h"
#include "../thread_info.h"
#include "../timing.h"

Test(seed, same_seed_same_numbers)
{
    uint64_t a = 7, b = 7, c = 8;
    const uint64_t first = seed_next(&a);
    cr_expect_eq(first, seed_next(&b));
    cr_expect_neq(first, seed_next(&c));
}

Test(seed, known_values_of_splitmix64)
{
    /* first outputs for the state 1234567, from the reference implementation by Vigna */
    uint64_t state = 1234567;
    cr_expect_eq(seed_next(&state), 6457827717110365317u);
    cr_expect_eq(seed_next(&state), 3203168211198807973u);
}

Test(seed, below_stays_below)
{
    uint64_t state = 1;
    for (int i = 0; i < 1000; i++)
        cr_assert_lt(seed_below(&state, 10), 10);
}

Test(seed, get_reads_the_environment)
{
    setenv("LOCKSTEP_SEED", "42", 1);
    cr_expect_eq(seed_get(), 42);
    unsetenv("LOCKSTEP_SEED");
    cr_expect_eq(seed_get(), 1);
}

Test(timing, sleep_is_never_too_short)
{
    const double start = timing_now();
    timing_sleep_ms(30);
    cr_expect_geq(timing_now() - start, 0.030);
}

/* Spins until it is told to sleep. */
static void *spin_then_sleep(void *stop)
{
    while (*(volatile _Bool *)stop == 0)
        continue;
    pause();
    return NULL;
}

Test(thread_info, waits_for_the_others_to_sleep)
{
    pthread_t thread;
    volatile _Bool stop = 0;
    cr_assert_eq(pthread_create(&thread, NULL, spin_then_sleep, (void *)&stop), 0);
    cr_expect_not(thread_info_wait_asleep(0.05), "one runs all the time");
    stop = 1;
    cr_expect(thread_info_wait_asleep(10));
    cr_expect_eq(thread_info_state(gettid()), 'R');
}

Test(thread_info, counts_the_time_that_two_threads_on_one_processor_wait_for_it)
{
    pthread_t thread;
    volatile _Bool stop = 0;
    cpu_set_t allowed, one;
    int cpu = 0;
    if (thread_info_slices(gettid()) == 0) /* the kernel does not say */
        return;
    cr_assert_eq(sched_getaffinity(0, sizeof allowed, &allowed), 0);
    while (!CPU_ISSET(cpu, &allowed))
        cpu++;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    cr_assert_eq(sched_setaffinity(0, sizeof one, &one), 0);
    cr_assert_eq(pthread_create(&thread, NULL, spin_then_sleep, (void *)&stop), 0);
    const long long before = thread_info_waited(gettid());
    const double end = timing_now() + 10;
    while (thread_info_waited(gettid()) - before < 20000000 && timing_now() < end)
        continue;
    stop = 1;
    cr_expect_geq(thread_info_waited(gettid()) - before, 20000000, "20 ms in 10 s of sharing");
}

struct expected_state {
    pid_t pid;
    char state;
};

static bool is_in_state(void *expected)
{
    const struct expected_state *e = expected;
    return thread_info_state(e->pid) == e->state;
}

Test(thread_info, sees_processes)
{
    prctl(PR_SET_NAME, ") R 1 (");
    const pid_t child = fork();
    if (child == 0)
        for (;;)
            pause();
    cr_assert_gt(child, 0);
    cr_expect(timing_wait_until(is_in_state, &(struct expected_state){child, 'S'}, 10));
    cr_expect_eq(thread_info_parent(child), getpid());
    kill(child, SIGSTOP);
    cr_expect(timing_wait_until(is_in_state, &(struct expected_state){child, 'T'}, 10));
    kill(child, SIGKILL);
    cr_expect(timing_wait_until(is_in_state, &(struct expected_state){child, 'Z'}, 10));
    cr_expect_eq(thread_info_parent(child), getpid(), "a zombie has a parent still");
    waitpid(child, NULL, 0);
    cr_expect_eq(thread_info_state(child), '?');
    cr_expect_eq(thread_info_parent(child), -1);
}

Test(timing, sleeping_costs_a_switch_and_no_cpu)
{
    const long switches = timing_switches();
    const double cpu = timing_cpu();
    timing_sleep_ms(100);
    cr_expect_geq(timing_switches() - switches, 1);
    cr_expect_lt(timing_cpu() - cpu, 0.05);
}

static bool never(void *arg)
{
    (void)arg;
    return false;
}

static bool is_set(void *arg)
{
    return *(int *)arg != 0;
}

Test(timing, wait_until)
{
    int set = 1;
    cr_expect(timing_wait_until(is_set, &set, 10.0));
    cr_expect(!timing_wait_until(never, NULL, 0.02));
}

static bool come_late(void *looks)
{
    ++*(int *)looks;
    timing_sleep_ms(20);
    return false;
}

/* As on a machine on which each look waits for a processor. */
Test(timing, looks_that_come_late_count_for_little)
{
    int looks = 0;
    cr_expect(!timing_wait_until(come_late, &looks, 0.02));
    cr_expect_geq(looks, 5, "20 ms are 5 looks of 4 ms at least, it looked %d times", looks);
}

static void *sleep_until_told(void *arg)
{
    char byte;
    while (read(*(int *)arg, &byte, 1) < 0)
        continue;
    return NULL;
}

Test(census, counts_threads_children_descriptors_and_maps)
{
    const struct census before = census_take();
    int ends[2];
    pthread_t thread;
    cr_assert_eq(pipe(ends), 0);
    cr_assert_eq(pthread_create(&thread, NULL, sleep_until_told, &ends[0]), 0);
    void *map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    const pid_t child = fork();
    if (child == 0)
        _exit(0);
    siginfo_t info;
    waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT);
    const struct census during = census_take();
    cr_expect_eq(during.descriptors, before.descriptors + 2);
    cr_expect_eq(during.threads, before.threads + 1);
    cr_expect_eq(during.children, before.children + 1);
    cr_expect_eq(during.zombies, before.zombies + 1);
    cr_expect_eq(during.shared_maps, before.shared_maps + 1);
    waitpid(child, NULL, 0);
    cr_assert_eq(write(ends[1], "x", 1), 1);
    pthread_join(thread, NULL);
    munmap(map, 4096);
    close(ends[0]);
    close(ends[1]);
    const struct census after = census_settle(&before);
    cr_expect_eq(after.threads, before.threads);
    cr_expect_eq(after.children, before.children);
    cr_expect_eq(after.descriptors, before.descriptors);
    cr_expect_eq(after.shared_maps, before.shared_maps);
}

static int kept = -1;

static void keep_a_descriptor(void)
{
    kept = dup(STDERR_FILENO);
}

static void give_it_back(void)
{
    keep_a_descriptor();
    close(kept);
}

Test(census, descriptor_0_counts_as_any_other)
{
    cr_expect_eq(census_without_stdin(give_it_back), 0);
    cr_expect_eq(census_without_stdin(keep_a_descriptor), 1);
    cr_expect_eq(kept, STDIN_FILENO);
}

#ifndef __SANITIZE_ADDRESS__ /* its allocator does not tell mallinfo2 what is in use */
/* Of each size as many blocks as the allocator caches for a thread: 240 KB that mallinfo2 takes for in use. */
Test(census, knows_what_was_given_back)
{
    enum { SIZES = 64, EACH = 7 };
    void *blocks[SIZES][EACH];
    const struct census before = census_take();
    for (int i = 0; i < SIZES; i++)
        for (int k = 0; k < EACH; k++)
            blocks[i][k] = malloc((size_t)(24 + i * 16));
    for (int i = 0; i < SIZES; i++)
        for (int k = 0; k < EACH; k++)
            free(blocks[i][k]);
    cr_expect_eq(census_take().heap_bytes, before.heap_bytes);
}

Test(census, sees_a_leak)
{
    const struct census before = census_take();
    void *blocks[500];
    for (int i = 0; i < 500; i++)
        blocks[i] = malloc(100);
    cr_expect_geq(census_take().heap_bytes, before.heap_bytes + 500 * 100);
    for (int i = 0; i < 500; i++)
        free(blocks[i]);
    cr_expect_lt(census_take().heap_bytes, before.heap_bytes + 8192);
}

enum { TOGETHER = 8 };
static pthread_barrier_t together;

/* Allocates `bytes`, if any, while the others do. */
static void *allocate_together(void *bytes)
{
    pthread_barrier_wait(&together);
    void *block = (uintptr_t)bytes > 0 ? malloc((uintptr_t)bytes) : NULL;
    pthread_barrier_wait(&together);
    free(block);
    return NULL;
}

static void run_together(uintptr_t bytes)
{
    pthread_t threads[TOGETHER];
    pthread_barrier_init(&together, NULL, TOGETHER);
    for (int i = 0; i < TOGETHER; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, allocate_together, (void *)bytes), 0);
    for (int i = 0; i < TOGETHER; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&together);
}

Test(census, threads_that_allocate_at_once_leave_nothing)
{
    census_one_heap();
    run_together(0); /* the library keeps their stacks, and what belongs to those */
    const struct census before = census_take();
    run_together(100);
    cr_expect_lt(census_take().heap_bytes, before.heap_bytes + 1024);
}
#endif

static void make_names(int count, bool take_away)
{
    for (int i = 0; i < count; i++) {
        char name[40];
        snprintf(name, sizeof name, "/lockstep-test-%ld-%d", (long)getpid(), i);
        if (take_away)
            shm_unlink(name);
        else
            close(shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600));
    }
}

/* Other programs of the user may make some, too, but hardly so many, and hardly ever any of System V. */
Test(leftovers, sees_what_outlives_a_process)
{
    enum { NAMES = 100, OTHERS = 50 };
    const struct leftovers before = leftovers_take();
    const int segment = shmget(IPC_PRIVATE, 100, IPC_CREAT | 0600), set = semget(IPC_PRIVATE, 2, IPC_CREAT | 0600);
    make_names(NAMES, false);
    const struct leftovers with = leftovers_take();
    make_names(NAMES, true);
    shmctl(segment, IPC_RMID, NULL);
    semctl(set, 0, IPC_RMID);
    const struct leftovers after = leftovers_take();
    cr_expect_gt(with.segments, before.segments);
    cr_expect_gt(with.sets, before.sets);
    cr_expect_gt(with.names, before.names + NAMES - OTHERS);
    cr_expect_lt(after.segments, with.segments);
    cr_expect_lt(after.sets, with.sets);
    cr_expect_lt(after.names, with.names - NAMES + OTHERS);
}

Test(receipt, lines_are_appended_and_the_nonce_leaves_the_environment)
{
    char path[] = "/tmp/lockstep-receipt-XXXXXX", text[40] = "", given[60];
    const int fd = mkstemp(path);
    cr_assert(fd >= 0);
    snprintf(given, sizeof given, "0123abcd:%s", path);
    setenv("LOCKSTEP_RECEIPT", given, 1);
    const char *seen_before = getenv("LOCKSTEP_RECEIPT");
    receipt_open();
    receipt_write("end a\n", 6);
    receipt_write("end b\n", 6);
    cr_expect_eq(read(fd, text, sizeof text - 1), 12);
    cr_expect_str_eq(text, "end a\nend b\n");
    cr_expect_str_eq(receipt_nonce(), "0123abcd");
    cr_expect_null(getenv("LOCKSTEP_RECEIPT"));
    cr_expect_str_empty(seen_before);
    close(fd);
    unlink(path);
}

static int blocks_had, blocks_refused;

static void ask_for_three(void)
{
    for (int i = 0; i < 3; i++) {
        void *volatile block = malloc(24); /* volatile: a compiler may leave out both calls */
        *(block != NULL ? &blocks_had : &blocks_refused) += 1;
        free(block);
    }
}

Test(scarce, requests_fail_in_turn_alone_and_with_all_that_follow)
{
    blocks_had = blocks_refused = 0;
    scarce_in_turn(&scarce_memory, 6, ask_for_three);
    cr_expect_eq(blocks_refused, 1 + 3 + 1 + 2 + 1 + 1);
    cr_expect_eq(blocks_had, 7 * 3 - 9);
    void *block = malloc(24);
    cr_expect_not_null(block, "memory can be had again");
    free(block);
}

static void ask_in_a_child(void)
{
    const pid_t child = fork();
    if (child == 0)
        _exit(malloc(24) != NULL ? 0 : 1);
    waitpid(child, &blocks_refused, 0);
}

Test(scarce, pipes_hold_one_page_while_it_is_said)
{
    int wide[2], narrow[2];
    cr_assert_eq(pipe(wide), 0);
    atomic_store(&scarce_pipes, true);
    cr_assert_eq(pipe2(narrow, O_NONBLOCK), 0);
    atomic_store(&scarce_pipes, false);
    cr_expect_eq(fcntl(narrow[1], F_GETPIPE_SZ), 4096);
    cr_expect_gt(fcntl(wide[1], F_GETPIPE_SZ), 4096);
    cr_expect(fcntl(narrow[0], F_GETFL) & O_NONBLOCK);
    cr_expect_not(fcntl(wide[0], F_GETFL) & O_NONBLOCK);
    for (int i = 0; i < 2; i++) {
        close(wide[i]);
        close(narrow[i]);
    }
}

Test(scarce, children_are_not_meant)
{
    scarce_call(&scarce_memory, 0, 1000000, ask_in_a_child);
    cr_expect_eq(blocks_refused, 0);
}
