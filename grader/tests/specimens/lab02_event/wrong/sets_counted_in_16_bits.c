/* expect: tests clear_and_reuse | half a word counts the sets: after 65,536 of them a sleeper takes the event for the
 * one it fell asleep at */
#define _GNU_SOURCE 1
#include "event.h"

#include <errno.h>
#include <linux/futex.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/*
 *     31            16   15 .. 1    0
 *   +----------------+---------+-----+
 *   |  sets so far   |  unused | set |
 *   +----------------+---------+-----+
 *
 * All in one word, so that a sleeper is told of a set even if it was cleared since.
 */
enum { SET = 1, ONE_MORE = 1 << 16 };

struct event {
    _Atomic uint32_t word;
};

static uint32_t sets_of(uint32_t word)
{
    return word / ONE_MORE;
}

struct event *event_create(void)
{
    struct event *e = malloc(sizeof *e);
    if (e != NULL)
        atomic_init(&e->word, 0);
    return e;
}

void event_free(struct event *e)
{
    free(e);
}

void event_set(struct event *e)
{
    uint32_t old = atomic_load(&e->word);
    do {
        if (old & SET)
            return;
    } while (!atomic_compare_exchange_weak(&e->word, &old, (old + ONE_MORE) | SET));
    syscall(SYS_futex, &e->word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

void event_clear(struct event *e)
{
    atomic_fetch_and(&e->word, ~(uint32_t)SET);
}

bool event_is_set(struct event *e)
{
    return atomic_load(&e->word) & SET;
}

/* until: on the monotonic clock; NULL: for ever */
static bool sleep_until(struct event *e, const struct timespec *until)
{
    uint32_t word = atomic_load(&e->word);
    const uint32_t sets = sets_of(word);
    if (word & SET)
        return true;
    for (;;) {
        const long r =
            syscall(SYS_futex, &e->word, FUTEX_WAIT_BITSET_PRIVATE, word, until, NULL, FUTEX_BITSET_MATCH_ANY);
        const bool late = r == -1 && errno == ETIMEDOUT;
        word = atomic_load(&e->word);
        if (sets_of(word) != sets)
            return true;
        if (late)
            return word & SET;
    }
}

void event_wait(struct event *e)
{
    sleep_until(e, NULL);
}

bool event_wait_for(struct event *e, unsigned milliseconds)
{
    struct timespec until;
    if (milliseconds == 0)
        return event_is_set(e);
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += milliseconds / 1000;
    until.tv_nsec += milliseconds % 1000 * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_nsec -= 1000000000L;
        until.tv_sec++;
    }
    return sleep_until(e, &until);
}

/* ---- tasks ---- */

struct event_tasks {
    struct event *event;
    event_task *run;
    void *arg;
    size_t count;
    struct event decided; /* set when it is known whether there will be a group */
    bool called_off;
    struct member {
        struct event_tasks *group;
        pthread_t id;
    } member[];
};

static void *member_main(void *p)
{
    struct member *me = p;
    struct event_tasks *group = me->group;
    event_wait(&group->decided);
    if (!group->called_off) {
        event_wait(group->event);
        group->run(group->arg, (size_t)(me - group->member));
    }
    return NULL;
}

static void dismiss(struct event_tasks *group)
{
    for (size_t i = 0; i < group->count; i++)
        pthread_join(group->member[i].id, NULL);
    free(group);
}

struct event_tasks *event_tasks_start(struct event *event, size_t n, event_task *run, void *arg)
{
    struct event_tasks *group = malloc(sizeof *group + n * sizeof group->member[0]);
    if (group == NULL)
        return NULL;
    group->event = event;
    group->run = run;
    group->arg = arg;
    group->called_off = false;
    atomic_init(&group->decided.word, 0);
    for (group->count = 0; group->count < n; group->count++) {
        struct member *m = &group->member[group->count];
        m->group = group;
        if (pthread_create(&m->id, NULL, member_main, m) != 0) {
            group->called_off = true;
            break;
        }
    }
    event_set(&group->decided);
    if (!group->called_off)
        return group;
    dismiss(group);
    return NULL;
}

void event_tasks_join(struct event_tasks *tasks)
{
    if (tasks != NULL)
        dismiss(tasks);
}
