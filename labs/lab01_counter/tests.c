/*
 * tests.c: what counter.h promises, checked.
 *
 * How lost updates are found. Two threads that merely run side by side lose updates on one machine
 * and not on another. So besides letting threads run side by side, the tests go through a call
 * instruction by instruction (harness/step.h): in round k the
 * call is held up after its k-th instruction while another thread does its own update, then it goes
 * on. If there is a hole between reading and writing, one round falls into it, on every run. Right
 * code is only slowed down.
 */
#define _GNU_SOURCE 1
#include "counter.h"

#include <dlfcn.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#include "census.h"
#include "scarce.h"
#include "seed.h"
#include "step.h"
#include "test.h"
#include "thread_info.h"
#include "timing.h"

static const double PATIENCE = 4; /* seconds until a test goes on without what it waits for */

static void start_thread(pthread_t *thread, void *(*body)(void *), void *argument)
{
    cr_assert_eq(pthread_create(thread, NULL, body, argument), 0, "the test could not start its threads");
}

/* ---- Threads and memory that cannot be had ---- */

/* The functions below stand in front of those of the C library, and fail when a test wants it. */
static struct scarce threads_to_start;

enum { FAILURES = 200 };

/* Copies the address of the C library's function `name` to `*function`, a pointer to a function. */
static void find_original(const char *name, void *function)
{
    void *found = dlsym(RTLD_NEXT, name);
    memcpy(function, &found, sizeof found);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*body)(void *), void *argument)
{
    int (*original)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    find_original("pthread_create", &original);
    return scarce_fails(&threads_to_start) ? EAGAIN : original(thread, attributes, body, argument);
}

int thrd_create(thrd_t *thread, thrd_start_t body, void *argument)
{
    int (*original)(thrd_t *, thrd_start_t, void *);
    find_original("thrd_create", &original);
    return scarce_fails(&threads_to_start) ? thrd_error : original(thread, body, argument);
}

/* ---- A machine with one core, whatever it has ----
 * counter_count shares the work out over as many threads as the caller says, not over as many as there are cores. */

int get_nprocs(void)
{
    return 1;
}

int get_nprocs_conf(void)
{
    return 1;
}

long sysconf(int name)
{
    long (*original)(int);
    if (name == _SC_NPROCESSORS_ONLN || name == _SC_NPROCESSORS_CONF)
        return 1;
    find_original("sysconf", &original);
    return original(name);
}

/* ---- Threads that change a counter until they are told to stop ---- */

enum { WRITERS = 4 };

struct writer {
    pthread_t thread;
    struct counter *counter;
    int64_t step;       /* what it adds; 0: it calls counter_increment */
    atomic_llong begun; /* calls begun */
    atomic_llong ended; /* calls ended */
};

static atomic_bool writers_stop;

static void *write_until_stopped(void *argument)
{
    struct writer *writer = argument;
    while (!atomic_load(&writers_stop)) {
        atomic_fetch_add(&writer->begun, 1);
        if (writer->step == 0)
            counter_increment(writer->counter);
        else
            counter_add(writer->counter, writer->step);
        atomic_fetch_add(&writer->ended, 1);
    }
    return NULL;
}

static bool all_have_written(void *argument)
{
    struct writer *writers = argument;
    for (int i = 0; i < WRITERS; i++)
        if (atomic_load(&writers[i].ended) == 0)
            return false;
    return true;
}

static void start_writers(struct writer writers[WRITERS], struct counter *counter, const int64_t steps[WRITERS])
{
    for (int i = 0; i < WRITERS; i++) {
        writers[i].counter = counter;
        writers[i].step = steps[i];
        start_thread(&writers[i].thread, write_until_stopped, &writers[i]);
    }
    timing_wait_until(all_have_written, writers, PATIENCE);
}

/* Stops the writers; returns what the counter must stand at now. */
static int64_t stop_writers(struct writer writers[WRITERS])
{
    int64_t sum = 0;
    atomic_store(&writers_stop, true);
    for (int i = 0; i < WRITERS; i++) {
        pthread_join(writers[i].thread, NULL);
        sum += (writers[i].step == 0 ? 1 : writers[i].step) * atomic_load(&writers[i].ended);
    }
    return sum;
}

static struct counter *create_counter(void)
{
    struct counter *counter = counter_create();
    cr_assert_not_null(counter, "counter_create returned NULL although there is memory enough");
    return counter;
}

static void check_writers(const int64_t steps[WRITERS])
{
    static struct writer writers[WRITERS];
    struct counter *counter = create_counter();
    start_writers(writers, counter, steps);
    timing_sleep_ms(40);
    const int64_t expected = stop_writers(writers), value = counter_value(counter);
    cr_assert_eq(value, expected,
                 "updates were lost: %d threads wrote at the same time, the counter must stand at %" PRId64
                 ", it says %" PRId64 " (%+" PRId64 ")",
                 WRITERS, expected, value, value - expected);
    counter_free(counter);
}

/* Two calls of which the first is held up in the middle while the second is made. */
static struct counter *walked;

static const int64_t VALUE = INT64_MIN; /* as a step: a call of counter_value */

static int64_t first_step, second_step; /* what is added; 0: counter_increment */
static int64_t first_value, second_value;

static const char *call_name(int64_t step)
{
    return step == VALUE ? "counter_value" : step == 0 ? "counter_increment" : "counter_add";
}

static int64_t added_by(int64_t step)
{
    return step == VALUE ? 0 : step == 0 ? 1 : step;
}

static int64_t call(int64_t step)
{
    if (step == VALUE)
        return counter_value(walked);
    if (step == 0)
        counter_increment(walked);
    else
        counter_add(walked, step);
    return 0;
}

static void *walk_through_call(void *argument)
{
    step_begin();
    first_value = call(first_step);
    step_end();
    step_over();
    return argument;
}

/* Whether a value read meanwhile is one of those at which the counter stood. */
static void check_read(int64_t step, int64_t value, int64_t before, int64_t after)
{
    cr_assert(step != VALUE || value == before || value == after,
              "counter_value and %s were under way at once, the first of them held up %s: "
              "the counter stood at %" PRId64 " before and at %" PRId64 " afterwards, counter_value says %" PRId64,
              call_name(step == first_step ? second_step : first_step), step_held(), before, after, value);
}

/* An update is overtaken by two: what was there when it looked may be back, and something else may have happened. */
static void overtake_call(void *unused)
{
    pthread_t thread;
    (void)unused;
    const int64_t before = counter_value(walked);
    const int times = first_step == VALUE || second_step == VALUE ? 1 : 2;
    const int64_t expected = before + added_by(first_step) + times * added_by(second_step);
    start_thread(&thread, walk_through_call, NULL);
    step_wait_held(PATIENCE);
    step_other_begins();
    for (int i = 0; i < times; i++)
        second_value = call(second_step);
    const int64_t meanwhile = counter_value(walked);
    step_other_done();
    pthread_join(thread, NULL);
    const int64_t value = counter_value(walked);
    cr_assert_eq(value, expected,
                 "an update was lost: %s was interrupted %s by another thread's %s; "
                 "the counter must stand at %" PRId64 " then, it says %" PRId64,
                 call_name(first_step), step_held(), call_name(second_step), expected, value);
    check_read(first_step, first_value, before, expected);
    check_read(second_step, second_value, before, expected);
    cr_assert(meanwhile == expected || meanwhile == expected - added_by(first_step),
              "the counter stood at %" PRId64 "; %s, which adds %" PRId64
              ", was held up %s, meanwhile another thread's "
              "%s returned, which added %" PRId64 ", and a counter_value that began after that says %" PRId64,
              before, call_name(first_step), added_by(first_step), step_held(), call_name(second_step),
              times * added_by(second_step), meanwhile);
}

static void check_overtaking(int64_t first, int64_t second)
{
    walked = create_counter();
    first_step = first;
    second_step = second;
    step_check_each(overtake_call, NULL);
    counter_free(walked);
}

/* ---- The counter ---- */

static void check_value(struct counter *counter, int64_t expected, const char *after)
{
    const int64_t value = counter_value(counter);
    cr_assert_eq(value, expected, "after %s: expected %" PRId64 ", counter_value says %" PRId64, after, expected,
                 value);
}

LAB_TEST(counts_on_one_thread)
{
    struct counter *counter = create_counter();
    check_value(counter, 0, "counter_create");
    for (int i = 0; i < 1000; i++)
        counter_increment(counter);
    check_value(counter, 1000, "1000 times counter_increment");
    counter_add(counter, 0);
    check_value(counter, 1000, "counter_add of 0");
    counter_add(counter, -1500);
    check_value(counter, -500, "counter_add of -1500");
    counter_increment(counter);
    check_value(counter, -499, "one counter_increment");
    counter_add(counter, 5000000000);
    check_value(counter, 4999999501, "counter_add of 5000000000, which needs 64 bits");
    counter_add(counter, INT64_MAX - 4999999501);
    check_value(counter, INT64_MAX, "counter_add up to the largest int64_t");
    counter_free(counter);
    counter_free(NULL);
}

/* Fewer than there can be descriptors, even if each has four. */
static void check_many_counters(void)
{
    enum { MANY = 200 };
    struct counter *counters[MANY];
    for (int i = 0; i < MANY; i++)
        counter_add(counters[i] = create_counter(), i);
    for (int i = 0; i < MANY; i++) {
        check_value(counters[i], i, "counter_add on many counters");
        counter_free(counters[i]);
    }
}

/* One after another, each likely to lie where the one before it lay. */
static void check_successors(void)
{
    for (int i = 0; i < 4; i++) {
        struct counter *counter = create_counter();
        check_value(counter, 0, "counter_create, once another counter was freed");
        counter_increment(counter);
        counter_add(counter, 6);
        check_value(
            counter, 7,
            "counter_increment and counter_add of 6 on a new counter (it may lie at the address of one that was "
            "freed: what is remembered by the address is of the old one)");
        counter_free(counter);
    }
}

LAB_TEST(counters_are_separate)
{
    struct counter *first = create_counter(), *second = create_counter();
    cr_assert_neq(first, second, "two calls of counter_create returned the same counter");
    counter_add(first, 7);
    check_value(second, 0, "counter_add on another counter");
    counter_increment(second);
    check_value(first, 7, "counter_increment on another counter");
    check_value(second, 1, "one counter_increment");
    counter_free(first);
    check_value(second, 1, "counter_free of another counter");
    struct counter *third = create_counter();
    check_value(third, 0, "counter_create of a third counter");
    counter_free(second);
    counter_free(third);
    check_successors();
    check_many_counters();
}

LAB_TEST(increments_are_not_lost)
{
    check_overtaking(0, 0);
    check_writers((const int64_t[WRITERS]){0});
}

struct addition {
    struct counter *counter;
    int64_t amount;
};

static void *add_once(void *argument)
{
    const struct addition *addition = argument;
    counter_add(addition->counter, addition->amount);
    return NULL;
}

static void add_in_thread(struct counter *counter, int64_t amount)
{
    struct addition addition = {counter, amount};
    pthread_t thread;
    start_thread(&thread, add_once, &addition);
    pthread_join(thread, NULL);
}

/* The value stays within int64_t; what each thread has added need not. */
static void check_amounts_of_any_size(void)
{
    struct counter *counter = create_counter();
    counter_add(counter, INT64_MAX);
    add_in_thread(counter, -INT64_MAX);
    counter_add(counter, 1);
    check_value(counter, 1, "counter_add of the largest int64_t, of its negative by another thread, and of 1");
    add_in_thread(counter, INT64_MIN);
    counter_increment(counter);
    check_value(counter, INT64_MIN + 2, "these, counter_add of the least int64_t by a third thread, and an increment");
    counter_free(counter);
}

LAB_TEST(adds_are_not_lost)
{
    check_overtaking(5, -3);
    check_overtaking(4, 0);
    check_overtaking(0, 7);
    check_writers((const int64_t[WRITERS]){3, -2, 0, 5000000000});
    check_amounts_of_any_size();
}

/* A reader is held up while so many updates pass that a version of 8 bits comes round. Each of them changes both halves
 * of the value in the same way, so whichever of them are in what it reads, it reads a multiple of one. */
enum { ROUND = 256 };

static void outlast_reader(void *unused)
{
    static const int64_t both_halves = 0x100000001;
    pthread_t thread;
    (void)unused;
    const int64_t before = counter_value(walked);
    start_thread(&thread, walk_through_call, NULL);
    step_wait_held(PATIENCE);
    step_other_begins();
    for (int i = 0; i < ROUND; i++)
        counter_add(walked, both_halves);
    step_other_done();
    pthread_join(thread, NULL);
    const int64_t added = first_value - before;
    cr_assert(added % both_halves == 0 && added >= 0 && added / both_halves <= ROUND,
              "the counter stood at %" PRId64
              "; counter_value was held up %s while another thread called counter_add %d "
              "times, each with %" PRId64 ", and says %" PRId64
              ", where the counter never stood. Are these parts of two values, read at different moments? A version or "
              "sequence number of few bits may meanwhile have come round to where it was",
              before, step_held(), ROUND, both_halves, first_value);
}

static void check_long_hold(void)
{
    walked = create_counter();
    first_step = VALUE;
    step_check_each(outlast_reader, NULL);
    counter_free(walked);
}

/* Increments, and additions that change both halves of the 64 bits. */
static void check_reading(void)
{
    const int64_t carry = 0xffffffff;
    check_long_hold();
    check_overtaking(VALUE, 0);
    check_overtaking(0, VALUE);
    check_overtaking(VALUE, carry);
    check_overtaking(VALUE, -carry);
    check_overtaking(carry, VALUE);
}

/* One writer only: that no update is lost among several is the business of the tests above. */
LAB_TEST(value_while_others_write)
{
    check_reading();
    static struct writer writer;
    struct counter *counter = create_counter();
    writer.counter = counter;
    start_thread(&writer.thread, write_until_stopped, &writer);
    const double end = timing_now() + 0.1;
    do {
        const int64_t least = atomic_load(&writer.ended), value = counter_value(counter);
        const int64_t most = atomic_load(&writer.begun);
        cr_assert(value >= least && value <= most,
                  "%" PRId64 " increments had ended before counter_value and %" PRId64
                  " had begun when it returned: it must say something between, not %" PRId64,
                  least, most, value);
    } while (timing_now() < end);
    atomic_store(&writers_stop, true);
    pthread_join(writer.thread, NULL);
    check_value(counter, atomic_load(&writer.ended), "all increments of another thread");
    counter_free(counter);
}

/* ---- The count ---- */

enum { LARGEST = 20011 };

static uint64_t salt;                   /* makes the predicate a different one for each seed */
static atomic_int asked[LARGEST];       /* how often the predicate was asked about a number */
static atomic_int strangers;            /* calls with a number outside 0 ... LARGEST-1 */
static atomic_int under_way, most_ever; /* calls of the predicate at once */

static bool is_hit(int64_t number)
{
    uint64_t state = salt + (uint64_t)number;
    return seed_below(&state, 3) == 0;
}

static int64_t count_hits(int64_t n)
{
    int64_t hits = 0;
    for (int64_t i = 0; i < n; i++)
        hits += is_hit(i);
    return hits;
}

static void check_count(int64_t n, unsigned threads)
{
    const int64_t expected = count_hits(n), count = counter_count(is_hit, n, threads);
    cr_assert_eq(count, expected, "counter_count, n = %" PRId64 ", %u threads: expected %" PRId64 ", got %" PRId64, n,
                 threads, expected, count);
}

/* Calls of the predicate wait for one another until as many are under way at once as there are threads to share the
 * work. A call alone gives up soon, so that others may come after it, and after some seconds nobody waits any more. */
static struct gathering {
    int threads;
    double end;
    atomic_int here;
    atomic_bool complete;
} gathering;

static void begin_gathering(int threads, double seconds)
{
    gathering.threads = threads;
    gathering.end = timing_now() + seconds;
    atomic_store(&gathering.complete, false);
}

static bool is_complete(void *unused)
{
    (void)unused;
    return atomic_load(&gathering.complete);
}

static void gather(void)
{
    if (atomic_load(&gathering.complete))
        return;
    if (atomic_fetch_add(&gathering.here, 1) + 1 >= gathering.threads)
        atomic_store(&gathering.complete, true);
    if (timing_now() < gathering.end)
        timing_wait_until(is_complete, NULL, 0.004);
    atomic_fetch_sub(&gathering.here, 1);
}

/* A count too long to wait for: a child process makes it, and ends within it. */
enum { LONG_ENOUGH = 5000, CUT_SHORT = 1, OUT_OF_BOUNDS = 2 };

static int64_t long_n;

static bool end_within(int64_t number)
{
    static atomic_int calls_made;
    gather();
    if (number < 0 || number >= long_n)
        lab_test_child_exit(OUT_OF_BOUNDS);
    if (atomic_fetch_add(&calls_made, 1) >= LONG_ENOUGH)
        lab_test_child_exit(0);
    return true;
}

static void check_long_count(int64_t n)
{
    enum { THREADS = 3 };
    int status = 0;
    long_n = n;
    begin_gathering(THREADS, 0.25);
    const pid_t child = fork();
    cr_assert_neq(child, -1, "the test could not start a process");
    if (child == 0) {
        alarm(10);
        lab_test_child_exit(counter_count(end_within, n, THREADS) == -1 ? 0 : CUT_SHORT);
    }
    waitpid(child, &status, 0);
    cr_assert(WIFEXITED(status), "counter_count, n = %" PRId64 ", %d threads: a signal ended the process (%s)", n,
              THREADS, strsignal(WTERMSIG(status)));
    cr_assert_neq(WEXITSTATUS(status), CUT_SHORT,
                  "counter_count, n = %" PRId64 ", %d threads: it returned and had called the predicate at most %d "
                  "times: n has 64 bits, is it cut to 32 somewhere?",
                  n, THREADS, LONG_ENOUGH);
    cr_assert_neq(WEXITSTATUS(status), OUT_OF_BOUNDS,
                  "counter_count, n = %" PRId64
                  ", %d threads: the predicate was asked about a number outside 0 ... n-1:"
                  " numbers have 64 bits, are they cut to 32 somewhere?",
                  n, THREADS);
}

/* Among several threads, short counts: that they lose nothing is for other tests to say, in which it is no luck, and so
 * is what becomes of the seams of long ones (count_asks_once_about_each). */
LAB_TEST(count_is_exact)
{
    static const int64_t lengths[] = {0, 1, 2, 3, 5, 64, 65, 257, 500, 1000};
    static const unsigned threads[] = {1, 2, 3, 4, 7, 16, 64, 0};
    salt = seed_get();
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
        for (size_t k = 0; k < sizeof threads / sizeof *threads; k++, salt++)
            check_count(lengths[i], threads[k]);
    check_count(10007, 1);
    check_count(LARGEST, 1);
    check_long_count((INT64_C(1) << 31) + 5);
    check_long_count(INT64_C(1) << 32);
    check_long_count((INT64_C(1) << 32) + 5);
}

static struct counter *calls; /* the predicate uses a counter, as it may: no lock may be held around it */

static bool note_number(int64_t number)
{
    if (number >= 0 && number < LARGEST)
        atomic_fetch_add(&asked[number], 1);
    else
        atomic_fetch_add(&strangers, 1);
    counter_increment(calls);
    return number % 2 == 0;
}

/* `failure`: what has failed during the count, if something has; it may return -1 then. */
static void check_each_once(int64_t n, unsigned threads, const char *failure)
{
    for (int64_t i = 0; i < LARGEST; i++)
        atomic_store(&asked[i], 0);
    const int64_t count = counter_count(note_number, n, threads);
    scarce_end(&scarce_memory);
    const bool gave_up = failure != NULL && count == -1;
    const char *comma = failure != NULL ? ", " : "", * or = failure != NULL ? "-1 or " : "";
    failure = failure != NULL ? failure : "";
    cr_assert(gave_up || count == (n + 1) / 2,
              "counter_count, even numbers below %" PRId64 ", %u threads%s%s: expected %s%" PRId64 ", got %" PRId64, n,
              threads, comma, failure, or, (n + 1) / 2, count);
    for (int64_t i = 0; i < LARGEST; i++) {
        const int times = atomic_load(&asked[i]);
        cr_assert(times == (i < n) || (gave_up && times == 0),
                  "counter_count, n = %" PRId64 ", %u threads%s%s: the predicate must be asked about %" PRId64
                  " %s, it was asked %d times",
                  n, threads, comma, failure, i,
                  i >= n    ? "not at all"
                  : gave_up ? "once at the most"
                            : "exactly once",
                  times);
    }
    cr_assert_eq(atomic_load(&strangers), 0,
                 "n = %" PRId64 ", %u threads: the predicate was asked about a number far off", n, threads);
}

LAB_TEST(count_asks_once_about_each)
{
    calls = create_counter();
    check_each_once(10007, 4, NULL);
    check_each_once(10008, 3, NULL);
    check_each_once(5, 8, NULL);
    check_each_once(239, 27, NULL); /* 239 / 27 * 27 is less than 239, in float and in double */
    check_each_once(1, 0, NULL);
    check_each_once(0, 2, NULL);
    counter_free(calls);
}

/* Of two integers, the thread that is asked about 0 is held up on its way from there to the sum; the
 * one that is asked about 1 waits for that and then overtakes it. */
static atomic_int walker_id;

static bool overtake(int64_t number)
{
    if (number == 0) {
        atomic_store(&walker_id, gettid());
        step_begin();
    } else if (atomic_load(&walker_id) != gettid()) {
        step_wait_held(0.25);
        step_other_begins();
    }
    return true;
}

static void overtake_count(void *unused)
{
    (void)unused;
    atomic_store(&walker_id, 0);
    const int64_t count = counter_count(overtake, 2, 2);
    step_end(); /* in case that the calling thread itself was asked about 0 */
    cr_assert_eq(count, 2,
                 "both integers satisfy the predicate, but counter_count lost one: it returned %" PRId64
                 " when one of its threads overtook the other",
                 count);
}

/* One thread that the caller has started takes long over its first number: until the caller waits for it. */
struct nap {
    pid_t caller;
    atomic_bool taken;
};

static void take_nap(struct nap *nap)
{
    if (!atomic_load(&nap->taken) && gettid() != nap->caller && !atomic_exchange(&nap->taken, true))
        timing_sleep_ms(60);
}

static struct nap single;

static bool always(int64_t number)
{
    (void)number;
    take_nap(&single);
    return true;
}

static pid_t caller; /* of counter_count */

static bool caller_sleeps(void *unused)
{
    (void)unused;
    return thread_info_state(caller) == 'S';
}

static atomic_int sent, caught; /* signals to the caller */

static void catch_signal(int number)
{
    (void)number;
    atomic_fetch_add(&caught, 1);
}

static bool all_are_caught(void *unused)
{
    (void)unused;
    return atomic_load(&caught) == atomic_load(&sent);
}

/* The first call on a thread that the caller has started interrupts the caller's wait, several times. */
static bool interrupts_the_caller(int64_t unused)
{
    int none = 0;
    (void)unused;
    if (gettid() == caller || !atomic_compare_exchange_strong(&sent, &none, 1))
        return true;
    for (int i = 1; i <= 3; i++) {
        timing_wait_until(caller_sleeps, NULL, 0.5);
        atomic_store(&sent, i);
        tgkill(getpid(), caller, SIGUSR1);
        timing_wait_until(all_are_caught, NULL, 0.5);
    }
    return true;
}

/* What waits may end by a signal, with EINTR. */
static void check_signals_change_nothing(void)
{
    enum { N = 200000, THREADS = 4 };
    struct sigaction before;
    caller = gettid();
    sigaction(SIGUSR1, &(const struct sigaction){.sa_handler = catch_signal}, &before);
    const int64_t count = counter_count(interrupts_the_caller, N, THREADS);
    sigaction(SIGUSR1, &before, NULL);
    cr_assert_eq(count, N,
                 "all %d integers satisfy the predicate, %d threads counted %" PRId64 " (%+" PRId64
                 ") when the caller, which waited for them, had signals to handle: what returned EINTR has to be "
                 "called again",
                 N, THREADS, count, count - N);
}

LAB_TEST(count_loses_nothing)
{
    enum { N = 200000, THREADS = 4 };
    single.caller = gettid();
    const int64_t count = counter_count(always, N, THREADS);
    cr_assert_eq(count, N, "all %d integers satisfy the predicate, %d threads counted %" PRId64 " (%+" PRId64 ")", N,
                 THREADS, count, count - N);
    step_check_each(overtake_count, NULL);
    check_signals_change_nothing();
}

static int allowed;            /* calls at once */
static atomic_int calls_begun; /* of this count */

static bool too_many_are_there(void *unused)
{
    (void)unused;
    return atomic_load(&most_ever) > allowed;
}

static struct nap last_one;

/* The first calls wait for one more than may come. Then the calling thread goes fast, and one of those that it has
 * started takes longest: who is the last to hand in its part is no luck. */
static bool notice_company(int64_t number)
{
    const int now = atomic_fetch_add(&under_way, 1) + 1;
    for (int most = atomic_load(&most_ever); most < now;)
        if (atomic_compare_exchange_weak(&most_ever, &most, now))
            break;
    const int call = atomic_fetch_add(&calls_begun, 1);
    if (call < allowed)
        timing_wait_until(too_many_are_there, NULL, 0.25);
    else if (call % 16 == 0 && gettid() != last_one.caller)
        nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL); /* long enough for others to join in */
    take_nap(&last_one);
    atomic_fetch_sub(&under_way, 1);
    return number < 100;
}

static bool is_even(int64_t number)
{
    gather();
    return number % 2 == 0;
}

/* All threads must get some of so many numbers, whatever the size of the blocks they are handed out in. */
static void check_work_is_shared(void)
{
    enum { N = 3000000, THREADS = 4 };
    begin_gathering(THREADS, PATIENCE);
    const int64_t count = counter_count(is_even, N, THREADS);
    cr_assert_eq(count, N / 2, "even numbers below %d: expected %d, got %" PRId64, N, N / 2, count);
    cr_assert(atomic_load(&gathering.complete),
              "counter_count is to share %d integers out over %d threads that work at the same time, but never were "
              "%d calls of the predicate under way at once, however long they waited for each other. The number of "
              "threads is what the caller says, whatever the number of cores (here the machine says that it has one)",
              N, THREADS, THREADS);
}

/* Numbers enough for each thread to get some, also of those who hand them out by the thousand. */
LAB_TEST(count_keeps_to_its_threads)
{
    last_one.caller = gettid();
    for (int threads = 0; threads <= 3; threads++) {
        const int most = threads > 0 ? threads : 1;
        atomic_store(&most_ever, 0);
        atomic_store(&calls_begun, 0);
        atomic_store(&last_one.taken, false);
        allowed = most;
        const int64_t count = counter_count(notice_company, 5000, (unsigned)threads);
        cr_assert_eq(count, 100, "numbers below 100: expected 100, got %" PRId64, count);
        cr_assert_leq(atomic_load(&most_ever), most,
                      "counter_count with %d threads called the predicate %d times at once, %d is the limit", threads,
                      atomic_load(&most_ever), most);
    }
    check_work_is_shared();
}

/* Two counts at once: about 0 each waits until the other has begun, for a second at the most. */
static atomic_int counts_begun;

static bool both_have_begun(void *argument)
{
    (void)argument;
    return atomic_load(&counts_begun) == 2;
}

static void meet_the_other_count(int64_t number)
{
    if (number != 0)
        return;
    atomic_fetch_add(&counts_begun, 1);
    timing_wait_until(both_have_begun, NULL, 1);
}

static struct nap fifths_nap, thirds_nap;

static bool is_fifth(int64_t number)
{
    meet_the_other_count(number);
    take_nap(&fifths_nap);
    return number % 5 == 0;
}

static bool is_not_third(int64_t number)
{
    meet_the_other_count(number);
    take_nap(&thirds_nap);
    return number % 3 != 0;
}

struct count_call {
    counter_predicate *predicate;
    struct nap *nap;
    int64_t n, result;
};

static void *count_in_thread(void *argument)
{
    struct count_call *call = argument;
    call->nap->caller = gettid();
    call->result = counter_count(call->predicate, call->n, 2);
    return NULL;
}

/* A count whose predicate, asked about 0, counts as well, and so on: two of these, on whatever thread they are. */
enum { DEPTH = 6 };

static atomic_int depths[2];

static bool go_deeper(int64_t number, atomic_int *depth, counter_predicate *again)
{
    return number != 0 || atomic_fetch_add(depth, 1) == DEPTH || counter_count(again, 2, 1) == 2;
}

static bool deeper_from_0(int64_t number)
{
    return go_deeper(number, &depths[0], deeper_from_0);
}

static bool deeper_from_1(int64_t number)
{
    return go_deeper(number, &depths[1], deeper_from_1);
}

static bool deeper_from_both(int64_t number)
{
    return counter_count(number == 0 ? deeper_from_0 : deeper_from_1, 2, 2) == 2;
}

static void check_counts_within_counts(void)
{
    const int64_t count = counter_count(deeper_from_both, 2, 2);
    cr_assert_eq(count, 2,
                 "the predicate counts with counter_count, whose predicate does so, too, and so on, %d deep: one of "
                 "these counts is wrong",
                 DEPTH + 1);
}

LAB_TEST(counts_side_by_side)
{
    check_counts_within_counts();
    struct count_call fifths = {.predicate = is_fifth, .nap = &fifths_nap, .n = 5000};
    struct count_call thirds = {.predicate = is_not_third, .nap = &thirds_nap, .n = 9000};
    pthread_t thread;
    start_thread(&thread, count_in_thread, &fifths);
    count_in_thread(&thirds);
    pthread_join(thread, NULL);
    cr_assert_eq(fifths.result, 1000,
                 "two counts ran at the same time: multiples of 5 below 5000 are 1000, one of them got %" PRId64,
                 fifths.result);
    cr_assert_eq(thirds.result, 6000,
                 "two counts ran at the same time: not multiples of 3 below 9000 are 6000, one of them got %" PRId64,
                 thirds.result);
}

/* ---- Running out, and leaving nothing ---- */

static void check_heap(const struct census *before, const char *what)
{
    const struct census now = census_settle(before);
    cr_assert_leq(now.threads, before->threads, "after %s %d threads more are alive than before", what,
                  now.threads - before->threads);
    cr_assert_leq(now.descriptors, before->descriptors, "%s left %d file descriptors open", what,
                  now.descriptors - before->descriptors);
    cr_assert_leq(now.heap_bytes, before->heap_bytes + 4096, "%s left %zu bytes of the heap behind", what,
                  now.heap_bytes - before->heap_bytes);
}

static void count_without_threads(void)
{
    check_each_once(400, 4, "a thread could not be started");
}

static void count_without_memory(void)
{
    check_each_once(400, 4, "memory ran out");
}

/* Twice, and what the second time leaves on the heap adds up. */
static void check_failing_count(struct scarce *resource, void (*count)(void), const char *what)
{
    census_one_heap();
    calls = create_counter();
    scarce_in_turn(resource, FAILURES, count);
    const struct census before = census_take();
    scarce_in_turn(resource, FAILURES, count);
    check_heap(&before, what);
    counter_free(calls);
}

LAB_TEST(count_when_threads_run_out)
{
    check_failing_count(&threads_to_start, count_without_threads,
                        "200 times counter_count that could not start threads");
}

static void create_without_memory(void)
{
    struct counter *counter = counter_create();
    if (counter == NULL)
        return;
    counter_increment(counter);
    const int64_t value = counter_value(counter);
    scarce_end(&scarce_memory);
    cr_assert_eq(value, 1, "counter_create while memory ran out and one counter_increment: expected 1, got %" PRId64,
                 value);
    counter_free(counter);
}

LAB_TEST(when_memory_runs_out)
{
    scarce_in_turn(&scarce_memory, FAILURES, create_without_memory);
    check_failing_count(&scarce_memory, count_without_memory, "200 times counter_count that got no memory");
}

static void use_everything_once(void)
{
    struct counter *counter = create_counter();
    counter_increment(counter);
    check_value(counter, 1, "one counter_increment");
    counter_free(counter);
}

/* What it counts is for other tests to say. */
static void count_somehow(void)
{
    cr_assert_neq(counter_count(is_hit, 100, 4), -1, "counter_count returned -1 although threads can be started");
}

/* Threads that the count has started take long over their end: until the caller waits for it. */
static pthread_key_t end_of_thread;
static atomic_int not_ended;

static void linger(void *unused)
{
    (void)unused;
    timing_sleep_ms(30); /* in case that it naps, and looks now and then */
    timing_wait_until(caller_sleeps, NULL, 1);
    atomic_fetch_sub(&not_ended, 1);
}

static bool lingers_afterwards(int64_t number)
{
    if (gettid() != caller && pthread_getspecific(end_of_thread) == NULL) {
        atomic_fetch_add(&not_ended, 1);
        pthread_setspecific(end_of_thread, &not_ended);
    }
    return is_even(number);
}

static void check_threads_have_ended(void)
{
    enum { N = 20000, THREADS = 4 };
    caller = gettid();
    pthread_key_create(&end_of_thread, linger);
    begin_gathering(THREADS, 0.25);
    const int64_t count = counter_count(lingers_afterwards, N, THREADS);
    const int threads = atomic_load(&not_ended);
    cr_assert_eq(count, N / 2, "even numbers below %d: expected %d, got %" PRId64, N, N / 2, count);
    cr_assert_eq(threads, 0,
                 "when counter_count returned, %d of its threads had not ended yet: that a thread says that it is done "
                 "is not enough, something of it may still run",
                 threads);
}

/* Without stdin, as a daemon runs, the first descriptor that is opened is 0, as good as any other. */
static void use_and_count(void)
{
    use_everything_once();
    count_somehow();
}

static void check_without_stdin(void)
{
    const int more = census_without_stdin(use_and_count);
    cr_assert_leq(more, 0,
                  "in a program that has closed its stdin, counter_create, counter_free and counter_count left %d file "
                  "descriptors open: 0 is a descriptor like any other, only a negative number is none",
                  more);
}

LAB_TEST(nothing_is_left_behind)
{
    enum { TIMES = 1000, COUNTS = 300 };
    census_one_heap();
    check_threads_have_ended();
    salt = seed_get();
    for (int i = 0; i < 20; i++, count_somehow())
        use_everything_once();
    struct census before = census_take();
    for (int i = 0; i < TIMES; i++)
        use_everything_once();
    check_heap(&before, "1000 times counter_create and counter_free");
    const size_t space = census_address_space();
    before = census_take();
    for (int i = 0; i < COUNTS; i++)
        count_somehow();
    check_heap(&before, "300 times counter_count");
    /* A thread nobody joins keeps its stack: 300 times 4 of them are gigabytes. */
    const size_t now = census_address_space();
    cr_assert(now < space + 1500000000u,
              "300 times counter_count left %zu MB of address space behind: are there threads that nobody joined?",
              (now - space) / 1000000);
    check_without_stdin();
}
