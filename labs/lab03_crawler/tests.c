/*
 * tests.c: the Criterion tests of lab03. The sites they crawl are made by harness/site.h.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* pthread_setattr_default_np */
#endif
#include "test.h"

#include <curl/curl.h>
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#include "census.h"
#include "crawler.h"
#include "leftovers.h"
#include "scarce.h"
#include "seed.h"
#include "site.h"
#include "step.h"
#include "thread_info.h"
#include "timing.h"

enum {
    BLOCKED_MS = 60, /* how long a call that must block is watched */
    SLOW_START = 7,  /* locks a thread gives back: enough to visit the start page */
    SLOW_START_MS = 4,
    CALLERS_MAX = 8,
    PRODUCERS = 4,
    EACH = 2000, /* items a producer, at most */
    RELAYS = 3,
    RELAY_ROUNDS = 60,
    RELAY_ITEMS = 100000,
};

enum { SHORT_PAUSE = 20000, LONG_PAUSE = 1000000 }; /* nanoseconds */

/* Seconds until a call that must return is said to be stuck: far more than a busy machine needs. */
static const double patience = 4.0;

/* ... and until others are said to be running all the time. */
static const double asleep_seconds = 0.1;

/* ---- stirring ---- */

/* When it is not 0, every thread pauses after one in `stir` locks it gives back (chosen without a pattern), and while
 * `stir_inside` is set also with each lock in hand. Two steps that must be one are nearly always together on a quiet
 * machine, and a lock given back between them, or two taken in the wrong order, show only by luck; with a pause there,
 * the others get in. The functions below stand in front of those of the C library. */
static atomic_uint stir;
static atomic_bool stir_inside;
static atomic_int long_left; /* so many of the pauses without a lock, all threads together, are longer */

/* A crawl starts slowly: after the first locks that each of its threads but the main one gives back, the pause is far
 * longer: until all the others sleep. They get in then on a busy machine, too, and so does the main thread, in which
 * crawler_crawl runs: a crawl that can end too early, or whose threads can block each other, does so at its first page.
 * So many pauses are left, for all threads and for this one; and the crawl they are for, counted from 1. */
static atomic_int slow_left;
static _Thread_local int my_slow_left;
static _Thread_local unsigned my_crawl;
static atomic_uint crawls;

/* Not for threads that hold a spin lock: the others would burn their time meanwhile. */
static _Thread_local int spin_locks;

static void pause_for(long nanoseconds)
{
    if (spin_locks == 0)
        nanosleep(&(struct timespec){.tv_nsec = nanoseconds}, NULL);
}

static bool starts_slowly(void)
{
    if (my_crawl != crawls) {
        my_crawl = crawls;
        my_slow_left = SLOW_START;
    }
    return my_slow_left > 0 && slow_left > 0 && gettid() != getpid() && atomic_fetch_sub(&slow_left, 1) > 0 &&
           my_slow_left-- > 0;
}

static void pause_outside(void)
{
    static atomic_uint threads;
    static _Thread_local uint64_t dice;
    const unsigned one_in = stir;
    if (dice == 0)
        dice = ++threads;
    if (starts_slowly()) {
        timing_sleep_ms(SLOW_START_MS);
        thread_info_wait_asleep(asleep_seconds);
    } else if (one_in != 0 && seed_below(&dice, one_in) == 0)
        pause_for(long_left > 0 && atomic_fetch_sub(&long_left, 1) > 0 ? LONG_PAUSE : SHORT_PAUSE);
}

static void pause_inside(void)
{
    if (stir_inside)
        pause_for(SHORT_PAUSE);
}

static void note_taken(void)
{
    spin_locks++;
}

static void note_given_back(void)
{
    spin_locks--;
}

/* Copies the address of the C library's function `name` to `*function`, a pointer to a function. */
static void find_original(const char *name, void *_Atomic *cache, void *function)
{
    void *found = *cache;
    if (found == NULL)
        *cache = found = dlsym(RTLD_NEXT, name);
    memcpy(function, &found, sizeof found);
}

/* Defines `name`, which does what the C library's function of this name does, and then, if that went well, `then`. A
 * pause there is no cancellation point, as the functions themselves are none. */
#define STIRRED(name, type, then)                                                                                      \
    int name(type *lock)                                                                                               \
    {                                                                                                                  \
        static void *_Atomic cache;                                                                                    \
        int (*original)(type *);                                                                                       \
        find_original(#name, &cache, &original);                                                                       \
        const int status = original(lock);                                                                             \
        int cancelled;                                                                                                 \
        pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancelled);                                                    \
        if (status == 0)                                                                                               \
            then();                                                                                                    \
        pthread_setcancelstate(cancelled, NULL);                                                                       \
        return status;                                                                                                 \
    }

STIRRED(pthread_mutex_lock, pthread_mutex_t, pause_inside)
STIRRED(pthread_mutex_unlock, pthread_mutex_t, pause_outside)
STIRRED(pthread_rwlock_rdlock, pthread_rwlock_t, pause_inside)
STIRRED(pthread_rwlock_wrlock, pthread_rwlock_t, pause_inside)
STIRRED(pthread_rwlock_unlock, pthread_rwlock_t, pause_outside)
STIRRED(mtx_lock, mtx_t, pause_inside)
STIRRED(mtx_unlock, mtx_t, pause_outside)
STIRRED(sem_wait, sem_t, pause_inside)
STIRRED(sem_post, sem_t, pause_outside)
STIRRED(pthread_spin_lock, pthread_spinlock_t volatile, note_taken)
STIRRED(pthread_spin_trylock, pthread_spinlock_t volatile, note_taken)
STIRRED(pthread_spin_unlock, pthread_spinlock_t volatile, note_given_back)

/* ---- a thread that cannot be started ---- */

/* The how-manieth of the next threads cannot be started, as if the system's limit were reached; 0: all can. What the
 * caller gave as its place is undefined then (pthread_create(3p)), here: no thread. */
static atomic_int missing_thread;

static bool is_missing(void)
{
    return missing_thread > 0 && atomic_fetch_sub(&missing_thread, 1) == 1;
}

int pthread_create(pthread_t *restrict thread, const pthread_attr_t *restrict attributes, void *(*start)(void *),
                   void *restrict argument)
{
    static void *_Atomic cache;
    int (*original)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    find_original("pthread_create", &cache, &original);
    if (is_missing()) {
        *thread = 0;
        return EAGAIN;
    }
    return original(thread, attributes, start, argument);
}

int thrd_create(thrd_t *thread, thrd_start_t start, void *argument)
{
    static void *_Atomic cache;
    int (*original)(thrd_t *, thrd_start_t, void *);
    find_original("thrd_create", &cache, &original);
    if (is_missing()) {
        *thread = 0;
        return thrd_error;
    }
    return original(thread, start, argument);
}

/* ---- the queue ---- */

static void *number(uintptr_t n)
{
    return (void *)n; /* NOLINT: the queue never looks at what an item points to */
}

static struct crawler_queue *create(size_t capacity)
{
    struct crawler_queue *queue = crawler_queue_create(capacity);
    cr_assert_not_null(queue, "crawler_queue_create(%zu) returned NULL", capacity);
    return queue;
}

static void put_number(struct crawler_queue *queue, uintptr_t n)
{
    cr_assert(crawler_queue_put(queue, number(n)), "put returned false although the queue is open");
}

static void get_number(struct crawler_queue *queue, uintptr_t expected)
{
    void *item = number(999999);
    cr_assert(crawler_queue_get(queue, &item), "get returned false although item %zu is in the queue", expected);
    cr_assert_eq(item, number(expected), "items come out in the order they went in: expected item %zu, got %zu",
                 expected, (uintptr_t)item);
}

/* A thread that calls one function of the queue again and again, and how far it has come. */
struct caller {
    pthread_t thread;
    struct crawler_queue *queue;
    unsigned calls;     /* how many calls to make */
    atomic_uint begun;  /* calls begun */
    atomic_uint done;   /* calls that returned */
    atomic_uint failed; /* those that returned false */
    void *item;         /* what get got last */
};

static void *call_put(void *context)
{
    struct caller *caller = context;
    for (unsigned i = 1; i <= caller->calls; i++) {
        caller->begun++;
        caller->failed += !crawler_queue_put(caller->queue, number(i));
        caller->done++;
    }
    return NULL;
}

static void *call_get(void *context)
{
    struct caller *caller = context;
    for (unsigned i = 0; i < caller->calls; i++) {
        caller->begun++;
        caller->failed += !crawler_queue_get(caller->queue, &caller->item);
        caller->done++;
    }
    return NULL;
}

static void *call_join(void *context)
{
    struct caller *caller = context;
    caller->begun++;
    crawler_queue_join(caller->queue);
    caller->done++;
    return NULL;
}

static void start_callers(struct caller *callers, size_t count, struct crawler_queue *queue, void *(*call)(void *),
                          unsigned calls)
{
    for (size_t i = 0; i < count; i++) {
        callers[i].queue = queue;
        callers[i].calls = calls;
        cr_assert_eq(pthread_create(&callers[i].thread, NULL, call, &callers[i]), 0, "cannot start a thread");
    }
}

static void join_callers(struct caller *callers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        pthread_join(callers[i].thread, NULL);
}

/* What is waited for: that `count` callers together have begun, or done, `calls` calls. */
struct progress {
    struct caller *callers;
    size_t count;
    unsigned calls;
};

static unsigned sum_done(const struct caller *callers, size_t count)
{
    unsigned sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += callers[i].done;
    return sum;
}

static bool have_done(void *context)
{
    const struct progress *p = context;
    return sum_done(p->callers, p->count) >= p->calls;
}

static bool have_begun(void *context)
{
    const struct progress *p = context;
    unsigned sum = 0;
    for (size_t i = 0; i < p->count; i++)
        sum += p->callers[i].begun;
    return sum >= p->calls;
}

/* Waits until so many calls have returned; false if they do not in time. */
static bool wait_done(struct caller *callers, size_t count, unsigned calls)
{
    return timing_wait_until(have_done, &(struct progress){callers, count, calls}, patience);
}

/* Waits until so many calls have begun, and then long enough for them to block or to return. */
static void wait_blocked(struct caller *callers, size_t count, unsigned calls)
{
    timing_wait_until(have_begun, &(struct progress){callers, count, calls}, patience);
    timing_sleep_ms(BLOCKED_MS);
    thread_info_wait_asleep(asleep_seconds);
}

/* From now on the threads share one processor, and who is woken takes it from nobody: what one thread does without
 * sleeping is done before any other comes. */
static void take_turns(void)
{
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    pthread_setaffinity_np(pthread_self(), sizeof one, &one);
    pthread_setschedparam(pthread_self(), SCHED_BATCH, &(struct sched_param){0});
}

/* A capacity that is 3 in 8 or 16 bits. */
static void check_capacity_is_wide(void)
{
    enum { CAPACITY = 65536 + 3, ITEMS = 8 };
    struct caller putter = {0};
    struct crawler_queue *queue = create(CAPACITY);
    start_callers(&putter, 1, queue, call_put, ITEMS);
    cr_assert(
        wait_done(&putter, 1, ITEMS),
        "%d items must fit into a queue of capacity %d, but put number %u does not return. Is the capacity kept in "
        "a type that is too small?",
        ITEMS, CAPACITY, putter.done + 1);
    for (uintptr_t i = 1; i <= ITEMS; i++)
        get_number(queue, i);
    join_callers(&putter, 1);
    crawler_queue_free(queue);
}

/* Someone waits in get, and comes to the processor only when a put blocks: an item that is there for it to take is
 * still in the queue. */
static void check_bound_beside_a_get(size_t capacity)
{
    enum { ROUNDS = 3 };
    const unsigned fit = (unsigned)capacity + 1, puts = fit + 2;
    take_turns();
    for (int i = 0; i < ROUNDS; i++) {
        struct caller getter = {0}, putter = {0};
        struct crawler_queue *queue = create(capacity);
        start_callers(&getter, 1, queue, call_get, 1);
        wait_blocked(&getter, 1, 1);
        start_callers(&putter, 1, queue, call_put, puts);
        cr_assert(wait_done(&getter, 1, 1), "items were put, but the blocked get does not return");
        wait_done(&putter, 1, fit);
        wait_blocked(&putter, 1, fit + 1);
        cr_assert_eq(putter.done, fit,
                     "a get that was blocked on the empty queue of capacity %zu took the first item, and nothing else "
                     "was taken: %u puts must return and the next one block, but %u have returned",
                     capacity, fit, (unsigned)putter.done);
        crawler_queue_close(queue);
        join_callers(&getter, 1);
        join_callers(&putter, 1);
        crawler_queue_free(queue);
    }
}

LAB_TEST(put_blocks_when_full)
{
    struct caller putter = {0};
    struct crawler_queue *queue = create(3);
    start_callers(&putter, 1, queue, call_put, 4);
    cr_assert(wait_done(&putter, 1, 3), "a queue of capacity 3 must take 3 items at once: only %u puts returned",
              (unsigned)putter.done);
    wait_blocked(&putter, 1, 4);
    cr_assert_eq(putter.done, 3, "the queue of capacity 3 is full: the fourth put must block, but it returned");
    get_number(queue, 1);
    cr_assert(wait_done(&putter, 1, 4), "a get has made room, but the blocked put does not return");
    cr_assert_eq(putter.failed, 0, "put returned false although the queue is open");
    for (uintptr_t i = 2; i <= 4; i++)
        get_number(queue, i);
    join_callers(&putter, 1);
    crawler_queue_free(queue);
    check_capacity_is_wide();
    check_bound_beside_a_get(1);
    check_bound_beside_a_get(4);
}

LAB_TEST(get_blocks_when_empty)
{
    struct caller getters[3] = {0}; /* the first and the last at another queue: what comes here is not for them */
    struct crawler_queue *queue = create(3), *other = create(3);
    for (int i = 0; i < 3; i++) {
        start_callers(&getters[i], 1, i == 1 ? queue : other, call_get, 1);
        wait_blocked(&getters[i], 1, 1);
    }
    cr_assert_eq(sum_done(getters, 3), 0, "the queue is empty and open: get must block, but it returned");
    put_number(queue, 7);
    cr_assert(wait_done(&getters[1], 1, 1),
              "an item was put, but the get that is blocked on this queue does not return (two other threads are "
              "blocked in get on another queue)");
    cr_assert_eq(getters[1].failed, 0, "get returned false although the queue is open");
    cr_assert_eq(getters[1].item, number(7), "expected item 7, got %zu", (uintptr_t)getters[1].item);
    cr_assert_eq(sum_done(getters, 3), 1, "an item was put, and a get on another queue, which is empty, returned");
    crawler_queue_close(other);
    join_callers(getters, 3);
    crawler_queue_free(queue);
    crawler_queue_free(other);
}

/* More than a pipe holds bytes that has only a page of memory. */
LAB_TEST(capacity_0_has_no_bound)
{
    enum { ITEMS = 20000 };
    struct caller putter = {0};
    atomic_store(&scarce_pipes, true);
    struct crawler_queue *queue = create(0);
    atomic_store(&scarce_pipes, false);
    start_callers(&putter, 1, queue, call_put, ITEMS);
    cr_assert(wait_done(&putter, 1, ITEMS), "capacity 0 means no bound, but put number %u does not return",
              (unsigned)putter.done + 1);
    cr_assert_eq(putter.failed, 0, "put returned false although the queue is open");
    for (uintptr_t i = 1; i <= ITEMS; i++)
        get_number(queue, i);
    join_callers(&putter, 1);
    crawler_queue_free(queue);
}

/* Threads that take turns with the test at one queue, to be overtaken between the signal and the waking
 * up. Each item put carries the next number, and each number must come out once. */
struct relay {
    struct crawler_queue *queue;
    bool put_first; /* what the leader does first in each round */
    atomic_bool closing;
    atomic_uint rounds;              /* that the leader has ended */
    atomic_uint home;                /* threads that have ended */
    atomic_uint next;                /* number of the next item */
    atomic_int inside;               /* puts that returned less gets that began: never more than are in the queue */
    atomic_uint refused;             /* calls that returned false before the queue was closed */
    atomic_uint wrong;               /* items got that were never put, or got twice */
    atomic_uint overfull;            /* puts that returned with more than the capacity inside */
    atomic_uchar state[RELAY_ITEMS]; /* 1: put, 2: got */
};

static bool relay_put(struct relay *relay, int capacity)
{
    const unsigned n = relay->next++;
    relay->state[n % RELAY_ITEMS] = 1;
    if (!crawler_queue_put(relay->queue, number(n))) {
        relay->state[n % RELAY_ITEMS] = 2; /* never went in */
        relay->refused += !relay->closing;
        return false;
    }
    relay->overfull += ++relay->inside > capacity;
    return true;
}

static bool relay_get(struct relay *relay)
{
    void *item = number(RELAY_ITEMS);
    relay->inside--;
    if (!crawler_queue_get(relay->queue, &item)) {
        relay->refused += !relay->closing;
        return false;
    }
    const uintptr_t n = (uintptr_t)item;
    relay->wrong += n >= RELAY_ITEMS || atomic_exchange(&relay->state[n], 2) != 1;
    crawler_queue_task_done(relay->queue);
    return true;
}

/* Whether the turns may go on: after the first fault a queue may do anything, hang too. */
static bool relay_is_sound(const struct relay *relay)
{
    return relay->refused == 0 && relay->wrong == 0 && relay->overfull == 0;
}

/* Takes what the test may have wanted, and gives it back. */
static void *relay_get_first(void *context)
{
    struct relay *relay = context;
    while (relay_get(relay) && relay_is_sound(relay) && relay_put(relay, RELAY_ITEMS))
        timing_sleep_ms(1);
    relay->home++;
    return NULL;
}

static void *relay_put_first(void *context)
{
    struct relay *relay = context;
    while (relay_put(relay, 1) && relay_is_sound(relay) && relay_get(relay))
        timing_sleep_ms(1);
    relay->home++;
    return NULL;
}

/* Plays the rounds, and lets the others block before each. */
static void *relay_lead(void *context)
{
    struct relay *relay = context;
    for (relay->rounds = 0; relay->rounds < RELAY_ROUNDS && relay_is_sound(relay); relay->rounds++) {
        timing_sleep_ms(2);
        if (relay->put_first)
            (void)(relay_put(relay, RELAY_ITEMS) && relay_get(relay));
        else
            (void)(relay_get(relay) && relay_put(relay, 1));
    }
    return NULL;
}

struct relay_round {
    const struct relay *relay;
    unsigned number;
};

static bool relay_goes_on(void *context)
{
    const struct relay_round *round = context;
    return round->relay->rounds > round->number || !relay_is_sound(round->relay);
}

static bool relay_is_home(void *context)
{
    const struct relay *relay = context;
    return relay->home == RELAYS;
}

/* The test itself calls nothing that blocks: what a queue does after its first fault is luck. */
static void run_relay(struct relay *relay, void *(*turn)(void *), bool put_first)
{
    pthread_t threads[RELAYS + 1];
    relay->put_first = put_first;
    stir = 2; /* with a pause a change without a lock is seen, without one the woken are overtaken */
    for (int i = 0; i <= RELAYS; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, i < RELAYS ? turn : relay_lead, relay), 0,
                     "cannot start a thread");
    for (struct relay_round round = {relay, 0}; round.number < RELAY_ROUNDS && relay_is_sound(relay); round.number++)
        cr_assert(timing_wait_until(relay_goes_on, &round, patience),
                  "%d threads put and get in turn: all wait, though there is an item or room for one", RELAYS + 1);
    cr_assert_eq(relay->refused, 0, "put or get returned false although the queue is open");
    cr_assert_eq(relay->wrong, 0, "a get that was woken gave out an item that is not in the queue any more");
    cr_assert_eq(relay->overfull, 0, "a put that was woken added an item although the queue was full again");
    pthread_join(threads[RELAYS], NULL);
    timing_sleep_ms(BLOCKED_MS); /* nobody takes turns with them now: all block */
    relay->closing = true;
    crawler_queue_close(relay->queue);
    cr_assert(timing_wait_until(relay_is_home, relay, patience),
              "the queue is closed, but only %u of %d threads came home", (unsigned)relay->home, RELAYS);
    for (int i = 0; i < RELAYS; i++)
        pthread_join(threads[i], NULL);
}

static void check_relay(const struct relay *relay)
{
    for (unsigned i = 0; i < relay->next && i < RELAY_ITEMS; i++)
        cr_assert_eq(relay->state[i], 2, "item %u was put, and never came out", i);
    cr_assert_eq(relay->wrong, 0, "an item came out twice, or was never put");
}

LAB_TEST(woken_getter_looks_again)
{
    static struct relay relay;
    relay.queue = create(8);
    run_relay(&relay, relay_get_first, true);
    while (relay_get(&relay))
        continue;
    check_relay(&relay);
    crawler_queue_free(relay.queue);
}

LAB_TEST(woken_putter_looks_again)
{
    static struct relay relay;
    relay.queue = create(1);
    relay_put(&relay, 1);
    run_relay(&relay, relay_put_first, false);
    while (relay_get(&relay))
        continue;
    check_relay(&relay);
    crawler_queue_free(relay.queue);
}

/* So many items are being worked on that it is 0 in 8 or 16 bits. */
static void check_many_unfinished(void)
{
    enum { ITEMS = 65536 };
    struct caller joiner = {0};
    struct crawler_queue *queue = create(1);
    for (uintptr_t i = 1; i <= ITEMS; i++) {
        put_number(queue, i);
        get_number(queue, i);
    }
    start_callers(&joiner, 1, queue, call_join, 1);
    wait_blocked(&joiner, 1, 1);
    cr_assert_eq(
        joiner.done, 0,
        "%d items are taken out and none is done: join must block, but it returned. Are they counted in a type "
        "that is too small?",
        ITEMS);
    for (int i = 0; i < ITEMS; i++)
        crawler_queue_task_done(queue);
    cr_assert(wait_done(&joiner, 1, 1), "all %d items are done, but join does not return", ITEMS);
    join_callers(&joiner, 1);
    crawler_queue_free(queue);
}

LAB_TEST(join_waits_for_task_done)
{
    struct caller joiners[3] = {0}; /* the third comes when the queue is empty already */
    struct crawler_queue *queue = create(4);
    crawler_queue_join(queue); /* nothing to wait for */
    put_number(queue, 1);
    put_number(queue, 2);
    get_number(queue, 1);
    start_callers(joiners, 2, queue, call_join, 1);
    wait_blocked(joiners, 2, 2);
    cr_assert_eq(sum_done(joiners, 2), 0, "join returned while an item was still in the queue");
    crawler_queue_task_done(queue);
    get_number(queue, 2);
    start_callers(&joiners[2], 1, queue, call_join, 1);
    wait_blocked(joiners, 3, 3);
    cr_assert_eq(sum_done(joiners, 3), 0,
                 "the queue is empty, but the second item is still being worked on: join must wait for its task_done");
    put_number(queue, 3);
    get_number(queue, 3);
    crawler_queue_task_done(queue);
    wait_blocked(joiners, 3, 3);
    cr_assert_eq(sum_done(joiners, 3), 0,
                 "the third item is done, but the second, which was put before it and before join was called, is still "
                 "being worked on: join must wait until task_done was called for both");
    crawler_queue_task_done(queue);
    cr_assert(wait_done(joiners, 3, 3), "all items are done, but only %u of 3 threads came back from join",
              sum_done(joiners, 3));
    join_callers(joiners, 3);
    crawler_queue_free(queue);
    check_many_unfinished();
}

/* Works on the item of the second round, from when it is taken. */
struct late_worker {
    pthread_t thread;
    struct crawler_queue *queue;
    atomic_bool taken, done;
};

static bool is_taken(void *context)
{
    const struct late_worker *late = context;
    return late->taken;
}

static void *work_on(void *context)
{
    struct late_worker *late = context;
    while (!timing_wait_until(is_taken, late, patience))
        continue;
    timing_sleep_ms(1);
    late->done = true;
    crawler_queue_task_done(late->queue);
    return NULL;
}

/* The end of one round wakes a thread in join, and before it comes to the processor the next round has begun, and the
 * test itself joins. */
static void check_rounds_are_apart(void)
{
    enum { ROUNDS = 40 };
    struct crawler_queue *queue = create(4);
    take_turns();
    for (int i = 0; i < ROUNDS; i++) {
        struct caller joiner = {0};
        struct late_worker late = {.queue = queue};
        put_number(queue, 1);
        get_number(queue, 1);
        start_callers(&joiner, 1, queue, call_join, 1);
        timing_wait_until(have_begun, &(struct progress){&joiner, 1, 1}, patience);
        thread_info_wait_asleep(asleep_seconds);
        cr_assert_eq(pthread_create(&late.thread, NULL, work_on, &late), 0, "cannot start a thread");
        crawler_queue_task_done(queue);
        put_number(queue, 2);
        get_number(queue, 2);
        late.taken = true;
        crawler_queue_join(queue);
        cr_assert(late.done, "join returned although an item is being worked on that was put before: the end of the "
                             "items before it, for which another thread waited in join, is not the end of this one");
        cr_assert(wait_done(&joiner, 1, 1), "all items are done, but a thread does not come back from join");
        pthread_join(late.thread, NULL);
        join_callers(&joiner, 1);
    }
    crawler_queue_free(queue);
}

LAB_TEST(join_again_after_new_items)
{
    struct caller joiner = {0};
    struct crawler_queue *queue = create(4);
    for (uintptr_t i = 1; i <= 3; i++) {
        put_number(queue, i);
        get_number(queue, i);
        crawler_queue_task_done(queue);
        crawler_queue_join(queue);
    }
    put_number(queue, 4);
    crawler_queue_close(queue);
    start_callers(&joiner, 1, queue, call_join, 1);
    wait_blocked(&joiner, 1, 1);
    cr_assert_eq(joiner.done, 0, "an item is left in the closed queue: join must wait until it is done, too");
    get_number(queue, 4);
    crawler_queue_task_done(queue);
    cr_assert(wait_done(&joiner, 1, 1), "the last item is done, but join does not return");
    join_callers(&joiner, 1);
    crawler_queue_free(queue);
    check_rounds_are_apart();
}

LAB_TEST(close_wakes_all_getters)
{
    struct caller getters[4] = {0};
    struct crawler_queue *queue = create(2);
    start_callers(getters, 4, queue, call_get, 1);
    wait_blocked(getters, 4, 4);
    cr_assert_eq(sum_done(getters, 4), 0, "the queue is empty and open: get must block, but it returned");
    crawler_queue_close(queue);
    cr_assert(wait_done(getters, 4, 4), "4 threads were blocked in get when the queue was closed: only %u came home",
              sum_done(getters, 4));
    for (int i = 0; i < 4; i++)
        cr_assert_eq(getters[i].failed, 1, "get returned true on a queue that is closed and empty");
    join_callers(getters, 4);
    crawler_queue_free(queue);
}

/* Room is made for a blocked put, all items are done and the queue is closed before it comes to the processor. Whether
 * it then puts its item or not, who waits in join comes home in the end. */
static void check_join_beside_a_refused_put(void)
{
    enum { ROUNDS = 5 };
    take_turns();
    for (int i = 0; i < ROUNDS; i++) {
        struct caller putter = {0}, joiner = {0};
        struct crawler_queue *queue = create(1);
        put_number(queue, 77);
        start_callers(&putter, 1, queue, call_put, 1);
        wait_blocked(&putter, 1, 1);
        start_callers(&joiner, 1, queue, call_join, 1);
        wait_blocked(&joiner, 1, 1);
        get_number(queue, 77);
        crawler_queue_task_done(queue);
        crawler_queue_close(queue);
        cr_assert(wait_done(&putter, 1, 1),
                  "a thread was blocked in put when the queue was closed: it does not return");
        if (putter.failed == 0) {
            get_number(queue, 1);
            crawler_queue_task_done(queue);
        }
        cr_assert(wait_done(&joiner, 1, 1),
                  "all that was put is done, but a thread does not come back from join: it waited there when the queue "
                  "was closed, and a put that was blocked returned %s then",
                  putter.failed == 0 ? "true" : "false");
        join_callers(&putter, 1);
        join_callers(&joiner, 1);
        crawler_queue_free(queue);
    }
}

LAB_TEST(close_wakes_all_putters)
{
    struct caller putters[4] = {0}, joiner = {0};
    struct crawler_queue *queue = create(1);
    void *item = NULL;
    put_number(queue, 77);
    start_callers(putters, 4, queue, call_put, 1);
    wait_blocked(putters, 4, 4);
    cr_assert_eq(sum_done(putters, 4), 0, "the queue of capacity 1 is full: put must block, but it returned");
    crawler_queue_close(queue);
    cr_assert(wait_done(putters, 4, 4), "4 threads were blocked in put when the queue was closed: only %u came home",
              sum_done(putters, 4));
    for (int i = 0; i < 4; i++)
        cr_assert_eq(putters[i].failed, 1, "a put that was blocked when the queue was closed returned true");
    get_number(queue, 77);
    cr_assert_not(crawler_queue_get(queue, &item), "put returned false, but its item is in the queue");
    crawler_queue_task_done(queue);
    start_callers(&joiner, 1, queue, call_join, 1);
    cr_assert(wait_done(&joiner, 1, 1),
              "the only item that was in the queue is done, but join does not return: items that put refused are "
              "nothing to wait for");
    join_callers(putters, 4);
    join_callers(&joiner, 1);
    crawler_queue_free(queue);
    check_join_beside_a_refused_put();
}

/* A put that sleeps is given room, and before it comes there the queue is closed and found empty. */
static void check_closed_stays_closed(void)
{
    struct caller putter = {0};
    void *item = NULL;
    struct crawler_queue *queue = create(1);
    put_number(queue, 1);
    start_callers(&putter, 1, queue, call_put, 1);
    wait_blocked(&putter, 1, 1);
    get_number(queue, 1);
    crawler_queue_close(queue);
    const bool was_left = crawler_queue_get(queue, &item);
    join_callers(&putter, 1);
    cr_assert(was_left || putter.failed == 1,
              "get returned false, so the queue is closed and empty, but then a put that was blocked returned true");
    crawler_queue_free(queue);
}

LAB_TEST(closed_queue_is_drained)
{
    struct crawler_queue *queue = create(4);
    void *item = NULL;
    for (uintptr_t i = 1; i <= 3; i++)
        put_number(queue, i);
    crawler_queue_close(queue);
    crawler_queue_close(queue);
    cr_assert_not(crawler_queue_put(queue, number(4)), "put returned true although the queue is closed");
    for (uintptr_t i = 1; i <= 3; i++)
        get_number(queue, i);
    for (int i = 0; i < 2; i++)
        cr_assert_not(crawler_queue_get(queue, &item), "get returned true although the queue is closed and empty");
    crawler_queue_free(queue);
    take_turns();
    check_closed_stays_closed();
}

/* ---- many threads at one queue ---- */

struct traffic {
    struct crawler_queue *queue;
    struct caller joiner;
    unsigned each; /* items a producer puts */
    atomic_uint next_producer;
    atomic_uint times_got[PRODUCERS * EACH];
    atomic_uint strange; /* items got that no one put */
    atomic_uint refused; /* puts that returned false */
    atomic_uint got;     /* items got */
    atomic_uint worked;  /* items worked on, up to the call of task_done */
    atomic_uint home;    /* threads that have ended */
};

static void *produce(void *context)
{
    struct traffic *traffic = context;
    const uintptr_t first = (uintptr_t)traffic->each * traffic->next_producer++;
    for (uintptr_t i = 0; i < traffic->each; i++)
        traffic->refused += !crawler_queue_put(traffic->queue, number(first + i));
    traffic->home++;
    return NULL;
}

static bool join_has_begun(void *context)
{
    const struct traffic *traffic = context;
    return traffic->joiner.begun > 0;
}

/* Works on the last item until join has had the time to return too early. */
static void *consume(void *context)
{
    struct traffic *traffic = context;
    for (void *item = NULL; crawler_queue_get(traffic->queue, &item);) {
        const uintptr_t n = (uintptr_t)item;
        if (n < (uintptr_t)PRODUCERS * traffic->each)
            traffic->times_got[n]++;
        else
            traffic->strange++;
        if (++traffic->got == PRODUCERS * traffic->each) {
            timing_wait_until(join_has_begun, traffic, patience);
            timing_sleep_ms(BLOCKED_MS);
        }
        traffic->worked++;
        crawler_queue_task_done(traffic->queue);
    }
    traffic->home++;
    return NULL;
}

static bool producers_are_home(void *context)
{
    const struct traffic *traffic = context;
    return traffic->home >= PRODUCERS;
}

static bool all_are_home(void *context)
{
    const struct traffic *traffic = context;
    return traffic->home == 2 * PRODUCERS;
}

static void check_traffic(const struct traffic *traffic)
{
    const unsigned items = PRODUCERS * traffic->each;
    cr_assert_eq(traffic->refused, 0, "put returned false %u times although the queue was open",
                 (unsigned)traffic->refused);
    cr_assert_eq(traffic->strange, 0, "get gave out %u items that no one had put", (unsigned)traffic->strange);
    for (unsigned i = 0; i < items; i++)
        cr_assert_leq(traffic->times_got[i], 1, "each of %u items put must be got once: item %u was got %u times",
                      items, i, (unsigned)traffic->times_got[i]);
}

/* All producers and consumers at once, then join and close; what they find must be what was put. */
static void run_traffic(struct traffic *traffic, size_t capacity, unsigned each)
{
    pthread_t threads[2 * PRODUCERS];
    traffic->queue = create(capacity);
    traffic->each = each;
    for (int i = 0; i < 2 * PRODUCERS; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, i < PRODUCERS ? produce : consume, traffic), 0,
                     "cannot start a thread");
    bool all_put;
    unsigned got;
    do {
        got = traffic->got;
        all_put = timing_wait_until(producers_are_home, traffic, patience);
    } while (!all_put && traffic->got != got); /* slow is not stuck */
    check_traffic(traffic);
    cr_assert(all_put, "4 producers put %u items each, and never came to an end: an item or a wake-up was lost", each);
    start_callers(&traffic->joiner, 1, traffic->queue, call_join, 1);
    const bool joined = wait_done(&traffic->joiner, 1, 1);
    const unsigned worked = traffic->worked;
    check_traffic(traffic);
    cr_assert_eq(worked, PRODUCERS * each, "%u items were put: join %s when %u of them were done", PRODUCERS * each,
                 joined ? "returned" : "was still waiting", worked);
    cr_assert(joined, "all items are done, but join does not return");
    crawler_queue_close(traffic->queue);
    cr_assert(timing_wait_until(all_are_home, traffic, patience),
              "the queue is closed, but only %u of %d threads came home", (unsigned)traffic->home, 2 * PRODUCERS);
    for (int i = 0; i < 2 * PRODUCERS; i++)
        pthread_join(threads[i], NULL);
    join_callers(&traffic->joiner, 1);
    crawler_queue_free(traffic->queue);
}

/* ---- a call that is overtaken by another one, after each of its instructions ---- */

enum { CROSSING_ITEMS = 8, PUT_AFTERWARDS = 2 };

struct crossing {
    const char *what; /* both calls, in words */
    size_t capacity;
    unsigned put, got; /* items put before, 1, 2, ..., and how many of them are got, and being worked on */
    void (*walk)(struct crossing *);  /* is held up after each of its instructions in turn, */
    void (*other)(struct crossing *); /* while this is done */
    struct crawler_queue *queue;
    atomic_uint times_got[CROSSING_ITEMS + 1]; /* of each item; 0: of what no one put */
    atomic_uint next;                          /* item to put */
};

static void note_item(struct crossing *crossing, void *item)
{
    const uintptr_t n = (uintptr_t)item;
    crossing->times_got[n <= CROSSING_ITEMS ? n : 0]++;
}

static void cross_put(struct crossing *crossing)
{
    const unsigned n = crossing->next++;
    if (!crawler_queue_put(crossing->queue, number(n)))
        note_item(crossing, number(n)); /* it stays with its owner */
}

static void cross_get(struct crossing *crossing)
{
    void *item = NULL;
    if (crawler_queue_get(crossing->queue, &item))
        note_item(crossing, item);
}

static void cross_put_and_get(struct crossing *crossing)
{
    cross_put(crossing);
    cross_get(crossing);
}

static void cross_done(struct crossing *crossing)
{
    crawler_queue_task_done(crossing->queue);
}

static void cross_join(struct crossing *crossing)
{
    crawler_queue_join(crossing->queue);
}

static void cross_close(struct crossing *crossing)
{
    crawler_queue_close(crossing->queue);
}

static void *walk(void *context)
{
    struct crossing *crossing = context;
    step_begin();
    crossing->walk(crossing);
    step_end();
    step_over();
    return NULL;
}

/* Gets all that is left. What was put when both calls had returned, from item `last` on, comes out last and in its
 * order. */
static void drain(struct crossing *crossing, unsigned last)
{
    uintptr_t next = last;
    for (void *item = NULL; crossing->times_got[0] < 2 && crawler_queue_get(crossing->queue, &item);) {
        const uintptr_t n = (uintptr_t)item;
        note_item(crossing, item);
        cr_assert(n == next || (n < last && next == last),
                  "%s, the first held up on its way; then more puts, one after the other: item %u came out where item "
                  "%u should, first in, first out",
                  crossing->what, (unsigned)n, (unsigned)next);
        next += n == next;
    }
}

/* One round: both calls return, and each item that was put comes out once. */
static void cross(void *context)
{
    struct crossing *crossing = context;
    pthread_t thread;
    crossing->queue = create(crossing->capacity);
    crossing->next = 1;
    memset(crossing->times_got, 0, sizeof crossing->times_got);
    while (crossing->next <= crossing->put)
        cross_put(crossing);
    for (unsigned i = 0; i < crossing->got; i++)
        cross_get(crossing);
    cr_assert_eq(pthread_create(&thread, NULL, walk, crossing), 0, "cannot start a thread");
    step_wait_held(0.5);
    step_other_begins();
    crossing->other(
        crossing); /* if it never returns, the deadline ends the test, and the report shows where it stands */
    step_other_done();
    cr_assert(step_wait_over(patience), "%s: the first, held up on its way, never returns", crossing->what);
    pthread_join(thread, NULL);
    const unsigned last = crossing->next;
    while (crossing->capacity == 0 && crossing->next < last + PUT_AFTERWARDS)
        cross_put(crossing);
    crawler_queue_close(crossing->queue);
    drain(crossing, last);
    cr_assert_eq(crossing->times_got[0], 0, "%s, the first held up on its way: get gave out what no one had put",
                 crossing->what);
    for (unsigned i = 1; i < crossing->next; i++)
        cr_assert_eq(crossing->times_got[i], 1, "%s, the first held up on its way: item %u came out %u times",
                     crossing->what, i, (unsigned)crossing->times_got[i]);
    crawler_queue_free(crossing->queue);
}

LAB_TEST(fifo_order)
{
    struct crawler_queue *queue = create(5);
    struct crossing meanwhile = {"a put, and another put and a get", .walk = cross_put, .other = cross_put_and_get};
    uintptr_t in = 0, out = 0; /* item 0 is NULL, and an item like any other */
    for (int round = 0; round < 20; round++) {
        while (in - out < 5)
            put_number(queue, in++);
        for (int i = 0; i < 3; i++)
            get_number(queue, out++);
    }
    while (out < in)
        get_number(queue, out++);
    crawler_queue_free(queue);
    crawler_queue_free(NULL);
    step_check_each(cross, &meanwhile);
}

LAB_TEST(nothing_lost_nothing_twice)
{
    static struct traffic wide, narrow[4];
    struct crossing puts = {"two puts at once", .walk = cross_put, .other = cross_put, .put = 1};
    struct crossing gets = {"two gets at once", .walk = cross_get, .other = cross_get, .put = 3};
    step_check_each(cross, &puts);
    step_check_each(cross, &gets);
    run_traffic(&wide, 1000, EACH); /* hardly anyone blocks: puts and gets really run side by side */
    stir = 3;
    for (int i = 0; i < 4; i++)
        run_traffic(&narrow[i], 3, 50); /* hardly anyone does not */
}

LAB_TEST(no_wake_up_is_missed)
{
    struct crossing get_put = {"a get on the empty queue, and a put", .walk = cross_get, .other = cross_put};
    struct crossing put_get = {"a put into the full queue, and a get", .capacity = 1, .put = 1, .walk = cross_put,
                               .other = cross_get};
    step_check_each(cross, &get_put);
    step_check_each(cross, &put_get);
}

LAB_TEST(no_end_is_missed)
{
    struct crossing join_done = {"a join, and the last task_done", .put = 1, .got = 1, .walk = cross_join,
                                 .other = cross_done};
    struct crossing get_close = {"a get on the empty queue, and close", .walk = cross_get, .other = cross_close};
    step_check_each(cross, &join_done);
    step_check_each(cross, &get_close);
}

/* Threads that have to wait: three in get, three in put, one in join. */
struct waiting {
    struct crawler_queue *empty, *full, *unfinished;
    struct caller callers[7];
};

static void start_waiting(struct waiting *waiting)
{
    struct caller *callers = waiting->callers;
    waiting->empty = create(1);
    waiting->full = create(1);
    waiting->unfinished = create(1);
    put_number(waiting->full, 1);
    put_number(waiting->unfinished, 1);
    start_callers(callers, 3, waiting->empty, call_get, 1);
    start_callers(callers + 3, 3, waiting->full, call_put, 1);
    start_callers(callers + 6, 1, waiting->unfinished, call_join, 1);
    wait_blocked(callers, 7, 7);
    cr_assert_eq(sum_done(callers, 7), 0,
                 "get on an empty queue, put on a full one or join on unfinished work returned");
}

static void end_waiting(struct waiting *waiting)
{
    crawler_queue_close(waiting->empty);
    crawler_queue_close(waiting->full);
    get_number(waiting->unfinished, 1);
    crawler_queue_task_done(waiting->unfinished);
    cr_assert(wait_done(waiting->callers, 7, 7),
              "two queues are closed and the item of the third is done, but not all threads came home");
    join_callers(waiting->callers, 7);
    crawler_queue_free(waiting->empty);
    crawler_queue_free(waiting->full);
    crawler_queue_free(waiting->unfinished);
}

static void ignore_signal(int number)
{
    (void)number;
}

LAB_TEST(signals_do_not_end_a_wait)
{
    static struct waiting waiting;
    const struct sigaction action = {.sa_handler = ignore_signal}; /* no SA_RESTART */
    sigaction(SIGUSR1, &action, NULL);
    start_waiting(&waiting);
    for (int i = 0; i < 14; i++) {
        pthread_kill(waiting.callers[i % 7].thread, SIGUSR1);
        thread_info_wait_asleep(asleep_seconds);
        cr_assert_eq(sum_done(waiting.callers, 7), 0,
                     "a thread was blocked in %s and got a signal: the call returned, but it must block on",
                     i % 7 < 3   ? "get on an empty queue"
                     : i % 7 < 6 ? "put on a full queue"
                                 : "join");
    }
    end_waiting(&waiting);
}

LAB_TEST(waiting_costs_nothing)
{
    static struct waiting waiting;
    start_waiting(&waiting);
    const double cpu = timing_cpu();
    const long switches = timing_switches();
    timing_sleep_ms(300);
    const double burned = timing_cpu() - cpu;
    const long woken = timing_switches() - switches;
    cr_assert_lt(burned, 0.05, "7 threads only waited for 0.3 s, and burned %.3f s of CPU time: they must sleep",
                 burned);
    cr_assert_lt(woken, 40,
                 "7 threads only waited for 0.3 s, and woke up %ld times: they must not look again and again", woken);
    end_waiting(&waiting);
}

enum { SCARCE_ITEMS = 40, SCARCE_TIMES = 200 };

/* Whether `count` items more fit into the queue, now that there is memory. */
static void check_room(struct crawler_queue *queue, unsigned count)
{
    struct caller putter = {0};
    if (count == 0)
        return;
    start_callers(&putter, 1, queue, call_put, count);
    cr_assert(
        wait_done(&putter, 1, count),
        "memory ran out, and %u of the puts returned false; now there is memory, and as many items must fit into the "
        "queue, but number %u of these does not go in",
        count, (unsigned)putter.done + 1);
    cr_assert_eq(putter.failed, 0,
                 "memory ran out, and then there was memory again: put returned false although the queue is open");
    join_callers(&putter, 1);
}

/* What create and put get, or do not get, of memory: an item is in the queue if put says so, and only then. */
static void use_with_little_memory(size_t capacity)
{
    struct crawler_queue *queue = crawler_queue_create(capacity);
    struct caller joiner = {0};
    uintptr_t in = 0, out = 0;
    bool taken[SCARCE_ITEMS];
    void *item = NULL;
    if (queue == NULL)
        return;
    for (int i = 0; i < SCARCE_ITEMS; i++)
        in += taken[i] = crawler_queue_put(queue, number((uintptr_t)i + 1));
    scarce_end(&scarce_memory);
    check_room(queue, SCARCE_ITEMS - (unsigned)in);
    crawler_queue_close(queue);
    for (int i = 0; i < SCARCE_ITEMS; i++) {
        if (!taken[i])
            continue;
        cr_assert(crawler_queue_get(queue, &item),
                  "memory ran out: put returned true %zu times, but only %zu items come "
                  "out of the closed queue",
                  in, out);
        cr_assert_eq(item, number((uintptr_t)i + 1), "memory ran out: item %d should come out next, not %zu", i + 1,
                     (uintptr_t)item);
        out++;
    }
    for (uintptr_t i = 1; i <= SCARCE_ITEMS - in; i++)
        get_number(queue, i);
    cr_assert_not(crawler_queue_get(queue, &item), "memory ran out: put returned false, but its item is in the queue");
    for (int i = 0; i < SCARCE_ITEMS; i++)
        crawler_queue_task_done(queue);
    start_callers(&joiner, 1, queue, call_join, 1);
    cr_assert(
        wait_done(&joiner, 1, 1),
        "memory ran out: put returned false %zu times, task_done was called for each of the other items, and join "
        "does not return",
        SCARCE_ITEMS - in);
    join_callers(&joiner, 1);
    crawler_queue_free(queue);
}

static void use_bounded_with_little_memory(void)
{
    use_with_little_memory(SCARCE_ITEMS);
}

static void use_unbounded_with_little_memory(void)
{
    use_with_little_memory(0);
}

/* Twice, and what the second time leaves on the heap adds up. */
static void check_scarce_memory(void (*use)(void))
{
    census_one_heap();
    scarce_in_turn(&scarce_memory, SCARCE_TIMES, use);
    const long before = (long)census_take().heap_bytes;
    scarce_in_turn(&scarce_memory, SCARCE_TIMES, use);
    const long grown = (long)census_take().heap_bytes - before;
    cr_assert_lt(grown, SCARCE_TIMES,
                 "memory ran out %d times in crawler_queue_create or crawler_queue_put, and %ld bytes are "
                 "left behind",
                 SCARCE_TIMES, grown);
}

/* Two puts that wait for room. */
static struct caller scarce_putters[2];

static void make_room_for_one(void)
{
    get_number(scarce_putters[0].queue, 1);
    wait_done(scarce_putters, 2, 1);
}

/* The one whom the room wakes first finds no memory for its item. */
static void check_room_is_passed_on(void)
{
    struct crawler_queue *queue = create(1);
    put_number(queue, 1);
    start_callers(scarce_putters, 2, queue, call_put, 1);
    wait_blocked(scarce_putters, 2, 1);
    scarce_call(&scarce_memory, 0, 0, make_room_for_one);
    if (scarce_putters[0].failed + scarce_putters[1].failed == 0)
        get_number(queue, 1);
    cr_assert(wait_done(scarce_putters, 2, 2),
              "two puts wait for room, a get makes some, and the put that it wakes has no memory and returns false: "
              "now there is room for the other put, but it does not return");
    join_callers(scarce_putters, 2);
    crawler_queue_free(queue);
}

LAB_TEST(memory_may_run_out)
{
    check_scarce_memory(use_bounded_with_little_memory);
    check_scarce_memory(use_unbounded_with_little_memory);
    check_room_is_passed_on();
}

LAB_TEST(free_gives_memory_back)
{
    const struct leftovers none = leftovers_take();
    struct census before = {0};
    for (int round = 0; round < 1100; round++) {
        struct crawler_queue *queue = create(round % 2 == 0 ? 100 : 0);
        for (uintptr_t i = 0; i < 90; i++)
            put_number(queue, i);
        for (uintptr_t i = 0; i < 80; i++)
            get_number(queue, i);
        crawler_queue_free(queue);
        if (round == 100)
            before = census_take();
    }
    const long grown = (long)census_take().heap_bytes - (long)before.heap_bytes;
    cr_assert_lt(grown, 40000, "1000 queues were created and freed, and %ld bytes of memory are still in use", grown);
    const char *left = leftovers_since(&none);
    cr_assert_null(left, "queues were created and freed, and these stay when all processes have ended: %s", left);
}

/* ---- the crawler ---- */

static struct site *start_site(const struct site_spec *spec)
{
    cr_assert_eq(curl_global_init(CURL_GLOBAL_DEFAULT), 0, "libcurl does not start");
    struct site *site = site_start(spec);
    cr_assert_not_null(site, "the test's web site could not be started (this is not a fault of your code)");
    return site;
}

static struct crawler_result crawl(const char *url, unsigned workers)
{
    struct crawler_result result;
    memset(&result, 0x5a, sizeof result);
    const int status = crawler_crawl(url, workers, &result);
    cr_assert_eq(status, 0, "crawler_crawl returned %d, expected 0", status);
    return result;
}

/* Crawls the site that `spec` describes with so many workers; what the site saw in *stats. */
static struct crawler_result crawl_site(const struct site_spec *spec, unsigned workers, struct site_stats *stats)
{
    struct site *site = start_site(spec);
    crawls++;
    slow_left = SLOW_START * (int)workers;
    const struct crawler_result result = crawl(site_url(site), workers);
    cr_assert(site_stop(site, stats), "the test's web site died (this is not a fault of your code)");
    return result;
}

static void check_counts(const struct crawler_result *result, const struct site_stats *stats)
{
    cr_assert_eq(stats->unknown, 0, "an address was asked for that no page links to: %s", stats->unknown_path);
    cr_assert_eq(result->pages, stats->expected_pages, "the site has %lu pages, you counted %lu",
                 (unsigned long)stats->expected_pages, result->pages);
    cr_assert_eq(result->redirects, stats->expected_redirects, "the site has %lu redirects, you counted %lu",
                 (unsigned long)stats->expected_redirects, result->redirects);
    cr_assert_eq(result->errors, stats->expected_errors, "the site has %lu errors, you counted %lu",
                 (unsigned long)stats->expected_errors, result->errors);
    cr_assert_eq(result->bytes, stats->expected_bytes, "the site's pages have %lu bytes together, you counted %lu",
                 (unsigned long)stats->expected_bytes, result->bytes);
}

static void check_visits(const struct site_stats *stats)
{
    cr_assert_eq(stats->unvisited, 0, "%lu addresses of the site were never visited, %s for one",
                 (unsigned long)stats->unvisited, stats->unvisited_path);
    cr_assert_eq(stats->duplicates, 0, "each address is to be visited once: %s was asked for %lu times",
                 stats->duplicate_path, (unsigned long)stats->duplicate_count);
}

LAB_TEST(crawl_counts_a_mixed_site)
{
    struct site_stats stats;
    const struct site_spec spec = {.seed = seed_get(),
                                   .pages = 24,
                                   .slow = 1,
                                   .large = 1,
                                   .empty = 1,
                                   .redirects = 4,
                                   .missing = 2,
                                   .failing = 2,
                                   .broken = 2,
                                   .offsite = 4,
                                   .latency_us = 1000,
                                   .slow_us = 60000,
                                   .large_bytes = 200000};
    const struct crawler_result result = crawl_site(&spec, 1, &stats);
    check_counts(&result, &stats);
    check_visits(&stats);
}

LAB_TEST(crawl_visits_each_page_once)
{
    struct site_stats stats;
    /* Layers of 12: the first 8 pages are answered at the same time, and all have the same 12 new links. What is no
     * page comes after these, and is counted by several workers. */
    const struct site_spec spec = {.seed = seed_get() + 1,
                                   .pages = 37,
                                   .width = 12,
                                   .redirects = 2,
                                   .missing = 2,
                                   .failing = 2,
                                   .broken = 1,
                                   .latency_us = 2000,
                                   .gather = 8,
                                   .gather_ms = 1000};
    stir = 1;
    stir_inside = true;
    long_left = 2000;
    const struct crawler_result result = crawl_site(&spec, 8, &stats);
    check_visits(&stats);
    check_counts(&result, &stats);
}

LAB_TEST(crawl_counts_errors)
{
    struct site_stats stats;
    const struct site_spec spec = {.seed = seed_get() + 2, .pages = 3, .missing = 2, .failing = 3, .broken = 2};
    const struct crawler_result result = crawl_site(&spec, 1, &stats);
    check_counts(&result, &stats);
    check_visits(&stats);
}

LAB_TEST(crawl_treats_redirects_as_links)
{
    struct site_stats stats;
    const struct site_spec spec = {.seed = seed_get() + 3, .pages = 8, .redirects = 6};
    const struct crawler_result result = crawl_site(&spec, 1, &stats);
    check_visits(&stats);
    check_counts(&result, &stats);
    cr_assert_eq(stats.offsite, 0, "a redirect to another site was followed");
}

LAB_TEST(crawl_stays_on_the_site)
{
    struct site_stats stats;
    const struct site_spec spec = {.seed = seed_get() + 4, .pages = 6, .offsite = 5};
    const struct crawler_result result = crawl_site(&spec, 1, &stats);
    cr_assert_eq(stats.offsite, 0, "%lu requests went to another site", (unsigned long)stats.offsite);
    check_counts(&result, &stats);
    check_visits(&stats);
}

/* A crawl in a process of its own, which can be ended in its middle. */
struct started_crawl {
    struct site *site;
    pid_t process;
    bool over; /* the process has ended and was waited for */
    struct site_stats stats;
    uint64_t expected; /* requests that are waited for */
};

static struct started_crawl start_crawl(const struct site_spec *spec, unsigned workers)
{
    struct crawler_result result;
    struct started_crawl started = {.site = start_site(spec)};
    started.process = fork();
    cr_assert_neq(started.process, -1, "the test could not start a process");
    if (started.process == 0)
        lab_test_child_exit(crawler_crawl(site_url(started.site), workers, &result));
    return started;
}

static void stop_crawl(struct started_crawl *started)
{
    if (!started->over) {
        kill(started->process, SIGKILL);
        waitpid(started->process, NULL, 0);
    }
    cr_assert(site_stop(started->site, NULL), "the test's web site died (this is not a fault of your code)");
}

static bool has_asked_or_ended(void *context)
{
    struct started_crawl *started = context;
    started->over = waitpid(started->process, NULL, WNOHANG) != 0;
    return !site_stats(started->site, &started->stats) || started->stats.requests >= started->expected || started->over;
}

/* CPU seconds it has used so far; 0 once it was waited for. */
static double process_cpu(pid_t process)
{
    clockid_t clock;
    struct timespec used = {0};
    if (clock_getcpuclockid(process, &clock) == 0)
        clock_gettime(clock, &used);
    return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

/* Waits for so many requests as long as the crawl uses the CPU, but not for ever: it may be right and take its time.
 * Returns whether they came or it is still at work. */
static bool works_until(struct started_crawl *started, uint64_t requests)
{
    static const double at_work = 0.01, enough = 3.0; /* seconds of CPU time */
    double before, now = 0;
    started->expected = requests;
    do {
        before = now;
        if (timing_wait_until(has_asked_or_ended, started, patience))
            break;
        now = process_cpu(started->process);
    } while (now - before > at_work && now < enough);
    return started->stats.requests >= requests || now - before > at_work;
}

/* One page is not answered, and every other one is visited meanwhile: no worker has put some aside for later. */
static void check_nothing_waits_for_a_busy_worker(void)
{
    enum { PAGES = 25, ALL = PAGES + 1 };
    struct started_crawl started = start_crawl(
        &(struct site_spec){
            .seed = seed_get() + 16, .pages = PAGES, .width = PAGES - 1, .slow = 1, .slow_us = 300000000},
        2);
    const bool works = works_until(&started, ALL);
    stop_crawl(&started);
    cr_assert(works,
              "2 workers, and one of %d addresses is not answered: the other worker is to visit all the others "
              "meanwhile, but only %lu addresses were asked for%s",
              ALL, (unsigned long)started.stats.requests, started.over ? ", and the crawl was over" : "");
}

/* The links of a page are put faster than those who are woken come to the queue. */
LAB_TEST(crawl_uses_all_workers)
{
    enum { WORKERS = 16 };
    struct site_stats stats;
    /* No page is answered until 16 are asked for at once; who never does waits 5 seconds. */
    const struct site_spec spec = {
        .seed = seed_get() + 5, .pages = 25, .width = 24, .gather = WORKERS, .gather_ms = 5000};
    take_turns();
    crawl_site(&spec, WORKERS, &stats);
    cr_assert_geq(stats.at_once, WORKERS,
                  "%d workers and 24 pages to fetch: %d requests at once expected, the site saw %lu", WORKERS, WORKERS,
                  (unsigned long)stats.at_once);
    check_nothing_waits_for_a_busy_worker();
}

LAB_TEST(crawl_keeps_to_its_workers)
{
    struct site_stats stats;
    /* Answers are held back for a while, so that one request too many has the time to come. */
    const struct site_spec spec = {.seed = seed_get() + 6, .pages = 13, .width = 12, .gather = 4, .gather_ms = 250};
    const struct crawler_result result = crawl_site(&spec, 3, &stats);
    cr_assert_leq(stats.at_once, 3, "3 workers were allowed: the site saw %lu requests at once",
                  (unsigned long)stats.at_once);
    check_counts(&result, &stats);
}

/* In a chain, so that it is about this only: nothing can be fetched twice at once. */
LAB_TEST(crawl_goes_on_with_fewer_threads)
{
    struct site_stats stats;
    const struct site_spec spec = {.seed = seed_get() + 12, .pages = 12, .width = 1};
    /* The threads after it can be started: whoever goes on to these must not take it for one of them. */
    for (int missing = 2; missing <= 4; missing++) {
        missing_thread = missing;
        const struct crawler_result result = crawl_site(&spec, 4, &stats);
        missing_thread = 0;
        check_counts(&result, &stats);
        check_visits(&stats);
    }
}

LAB_TEST(crawl_never_blocks_on_many_links)
{
    enum { MANY = 70000 };
    struct site_stats stats;
    struct crawler_result result =
        crawl_site(&(struct site_spec){.seed = seed_get() + 7, .pages = 301, .width = 300}, 1, &stats);
    check_counts(&result, &stats);
    check_visits(&stats);
    /* To one address, but for the last. */
    result =
        crawl_site(&(struct site_spec){.seed = seed_get() + 17, .pages = 3, .width = 2, .repeats = MANY}, 1, &stats);
    check_counts(&result, &stats);
    check_visits(&stats);
    /* Each to another. Who comes to the second one has room for all: that is seen without visiting them. */
    atomic_store(&scarce_pipes, true);
    struct started_crawl started =
        start_crawl(&(struct site_spec){.seed = seed_get() + 15, .pages = MANY + 1, .width = MANY}, 1);
    const bool works = works_until(&started, 2);
    stop_crawl(&started);
    cr_assert(works,
              "one worker, and a start page with %d links: the site saw the request for the start page and no "
              "other, %s",
              MANY, started.over ? "and the crawl was over" : "and the crawl sleeps");
}

LAB_TEST(crawl_one_page_one_worker)
{
    struct site_stats stats;
    struct crawler_result result = crawl_site(&(struct site_spec){.seed = seed_get() + 8, .pages = 1}, 1, &stats);
    check_counts(&result, &stats);
    check_visits(&stats);
    /* A chain: never more than one address waits, and the crawl must not end between two. */
    result = crawl_site(&(struct site_spec){.seed = seed_get() + 9, .pages = 60, .width = 1}, 1, &stats);
    check_counts(&result, &stats);
    check_visits(&stats);
    result = crawl_site(&(struct site_spec){.seed = seed_get() + 10, .pages = 60, .width = 1}, 4, &stats);
    check_counts(&result, &stats);
    check_visits(&stats);
    /* The same with pages that take their time: whoever gives up after a while misses those behind them. */
    result = crawl_site(&(struct site_spec){.seed = 1, .pages = 3, .width = 1, .latency_us = 800000}, 2, &stats);
    cr_assert_eq(
        result.pages, 3,
        "a page that takes 0.8 s to answer links to the next one: 3 pages expected, you counted %lu. A crawl is "
        "over when all is visited, not when nothing has happened for a while",
        result.pages);
}

LAB_TEST(crawl_of_a_dead_address)
{
    char url[64];
    struct site *site = start_site(&(struct site_spec){.seed = 1, .pages = 1});
    snprintf(url, sizeof url, "%s", site_url(site));
    site_stop(site, NULL);
    const struct crawler_result result = crawl(url, 3);
    cr_assert_eq(result.errors, 1, "no one answers at the start address: 1 error expected, you counted %lu",
                 result.errors);
    cr_assert_eq(result.pages + result.redirects + result.bytes, 0,
                 "no one answers at the start address, but you counted pages, redirects or bytes");
}

static int crawl_status; /* what the last crawler_crawl returned */

static void check_nothing_left(const struct census *before, size_t space_before)
{
    const struct census after = census_settle(before);
    const long mb = ((long)census_address_space() - (long)space_before) / 1000000,
               heap = (long)after.heap_bytes - (long)before->heap_bytes;
    cr_assert_leq(after.threads, before->threads, "%d threads are still there after the crawl",
                  after.threads - before->threads);
    cr_assert_leq(after.descriptors, before->descriptors,
                  "20 crawls left %d descriptors open: a libcurl handle was not cleaned up",
                  after.descriptors - before->descriptors);
    cr_assert_lt(mb, 400, "20 crawls with 8 workers left %ld MB of stacks behind: threads were not joined", mb);
    cr_assert_lt(heap, 16000, "20 crawls of a site with 40 pages left %ld bytes of memory behind", heap);
}

/* Keys for thread-specific data (pthread_key_create, tss_create) that can still be made. */
static int count_keys(void)
{
    static pthread_key_t keys[2048];
    int made = 0;
    while (made < 2048 && pthread_key_create(&keys[made], NULL) == 0)
        made++;
    for (int i = 0; i < made; i++)
        pthread_key_delete(keys[i]);
    return made;
}

/* A thread that has ended has given back the freed blocks it kept in its own cache. */
static void *crawl_with_8(void *url)
{
    crawl_status = crawler_crawl(url, 8, &(struct crawler_result){0});
    return NULL;
}

LAB_TEST(crawl_leaves_nothing_behind)
{
    struct census before = census_take();
    pthread_attr_t attributes;
    size_t space_before = 0;
    int keys_before = 0;
    census_one_heap(); /* address space is stacks, then */
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 8 << 20);
    pthread_setattr_default_np(&attributes);
    pthread_attr_destroy(&attributes);
    struct site *site = start_site(
        &(struct site_spec){.seed = seed_get() + 11, .pages = 36, .redirects = 1, .missing = 1, .broken = 2});
    for (int round = 0; round < 24; round++) {
        pthread_t thread;
        cr_assert_eq(pthread_create(&thread, NULL, crawl_with_8, (void *)site_url(site)), 0, "cannot start a thread");
        pthread_join(thread, NULL);
        cr_assert_eq(crawl_status, 0, "crawler_crawl returned %d, expected 0", crawl_status);
        if (round == 3) {
            before.children = 1; /* the site, where it is one */
            before = census_settle(&before);
            space_before = census_address_space();
            keys_before = count_keys();
        }
    }
    check_nothing_left(&before, space_before);
    cr_assert_geq(count_keys(), keys_before,
                  "20 crawls left %d keys behind, made with pthread_key_create or tss_create and never deleted: soon "
                  "there are none",
                  keys_before - count_keys());
    site_stop(site, NULL);
}

/* Starts callers that take the processor from nobody when they are woken. */
static void start_patient_callers(struct caller *callers, size_t count, struct crawler_queue *queue,
                                  void *(*call)(void *))
{
    start_callers(callers, count, queue, call, 1);
    for (size_t i = 0; i < count; i++)
        pthread_setschedparam(callers[i].thread, SCHED_BATCH, &(struct sched_param){0});
    wait_blocked(callers, count, (unsigned)count);
}

/* The puts, and then the gets, follow one another faster than those who are woken come to the queue. */
LAB_TEST(each_change_wakes_one)
{
    struct caller getters[CALLERS_MAX] = {0}, putters[CALLERS_MAX] = {0};
    struct crawler_queue *queue = create(CALLERS_MAX);
    start_patient_callers(getters, CALLERS_MAX, queue, call_get);
    for (uintptr_t i = 0; i < CALLERS_MAX; i++)
        put_number(queue, i);
    cr_assert(wait_done(getters, CALLERS_MAX, CALLERS_MAX),
              "%d threads were blocked in get and %d items were put: only %u gets returned", CALLERS_MAX, CALLERS_MAX,
              sum_done(getters, CALLERS_MAX));
    join_callers(getters, CALLERS_MAX);
    for (uintptr_t i = 0; i < CALLERS_MAX; i++)
        put_number(queue, i);
    start_patient_callers(putters, CALLERS_MAX, queue, call_put);
    for (uintptr_t i = 0; i < CALLERS_MAX; i++)
        get_number(queue, i);
    cr_assert(wait_done(putters, CALLERS_MAX, CALLERS_MAX),
              "%d threads were blocked in put and %d items were got: only %u puts returned", CALLERS_MAX, CALLERS_MAX,
              sum_done(putters, CALLERS_MAX));
    join_callers(putters, CALLERS_MAX);
    crawler_queue_free(queue);
}

/* Three are put for one that is got, so that a ring without a bound is never at its start when it has to grow. Then it
 * is filled and emptied again and again, its first item at another place each time, should it shrink. */
LAB_TEST(unbounded_keeps_the_order)
{
    enum { ROUNDS = 6000, TURNS = 60, TURN_STEP = 13, HIGH_WATER = 200 };
    struct crawler_queue *queue = create(0);
    uintptr_t in = 0, out = 0;
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < 3; i++)
            put_number(queue, in++); /* one that blocks is shown by the report, with the line */
        get_number(queue, out++);
    }
    while (out < in)
        get_number(queue, out++);
    for (int turn = 0; turn < TURNS; turn++) {
        while (in - out < HIGH_WATER)
            put_number(queue, in++);
        for (int i = 0; i < turn * TURN_STEP; i++) {
            get_number(queue, out++);
            put_number(queue, in++);
        }
        while (in - out > (uintptr_t)(turn % 2))
            get_number(queue, out++);
    }
    crawler_queue_free(queue);
}

LAB_TEST(crawl_has_no_limits)
{
    enum { WORKERS = 36 };
    struct site_stats stats;
    const struct site_spec wide = {
        .seed = seed_get() + 13, .pages = 49, .width = 48, .gather = WORKERS, .gather_ms = 7000};
    const struct site_spec large = {.seed = seed_get() + 14, .pages = 2, .large = 1, .large_bytes = 5000000};
    struct crawler_result result = crawl_site(&wide, WORKERS, &stats);
    cr_assert_geq(stats.at_once, WORKERS,
                  "%d workers and 48 pages to fetch: %d requests at once expected, the site saw %lu", WORKERS, WORKERS,
                  (unsigned long)stats.at_once);
    check_counts(&result, &stats);
    result = crawl_site(&large, 1, &stats);
    check_counts(&result, &stats);
    check_visits(&stats);
}
