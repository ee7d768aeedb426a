/*
 * scenarios.c: small programs that use a value in the ways of its contract, for the explorer: it runs each of them in
 * every order of the processes that matters. Processes die inside value_update, which nobody can foresee.
 *
 * Additions and updates are chosen so that the end is the same in every order, unless one of them is lost.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scenario.h"
#include "value.h"

enum { OWN_STATUS = 7 };

static atomic_int *inside; /* functions that are running; in memory of all processes */
static int64_t *returned;  /* by a call in another process; there, too */

static struct value *make(int64_t initial)
{
    struct value *value = value_create(initial);
    scenario_expect(value != NULL, "value_create returned NULL, though nothing was lacking.");
    return value;
}

/* Call before the first fork. */
static void share(void)
{
    inside = mmap(NULL, sizeof *inside, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    returned = mmap(NULL, sizeof *returned, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

static int64_t plus_ten(int64_t old, void *arg)
{
    (void)arg;
    scenario_expect(
        atomic_fetch_add(inside, 1) == 0,
        "value_update lets two functions run on the value at the same time: what one of them computes is lost.");
    atomic_fetch_sub(inside, 1);
    return old + 10;
}

static int64_t same(int64_t old, void *arg)
{
    *(int64_t *)arg = old;
    return old;
}

static _Noreturn int64_t die_by_signal(int64_t old, void *arg)
{
    (void)old;
    (void)arg;
    kill(getpid(), SIGKILL);
    abort();
}

static _Noreturn int64_t die_by_exit(int64_t old, void *arg)
{
    (void)old;
    (void)arg;
    _exit(0);
}

static void wait_for(pid_t child)
{
    int status;
    scenario_expect(waitpid(child, &status, 0) == child,
                    "a child of the caller's own is gone: somebody else has waited for it.");
}

static void expect_value(struct value *value, int64_t expected, const char *otherwise)
{
    scenario_expect(value_get(value) == expected, otherwise);
}

/* Two processes add. The two numbers that the value may be meanwhile differ in both halves of their 64 bits. */
SCENARIO(two_additions)
{
    const int64_t low = 0xffffffff;
    struct value *value = make(low + 20);
    const pid_t child = fork();
    if (child == 0) {
        value_add(value, 1);
        _exit(0);
    }
    value_add(value, -20);
    const int64_t seen = value_get(value);
    scenario_expect(seen == low || seen == low + 1,
                    "value_get returns what the value never was, such as half of one number and half of another.");
    wait_for(child);
    expect_value(value, low + 1,
                 "an addition by value_add is lost: it changed a copy, or two processes read the same old value and "
                 "both wrote their own sum.");
    value_free(value);
}

/* Takes its time: that is no reason to think that its process is dead. */
static int64_t plus_ten_slowly(int64_t old, void *arg)
{
    scenario_expect(
        atomic_fetch_add(inside, 1) == 0,
        "value_update lets two functions run on the value at the same time: what one of them computes is lost.");
    sleep(5);
    atomic_fetch_sub(inside, 1);
    (void)arg;
    return old + 10;
}

/* An update is one step: no other update, and no addition, comes between what it reads and what it writes. */
SCENARIO(two_updates)
{
    share();
    struct value *value = make(0);
    const pid_t child = fork();
    if (child == 0) {
        *returned = value_update(value, plus_ten_slowly, NULL);
        _exit(0);
    }
    const int64_t new = value_update(value, plus_ten, NULL);
    scenario_expect(new == 10 || new == 20, "value_update does not return the new value.");
    wait_for(child);
    scenario_expect(
        new + *returned == 10 + 20,
        "two calls of value_update return the same number: each must return what its own function has computed, not "
        "what others have made of the value since.");
    expect_value(value, 20,
                 "an update is lost: what value_update does, from reading the old value to writing the new one, must "
                 "be one step that keeps all others out.");
    value_free(value);
    value_free(NULL);
}

/* An update that changes nothing keeps nobody out when it is over. */
SCENARIO(addition_beside_update)
{
    share();
    struct value *value = make(5);
    int64_t seen = 0;
    const pid_t child = fork();
    if (child == 0) {
        const int64_t new = value_update(value, same, &seen);
        scenario_expect(seen == 5 || seen == 6, "value_update did not give its function the value as it was.");
        scenario_expect(new == seen, "value_update does not return what its function has computed, but what others "
                                     "have made of the value since.");
        value_update(value, plus_ten, NULL);
        _exit(0);
    }
    value_add(value, 1);
    wait_for(child);
    expect_value(value, 16,
                 "an addition or an update is lost: what value_add does beside a running update is overwritten when "
                 "that stores its result.");
    value_free(value);
}

static void *add_two(void *value)
{
    value_add(value, 2);
    value_update(value, plus_ten, NULL);
    return NULL;
}

/* Threads of one process are kept apart as well. */
SCENARIO(threads_share_it)
{
    share();
    struct value *value = make(0);
    pthread_t thread;
    pthread_create(&thread, NULL, add_two, value);
    value_update(value, plus_ten, NULL);
    const int64_t seen = value_get(value);
    scenario_expect(seen == 10 || seen == 12 || seen == 22, "value_get returns what the value never was.");
    pthread_join(thread, NULL);
    expect_value(value, 22,
                 "a change is lost: value_update in one thread must keep out the other threads of its process, too.");
    value_free(value);
}

/* A process dies inside its update, at any moment of the others' calls. Nobody waits for it before the others have
 * gone on. */
SCENARIO(killed_inside_update)
{
    share();
    struct value *value = make(3);
    const pid_t dying = fork();
    if (dying == 0)
        value_update(value, die_by_signal, NULL);
    const int64_t seen = value_get(value);
    scenario_expect(
        seen == 3,
        "value_get shows a change by a process that died inside value_update: nothing may be stored before fn has "
        "returned.");
    value_add(value, 1);
    value_update(value, plus_ten, NULL);
    expect_value(value, 14,
                 "the value is not what the finished calls make: a process that dies inside value_update must leave it "
                 "as it was before.");
    wait_for(dying);
    expect_value(value, 14,
                 "the value is not what the finished calls make: a process that dies inside value_update must leave it "
                 "as it was before.");
    value_free(value);
}

/* After a death the value still keeps apart who comes later, also a second death. */
SCENARIO(still_a_lock_after_deaths)
{
    share();
    struct value *value = make(0);
    for (int i = 0; i < 2; i++) {
        const pid_t dying = fork();
        if (dying == 0)
            value_update(value, i == 0 ? die_by_exit : die_by_signal, NULL);
        wait_for(dying);
        value_add(value, 1);
    }
    const pid_t child = fork();
    if (child == 0) {
        value_update(value, plus_ten, NULL);
        _exit(0);
    }
    value_update(value, plus_ten, NULL);
    wait_for(child);
    expect_value(value, 22,
                 "after deaths inside value_update a change is lost: the lock no longer keeps anybody out, or the dead "
                 "have changed something.");
    value_free(value);
}

/* A process is killed at any moment of an addition, also while it waits for its turn. It has added or it has not; what
 * others have added stays, and nobody is held up. It is not the first that dies. */
SCENARIO(killed_while_adding)
{
    const int64_t amount = INT64_C(100) << 32 | 100; /* changes both halves of the number */
    share();
    struct value *value = make(1);
    value_update(value, plus_ten, NULL);
    const pid_t first = fork();
    if (first == 0)
        value_update(value, die_by_signal, NULL);
    wait_for(first);
    value_add(value, 1);
    const pid_t dying = fork();
    if (dying == 0) {
        value_add(value, amount);
        _exit(0);
    }
    kill(dying, SIGKILL);
    wait_for(dying);
    const int64_t seen = value_get(value);
    scenario_expect(seen == 12 || seen == 12 + amount,
                    "a process was killed inside value_add, and what others had added before is lost, or half of its "
                    "own addition is left, or more than it.");
    const int64_t after = value_update(value, plus_ten, NULL);
    scenario_expect(after == seen + 10 || (seen == 12 && after == 22 + amount), /* the addition may take effect late */
                    "a process was killed inside value_add: the next update goes on from another value.");
    expect_value(value, after, "a process was killed inside value_add: an update that comes later is lost.");
    value_free(value);
}

/* Two changes, and two looks in their order. */
SCENARIO(looks_in_order)
{
    struct value *value = make(0);
    const pid_t child = fork();
    if (child == 0) {
        value_add(value, 1);
        value_add(value, 1);
        _exit(0);
    }
    const int64_t first = value_get(value), second = value_get(value);
    scenario_expect(first >= 0 && first <= 2 && second >= 0 && second <= 2,
                    "value_get returns what the value never was.");
    scenario_expect(first <= second,
                    "another process only ever adds, and value_get returns less than it did before: one of the two "
                    "looks was at a change that was not made yet, or at one that was over.");
    wait_for(child);
    expect_value(value, 2, "an addition is lost.");
    value_free(value);
}

static const char mixed_up[] = "two threads have each made a value and added to it, and one of the values is wrong.";

static void *make_and_add(void *unused)
{
    struct value *value = make(100);
    value_add(value, 1);
    expect_value(value, 101, mixed_up);
    value_free(value);
    return unused;
}

/* Values have nothing to do with one another when they are made, either. */
SCENARIO(made_side_by_side)
{
    pthread_t thread;
    pthread_create(&thread, NULL, make_and_add, NULL);
    struct value *value = make(7);
    value_add(value, 2);
    expect_value(value, 9, mixed_up);
    pthread_join(thread, NULL);
    expect_value(value, 9, mixed_up);
    value_free(value);
}

static int64_t add_to_other(int64_t old, void *arg)
{
    value_add(arg, 1);
    return old + 1;
}

/* What is done to one value never waits for another. */
SCENARIO(values_are_independent)
{
    struct value *one = make(0), *other = make(0);
    value_update(one, add_to_other, other);
    expect_value(one, 1, "value_update or value_add on one value has changed another, or is lost.");
    expect_value(other, 1, "value_update or value_add on one value has changed another, or is lost.");
    value_free(one);
    value_free(other);
}

/* value_reduce, which returns in the caller only. */
static int reduce(struct value *value, value_item *item, uint64_t count, unsigned processes)
{
    const pid_t caller = getpid();
    const int status = value_reduce(value, item, count, processes);
    scenario_expect(getpid() == caller,
                    "a forked process comes back from value_reduce and runs on in the caller's code: "
                    "it must end by _exit.");
    return status;
}

static int64_t square(uint64_t index)
{
    return (int64_t)(index * index);
}

static int64_t nine(uint64_t index)
{
    (void)index;
    return 9;
}

/* Another process adds while two share three items. */
SCENARIO(reduce_adds_the_sum)
{
    struct value *value = make(100);
    const pid_t own = fork();
    if (own == 0) {
        value_add(value, 1000);
        _exit(OWN_STATUS);
    }
    scenario_expect(reduce(value, square, 3, 2) == 0, "value_reduce fails, though none of its processes died.");
    int status = 0;
    scenario_expect(
        waitpid(own, &status, 0) == own,
        "value_reduce has waited for a child that is not its own: wait(NULL) takes any child of the caller.");
    scenario_expect(WIFEXITED(status) && WEXITSTATUS(status) == OWN_STATUS,
                    "value_reduce has disturbed a child of the caller's own.");
    expect_value(value, 1105,
                 "value_reduce does not add the sum of all items, each once, or loses what others add meanwhile.");
    value_free(value);
}

static const char of_both[] =
    "two threads of a process call value_reduce at the same time, and one of the calls fails.";

static void *add_nine(void *value)
{
    scenario_expect(reduce(value, nine, 1, 1) == 0, of_both);
    return NULL;
}

/* Two threads reduce at the same time: each call knows its own processes. */
SCENARIO(reduced_side_by_side)
{
    struct value *value = make(0);
    pthread_t thread;
    pthread_create(&thread, NULL, add_nine, value);
    scenario_expect(reduce(value, nine, 1, 1) == 0, of_both);
    pthread_join(thread, NULL);
    scenario_expect(waitpid(-1, NULL, WNOHANG) == -1,
                    "two threads of a process have called value_reduce at the same time, and it has left a process "
                    "behind: what it notes about its processes must belong to the call.");
    expect_value(value, 18, "two threads of a process have reduced at the same time, and one of the sums is lost.");
    value_free(value);
}

static int64_t deadly(uint64_t index)
{
    if (index == 1)
        kill(getpid(), SIGKILL);
    return 1;
}

/* A process that dies is told, and the value can be used as before. */
SCENARIO(reduce_reports_a_death)
{
    struct value *value = make(0);
    scenario_expect(
        reduce(value, deadly, 2, 2) == -1,
        "value_reduce does not say that one of its processes died: its part of the sum is missing, and only the "
        "status from waitpid tells.");
    const int64_t left = value_get(value);
    scenario_expect(left == 0 || left == 1, "value_reduce adds more than the sum of the items that were computed.");
    value_add(value, 10);
    expect_value(value, left + 10, "after value_reduce has told of a death, value_add does not add.");
    value_free(value);
}

static pthread_barrier_t *two; /* in memory of all processes */
static bool begun;             /* of each process */

static void share_barrier(void)
{
    pthread_barrierattr_t attributes;
    two = mmap(NULL, sizeof *two, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pthread_barrierattr_init(&attributes);
    pthread_barrierattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_barrier_init(two, &attributes, 2);
    pthread_barrierattr_destroy(&attributes);
}

/* The first item of each process waits until another process has begun, too. */
static int64_t meet(uint64_t index)
{
    (void)index;
    if (!begun)
        pthread_barrier_wait(two);
    begun = true;
    return 1;
}

/* So many items that nobody is left without any, also when they are given out in blocks (value.h). */
SCENARIO(reduce_works_side_by_side)
{
    enum { ITEMS = 20000 };
    share_barrier();
    struct value *value = make(0);
    scenario_expect(reduce(value, meet, ITEMS, 2) == 0, "value_reduce fails, though none of its processes died.");
    expect_value(value, ITEMS, "value_reduce does not add the sum of all items, each once.");
    value_free(value);
}
