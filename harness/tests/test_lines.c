/* Unit tests of lines.c: they call what the compiler calls for each access, and read the report. */
#include <criterion/criterion.h>
#include <criterion/redirect.h>

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../lines.h"

enum { WRITES = 1000, LINE = 64 };

void __tsan_write4(void *address);
void __tsan_read4(void *address);
void __tsan_write_range(void *address, size_t size);
uint32_t __tsan_atomic32_fetch_add(volatile uint32_t *at, uint32_t operand, int order);
uint32_t __tsan_atomic32_exchange(volatile uint32_t *at, uint32_t value, int order);

struct report {
    uint64_t steps, writes, from;
};

static struct report report(uint64_t steps)
{
    struct report found = {0};
    cr_redirect_stdout();
    lines_report(steps);
    fflush(stdout);
    cr_assert_eq(fscanf(cr_get_redirected_stdout(), "lines %" SCNu64 " %" SCNu64 " %" SCNx64, &found.steps,
                        &found.writes, &found.from),
                 3);
    return found;
}

/* What a worker does WRITES times with its place. */
typedef void access_function(uint32_t *place);

static void write_plain(uint32_t *place)
{
    __tsan_write4(place);
}

static void read_plain(uint32_t *place)
{
    __tsan_read4(place);
}

static void add_one(uint32_t *place)
{
    __tsan_atomic32_fetch_add(place, 1, __ATOMIC_RELAXED);
}

static void take_taken_lock(uint32_t *place)
{
    *place = 1;
    __tsan_atomic32_exchange(place, 1, __ATOMIC_ACQUIRE);
}

/* The last four bytes of a line and the first of the next. */
static void write_across(uint32_t *place)
{
    __tsan_write_range(place + LINE / sizeof *place - 1, 2 * sizeof *place);
}

struct worker {
    access_function *access;
    uint32_t *place;
    pthread_barrier_t *alive; /* where both are, first and last; NULL: it is alone */
};

static void *work(void *argument)
{
    const struct worker *worker = argument;
    worker->access(worker->place); /* comes to life */
    if (worker->alive != NULL)
        pthread_barrier_wait(worker->alive);
    for (int i = 1; i < WRITES; i++)
        worker->access(worker->place);
    if (worker->alive != NULL)
        pthread_barrier_wait(worker->alive);
    return NULL;
}

/* Two lines, the first byte of both at the start of one. */
static uint32_t *make_lines(void)
{
    uint32_t *lines = aligned_alloc(LINE, 2 * LINE);
    cr_assert_not_null(lines);
    memset(lines, 0, 2 * LINE);
    return lines;
}

/* Two workers that are alive at the same time. */
static void run_pair(struct worker workers[2])
{
    pthread_barrier_t alive;
    pthread_t threads[2];
    pthread_barrier_init(&alive, NULL, 2);
    for (int i = 0; i < 2; i++) {
        workers[i].alive = &alive;
        cr_assert_eq(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&alive);
}

static void run_at_once(access_function *access, uint32_t *a, uint32_t *b)
{
    run_pair((struct worker[]){{.access = access, .place = a}, {.access = access, .place = b}});
}

Test(lines, two_variables_in_a_line_are_contended)
{
    uint32_t *lines = make_lines();
    run_at_once(write_plain, &lines[0], &lines[15]);
    const struct report found = report(2 * WRITES);
    cr_expect_eq(found.steps, 2 * WRITES);
    cr_expect_eq(found.writes, WRITES, "those of one of the two: %" PRIu64, found.writes);
    cr_expect_neq(found.from, 0);
    free(lines);
}

Test(lines, a_line_for_each_is_not)
{
    uint32_t *lines = make_lines();
    run_at_once(write_plain, &lines[15], &lines[16]);
    cr_expect_eq(report(2 * WRITES).writes, 0);
    free(lines);
}

Test(lines, reading_is_not)
{
    uint32_t *lines = make_lines();
    run_at_once(read_plain, &lines[0], &lines[0]);
    cr_expect_eq(report(2 * WRITES).writes, 0);
    free(lines);
}

Test(lines, an_atomic_that_changes_the_value_is)
{
    uint32_t *lines = make_lines();
    run_at_once(add_one, &lines[0], &lines[0]);
    cr_expect_eq(report(2 * WRITES).writes, WRITES);
    cr_expect_eq(lines[0], 2 * WRITES);
    free(lines);
}

Test(lines, a_lock_that_is_tried_is_not)
{
    uint32_t *lines = make_lines();
    run_at_once(take_taken_lock, &lines[0], &lines[0]);
    cr_expect_eq(report(2 * WRITES).writes, 0);
    free(lines);
}

Test(lines, a_write_across_two_lines_counts_for_both)
{
    uint32_t *lines = make_lines();
    struct worker first = {.access = write_plain, .place = &lines[0]};
    work(&first); /* by this thread, before the others live */
    run_pair((struct worker[]){{.access = write_across, .place = lines}, {.access = write_plain, .place = &lines[31]}});
    cr_expect_eq(report(3 * WRITES).writes, WRITES, "of the second line; in the first nobody wrote meanwhile");
    free(lines);
}

Test(lines, one_thread_after_the_other_is_not_contended)
{
    uint32_t *lines = make_lines();
    for (int i = 0; i < 2; i++) {
        pthread_t thread;
        struct worker worker = {.access = write_plain, .place = &lines[i]};
        cr_assert_eq(pthread_create(&thread, NULL, work, &worker), 0);
        pthread_join(thread, NULL);
    }
    cr_expect_eq(report(2 * WRITES).writes, 0);
    free(lines);
}

/* This thread and one of its helpers after the other change places with each round. */
Test(lines, a_line_that_is_handed_on_when_a_thread_has_ended_is_not_contended)
{
    uint32_t *lines = make_lines();
    for (int round = 0; round < 4; round++) {
        pthread_t thread;
        struct worker caller = {.access = write_plain, .place = &lines[round % 2 * 16]};
        struct worker helper = {.access = write_plain, .place = &lines[(round + 1) % 2 * 16]};
        cr_assert_eq(pthread_create(&thread, NULL, work, &helper), 0);
        work(&caller);
        pthread_join(thread, NULL);
    }
    cr_expect_eq(report(8 * WRITES).writes, 0);
    free(lines);
}

/* This thread writes to the line of each helper once while it is alive, and has no part in what the helpers do. */
Test(lines, one_write_makes_no_rival)
{
    uint32_t *lines = make_lines();
    for (int round = 0; round < 4; round++) {
        pthread_barrier_t alive;
        pthread_t thread;
        struct worker helper = {.access = write_plain, .place = lines, .alive = &alive};
        pthread_barrier_init(&alive, NULL, 2);
        cr_assert_eq(pthread_create(&thread, NULL, work, &helper), 0);
        pthread_barrier_wait(&alive);
        write_plain(&lines[1]);
        pthread_barrier_wait(&alive);
        pthread_join(thread, NULL);
        pthread_barrier_destroy(&alive);
    }
    cr_expect_lt(report(4 * WRITES).writes, WRITES / 10,
                 "not those of the helpers, of which one has the line after the other");
    free(lines);
}

/* Two children write to two places in a line of `memory` while both are alive; `turns` is shared. */
static void fork_two(uint32_t *memory, atomic_int *turns)
{
    pid_t children[2];
    for (int i = 0; i < 2; i++) {
        children[i] = fork();
        cr_assert_geq(children[i], 0);
        if (children[i] == 0) {
            write_plain(&memory[i]);
            atomic_fetch_add(turns, 1);
            while (atomic_load(turns) < 2)
                sched_yield();
            for (int k = 1; k < WRITES; k++)
                write_plain(&memory[i]);
            _exit(0);
        }
    }
    for (int i = 0; i < 2; i++)
        cr_assert_eq(waitpid(children[i], NULL, 0), children[i]);
}

static void *map_shared(void)
{
    void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(memory, MAP_FAILED);
    return memory;
}

Test(lines, processes_contend_for_shared_memory)
{
    fork_two(map_shared(), map_shared());
    cr_expect_eq(report(2 * WRITES).writes, WRITES);
}

Test(lines, processes_have_private_memory_each_for_itself)
{
    uint32_t *lines = make_lines();
    fork_two(lines, map_shared());
    cr_expect_eq(report(2 * WRITES).writes, 0);
    free(lines);
}
