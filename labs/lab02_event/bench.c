/*
 * bench.c: `overlap`: tasks that sleep, one after another and released all at once by one event;
 * `idle`: what threads cost that wait for an event which does not come for a while.
 */
#define _GNU_SOURCE 1
#include "bench.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <unistd.h>

#include "seed.h"
#include "timing.h"

#if BENCH_STUDENT
#include "event.h"
#include "thread_info.h"
#endif

enum { TASKS_MAX = 64, SLEEP_MS = 30 };

static uint64_t run_one(const struct bench_job *job, uint64_t index)
{
    uint64_t state = job->seed + index;
    timing_sleep_ms(SLEEP_MS);
    return seed_next(&state);
}

static uint64_t overlap_baseline(const struct bench_job *job)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < job->workers; i++)
        sum += run_one(job, i);
    return sum;
}

#if BENCH_STUDENT

struct group {
    const struct bench_job *job;
    uint64_t answers[TASKS_MAX];
};

static void run_in_group(void *arg, size_t index)
{
    struct group *group = arg;
    group->answers[index] = run_one(group->job, index);
}

static struct event *create(const struct bench_job *job)
{
    if (job->workers > TASKS_MAX)
        bench_fail("at most %d workers", TASKS_MAX);
    struct event *event = event_create();
    if (event == NULL)
        bench_fail("event_create returned NULL");
    return event;
}

static struct event_tasks *start(struct event *event, size_t n, event_task *run, void *arg)
{
    struct event_tasks *tasks = event_tasks_start(event, n, run, arg);
    if (tasks == NULL)
        bench_fail("event_tasks_start returned NULL");
    return tasks;
}

/* Blocks until all tasks sleep, or they have used 5 ms of CPU time: then they do not sleep while they wait. */
static void let_tasks_fall_asleep(void)
{
    static const double TOO_MUCH = 0.005;
    while (!thread_info_wait_asleep(0.002) && timing_cpu() - (double)thread_info_cpu(gettid()) / 1e9 < TOO_MUCH) {
    }
}

/* The event is set when all tasks wait for it: whether a wake-up is missed is the business of tests and schedules, and
 * here it would be found by luck. */
static uint64_t overlap_student(const struct bench_job *job)
{
    struct group group = {.job = job};
    struct event *event = create(job);
    struct event_tasks *tasks = start(event, job->workers, run_in_group, &group);
    let_tasks_fall_asleep();
    event_set(event);
    event_tasks_join(tasks);
    event_free(event);
    uint64_t sum = 0;
    for (unsigned i = 0; i < job->workers; i++)
        sum += group.answers[i];
    return sum;
}

enum { IDLE_MS = 700, LONG_MS = 30000 }; /* long, but shorter than any machine has been running by now */

static struct event *idle_event;
static atomic_bool is_time;
static atomic_uint back, too_early;

static void come_back(void *arg, size_t index)
{
    (void)arg;
    (void)index;
    atomic_fetch_add(atomic_load(&is_time) ? &back : &too_early, 1);
}

static void *wait_plainly(void *arg)
{
    event_wait(idle_event);
    come_back(arg, 0);
    return NULL;
}

static void *wait_with_time_out(void *arg)
{
    if (event_wait_for(idle_event, LONG_MS))
        come_back(arg, 0);
    return NULL;
}

/* Half of the waiters are tasks, the rest wait in event_wait and event_wait_for by turns. */
static uint64_t idle_student(const struct bench_job *job)
{
    const unsigned tasks_count = (job->workers + 1) / 2, threads_count = job->workers - tasks_count;
    pthread_t threads[TASKS_MAX];
    idle_event = create(job);
    struct event_tasks *tasks = start(idle_event, tasks_count, come_back, NULL);
    for (unsigned i = 0; i < threads_count; i++)
        if (pthread_create(&threads[i], NULL, i % 2 == 0 ? wait_plainly : wait_with_time_out, NULL) != 0)
            bench_fail("cannot start a thread");
    timing_sleep_ms(IDLE_MS);
    atomic_store(&is_time, true);
    event_set(idle_event);
    event_tasks_join(tasks);
    for (unsigned i = 0; i < threads_count; i++)
        pthread_join(threads[i], NULL);
    event_free(idle_event);
    if (atomic_load(&too_early) != 0 || atomic_load(&back) != job->workers)
        bench_fail("%u of %u waiters came back when the event was set, %u before", atomic_load(&back), job->workers,
                   atomic_load(&too_early));
    return job->seed;
}

#endif

const struct bench_measure bench_measures[] = {
    {.name = "overlap", .baseline = overlap_baseline, .student = BENCH_ROLE(overlap_student)},
    {.name = "idle", .student = BENCH_ROLE(idle_student)},
    {.name = NULL},
};
