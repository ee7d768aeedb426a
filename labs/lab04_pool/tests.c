/*
 * tests.c: the tests of lab04.
 *
 * What the workers do is made visible through `seen`, memory shared with them because it is mapped before the
 * pool is made. Nothing is decided by how long a thing takes: items wait for each other, so a pool that
 * cannot do what the contract says can never get on. They give up after PATIENCE seconds, a time no machine is
 * too busy for, so that the test can say what was missing.
 */
#define _GNU_SOURCE
#include "test.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "census.h"
#include "leftovers.h"
#include "pool.h"
#include "scarce.h"
#include "seed.h"
#include "thread_info.h"
#include "timing.h"

enum { PLACES = 64, PIDS = 4096, GAVE_UP = -77 };

static const double PATIENCE = 6.0;
static const double GRACE = 0.5; /* for what need not come: a test that waits in vain has seen nothing wrong */

struct seen {
    atomic_int arrived;        /* items that have come to a meeting point */
    atomic_int wanted;         /* items the meeting point waits for */
    atomic_int met;            /* items that found all others there */
    atomic_int finished;       /* items done */
    atomic_int done[PLACES];   /* whether item i has ended */
    atomic_int calls[PLACES];  /* calls of the function with input i */
    atomic_int pids_count;     /* entries in pids, also those that no longer fit */
    _Atomic(pid_t) pids[PIDS]; /* the process of each call, in the order of the calls */
    atomic_int gate_open;
    atomic_int refused;  /* a fork of the caller has failed */
    atomic_int hopeless; /* an item has waited in vain: the others need not try */
};

static struct seen *seen;

/* Memory shared with the workers, all zero. Call before pool_create. */
static void share(void)
{
    seen = mmap(NULL, sizeof *seen, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cr_assert(seen != MAP_FAILED, "the test got no shared memory");
}

/* A worker pauses after each write, so that what others do meanwhile does not depend on luck: two writes that belong
 * together do not stay together, and a worker that dies is dead before the others have done the whole list. The
 * functions below stand in front of those of the C library. */
static struct {
    pid_t caller; /* 0: nobody pauses */
    long nanoseconds;
} stir = {.nanoseconds = 2000000};

static void pause_in_worker(void)
{
    const int error = errno;
    if (stir.caller != 0 && stir.nanoseconds > 0 && getpid() != stir.caller)
        nanosleep(&(struct timespec){.tv_nsec = stir.nanoseconds}, NULL);
    errno = error;
}

ssize_t write(int fd, const void *data, size_t size)
{
    const ssize_t written = syscall(SYS_write, fd, data, size);
    pause_in_worker();
    return written;
}

ssize_t send(int fd, const void *data, size_t size, int flags)
{
    const ssize_t sent = syscall(SYS_sendto, fd, data, size, flags, NULL, 0);
    pause_in_worker();
    return sent;
}

static int forks_left = -1; /* that are granted to the caller, all later ones fail; -1: no end */
static bool fork_refused;

pid_t fork(void)
{
    static pid_t (*original)(void);
    if (original == NULL) {
        void *found = dlsym(RTLD_NEXT, "fork");
        memcpy(&original, &found, sizeof found);
    }
    if (forks_left == 0) {
        fork_refused = true;
        if (seen != NULL)
            atomic_store(&seen->refused, 1);
        errno = EAGAIN;
        return -1;
    }
    forks_left -= forks_left > 0;
    return original();
}

/* 0 and -1 stand for many processes, the caller's own and the test's among them. */
int kill(pid_t pid, int number)
{
    cr_assert(getpid() != stir.caller || (pid != 0 && pid != -1),
              "the pool calls kill(%d, %d): 0 is the caller with its whole process group, -1 is every process. A place "
              "without a worker, because fork failed, has no pid to send a signal to",
              (int)pid, number);
    return (int)syscall(SYS_kill, pid, number);
}

static atomic_int *strays; /* forked processes that came back from pool_create */

static struct pool *open_pool(unsigned workers)
{
    if (strays == NULL)
        strays = mmap(NULL, sizeof *strays, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    stir.caller = getpid();
    struct pool *pool = pool_create(workers);
    if (getpid() != stir.caller) {
        atomic_fetch_add(strays, 1);
        lab_test_child_exit(0);
    }
    cr_assert_not_null(pool, "pool_create(%u) returned NULL", workers);
    return pool;
}

static void note_pid(void)
{
    const int place = atomic_fetch_add(&seen->pids_count, 1);
    if (place < PIDS)
        atomic_store(&seen->pids[place], getpid());
}

static bool reached(void *counter)
{
    return atomic_load((atomic_int *)counter) >= atomic_load(&seen->wanted);
}

static bool is_set(void *flag)
{
    return atomic_load((atomic_int *)flag) != 0;
}

static bool sleeps(void *pid)
{
    return thread_info_state(*(pid_t *)pid) == 'S';
}

static bool is_stopped(void *pid)
{
    return thread_info_state(*(pid_t *)pid) == 'T';
}

struct wait {
    bool (*ready)(void *arg);
    void *arg;
};

static bool is_hopeless(void)
{
    return atomic_load(&seen->hopeless) != 0;
}

static bool ready_or_hopeless(void *wait)
{
    const struct wait *w = wait;
    return w->ready(w->arg) || is_hopeless();
}

/* For an item: waits until `ready(arg)`. False if that did not come true, for this item or for one before: what comes
 * true after an item has waited in vain, done once more for example, comes of that. */
static bool get_on(bool (*ready)(void *arg), void *arg)
{
    struct wait wait = {ready, arg};
    const bool in_time = timing_wait_until(ready_or_hopeless, &wait, PATIENCE) && ready(arg) && !is_hopeless();
    if (!in_time)
        atomic_store(&seen->hopeless, 1);
    return in_time;
}

static void count_up(int64_t *inputs, size_t count)
{
    for (size_t i = 0; i < count; i++)
        inputs[i] = (int64_t)i;
}

/* Ends the calling process by `signal` whatever handler is installed: no core file, no report of a crash. */
static void die_of(int number)
{
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    signal(number, SIG_DFL);
    raise(number);
}

/* The functions that the pools of these tests apply. */

static int64_t mix(int64_t input)
{
    uint64_t state = (uint64_t)input;
    return (int64_t)seed_next(&state);
}

/* Waits until `wanted` items are in this function at once. */
static int64_t meet(int64_t input)
{
    note_pid();
    atomic_fetch_add(&seen->arrived, 1);
    if (!get_on(reached, &seen->arrived))
        return GAVE_UP;
    atomic_fetch_add(&seen->met, 1);
    return input + 1;
}

static int come_back; /* items of the last round of meet_all that are not failed and have the right result */

/* A round of `workers` items that all must be in the function at once. Returns how many got on. */
static int meet_all(struct pool *pool, int workers)
{
    int64_t inputs[PLACES], outputs[PLACES] = {0};
    bool failed[PLACES] = {[0 ... PLACES - 1] = true};
    atomic_store(&seen->arrived, 0);
    atomic_store(&seen->met, 0);
    atomic_store(&seen->wanted, workers);
    count_up(inputs, (size_t)workers);
    pool_map(pool, meet, inputs, outputs, failed, (size_t)workers);
    come_back = 0;
    for (int i = 0; i < workers; i++)
        come_back += !failed[i] && outputs[i] == inputs[i] + 1;
    return atomic_load(&seen->met);
}

/* The items of a map end in the reverse of their order: each waits for the one after it. */
static int64_t after_the_next(int64_t input)
{
    const bool last = input == atomic_load(&seen->wanted) - 1;
    const bool in_time = last || get_on(is_set, &seen->done[input + 1]);
    atomic_store(&seen->done[input], 1);
    return in_time ? 100 + input : GAVE_UP;
}

LAB_TEST(results_in_input_order)
{
    enum { MANY = 100 };
    int64_t inputs[MANY], outputs[MANY] = {0};
    bool failed[MANY] = {[0 ... MANY - 1] = true};
    uint64_t state = seed_get();
    share();
    struct pool *pool = open_pool(4);
    atomic_store(&seen->wanted, 4);
    count_up(inputs, 4);
    size_t failures = pool_map(pool, after_the_next, inputs, outputs, failed, 4);
    cr_assert_eq(failures, 0, "no worker died, but pool_map returned %zu failed items", failures);
    for (int i = 0; i < 4; i++) {
        cr_assert_neq(outputs[i], GAVE_UP, "4 workers, 4 items that need each other: item %d waited in vain", i);
        cr_assert_eq(outputs[i], 100 + i,
                     "item 3 ended first, item 0 last: outputs[%d] must be %d all the same, it is %ld", i, 100 + i,
                     (long)outputs[i]);
    }
    for (int i = 0; i < MANY; i++)
        inputs[i] = i % 10 == 0 ? (int64_t[]){INT64_MIN, INT64_MAX, 0, -1}[i / 10 % 4] : (int64_t)seed_next(&state);
    failures = pool_map(pool, mix, inputs, outputs, failed, MANY);
    cr_assert_eq(failures, 0, "no worker died, but pool_map returned %zu failed items", failures);
    for (int i = 0; i < MANY; i++) {
        cr_assert_not(failed[i], "failed[%d] is true, but no worker died", i);
        cr_assert_eq(outputs[i], mix(inputs[i]), "%d random items: outputs[%d] is %ld, fn(inputs[%d]) is %ld", MANY, i,
                     (long)outputs[i], i, (long)mix(inputs[i]));
    }
    pool_close(pool);
}

static int64_t itself(int64_t input)
{
    return input;
}

/* Says something on stdout, as a student does who looks for a mistake. */
static int64_t say_itself(int64_t input)
{
    static const char said[] = "fn was called\n";
    const ssize_t written = write(STDOUT_FILENO, said, sizeof said - 1);
    (void)written; /* a pool may have closed it */
    return input;
}

/* What the worker writes to its stdout is no answer. The caller's stdout leads nowhere meanwhile. */
static void fn_may_print(void)
{
    static const int64_t inputs[] = {1, -1, INT64_MAX};
    enum { COUNT = sizeof inputs / sizeof *inputs };
    int64_t outputs[COUNT] = {0};
    bool failed[COUNT] = {[0 ... COUNT - 1] = true};
    const int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC), before = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    fflush(stdout);
    dup2(nowhere, STDOUT_FILENO);
    struct pool *pool = open_pool(1);
    pool_map(pool, say_itself, inputs, outputs, failed, COUNT);
    pool_close(pool);
    dup2(before, STDOUT_FILENO);
    close(before);
    close(nowhere);
    for (int i = 0; i < COUNT; i++)
        cr_assert(
            !failed[i] && outputs[i] == inputs[i],
            "fn wrote a line to its stdout and returned %ld, but outputs[%d] is %ld%s: stdout is fn's to use, the "
            "pool's pipes need descriptors of their own",
            (long)inputs[i], i, (long)outputs[i], failed[i] ? " and the item counts as failed" : "");
}

/* A pool must hand back any number, also those that look like an error. */
LAB_TEST(any_number_is_a_result)
{
    static const int64_t odd[] = {INT64_MIN, -1, 0, 1, INT64_MAX, 2, 0x0a0a0a0a0a0a0a0a, -2, 0x100000000};
    enum { COUNT = sizeof odd / sizeof *odd };
    int64_t outputs[COUNT];
    bool failed[COUNT] = {[0 ... COUNT - 1] = true};
    struct pool *pool = open_pool(1);
    memset(outputs, 0x55, sizeof outputs);
    memset(failed, 1, sizeof failed);
    const size_t failures = pool_map(pool, itself, odd, outputs, failed, COUNT);
    cr_assert_eq(failures, 0, "no worker died, but pool_map returned %zu failed items", failures);
    for (int i = 0; i < COUNT; i++) {
        cr_assert_not(failed[i], "failed[%d] was true before the call and the item was done: it must become false", i);
        cr_assert_eq(outputs[i], odd[i], "fn returned %ld for item %d, outputs holds %ld", (long)odd[i], i,
                     (long)outputs[i]);
    }
    pool_close(pool);
    fn_may_print();
}

enum { OPEN_FILES = 240 };

/* Ends the process. */
static _Noreturn void use_beside_open_files(void)
{
    const int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    signal(SIGSEGV, SIG_DFL);
    signal(SIGABRT, SIG_DFL);
    for (int fd = nowhere; fd >= 0 && fd < OPEN_FILES;)
        fd = fcntl(nowhere, F_DUPFD_CLOEXEC, 0);
    stir.caller = getpid();
    struct pool *pool = pool_create(PLACES);
    if (pool == NULL)
        lab_test_child_exit(1);
    const bool right = meet_all(pool, PLACES) == PLACES && come_back == PLACES;
    pool_close(pool);
    free(malloc(1 << 16)); /* the C library looks whether its heap is whole */
    lab_test_child_exit(right ? 0 : 2);
}

/* The caller has so many files open that the pool's descriptors have numbers around 256, where a byte and many a table
 * end. */
static void beside_open_files(void)
{
    int status = 0;
    const pid_t user = fork();
    if (user == 0)
        use_beside_open_files();
    cr_assert_gt(user, 0, "the test could not fork");
    cr_assert_eq(waitpid(user, &status, 0), user, "the test lost its child");
    cr_assert_eq(status, 0,
                 "a caller with %d files open made a pool of %d, used and closed it, and %s: descriptors may have any "
                 "number, so none fits a table of fixed size or a byte",
                 OPEN_FILES, PLACES,
                 WIFSIGNALED(status)        ? "crashed, its memory spoiled"
                 : WEXITSTATUS(status) == 1 ? "pool_create returned NULL"
                                            : "not all items were done right and at once");
}

LAB_TEST(workers_run_side_by_side)
{
    static const int sizes[] = {4, 33, 63, 64}; /* the most there may be, and around the widths of numbers */
    share();
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const int workers = sizes[i];
        struct pool *pool = open_pool((unsigned)workers);
        atomic_store(&seen->pids_count, 0);
        const int met = meet_all(pool, workers);
        cr_assert_eq(met, workers, "%d workers, %d items, each waits until all %d are being worked on: %d got on",
                     workers, workers, workers, met);
        for (int k = 0; k < workers; k++)
            cr_assert_neq(seen->pids[k], getpid(), "the caller itself ran fn: items must run in the workers");
        pool_close(pool);
    }
    beside_open_files();
}

static bool is_among(pid_t pid, int count)
{
    for (int i = 0; i < count; i++)
        if (atomic_load(&seen->pids[i]) == pid)
            return true;
    return false;
}

/* How many different processes are among the first `count` in seen->pids. */
static int different_pids(int count)
{
    int different = 0;
    for (int i = 0; i < count; i++)
        different += !is_among(atomic_load(&seen->pids[i]), i);
    return different;
}

static int when_forked; /* what a worker sees here is from the moment it was made */

static int64_t tell_when_forked(int64_t input)
{
    note_pid();
    return input * 10 + when_forked;
}

LAB_TEST(workers_are_made_once)
{
    enum { COUNT = 60 };
    int64_t inputs[COUNT], outputs[COUNT] = {0};
    bool failed[COUNT] = {[0 ... COUNT - 1] = true};
    share();
    when_forked = 1;
    struct pool *pool = open_pool(3);
    when_forked = 2;
    int met = meet_all(pool, 3);
    cr_assert_eq(met, 3, "3 workers, 3 items, each waits until all 3 are being worked on: %d got on", met);
    int different = different_pids(3);
    cr_assert_eq(different, 3, "3 items at the same time need 3 processes, there were %d", different);
    count_up(inputs, COUNT);
    for (int round = 0; round < 5; round++)
        pool_map(pool, tell_when_forked, inputs, outputs, failed, COUNT);
    for (int i = 0; i < COUNT; i++)
        cr_assert_eq(
            outputs[i], i * 10 + 1,
            "a variable was 1 at pool_create and set to 2 later: workers made in advance see 1, item %d saw %ld", i,
            (long)outputs[i] - i * 10);
    different = different_pids(3 + 5 * COUNT);
    cr_assert_eq(different, 3, "6 calls of pool_map on a pool of 3 workers ran in %d different processes", different);
    pool_close(pool);
}

static int64_t slow_when_small(int64_t input)
{
    bool in_time = true;
    if (input < 2)
        in_time = get_on(reached, &seen->finished);
    else
        atomic_fetch_add(&seen->finished, 1);
    return in_time ? input * 3 : GAVE_UP;
}

/* The same at the front of a list so long that a pool might deal it out by several items at a time. */
static void long_list_one_by_one(void)
{
    enum { COUNT = 500, SLOW = 2 };
    static int64_t inputs[COUNT], outputs[COUNT];
    static bool failed[COUNT];
    stir.nanoseconds = 0; /* for the time it takes */
    atomic_store(&seen->finished, 0);
    atomic_store(&seen->wanted, COUNT - SLOW);
    count_up(inputs, COUNT);
    struct pool *pool = open_pool(3);
    pool_map(pool, slow_when_small, inputs, outputs, failed, COUNT);
    for (int i = 0; i < SLOW; i++)
        cr_assert_neq(outputs[i], GAVE_UP,
                      "item %d of %d was to last until the short ones are done, but some of those waited behind a busy "
                      "worker while another was free: also of a long list a worker gets one item at a time",
                      i, COUNT);
    pool_close(pool);
}

/* Of 3 workers two are kept busy by an item that ends only after all others: the third must do all the rest.
 * The slow items stand once at the front, then at seeded places. */
LAB_TEST(free_worker_gets_the_next_item)
{
    enum { COUNT = 24, SLOW = 2 };
    int64_t inputs[COUNT], outputs[COUNT] = {0};
    bool failed[COUNT] = {[0 ... COUNT - 1] = true};
    uint64_t state = seed_get();
    share();
    struct pool *pool = open_pool(3);
    for (int round = 0; round < 4; round++) {
        count_up(inputs, COUNT);
        for (int i = 0; round > 0 && i < SLOW; i++) {
            const uint64_t other = seed_below(&state, COUNT);
            const int64_t moved = inputs[i];
            inputs[i] = inputs[other];
            inputs[other] = moved;
        }
        atomic_store(&seen->finished, 0);
        atomic_store(&seen->wanted, COUNT - SLOW);
        pool_map(pool, slow_when_small, inputs, outputs, failed, COUNT);
        for (int i = 0; i < COUNT; i++) {
            cr_assert_neq(
                outputs[i], GAVE_UP,
                "item %d was to last until the %d short ones are done, but some of those waited behind a busy "
                "worker while another was free",
                i, COUNT - SLOW);
            cr_assert_eq(outputs[i], inputs[i] * 3, "outputs[%d] must be %ld, it is %ld", i, (long)inputs[i] * 3,
                         (long)outputs[i]);
        }
    }
    pool_close(pool);
    long_list_one_by_one();
}

static int64_t open_gate(int64_t input)
{
    atomic_store(&seen->gate_open, 1);
    pause();
    return input;
}

static bool begun_or_ended(void *parent)
{
    return is_set(&seen->gate_open) || thread_info_state(*(pid_t *)parent) == 'Z';
}

/* A caller with a small stack begins with a million items. Ends the process. */
static _Noreturn void begin_a_million(void)
{
    enum { COUNT = 1000000, STACK = 2 << 20 };
    int64_t *inputs = calloc(COUNT, sizeof *inputs), *outputs = calloc(COUNT, sizeof *outputs);
    bool *failed = calloc(COUNT, sizeof *failed);
    struct rlimit limit;
    getrlimit(RLIMIT_STACK, &limit);
    limit.rlim_cur = STACK;
    setrlimit(RLIMIT_STACK, &limit);
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    signal(SIGSEGV, SIG_DFL);
    stir.caller = getpid();
    struct pool *pool = pool_create(2);
    if (pool == NULL || inputs == NULL || outputs == NULL || failed == NULL)
        lab_test_child_exit(3);
    pool_map(pool, open_gate, inputs, outputs, failed, COUNT);
    lab_test_child_exit(4);
}

/* It is ended when the first item has come to a worker. */
static void million_items_begin(void)
{
    int status = 0;
    share();
    pid_t parent = fork();
    if (parent == 0)
        begin_a_million();
    cr_assert_gt(parent, 0, "the test could not fork");
    timing_wait_until(begun_or_ended, &parent, PATIENCE);
    kill(parent, SIGKILL);
    waitpid(parent, &status, 0);
    cr_assert(!WIFSIGNALED(status) || WTERMSIG(status) != SIGSEGV,
              "pool_map was called with a million items and crashed before the first was done: the stack holds a few "
              "MiB at most, so what grows with the list (an array of `count` entries, alloca) must not lie on it");
    cr_assert_eq(atomic_load(&seen->gate_open), 1,
                 "pool_map was called with a million items, and fn was not called for any of them");
}

/* More than two pipes hold, of orders of 16 bytes and results of 8. */
LAB_TEST(long_list)
{
    enum { COUNT = 1000 };
    int64_t *inputs = malloc(COUNT * sizeof *inputs), *outputs = calloc(COUNT, sizeof *outputs);
    bool *failed = calloc(COUNT, sizeof *failed);
    cr_assert(inputs != NULL && outputs != NULL && failed != NULL, "the test got no memory");
    stir.nanoseconds = 0;
    atomic_store(&scarce_pipes, true);
    struct pool *pool = open_pool(1);
    count_up(inputs, COUNT);
    const size_t failures = pool_map(pool, mix, inputs, outputs, failed, COUNT);
    cr_assert_eq(failures, 0, "no worker died, but pool_map returned %zu failed items", failures);
    for (int i = 0; i < COUNT; i++)
        cr_assert_eq(outputs[i], mix(i), "%d items: outputs[%d] is %ld, fn(inputs[%d]) is %ld", COUNT, i,
                     (long)outputs[i], i, (long)mix(i));
    pool_close(pool);
    free(inputs);
    free(outputs);
    free(failed);
    million_items_begin();
}

/* The caller blocks nothing, so it blocks nothing after each call. */
static void check_nothing_blocked(const char *call, int count)
{
    sigset_t blocked;
    sigprocmask(SIG_BLOCK, NULL, &blocked);
    for (int number = 1; number < NSIG; number++)
        cr_assert_neq(sigismember(&blocked, number), 1,
                      "after %s (items: %d) signal %d (%s) is blocked in the caller, and before it was not: if it "
                      "handles that signal, it does not any more. Put back the mask that was, on each way out",
                      call, count, number, strsignal(number));
}

LAB_TEST(few_items_for_many_workers)
{
    int64_t inputs[PLACES], outputs[PLACES];
    bool failed[PLACES] = {[0 ... PLACES - 1] = true};
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    count_up(inputs, PLACES);
    struct pool *pool = open_pool(8);
    check_nothing_blocked("pool_create", 0);
    for (int count = 0; count < 10; count++) {
        for (int i = 0; i < PLACES; i++)
            outputs[i] = 5;
        const size_t failures = pool_map(pool, mix, inputs, outputs, failed, (size_t)count);
        check_nothing_blocked("pool_map", count);
        cr_assert_eq(failures, 0, "%d items for 8 workers: pool_map returned %zu failed items", count, failures);
        for (int i = 0; i < count; i++)
            cr_assert_eq(outputs[i], mix(i), "%d items for 8 workers: outputs[%d] is wrong", count, i);
        cr_assert_eq(outputs[count], 5, "%d items for 8 workers: something was written to outputs[%d]", count, count);
    }
    pool_close(pool);
    check_nothing_blocked("pool_close", 0);
}

LAB_TEST(unused_pool_closes)
{
    struct pool *pool = open_pool(5);
    pool_close(pool);
    pool_close(NULL);
    const struct census now = census_take();
    cr_assert_eq(now.children, 0, "a pool that was never used was closed, workers left: %d", now.children);
    cr_assert_eq(atomic_load(strays), 0,
                 "%d forked workers came back from pool_create and ran on in the caller's code: a worker must end by "
                 "_exit, wherever its work ends.",
                 atomic_load(strays));
}

static void count_call(int64_t input)
{
    atomic_fetch_add(&seen->calls[input], 1);
}

/* Tests in which a worker of several dies do not close the pool. Where workers keep each other up, it would depend on
 * which was made last, and so on who happened to get the deadly item; close_leaves_nothing_behind does it after all of
 * these deaths, and often enough to be sure. The workers end with the test. A process has at most one pool at a time,
 * so nothing opens another after it. */

/* Input 7 ends its worker; the others do not. */
static int64_t die_at_seven(int64_t input)
{
    count_call(input);
    if (input == 7)
        die_of(SIGKILL);
    return input + 1000;
}

static void ignore_call(int number)
{
    (void)number;
}

static void (*handler_of_pool)(int); /* for SIGCHLD, if it has one */
static volatile sig_atomic_t waits_for_signal;

/* The map hangs: calls the handler that the signal would have called. */
static void tell_late(int number)
{
    (void)number;
    waits_for_signal = 1;
    if (handler_of_pool != SIG_DFL && handler_of_pool != SIG_IGN)
        handler_of_pool(SIGCHLD);
}

/* A caller that has a use for SIGCHLD itself: it handles it since it has made the pool, and blocks it. */
static void beside_own_sigchld(struct pool *pool)
{
    enum { COUNT = 9 };
    int64_t inputs[COUNT], outputs[COUNT];
    bool failed[COUNT] = {[0 ... COUNT - 1] = true};
    sigset_t chld, before;
    sigemptyset(&chld);
    sigaddset(&chld, SIGCHLD);
    const struct sigaction late = {.sa_handler = tell_late};
    handler_of_pool = signal(SIGCHLD, ignore_call);
    sigaction(SIGALRM, &late, NULL);
    sigprocmask(SIG_BLOCK, &chld, &before);
    count_up(inputs, COUNT);
    alarm((unsigned)PATIENCE);
    const size_t failures = pool_map(pool, die_at_seven, inputs, outputs, failed, COUNT);
    alarm(0);
    sigprocmask(SIG_SETMASK, &before, NULL);
    signal(SIGCHLD, handler_of_pool);
    cr_assert_not(
        waits_for_signal,
        "a worker died with its item, and pool_map waited in vain for a SIGCHLD: the caller has set a handler "
        "of its own since pool_create and blocks the signal. Learn of deaths from the end of a pipe, or see "
        "to it in pool_map that the signal arrives, and put back what was there");
    cr_assert_eq(
        failures, 1,
        "the caller handles SIGCHLD itself, and a worker died with its item: pool_map returned %zu failed items",
        failures);
}

LAB_TEST(dead_worker_costs_one_item)
{
    enum { COUNT = 30 };
    int64_t inputs[COUNT], outputs[COUNT] = {0};
    bool failed[COUNT] = {false};
    share();
    struct pool *pool = open_pool(2);
    count_up(inputs, COUNT);
    const size_t failures = pool_map(pool, die_at_seven, inputs, outputs, failed, COUNT);
    cr_assert(failed[7], "the worker died while it had item 7, but failed[7] is false");
    cr_assert_eq(failures, 1, "one worker died with one item: pool_map must return 1, it returned %zu", failures);
    for (int i = 0; i < COUNT; i++) {
        cr_assert_eq(seen->calls[i], 1, "fn was called %d times for item %d instead of once", seen->calls[i], i);
        if (i == 7)
            continue;
        cr_assert_not(failed[i], "the worker that died had item 7, but failed[%d] is true", i);
        cr_assert_eq(outputs[i], i + 1000, "after a worker died with item 7, outputs[%d] is wrong: %ld", i,
                     (long)outputs[i]);
    }
    beside_own_sigchld(pool);
    for (size_t count = 0; count < 3; count++) {
        const size_t more = pool_map(pool, itself, inputs, outputs, failed, count);
        cr_assert_eq(more, 0,
                     "a worker died in the call before this one, and none in this one with %zu items: pool_map must "
                     "return 0, it returned %zu. The failures are counted anew in each call",
                     count, more);
    }
}

/* Beside a worker's first thread: ends the process only when the caller has seen that its pipes are closed. */
static void *end_late(void *ready)
{
    const pid_t caller = stir.caller;
    unshare(CLONE_FILES);
    syscall(SYS_close_range, 0, ~0U, 0);
    atomic_store((atomic_bool *)ready, true);
    for (double end = timing_now() + PATIENCE; thread_info_state(getpid()) != 'Z' && timing_now() < end;)
        timing_sleep_ms(1);
    timing_wait_until(sleeps, (void *)&caller, GRACE);
    _exit(0);
}

/* The worker's pipes are closed a while before it can be waited for, as with any death, only longer. */
static void die_slowly(void)
{
    static atomic_bool ready;
    pthread_t thread;
    if (pthread_create(&thread, NULL, end_late, &ready) != 0)
        _exit(1);
    while (!atomic_load(&ready))
        timing_sleep_ms(1);
    syscall(SYS_exit, 0); /* this thread only */
}

enum { WAYS = 7, ALIVE = 1000 };

static int64_t die_in_some_way(int64_t input)
{
    switch (input) {
    case 0:
        die_of(SIGKILL);
        break;
    case 1:
        die_of(SIGSEGV);
        break;
    case 2:
        die_of(SIGABRT);
        break;
    case 3:
        die_of(SIGTERM);
        break;
    case 4:
        _exit(0);
    case 5:
        _exit(9);
    case 6:
        die_slowly();
    }
    return input < WAYS ? -input - ALIVE : -input;
}

/* Its process is stopped for a while, by SIGSTOP, and goes on. */
static int64_t pause_like_a_debugger(int64_t input)
{
    pid_t self = getpid();
    const pid_t helper = fork();
    if (helper == 0) {
        timing_wait_until(is_stopped, &self, PATIENCE);
        timing_sleep_ms(300);
        kill(self, SIGCONT);
        lab_test_child_exit(0);
    }
    if (helper > 0)
        raise(SIGSTOP);
    while (helper > 0 && waitpid(helper, NULL, 0) < 0 && errno == EINTR)
        continue;
    return input + 1;
}

static void stopped_is_not_dead(struct pool *pool)
{
    const int64_t input = 1;
    int64_t output = 0;
    bool failed = true;
    const size_t failures = pool_map(pool, pause_like_a_debugger, &input, &output, &failed, 1);
    cr_assert(failures == 0 && !failed && output == 2,
              "a worker was stopped for a moment in its item (SIGSTOP, SIGCONT) and then did it, but %s: a stopped "
              "process has not ended; waitpid tells of it only with WUNTRACED",
              failed ? "the item counts as failed" : "the result is wrong");
}

LAB_TEST(every_way_to_die)
{
    static const char *const ways[WAYS] = {
        "SIGKILL", "SIGSEGV", "SIGABRT", "SIGTERM", "_exit(0)", "_exit(9)", "the end of its threads"};
    int64_t inputs[2 * WAYS], outputs[2 * WAYS];
    bool failed[2 * WAYS] = {[0 ... 2 * WAYS - 1] = true};
    struct pool *pool = open_pool(2);
    for (int i = 0; i < WAYS; i++) {
        inputs[2 * i] = i;
        inputs[2 * i + 1] = i + WAYS;
    }
    const size_t failures = pool_map(pool, die_in_some_way, inputs, outputs, failed, 2 * WAYS);
    for (int i = 0; i < WAYS; i++) {
        cr_assert(
            failed[2 * i] || outputs[2 * i] != -i - ALIVE,
            "fn raised %s, whose handling it had set to the default, and lived on: this worker blocks the signal. "
            "Has it been forked while pool_map blocked signals, and inherited that?",
            ways[i]);
        cr_assert(failed[2 * i], "a worker ended by %s inside fn, but its item is not reported as failed", ways[i]);
        cr_assert_not(failed[2 * i + 1], "an item was done, but is reported as failed (after a death by %s)", ways[i]);
        cr_assert_eq(outputs[2 * i + 1], -(i + WAYS), "the item after a death by %s has a wrong result", ways[i]);
    }
    cr_assert_eq(failures, WAYS, "%d workers died with an item each, but pool_map returned %zu", WAYS, failures);
    const struct census now = census_take();
    cr_assert_eq(now.zombies, 0,
                 "workers died and were not waited for, zombies after pool_map: %d. A worker's pipes close a moment "
                 "before waitpid can have it: wait without WNOHANG",
                 now.zombies);
    stopped_is_not_dead(pool);
}

static int64_t die_always(int64_t input)
{
    count_call(input);
    die_of(SIGKILL);
    return input;
}

static int64_t die_slowly_always(int64_t input)
{
    die_slowly();
    return input;
}

/* One of three workers dies while the others have nothing to do: these are kept. */
static void others_are_kept(struct pool *pool)
{
    const int64_t input = 1;
    int64_t output;
    bool failed;
    atomic_store(&seen->pids_count, 0);
    const int met_before = meet_all(pool, 3);
    pool_map(pool, die_always, &input, &output, &failed, 1);
    const int met = meet_all(pool, 3);
    cr_assert(met_before == 3 && met == 3, "a pool of 3 must do 3 items at once, before and after a death");
    const int kept = 6 - different_pids(6);
    cr_assert_eq(kept, 2,
                 "one worker of 3 died with its item while the two others had none: those must stay, but of the 3 "
                 "workers of the next call only %d were there before. A worker is replaced only when it has died: do "
                 "poll's answers still belong to the workers they are looked up for, after one was taken out?",
                 kept);
}

/* The first item ends its worker. The others are held up until the pool has tried in vain to replace that. */
static int64_t first_dies(int64_t input)
{
    if (input == 0)
        die_of(SIGKILL);
    timing_wait_until(is_set, &seen->refused, GRACE);
    return input + 1000;
}

static volatile sig_atomic_t waits_for_process;

/* The map hangs: now there are processes again. */
static void grant_forks(int number)
{
    (void)number;
    waits_for_process = 1;
    forks_left = -1;
}

/* A worker dies when no process is to be had, and many items are left: the other two do them. */
static void others_do_its_share(struct pool *pool)
{
    enum { COUNT = 12 };
    int64_t inputs[COUNT], outputs[COUNT] = {0};
    bool failed[COUNT] = {[0 ... COUNT - 1] = true};
    count_up(inputs, COUNT);
    atomic_store(&seen->refused, 0);
    sigaction(SIGALRM, &(const struct sigaction){.sa_handler = grant_forks}, NULL);
    forks_left = 0;
    alarm((unsigned)PATIENCE);
    const size_t failures = pool_map(pool, first_dies, inputs, outputs, failed, COUNT);
    alarm(0);
    const int zombies = census_take().zombies;
    forks_left = -1;
    cr_assert_not(waits_for_process,
                  "a worker of 3 died with item 0 when fork failed, and pool_map did not end before fork worked again: "
                  "where no process is to be had for one worker, the others do its share");
    for (int i = 1; i < COUNT; i++)
        cr_assert(!failed[i] && outputs[i] == i + 1000,
                  "a worker of 3 died with item 0 when fork failed, and item %d %s: where no process is to be had the "
                  "other workers do the rest, and only the item of the dead one fails",
                  i, failed[i] ? "counts as failed, too" : "has a wrong result");
    cr_assert(failures == 1 && failed[0],
              "a worker of 3 died with item 0 when fork failed: pool_map must return 1, it returned %zu", failures);
    cr_assert_eq(zombies, 0,
                 "a worker died with its item when fork failed, and it is a zombie after pool_map: wait for the dead "
                 "also where no new process is to be had");
}

/* A worker dies when no process is to be had. Later there are some again, so the next call has all workers. */
static void whole_after_refusal(struct pool *pool)
{
    const int64_t input = 1;
    int64_t output = 0;
    bool failed = false;
    forks_left = 0;
    const size_t failures = pool_map(pool, die_slowly_always, &input, &output, &failed, 1);
    forks_left = -1;
    cr_assert(failures == 1 && failed, "an item ended its worker, but pool_map returned %zu failed items", failures);
    const int met = meet_all(pool, 3);
    cr_assert_eq(met, 3,
                 "a worker died when fork failed, and later fork worked again: the next call must have 3 workers, but "
                 "of 3 items that wait for each other %d got on. Try again in each call to replace the dead",
                 met);
}

/* After all workers have died several times over, the pool has as many as before. */
LAB_TEST(pool_is_whole_after_deaths)
{
    enum { COUNT = 10 };
    int64_t inputs[COUNT], outputs[COUNT] = {0};
    bool failed[COUNT] = {false};
    share();
    struct pool *pool = open_pool(3);
    count_up(inputs, COUNT);
    const size_t failures = pool_map(pool, die_always, inputs, outputs, failed, COUNT);
    cr_assert_eq(failures, COUNT, "each of the %d items ended its worker, but pool_map returned %zu", COUNT, failures);
    for (int i = 0; i < COUNT; i++) {
        cr_assert(failed[i], "item %d ended its worker, but is not reported as failed", i);
        cr_assert_eq(seen->calls[i], 1, "item %d ended its worker: it must be tried once, not %d times", i,
                     seen->calls[i]);
    }
    const int met = meet_all(pool, 3);
    cr_assert_eq(met, 3,
                 "after its workers died the pool of 3 must have 3 again, but of 3 items that wait for each other %d "
                 "got on",
                 met);
    others_are_kept(pool);
    others_do_its_share(pool);
    whole_after_refusal(pool);
    const struct census now = census_take();
    cr_assert_eq(now.zombies, 0, "workers died and were not waited for, zombies after pool_map: %d", now.zombies);
}

/* Kills a worker and waits until it is dead, but leaves it to the pool to wait for: also one that is a child of another
 * process of the pool. Async-signal-safe. */
static void kill_child(pid_t victim)
{
    siginfo_t how;
    kill(victim, SIGKILL);
    while (waitid(P_PID, (id_t)victim, &how, WEXITED | WNOWAIT) < 0 && errno == EINTR)
        continue;
    while (strchr("Z?", thread_info_state(victim)) == NULL)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

/* The worker that last ran item `number` of meet_all dies of a signal from outside while it waits for an item. */
static void kill_idle(int number)
{
    const pid_t victim = atomic_load(&seen->pids[number]);
    cr_assert_neq(victim, getpid(), "the caller itself ran fn: items must run in the workers");
    kill_child(victim);
}

static volatile sig_atomic_t deadly; /* whether the handler kills the worker */

/* A handler in the caller, which meanwhile takes no answer: lets the worker give its answer, then kills it. */
static void kill_once_answered(int number)
{
    (void)number;
    pid_t worker = atomic_load(&seen->pids[0]);
    atomic_store(&seen->gate_open, 1);
    const bool answered =
        timing_wait_until(is_set, &seen->finished, GRACE) && timing_wait_until(sleeps, &worker, GRACE);
    if (answered && deadly)
        kill_child(worker);
}

/* Ends as soon as the caller is in its handler. A worker that has answered sleeps, since nothing is left to do. */
static int64_t answer_last(int64_t input)
{
    pid_t caller = stir.caller;
    note_pid();
    timing_wait_until(sleeps, &caller, GRACE);
    kill(caller, SIGUSR1);
    timing_wait_until(is_set, &seen->gate_open, GRACE);
    atomic_store(&seen->finished, 1);
    return input + 1;
}

/* The only worker dies, if the handler is deadly, after its answer and before the caller has looked. Returns whether
 * the item is lost. */
static bool answer_is_lost(struct pool *pool, bool is_deadly)
{
    deadly = is_deadly;
    const int64_t input = 41;
    int64_t output = 0;
    bool failed = true;
    atomic_store(&seen->pids_count, 0);
    atomic_store(&seen->finished, 0);
    atomic_store(&seen->gate_open, 0);
    pool_map(pool, answer_last, &input, &output, &failed, 1);
    return failed || output != 42;
}

/* In several rounds, so that one in which the caller was held up at an unusual place means nothing. An item that is
 * lost without a death is for signals_disturb_nothing. */
static void killed_after_answers(void)
{
    enum { ROUNDS = 3 };
    int lost = 0;
    stir.nanoseconds = 0; /* a worker that sleeps has given all of its answer */
    struct pool *pool = open_pool(1);
    signal(SIGUSR1, kill_once_answered);
    while (lost < ROUNDS && !answer_is_lost(pool, false) && answer_is_lost(pool, true))
        lost++;
    signal(SIGUSR1, SIG_IGN);
    cr_assert_lt(lost, ROUNDS,
                 "a worker was killed after it had given its answer and had no item any more: the item is done, but "
                 "pool_map counts it as failed. Read what has been written before you look at who has died");
    pool_close(pool);
}

/* Kills `victim` when the caller sleeps in pool_map. Ends the process. */
static _Noreturn void kill_when_caller_sleeps(pid_t victim)
{
    pid_t caller = stir.caller;
    timing_sleep_ms(1);
    timing_wait_until(sleeps, &caller, GRACE);
    kill(victim, SIGKILL);
    lab_test_child_exit(0);
}

static int64_t count_and_add(int64_t input)
{
    count_call(input);
    return input + 1000;
}

/* A worker that does not look at its item before it dies. The pool may call that item lost or give it to another. */
static void killed_before_it_looks(void)
{
    const int64_t input = 5;
    int64_t output = 0;
    bool failed = true;
    struct pool *pool = open_pool(1);
    atomic_store(&seen->pids_count, 0);
    cr_assert_eq(meet_all(pool, 1), 1, "a pool of 1 worker did not do its item");
    pid_t worker = atomic_load(&seen->pids[0]);
    kill(worker, SIGSTOP);
    timing_wait_until(is_stopped, &worker, PATIENCE);
    const pid_t killer = fork();
    if (killer == 0)
        kill_when_caller_sleeps(worker);
    cr_assert_gt(killer, 0, "the test could not fork");
    const size_t failures = pool_map(pool, count_and_add, &input, &output, &failed, 1);
    waitpid(killer, NULL, 0);
    const int calls = atomic_load(&seen->calls[input]);
    cr_assert_leq(calls, 1, "a worker was killed before it began its item: fn was called %d times for it", calls);
    cr_assert_eq(failures, failed,
                 "a worker was killed before it began its item: pool_map returned %zu failed items, but failed[0] is "
                 "%s. It must be false if another worker did the item, true if not",
                 failures, failed ? "true" : "false");
    cr_assert(failed || output == input + 1000,
              "a worker was killed before it began its item: pool_map says that the item was done, but outputs[0] is "
              "%ld",
              (long)output);
    pool_close(pool);
    const struct census now = census_take();
    cr_assert_eq(now.zombies, 0,
                 "a worker was killed when it had been given an item and had not read it: it is a zombie after "
                 "pool_close. What reads from it may then see an error (ECONNRESET) in place of the end");
}

/* A worker has died when the pool writes to it. */
static void sigpipe_stays_ignored(struct pool *pool)
{
    struct sigaction now;
    signal(SIGPIPE, SIG_IGN);
    kill_idle(9); /* of the fourth meeting */
    meet_all(pool, 3);
    sigaction(SIGPIPE, NULL, &now);
    cr_assert(
        now.sa_handler != SIG_DFL,
        "the caller ignores SIGPIPE, and after pool_map it no longer does: its next write to a broken pipe of its "
        "own would end it. Put back what sigaction gave you, not SIG_DFL");
}

/* What the caller blocks stays blocked, also where the pool has to do with SIGPIPE or SIGCHLD meanwhile. */
static void blocked_stays_blocked(void)
{
    static const int numbers[] = {SIGPIPE, SIGCHLD, SIGUSR1};
    enum { COUNT = sizeof numbers / sizeof *numbers };
    sigset_t own, before, now;
    sigemptyset(&own);
    for (int i = 0; i < COUNT; i++)
        sigaddset(&own, numbers[i]);
    sigprocmask(SIG_BLOCK, &own, &before);
    atomic_store(&seen->pids_count, 0);
    struct pool *pool = open_pool(3);
    meet_all(pool, 3);
    kill_idle(0);
    meet_all(pool, 3);
    pool_close(pool);
    sigprocmask(SIG_BLOCK, NULL, &now);
    for (int i = 0; i < COUNT; i++)
        cr_assert(sigismember(&now, numbers[i]) == 1,
                  "the caller blocks SIG%s, and after pool_create, pool_map and pool_close it no longer does: the next "
                  "one can end it. Put back the mask that pthread_sigmask gave you, do not unblock",
                  sigabbrev_np(numbers[i]));
    sigprocmask(SIG_SETMASK, &before, NULL);
}

LAB_TEST(killed_while_idle_costs_nothing)
{
    share();
    killed_after_answers();
    killed_before_it_looks();
    stir.nanoseconds = 20000000; /* few answers are given here, so half an answer must be seen each time */
    atomic_store(&seen->pids_count, 0);
    struct pool *pool = open_pool(3);
    int met = meet_all(pool, 3);
    cr_assert_eq(met, 3, "3 workers, 3 items, each waits until all 3 are being worked on: %d got on", met);
    for (int round = 0; round < 3; round++) {
        kill_idle(round);
        met = meet_all(pool, 3);
        cr_assert_eq(met, 3,
                     "a worker was killed between two calls of pool_map: the next call must have 3 workers again and "
                     "lose no item, but of 3 items that wait for each other %d got on",
                     met);
        cr_assert_eq(
            come_back, 3,
            "a worker was killed between two calls of pool_map: the next call must lose no item, but of 3 items "
            "only %d are not failed and have the right result",
            come_back);
    }
    sigpipe_stays_ignored(pool); /* and one that is pending goes with it */
    pool_close(pool);
    blocked_stays_blocked();
}

static void use_once(unsigned workers)
{
    int64_t inputs[PLACES], outputs[PLACES];
    bool failed[PLACES] = {[0 ... PLACES - 1] = true};
    struct pool *pool = open_pool(workers);
    count_up(inputs, 12);
    const size_t failures = pool_map(pool, die_at_seven, inputs, outputs, failed, 12);
    cr_assert_eq(failures, 1, "one of 12 items ended its worker: pool_map must return 1, it returned %zu", failures);
    const struct census now = census_take();
    cr_assert_eq(now.zombies, 0, "a worker died and was not waited for, zombies after pool_map: %d", now.zombies);
    pool_close(pool);
}

/* Descriptors that the caller opens get the numbers of those that the pool gave back when its worker died. */
static void close_beside_new_descriptors(void)
{
    enum { OPENED = 16 };
    const int64_t input = 7;
    int64_t output;
    bool failed = false;
    int own[OPENED];
    struct pool *pool = open_pool(1);
    pool_map(pool, die_at_seven, &input, &output, &failed, 1);
    for (int i = 0; i < OPENED; i++)
        own[i] = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
    pool_close(pool);
    for (int i = 0; i < OPENED; i++) {
        cr_assert(
            own[i] < 0 || fcntl(own[i], F_GETFD) >= 0,
            "a worker died with its item, the caller opened descriptors, and pool_close closed one of those (%d): "
            "a descriptor of the dead worker is closed twice, and its number belongs to another by then",
            own[i]);
        if (own[i] >= 0)
            close(own[i]);
    }
}

/* All workers have died and been replaced, and two more while they were idle, the last just before the end. */
static void close_after_deaths(void)
{
    enum { COUNT = 6 };
    int64_t inputs[COUNT], outputs[COUNT];
    bool failed[COUNT];
    struct pool *pool = open_pool(3);
    atomic_store(&seen->pids_count, 0);
    count_up(inputs, COUNT);
    pool_map(pool, die_always, inputs, outputs, failed, COUNT);
    cr_assert_eq(meet_all(pool, 3), 3, "all workers of a pool died: afterwards it must have 3 again");
    kill_idle(0);
    cr_assert_eq(meet_all(pool, 3), 3, "a worker was killed between two calls of pool_map: it must have 3 again");
    kill_idle(3);
    pool_close(pool); /* one that writes to the dead worker ends here by SIGPIPE */
}

/* Without stdin, as a daemon runs, the first descriptor that is opened is 0, as good as any other. */
static void use_three(void)
{
    use_once(3);
}

static void check_without_stdin(void)
{
    const int more = census_without_stdin(use_three);
    cr_assert_leq(more, 0,
                  "in a program that has closed its stdin a pool was made, used and closed, descriptors left "
                  "open: %d. 0 is a descriptor like any other, only a negative number is none",
                  more);
}

static volatile sig_atomic_t close_hangs;

/* Ends the workers in place of a pool_close that waits for them in vain. */
static void end_workers(int number)
{
    (void)number;
    close_hangs = 1;
    for (int i = 0; i < 3; i++)
        kill(atomic_load(&seen->pids[i]), SIGKILL);
}

/* Signals that ask a program to end. A caller may ignore them, as a server does; its workers inherit that. */
static const int polite[] = {SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2};
enum { POLITE = sizeof polite / sizeof *polite };

static void close_with_signals_ignored(void)
{
    void (*before[POLITE])(int);
    const struct sigaction late = {.sa_handler = end_workers};
    for (int i = 0; i < POLITE; i++)
        before[i] = signal(polite[i], SIG_IGN);
    sigaction(SIGALRM, &late, NULL);
    atomic_store(&seen->pids_count, 0);
    struct pool *pool = open_pool(3);
    meet_all(pool, 3);
    alarm((unsigned)PATIENCE);
    pool_close(pool);
    alarm(0);
    for (int i = 0; i < POLITE; i++)
        signal(polite[i], before[i]);
    cr_assert_not(close_hangs,
                  "the caller ignores SIGTERM and the like, its workers inherit that by fork, and pool_close waits for "
                  "them in vain: let them see the end of their input, or use a signal that cannot be ignored");
}

LAB_TEST(close_leaves_nothing_behind)
{
    enum { ROUNDS = 20, CACHED = 8 }; /* glibc keeps seven freed blocks of a size, and counts them as in use */
    const struct leftovers none = leftovers_take();
    census_one_heap();
    share();
    close_beside_new_descriptors();
    for (int round = 0; round < CACHED; round++) {
        use_once(3);
        close_after_deaths();
    }
    stir.nanoseconds = 0; /* for the time it takes */
    const struct census before = census_take();
    cr_assert_eq(before.zombies, 0, "every worker must be waited for, zombies after pool_close: %d", before.zombies);
    cr_assert_eq(before.children, 0, "pool_close left %d workers alive", before.children);
    for (int round = 0; round < ROUNDS; round++)
        use_once(3);
    const struct census after = census_settle(&before);
    cr_assert_eq(after.children, 0, "%d pools were closed, worker processes left: %d", ROUNDS, after.children);
    cr_assert_eq(after.descriptors, before.descriptors,
                 "%d pools were made and closed: %d descriptors were open before, %d are open now", ROUNDS,
                 before.descriptors, after.descriptors);
    cr_assert_leq(after.shared_maps, before.shared_maps, "%d pools were closed, shared mappings left: %d", ROUNDS,
                  after.shared_maps - before.shared_maps);
    cr_assert_leq(after.threads, before.threads, "%d pools were closed, threads left: %d", ROUNDS,
                  after.threads - before.threads);
    cr_assert_lt(after.heap_bytes, before.heap_bytes + ROUNDS * 24, "%d pools were closed, bytes of the heap left: %zu",
                 ROUNDS, after.heap_bytes - before.heap_bytes);
    const char *left = leftovers_since(&none);
    cr_assert_null(left, "pools were made and closed, and these stay when all processes have ended: %s", left);
    use_once(PLACES); /* what is made for so many workers takes more than a page */
    const int more = census_settle(&before).shared_maps - before.shared_maps;
    cr_assert_leq(more, 0,
                  "a pool of %d workers was closed, shared mappings left: %d, or a part of one. munmap needs "
                  "the size that mmap was given",
                  PLACES, more);
    close_with_signals_ignored();
    check_without_stdin();
}

/* The descriptors of workers that died must be given back while the pool lives. */
LAB_TEST(deaths_leak_no_descriptors)
{
    enum { WORKERS = 16, COUNT = 257 }; /* more deaths than a byte counts, many at once */
    int64_t inputs[COUNT], outputs[COUNT];
    bool failed[COUNT] = {[0 ... COUNT - 1] = true};
    share();
    struct pool *pool = open_pool(WORKERS);
    count_up(inputs, COUNT);
    pool_map(pool, itself, inputs, outputs, failed, COUNT);
    const struct census before = census_take();
    const size_t failures = pool_map(pool, die_always, inputs, outputs, failed, COUNT);
    cr_assert_eq(failures, COUNT, "%d items ended their workers, pool_map returned %zu", COUNT, failures);
    pool_map(pool, itself, inputs, outputs, failed, COUNT);
    const struct census after = census_take();
    cr_assert_leq(after.descriptors, before.descriptors,
                  "%d workers died and were replaced: %d descriptors were open before, %d are open now", COUNT,
                  before.descriptors, after.descriptors);
    cr_assert_leq(after.children, WORKERS, "a pool of %d workers has %d children", WORKERS, after.children);
}

/* A process of the caller's own that has ended, with status 7, and is to be waited for. */
static pid_t ended_child(void)
{
    siginfo_t how;
    const pid_t child = fork();
    if (child == 0)
        lab_test_child_exit(7);
    cr_assert_gt(child, 0, "the test could not fork");
    while (waitid(P_PID, (id_t)child, &how, WEXITED | WNOWAIT) < 0 && errno == EINTR)
        continue;
    return child;
}

/* A child of the caller's own has copies of the pool's descriptors. What the pool closes is still open there, and may
 * go on to be reported: by an epoll set that it was not taken out of. */
static void death_beside_copies(void)
{
    enum { COUNT = 12, SLOW = 2 };
    int64_t inputs[COUNT], outputs[COUNT] = {0}, output;
    bool failed[COUNT], lost;
    const int64_t seven = 7;
    struct pool *pool = open_pool(3);
    const pid_t child = fork();
    if (child == 0) {
        alarm(60);
        for (;;)
            pause();
    }
    cr_assert_gt(child, 0, "the test could not fork");
    pool_map(pool, die_at_seven, &seven, &output, &lost, 1);
    atomic_store(&seen->finished, 0);
    atomic_store(&seen->wanted, COUNT - SLOW);
    count_up(inputs, COUNT);
    pool_map(pool, slow_when_small, inputs, outputs, failed, COUNT);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    for (int i = 0; i < COUNT; i++)
        cr_assert(!failed[i] && outputs[i] == inputs[i] * 3,
                  "a child of the caller has copies of the pool's descriptors, a worker died and was replaced: in the "
                  "next call item %d %s. Is the dead worker's descriptor still in an epoll set?",
                  i,
                  failed[i] ? "counts as failed"
                  : outputs[i] == GAVE_UP
                      ? "lasted until the short ones were done, but those were not given to the free worker"
                      : "has a wrong result");
    pool_close(pool);
}

LAB_TEST(other_children_are_left_alone)
{
    int64_t inputs[10], outputs[10];
    bool failed[10] = {[0 ... 9] = true};
    int status = 0;
    share();
    const pid_t child = ended_child();
    struct pool *pool = open_pool(1);
    count_up(inputs, 10);
    pool_map(pool, die_at_seven, inputs, outputs, failed, 10);
    cr_assert(failed[7], "the worker died while it had item 7, but failed[7] is false");
    pool_close(pool);
    const pid_t waited = waitpid(child, &status, 0);
    cr_assert_eq(waited, child, "the pool waited for a child of the caller that is none of its workers");
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 7, "the caller's own child did not end as it should");
    death_beside_copies();
}

/* The only worker dies when fork fails, so the pool is closed without any: -1 is not a process to wait for or to kill.
 */
static void close_after_refusal(void)
{
    const int64_t input = 1;
    int64_t output;
    bool failed;
    int status = 0;
    share();
    const pid_t child = ended_child();
    struct pool *pool = open_pool(1);
    forks_left = 0;
    pool_map(pool, die_always, &input, &output, &failed, 1);
    forks_left = -1;
    pool_close(pool);
    const pid_t waited = waitpid(child, &status, 0);
    cr_assert_eq(waited, child,
                 "a worker died when fork failed, and then pool_close waited for a child of the caller's own: "
                 "waitpid(-1, ...), with the -1 that fork returned, takes any child");
}

/* A child of the caller that outlives the pool: the pool must not wait for it. */
LAB_TEST(close_waits_for_workers_only)
{
    int64_t inputs[10], outputs[10];
    bool failed[10] = {[0 ... 9] = true};
    int status = 0, gate[2];
    cr_assert_eq(pipe(gate), 0, "the test got no pipe");
    const pid_t child = fork();
    if (child == 0) {
        char c;
        close(gate[1]);
        alarm(60);
        lab_test_child_exit(read(gate[0], &c, 1) == 1 ? 0 : 1);
    }
    cr_assert_gt(child, 0, "the test could not fork");
    struct pool *pool = open_pool(2);
    count_up(inputs, 10);
    pool_map(pool, mix, inputs, outputs, failed, 10);
    pool_close(pool); /* one that waits for any child hangs here */
    close_after_refusal();
    cr_assert_eq(write(gate[1], "x", 1), 1, "the test could not write to its own pipe: the pool closed it");
    cr_assert_eq(waitpid(child, &status, 0), child, "the pool waited for a child of the caller");
    cr_assert_eq(status, 0, "the caller's own child was ended by the pool (status %d)", status);
}

static volatile sig_atomic_t ticks;

static void on_tick(int number)
{
    (void)number;
    ticks++;
}

static int64_t slow_double(int64_t input)
{
    timing_sleep_ms(20);
    return 2 * input;
}

static void on_notice(int number)
{
    (void)number;
    atomic_store(&seen->gate_open, 1);
}

/* The item that is begun first ends last. The second sends the caller, which waits for both, a signal. */
static int64_t interrupt_when_second(int64_t input)
{
    pid_t caller = stir.caller;
    const int before = atomic_fetch_add(&seen->arrived, 1);
    if (before == 0)
        return get_on(reached, &seen->finished) ? input : GAVE_UP;
    if (before == 1) {
        timing_wait_until(sleeps, &caller, GRACE);
        kill(caller, SIGUSR1);
        timing_wait_until(is_set, &seen->gate_open, GRACE);
        timing_wait_until(sleeps, &caller, GRACE);
    }
    atomic_fetch_add(&seen->finished, 1);
    return input;
}

/* A timer of the caller interrupts pool_map's system calls again and again; then one signal comes while it waits. */
LAB_TEST(signals_disturb_nothing)
{
    enum { COUNT = 12 };
    int64_t inputs[COUNT], outputs[COUNT] = {0};
    bool failed[COUNT] = {[0 ... COUNT - 1] = true};
    struct pool *pool = open_pool(1);
    const struct sigaction action = {.sa_handler = on_tick};
    const struct itimerval fast = {{0, 2000}, {0, 2000}}, off = {{0, 0}, {0, 0}};
    sigaction(SIGALRM, &action, NULL);
    count_up(inputs, COUNT);
    setitimer(ITIMER_REAL, &fast, NULL);
    const size_t failures = pool_map(pool, slow_double, inputs, outputs, failed, COUNT);
    setitimer(ITIMER_REAL, &off, NULL);
    pool_close(pool);
    cr_assert_gt(ticks, 0, "the test's timer did not run");
    cr_assert_eq(failures, 0, "signals arrived during pool_map (%d of them), and %zu items failed", (int)ticks,
                 failures);
    for (int i = 0; i < COUNT; i++)
        cr_assert(!failed[i] && outputs[i] == 2 * i,
                  "signals arrived during pool_map (%d of them): item %d should have given %d, it gave %ld%s",
                  (int)ticks, i, 2 * i, (long)outputs[i], failed[i] ? " and counts as failed" : "");
    share();
    pool = open_pool(2);
    sigaction(SIGUSR1, &(const struct sigaction){.sa_handler = on_notice}, NULL);
    atomic_store(&seen->wanted, COUNT - 1);
    pool_map(pool, interrupt_when_second, inputs, outputs, failed, COUNT);
    for (int i = 0; i < COUNT; i++)
        cr_assert_neq(outputs[i], GAVE_UP,
                      "a signal was handled while pool_map waited for its 2 workers: afterwards it gave no item to the "
                      "one that became free, as if it waited for the other one only");
    pool_close(pool);
}

/* A zombie has ended, too: its parent may be a process of the pool, which waits for the others first. */
static bool all_gone(void *count)
{
    bool gone = true;
    for (int i = 0; i < *(int *)count; i++) {
        const pid_t pid = atomic_load(&seen->pids[i]);
        if (pid == 0) /* it was never noted */
            continue;
        waitpid(pid, NULL, WNOHANG); /* an orphan became the test's own child */
        gone &= (kill(pid, 0) != 0 && errno == ESRCH) || thread_info_state(pid) == 'Z';
    }
    return gone;
}

/* Waits for the `count` processes in seen->pids to end; kills those that do not. Returns whether all did. */
static bool orphans_end(int count)
{
    const bool gone = timing_wait_until(all_gone, &count, PATIENCE);
    for (int i = 0; i < count; i++)
        if (atomic_load(&seen->pids[i]) > 1 && !gone)
            kill(atomic_load(&seen->pids[i]), SIGKILL);
    return gone;
}

/* A parent that makes a pool, uses it, and ends without closing it. It ignores what asks a program to end. */
static void parent_that_forgets(void)
{
    int64_t inputs[1] = {0}, outputs[1];
    bool failed[1] = {true};
    stir.caller = getpid();
    for (int i = 0; i < POLITE; i++)
        signal(polite[i], SIG_IGN);
    struct pool *pool = pool_create(3);
    if (pool == NULL)
        lab_test_child_exit(3);
    pool_map(pool, die_always, inputs, outputs, failed, 1);
    lab_test_child_exit(meet_all(pool, 3) == 3 ? 0 : 4);
}

LAB_TEST(workers_end_with_their_parent)
{
    int status = 0;
    share();
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    const pid_t parent = fork();
    if (parent == 0)
        parent_that_forgets();
    cr_assert_gt(parent, 0, "the test could not fork");
    cr_assert_eq(waitpid(parent, &status, 0), parent, "the test lost its child");
    cr_assert(WIFEXITED(status), "a process that made a pool of 3 and used it crashed");
    cr_assert_neq(WEXITSTATUS(status), 3, "pool_create(3) returned NULL");
    cr_assert_eq(WEXITSTATUS(status), 0, "a pool of 3 must do 3 items at once, also after a death");
    const bool ended = orphans_end(3);
    cr_assert(
        ended,
        "the parent ended without pool_close, and %.0f s later some of its workers still live: orphans. (It ignored "
        "SIGTERM and the like, which workers inherit)",
        PATIENCE);
}

static int64_t wait_at_gate(int64_t input)
{
    note_pid();
    atomic_fetch_add(&seen->arrived, 1);
    return get_on(is_set, &seen->gate_open) ? input : GAVE_UP;
}

static void parent_in_map(void)
{
    int64_t inputs[6], outputs[6];
    bool failed[6] = {[0 ... 5] = true};
    stir.caller = getpid();
    signal(SIGPIPE, SIG_IGN);
    struct pool *pool = pool_create(3);
    if (pool == NULL)
        lab_test_child_exit(3);
    count_up(inputs, 6);
    pool_map(pool, wait_at_gate, inputs, outputs, failed, 6);
    for (;;)
        pause();
}

/* Not counting those that came because an item before them had waited in vain. */
static bool reached_in_time(atomic_int *counter)
{
    return reached(counter) && !is_hopeless();
}

static bool has_ended(void *pid)
{
    return thread_info_state(*(pid_t *)pid) == 'Z';
}

static bool all_in_or_ended(void *parent)
{
    return reached(&seen->arrived) || has_ended(parent);
}

/* Three workers meet; one that is not among the first three noted stays until the gate opens. */
static int64_t newest_stays(int64_t input)
{
    atomic_fetch_add(&seen->arrived, 1);
    get_on(reached, &seen->arrived);
    atomic_fetch_add(&seen->finished, 1);
    if (!is_among(getpid(), 3))
        timing_wait_until(is_set, &seen->gate_open, 2 * PATIENCE);
    return input;
}

/* One worker of three dies, the first that was made or the last, and its replacement is busy when the parent is
 * killed. */
static void parent_with_busy_replacement(bool kill_first)
{
    int64_t inputs[3], outputs[3];
    bool failed[3];
    stir.caller = getpid();
    struct pool *pool = pool_create(3);
    if (pool == NULL || meet_all(pool, 3) != 3)
        lab_test_child_exit(3);
    pid_t victim = seen->pids[0];
    for (int i = 1; i < 3; i++) /* pids go up */
        if ((seen->pids[i] < victim) == kill_first)
            victim = seen->pids[i];
    kill_child(victim);
    if (meet_all(pool, 3) != 3)
        lab_test_child_exit(4);
    atomic_store(&seen->arrived, 0);
    count_up(inputs, 3);
    pool_map(pool, newest_stays, inputs, outputs, failed, 3);
    lab_test_child_exit(5);
}

static bool all_finished_or_ended(void *parent)
{
    return reached(&seen->finished) || has_ended(parent);
}

/* The idle workers must not wait for the busy one, whose copies of their pipes' ends keep them up. */
static void idle_ones_end_first(bool kill_first)
{
    memset(seen, 0, sizeof *seen);
    atomic_store(&seen->wanted, 3);
    pid_t parent = fork();
    if (parent == 0)
        parent_with_busy_replacement(kill_first);
    cr_assert_gt(parent, 0, "the test could not fork");
    timing_wait_until(all_finished_or_ended, &parent, PATIENCE);
    const bool all_in = reached_in_time(&seen->finished);
    kill(parent, SIGKILL);
    waitpid(parent, NULL, 0);
    const bool idle_ended = orphans_end(3);
    atomic_store(&seen->gate_open, 1);
    const bool all_ended = orphans_end(6);
    cr_assert(all_in, "a pool of 3 must do 3 items at once, also after a worker has died while it was idle");
    cr_assert(idle_ended,
              "a worker died and was replaced, and the parent was killed when only the new one had an item: %.0f s "
              "later some of the others, which had none, still live. The new one holds ends of their pipes",
              PATIENCE);
    cr_assert(all_ended, "the parent was killed, and %.0f s after its item was done a worker still lives", PATIENCE);
}

/* The parent is killed while its workers are in the middle of an item. */
LAB_TEST(workers_end_when_parent_is_killed)
{
    share();
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    atomic_store(&seen->wanted, 3);
    pid_t parent = fork();
    if (parent == 0)
        parent_in_map();
    cr_assert_gt(parent, 0, "the test could not fork");
    timing_wait_until(all_in_or_ended, &parent, PATIENCE);
    const bool all_in = reached_in_time(&seen->arrived);
    kill(parent, SIGKILL);
    waitpid(parent, NULL, 0);
    atomic_store(&seen->gate_open, 1);
    const bool ended = orphans_end(3);
    cr_assert(all_in, "a pool of 3 must have 3 items in work at once");
    cr_assert(ended,
              "the parent was killed inside pool_map, and %.0f s after their items were done some workers still live: "
              "orphans. (It ignored SIGPIPE, which workers inherit: a write that fails with EPIPE is to end them, too)",
              PATIENCE);
    idle_ones_end_first(true);
    idle_ones_end_first(false);
}

/* Nothing that pool_create has made is left when it has failed for want of `what`. */
static void expect_nothing_left(const struct census *before, const char *what)
{
    const struct census after = census_settle(before);
    cr_assert_eq(after.children, before->children, "pool_create ran out of %s and left processes behind: %d", what,
                 after.children - before->children);
    cr_assert_eq(after.descriptors, before->descriptors, "pool_create ran out of %s and left descriptors open: %d",
                 what, after.descriptors - before->descriptors);
    cr_assert_leq(after.shared_maps, before->shared_maps, "pool_create ran out of %s and left shared mappings: %d",
                  what, after.shared_maps - before->shared_maps);
}

static struct pool *create_with_descriptors(unsigned workers, int allowed)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    const struct rlimit tight = {(rlim_t)allowed, limit.rlim_max};
    setrlimit(RLIMIT_NOFILE, &tight);
    struct pool *pool = pool_create(workers);
    setrlimit(RLIMIT_NOFILE, &limit);
    return pool;
}

static void create_and_close(void)
{
    pool_close(pool_create(2));
}

/* Twice, and what the second time leaves behind adds up. */
static void create_without_memory(void)
{
    enum { TIMES = 100 };
    census_one_heap();
    scarce_in_turn(&scarce_memory, TIMES, create_and_close);
    const struct census before = census_take();
    scarce_in_turn(&scarce_memory, TIMES, create_and_close);
    expect_nothing_left(&before, "memory");
    const long grown = (long)census_take().heap_bytes - (long)before.heap_bytes;
    cr_assert_lt(grown, TIMES, "pool_create could not have memory %d times, and left %ld bytes of memory behind", TIMES,
                 grown);
}

/* Each call that makes a descriptor or a process fails in turn, with all of its kind that follow. */
LAB_TEST(create_fails_cleanly)
{
    enum { WORKERS = 3, MORE = 40 };
    const struct leftovers none = leftovers_take();
    pool_close(open_pool(WORKERS)); /* shows that a pool can be made at all */
    const struct census before = census_take();
    struct pool *pool = NULL;
    for (int more = 0; pool == NULL && more < MORE; more++) {
        pool = create_with_descriptors(WORKERS, before.descriptors + more);
        pool_close(pool);
        expect_nothing_left(&before, "descriptors");
    }
    for (int granted = 0; granted < WORKERS; granted++) {
        forks_left = granted;
        fork_refused = false;
        pool = pool_create(WORKERS);
        forks_left = -1;
        cr_assert(pool == NULL || !fork_refused,
                  "fork failed for worker %d of %d: pool_create must return NULL, it returned a pool", granted + 1,
                  WORKERS);
        pool_close(pool);
        expect_nothing_left(&before, "processes");
    }
    const char *left = leftovers_since(&none);
    cr_assert_null(left,
                   "pool_create could not have all it needs, and has left what stays when all processes have ended: %s",
                   left);
    create_without_memory(); /* not before: sem_open (glibc) makes a name, and then fails, where malloc fails */
}
