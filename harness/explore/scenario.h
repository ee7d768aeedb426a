/*
 * scenario.h: for a lab's scenarios.c: small closed programs that the explorer runs in every schedule that matters.
 *
 * A scenario uses the hand-in from few threads or processes, mostly 2 to 4, ends by itself in every schedule of a right
 * hand-in, and says with scenario_expect what must hold. Races, deadlocks, lost wake-ups, misuse, leaks and spinning
 * need no word: the explorer sees them (explore.h). Keep it small: each operation more multiplies the schedules.
 */
#ifndef EXPLORE_SCENARIO_H
#define EXPLORE_SCENARIO_H

struct scenario {
    const char *name;
    void (*run)(void);
};

/* SCENARIO(name) { ... }: defines one. Its name stands in lab.yaml below `schedules`. Each schedule runs it once, in a
 * fresh process image, as the main thread. */
#define SCENARIO(name)                                                                                                 \
    static void name(void);                                                                                            \
    static const struct scenario scenario_##name                                                                       \
        __attribute__((used, aligned(8), section("scenarios"))) = {#name, name};                                       \
    static void name(void)

/* scenario_failed: ends the schedule: in it, what `sentence` says is wrong. scenario_expect: what must be true in every
 * schedule; `sentence` says in plain words what is wrong if it is not.
 * One that ends with a full stop tells its own reason; behind any other the report puts the `why` of lab.yaml. */
_Noreturn void scenario_failed(const char *sentence);
#define scenario_expect(condition, sentence) ((condition) ? (void)0 : scenario_failed(sentence))

/* scenario_failed_at: the same of something that a call of the hand-in made; the call returns to `place`. */
_Noreturn void scenario_failed_at(void *place, const char *sentence);

/* scenario_until_all_sleep: blocks until all other threads are blocked, too, with no time-out within the next hour. If
 * they never come to rest because one looks again and again whether something has happened, in a loop or with naps, the
 * schedule ends as a livelock; a loop that gives up after some hundred rounds and a spin lock that somebody will
 * release are no reason. The caller learns nothing of what the others did: this orders nobody's memory accesses. */
void scenario_until_all_sleep(void);

/* scenario_limit_threads: of the threads that the caller starts from now on only the first `more` can be started; then
 * pthread_create fails with EAGAIN, thrd_create with thrd_error. UINT_MAX: no limit. */
void scenario_limit_threads(unsigned more);

/* scenario_miss_thread: of the threads that the caller starts from now on number `which` (from 1) cannot be started, and
 * those after it can. 0: none is missed. */
void scenario_miss_thread(unsigned which);

/* scenario_limit_memory: of the blocks of the heap that the caller asks for from now on only the first `more` can be
 * had; then malloc, calloc, realloc, aligned_alloc, strdup and the like fail with ENOMEM. UINT_MAX: no limit. */
void scenario_limit_memory(unsigned more);

/* scenario_count_threads: how many threads of this process have not ended, the caller included. */
int scenario_count_threads(void);

/* scenario_one_order: for a scenario of so many steps that it can be run once only. Call it first. What happens is the
 * same in each run then: a thread goes on until it must wait, nothing wakes for no reason, and the search is over after
 * this one schedule. Races and the rest are looked for in it as in any other. */
void scenario_one_order(void);

/* scenario_restless_date: from now on the computer's date is set forward by an hour after each look at it. The
 * monotonic clock goes on as before, so this is for labs in which no wait may depend on the date. */
void scenario_restless_date(void);

/* scenario_unsupported: ends the search: the hand-in needs `what`, which the scenario has no model of. */
_Noreturn void scenario_unsupported(const char *what);

#endif
