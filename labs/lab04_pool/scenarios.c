/*
 * scenarios.c: small programs that use a pool in the ways of its contract, for the explorer: it runs each of them in
 * every order of the processes that matters, and lets them die at every moment that matters.
 *
 * The pools have one or two workers, the lists one to four items. What the workers do is seen through their results
 * and through `seen`, memory that is mapped before the pool is made.
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
};

static struct seen *seen;

/* Call before pool_create. */
static void share(void)
{
    seen = mmap(NULL, sizeof *seen, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

static struct pool *open_pool(unsigned workers)
{
    struct pool *pool = pool_create(workers);
    scenario_expect(pool != NULL, "pool_create returned NULL, though nothing was lacking");
    return pool;
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
        return "an item was lost because a worker had been killed before it was given out";
    return atomic_load(&handled) ? "an item was lost because the caller has handled a signal"
                                 : "an item was lost, though no worker had died in it";
}

/* One item, done by the pool's only worker, which perhaps was killed before; its result is not 0. */
static int64_t map_one(struct pool *pool, pool_fn *fn, bool killed)
{
    const int64_t input = 1;
    int64_t output = 0;
    bool failed = true;
    const size_t lost = pool_map(pool, fn, &input, &output, &failed, 1);
    scenario_expect(lost == 0 && !failed && output != 0, why_lost(killed));
    return output;
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
    pool_map(pool, process_id, NULL, NULL, NULL, 0);
    const int64_t first = map_one(pool, process_id, false);
    scenario_expect(first != getpid(), "the item was done in the caller's process, not in a worker's");
    scenario_expect(first == map_one(pool, process_id, false),
                    "a second call was served by another worker, though the first had not died");
    kill((pid_t)first, SIGKILL);
    scenario_expect(map_one(pool, next_number, true) == 2,
                    "the item given out after the death of an idle worker was not done");
    pool_close(pool);
    scenario_expect(open_descriptors() == before, "a descriptor stays open when the pool is closed");
    while (waitpid(own, NULL, 0) == -1)
        scenario_expect(errno == EINTR, "the pool has waited for a child that is not its own");
}

/* Item 0 ends only when the three others have been done. Its result looks like an error code. */
static int64_t first_is_last(int64_t input)
{
    char byte = 'x';
    if (input > 0)
        return write(seen->door[1], &byte, 1) == 1 ? input : 77;
    for (int others = 0; others < 3; others++)
        if (read(seen->door[0], &byte, 1) != 1)
            return 77;
    return -1;
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
    const size_t lost = pool_map(pool, first_is_last, inputs, outputs, failed, 4);
    scenario_expect(lost == 0 && !failed[0], "pool_map says that an item failed, though no worker died");
    scenario_expect(outputs[0] == -1, "outputs[0] is not the result of inputs[0]");
    for (int i = 1; i < 4; i++)
        scenario_expect(outputs[i] == i, "a result is not where its input stands");
    pool_close(pool);
}

static void expect_one_lost(const size_t lost, const bool *failed, const int64_t *outputs)
{
    scenario_expect(failed[0], "the item whose worker died is not marked as failed");
    scenario_expect(!failed[1], "an item is marked as failed whose worker did not die in it");
    scenario_expect(outputs[1] == 6, "an item that came after the death of a worker was not done");
    scenario_expect(lost == 1, "pool_map does not return the number of items that failed");
    scenario_expect(atomic_load(&seen->deadly_calls) == 1, "an item whose worker died was tried again");
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
    expect_one_lost(pool_map(pool, deadly, (int64_t[]){DIES_BY_SIGNAL, 5}, outputs, failed, 2), failed, outputs);
    outputs[1] = 0;
    expect_one_lost(pool_map(pool, deadly, (int64_t[]){DIES_BY_EXIT, 5}, outputs, failed, 2), failed, outputs);
    pool_close(pool);
    scenario_expect(open_descriptors() == before, "a descriptor of a dead worker stays open");
    scenario_expect(waitpid(own, &status, 0) == own, "the pool has waited for a child that is not its own");
    scenario_expect(WIFEXITED(status) && WEXITSTATUS(status) == OWN_STATUS, "the pool has ended a child of the caller");
}

/* The other worker goes on, and its item is not lost; both, the new one too, see that the pool is closed. */
SCENARIO(death_beside_another)
{
    share();
    struct pool *pool = open_pool(2);
    int64_t outputs[2] = {0, 0};
    bool failed[2] = {false, true};
    expect_one_lost(pool_map(pool, deadly, (int64_t[]){DIES_BY_SIGNAL, 5}, outputs, failed, 2), failed, outputs);
    pool_close(pool);
}

static _Noreturn void be_caller(void)
{
    struct pool *pool = open_pool(2);
    const int64_t inputs[2] = {1, 2};
    int64_t outputs[2];
    bool failed[2];
    pool_map(pool, next_number, inputs, outputs, failed, 2);
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
