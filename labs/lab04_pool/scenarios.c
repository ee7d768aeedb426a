/*
 * scenarios.c: small programs that use a pool in the ways of its contract, for the explorer: it runs each of them in
 * every order of the processes that matters, and lets them die at every moment that matters.
 *
 * The pools have one or two workers, the lists one to four items, but for one that is very long. What the workers do is
 * seen through their results and through `seen`, memory that is mapped before the pool is made.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pool.h"
#include "scenario.h"

enum { DESCRIPTORS = 64, DIES_BY_SIGNAL = 1001, DIES_BY_EXIT = 1002, OWN_STATUS = 7 };

struct seen {
    atomic_int deadly_calls; /* of an item that ends its worker */
    int door[2];             /* a pipe: the slow item waits at it for the others */
    atomic_int workers[4];   /* the processes that did the items */
};

static struct seen *seen;

/* Call before pool_create. */
static void share(void)
{
    seen = mmap(NULL, sizeof *seen, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

static struct pool *open_pool(unsigned workers)
{
    const pid_t caller = getpid();
    struct pool *pool = pool_create(workers);
    scenario_expect(getpid() == caller, "a forked worker comes back from pool_create and runs on in the caller's code: "
                                        "it must end by _exit, wherever its work ends.");
    scenario_expect(pool != NULL, "pool_create returned NULL, though nothing was lacking.");
    return pool;
}

/* pool_map, which returns in the caller only. */
static size_t map(struct pool *pool, pool_fn *fn, const int64_t *inputs, int64_t *outputs, bool *failed, size_t count)
{
    const pid_t caller = getpid();
    const size_t lost = pool_map(pool, fn, inputs, outputs, failed, count);
    scenario_expect(getpid() == caller, "a forked worker comes back from pool_map and runs on in the caller's code: it "
                                        "must end by _exit, wherever its work ends.");
    return lost;
}

static int open_descriptors(void)
{
    int count = 0;
    for (int number = 0; number < DESCRIPTORS; number++)
        count += fcntl(number, F_GETFD) != -1;
    return count;
}

static int64_t next_number(int64_t input)
{
    return input + 1;
}

static int64_t process_id(int64_t input)
{
    (void)input;
    return getpid();
}

/* Some inputs end the worker. */
static int64_t deadly(int64_t input)
{
    if (input == DIES_BY_SIGNAL || input == DIES_BY_EXIT)
        atomic_fetch_add(&seen->deadly_calls, 1);
    if (input == DIES_BY_SIGNAL)
        kill(getpid(), SIGKILL);
    if (input == DIES_BY_EXIT)
        _exit(0);
    return input + 1;
}

static atomic_bool handled; /* its handler may run in any thread of the caller */

static void on_signal(int number)
{
    (void)number;
    atomic_store(&handled, true);
}

/* A child of the caller's own that sends it a signal, at any moment. */
static pid_t send_signal_to(pid_t caller)
{
    const pid_t child = fork();
    if (child != 0)
        return child;
    kill(caller, SIGUSR1);
    _exit(0);
}

static const char *why_lost(bool killed)
{
    if (killed)
        return "pool_map lost an item, after a worker had been killed while it had none: what a dead worker never had "
               "must go to another one, and a living one is given the time that its item takes.";
    return atomic_load(&handled)
               ? "pool_map lost an item, because the caller handled a signal meanwhile: a system call "
                 "that is interrupted returns EINTR and must be called again."
               : "pool_map lost an item, though no worker had died in it.";
}

/* One item, done by the pool's only worker, which perhaps was killed before; its result is not 0. */
static int64_t map_one(struct pool *pool, pool_fn *fn, bool killed)
{
    const int64_t input = 1;
    int64_t output = 0;
    bool failed = true;
    const size_t lost = map(pool, fn, &input, &output, &failed, 1);
    scenario_expect(lost == 0, why_lost(killed));
    scenario_expect(!failed,
                    "pool_map returns 0 and leaves failed[0] true: it must be set to false for every item that was "
                    "done.");
    scenario_expect(output != 0,
                    "pool_map says that the item was done, and leaves in outputs[0] what fn did not return: a "
                    "read may get less than was asked for, or be interrupted by a signal (EINTR), and must go on until "
                    "it has all.");
    return output;
}

/* Both workers see that the pool is closed, whatever they have inherited. */
SCENARIO(unused_pool_closes)
{
    struct pool *pool = open_pool(2);
    pool_close(pool);
}

/* The same worker, which is not the caller, serves one call after the other. One that is killed between two calls had
 * no item, so none is lost. A signal that the caller handles meanwhile disturbs nothing: with this handler, calls that
 * wait fail with EINTR. Nothing is left when the pool is closed. */
SCENARIO(worker_is_kept)
{
    const struct sigaction action = {.sa_handler = on_signal};
    const int before = open_descriptors();
    pool_close(NULL);
    sigaction(SIGUSR1, &action, NULL);
    const pid_t own = send_signal_to(getpid());
    struct pool *pool = open_pool(1);
    map(pool, process_id, NULL, NULL, NULL, 0);
    const int64_t first = map_one(pool, process_id, false);
    scenario_expect(first != getpid(),
                    "pool_map did the item in the caller's process, not in a worker's: there a crash of fn ends the "
                    "caller.");
    scenario_expect(
        first == map_one(pool, process_id, false),
        "pool_map served a second call by another worker, though the first had not died: the pool's workers are "
        "made once and kept.");
    kill((pid_t)first, SIGKILL);
    scenario_expect(map_one(pool, next_number, true) == 2,
                    "pool_map did not do the item that it was given after the death of an idle worker.");
    pool_close(pool);
    scenario_expect(open_descriptors() == before,
                    "pool_close leaves a descriptor open: every pipe end that the pool opened must be closed.");
    while (waitpid(own, NULL, 0) == -1)
        scenario_expect(
            errno == EINTR,
            "the pool has waited for a child that is not its own: wait(NULL) and waitpid(-1, ...) take any child of "
            "the caller.");
}

/* Item 0 ends only when the three others have been done. Its result looks like an error code. */
static int64_t first_is_last(int64_t input)
{
    char byte = 'x';
    atomic_store(&seen->workers[input], getpid());
    if (input > 0)
        return write(seen->door[1], &byte, 1) == 1 ? input : 77;
    for (int others = 0; others < 3; others++)
        if (read(seen->door[0], &byte, 1) != 1)
            return 77;
    return -1;
}

static int different_workers(void)
{
    int different = 0;
    for (int i = 0; i < 4; i++) {
        bool before = false;
        for (int k = 0; k < i; k++)
            before |= atomic_load(&seen->workers[k]) == atomic_load(&seen->workers[i]);
        different += !before;
    }
    return different;
}

/* No item may wait behind a busy worker while the other is free. Results come in any order, and each belongs to its own
 * input. */
SCENARIO(first_item_is_slow)
{
    share();
    if (pipe(seen->door) != 0)
        return;
    struct pool *pool = open_pool(2);
    const int64_t inputs[4] = {0, 1, 2, 3};
    int64_t outputs[4] = {0};
    bool failed[4];
    const size_t lost = map(pool, first_is_last, inputs, outputs, failed, 4);
    scenario_expect(
        lost == 0 && !failed[0],
        "pool_map says that an item failed, though no worker died. A result that looks like an error code is a "
        "result.");
    scenario_expect(
        outputs[0] == -1,
        "pool_map left in outputs[0] what is not the result of inputs[0]: results come in when they are ready, so "
        "each must be put where its own input stands.");
    for (int i = 1; i < 4; i++)
        scenario_expect(
            outputs[i] == i,
            "pool_map put a result where another item's input stands: results come in when they are ready, so each "
            "must be put where its own input stands.");
    scenario_expect(different_workers() <= 2, "pool_create made more workers than it was asked for.");
    pool_close(pool);
}

static void expect_one_lost(const size_t lost, const bool *failed, const int64_t *outputs)
{
    scenario_expect(
        failed[0],
        "pool_map does not mark the item as failed whose worker died: without an answer it has failed, however "
        "the worker ended.");
    scenario_expect(
        !failed[1],
        "pool_map marks an item as failed whose worker did not die in it: failed[i] must be set to false for "
        "every item that was done, and a death costs one item only.");
    scenario_expect(
        outputs[1] == 6,
        "pool_map did not do an item that came after the death of a worker: a death costs one item only, and all "
        "others must be done.");
    scenario_expect(lost == 1, "pool_map does not return the number of items that failed.");
    scenario_expect(atomic_load(&seen->deadly_calls) == 1,
                    "pool_map tried an item again whose worker had died in it: it may end the next worker, too.");
    atomic_store(&seen->deadly_calls, 0);
}

/* A worker that dies in its item costs that item only, and is replaced; so twice. A child of the caller's own, which
 * ends at any moment, is for the caller to wait for. */
SCENARIO(death_costs_one_item)
{
    const pid_t own = fork();
    if (own == 0)
        _exit(OWN_STATUS);
    share();
    const int before = open_descriptors();
    struct pool *pool = open_pool(1);
    int64_t outputs[2] = {0, 0};
    bool failed[2] = {false, true};
    int status = 0;
    expect_one_lost(map(pool, deadly, (int64_t[]){DIES_BY_SIGNAL, 5}, outputs, failed, 2), failed, outputs);
    outputs[1] = 0;
    expect_one_lost(map(pool, deadly, (int64_t[]){DIES_BY_EXIT, 5}, outputs, failed, 2), failed, outputs);
    pool_close(pool);
    scenario_expect(
        open_descriptors() == before,
        "the pool leaves a descriptor open that it had for a dead worker: with each death one more is lost.");
    scenario_expect(
        waitpid(own, &status, 0) == own,
        "the pool has waited for a child that is not its own: wait(NULL) and waitpid(-1, ...) take any child of "
        "the caller.");
    scenario_expect(WIFEXITED(status) && WEXITSTATUS(status) == OWN_STATUS,
                    "the pool has ended a child of the caller that is none of its workers.");
}

enum { LONG = 65600 };

/* Shared, because memory that is not is copied whenever another process goes on. */
static struct long_list {
    int64_t inputs[LONG], outputs[LONG];
    bool failed[LONG];
    atomic_int calls;
} * long_list;

static int64_t next_in_long_list(int64_t input)
{
    if (atomic_fetch_add(&long_list->calls, 1) == LONG)
        scenario_failed("pool_map goes on giving out items when each of 65600 has been done: a list may have a million "
                        "of them, so the place of an item needs a size_t.");
    return input + 1;
}

/* More items than 16 bits can count: so many that one order of the processes must do. */
SCENARIO(very_long_list)
{
    scenario_one_order();
    long_list = mmap(NULL, sizeof *long_list, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < LONG; i++)
        long_list->inputs[i] = i;
    struct pool *pool = open_pool(1);
    const size_t lost = map(pool, next_in_long_list, long_list->inputs, long_list->outputs, long_list->failed, LONG);
    pool_close(pool);
    for (int i = 0; i < LONG; i++)
        scenario_expect(long_list->outputs[i] == i + 1,
                        "pool_map did not put the result of each of 65600 items where its input stands: a list may "
                        "have a million of them, so the place of an item needs a size_t.");
    bool any_failed = false;
    for (int i = 0; i < LONG; i++)
        any_failed |= long_list->failed[i];
    scenario_expect(lost == 0 && !any_failed, "pool_map says that one of 65600 items failed, though no worker died.");
}

/* The other worker goes on, and its item is not lost; both, the new one too, see that the pool is closed. */
SCENARIO(death_beside_another)
{
    share();
    struct pool *pool = open_pool(2);
    int64_t outputs[2] = {0, 0};
    bool failed[2] = {false, true};
    expect_one_lost(map(pool, deadly, (int64_t[]){DIES_BY_SIGNAL, 5}, outputs, failed, 2), failed, outputs);
    pool_close(pool);
}

static _Noreturn void be_caller(void)
{
    struct pool *pool = open_pool(2);
    const int64_t inputs[2] = {1, 2};
    int64_t outputs[2];
    bool failed[2];
    map(pool, next_number, inputs, outputs, failed, 2);
    _exit(0); /* without pool_close */
}

/* The caller is killed at any moment, or ends without closing its pool: this pipe has an end when it and all its
 * workers have ended. */
SCENARIO(workers_end_with_caller)
{
    int life[2];
    char byte;
    if (pipe(life) != 0)
        return;
    const pid_t caller = fork();
    if (caller == 0)
        be_caller();
    close(life[1]);
    kill(caller, SIGKILL);
    waitpid(caller, NULL, 0);
    while (read(life[0], &byte, 1) > 0)
        continue;
    close(life[0]);
}
