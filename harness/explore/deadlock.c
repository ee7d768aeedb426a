#include "deadlock.h"

#include <stdio.h>

#include "sync.h"
#include "verdict.h"

enum { NAME_BYTES = 24 };

static const char *name_thread(const struct thread *thread, char name[NAME_BYTES])
{
    if (thread->id == 0)
        return "main";
    snprintf(name, NAME_BYTES, "thread %d", thread->id);
    return name;
}

/* The object at the address that `thread` waits at; other processes' own may have the same. */
static struct sync *wanted_by(const struct thread *thread)
{
    struct sync *between = NULL;
    for (struct sync *sync = sync_all(); sync != NULL; sync = sync->next) {
        if (sync->address != thread->operation.object || sync->destroyed)
            continue;
        if (sync->process == thread->process)
            return sync;
        if (sync->between && between == NULL)
            between = sync;
    }
    return between;
}

static int holder(const struct sync *sync)
{
    if (sync->owner != NOBODY)
        return sync->owner;
    if (sync->kind == SYNC_RWLOCK)
        for (int id = 0; id < schedule.count; id++)
            if (sync->reading[id] > 0)
                return id;
    return NOBODY;
}

static bool is_lock(const struct sync *sync)
{
    return sync->kind == SYNC_MUTEX || sync->kind == SYNC_RWLOCK || sync->kind == SYNC_SPIN;
}

static bool waits_at_barrier(const struct thread *thread)
{
    const struct sync *sync = wanted_by(thread);
    return sync != NULL && sync->kind == SYNC_BARRIER;
}

/* Whom `thread` waits for: the holder of the lock it wants, or the thread it joins; NULL if that cannot be said. */
static struct thread *waits_for(const struct thread *thread)
{
    for (int id = 0; id < schedule.count; id++)
        if (thread->operation.object == (uintptr_t)&schedule.threads[id])
            return &schedule.threads[id];
    const struct sync *sync = wanted_by(thread);
    if (sync == NULL || !is_lock(sync) || holder(sync) == NOBODY)
        return NULL;
    return &schedule.threads[holder(sync)];
}

/* Where the waiting of a thread ends; NOWHERE is for one that somebody may yet wake. */
enum circle { NOWHERE, AT_OTHERS, AT_THEIR_END, AT_ITSELF, AT_THE_DEAD };

static enum circle circle_of(struct thread *from)
{
    struct thread *thread = from;
    bool joins = false;
    for (int steps = 0; steps <= schedule.count; steps++) {
        joins |= wanted_by(thread) == NULL;
        thread = waits_for(thread);
        if (thread == NULL)
            return NOWHERE;
        if (!thread->alive)
            return AT_THE_DEAD;
        if (thread == from)
            return steps == 0 ? AT_ITSELF : joins ? AT_THEIR_END : AT_OTHERS;
    }
    return NOWHERE;
}

static const char *const circle_words[] = {
    [AT_OTHERS] = "each of these threads holds a lock that another of them waits for, for ever: whoever needs several "
                  "locks must take them in the same order everywhere",
    [AT_THEIR_END] =
        "a thread waits for the end of another one, which waits for a lock that the first one holds, for ever",
    [AT_ITSELF] = "a thread waits for ever for a lock that it holds itself",
    [AT_THE_DEAD] = "who holds the lock has ended and cannot give it back, and others wait for it for ever",
};

/* The lock that `thread` wants from somebody who waits, too, but not for a lock or for the end of a thread: NULL if
 * there is none. */
static struct sync *kept_while_waiting(const struct thread *thread)
{
    struct sync *sync = wanted_by(thread);
    const struct thread *other = sync != NULL ? waits_for(thread) : NULL;
    return other != NULL && other->alive && waits_for(other) == NULL ? sync : NULL;
}

/* Somebody waits with a lock in hand that another one needs: reports that, or returns. */
static void report_hold_and_wait(void)
{
    for (int id = 0; id < schedule.count; id++) {
        const struct thread *thread = &schedule.threads[id];
        const struct sync *lock = thread->alive ? kept_while_waiting(thread) : NULL;
        if (lock == NULL)
            continue;
        const struct thread *keeper = waits_for(thread);
        verdict_place(keeper->id, lock->pc, "took the %s", sync_name(lock->kind));
        verdict_place(keeper->id, keeper->operation.pc, "keeps it, and waits: %s", keeper->operation.words);
        char name[NAME_BYTES];
        verdict_place(thread->id, thread->operation.pc, "waits to %s, held by %s", thread->operation.words,
                      name_thread(keeper, name));
        verdict_end(VERDICT_DEADLOCK,
                    "a thread waits while it holds a %s that another one needs to go on: what it waits for cannot "
                    "happen before it gives the lock back, so they take turns at best, and wait for ever at worst",
                    sync_name(lock->kind));
    }
}

static void tell_waiting(const struct thread *thread)
{
    const struct thread *other = waits_for(thread);
    const struct sync *sync = wanted_by(thread);
    if (sync != NULL && other != NULL) {
        char name[NAME_BYTES];
        verdict_place(thread->id, thread->operation.pc, "waits to %s, held by %s%s", thread->operation.words,
                      other == thread ? "itself" : name_thread(other, name), other->alive ? "" : ", which has ended");
        verdict_place(other->id, sync->pc, "took it");
        return;
    }
    verdict_place(thread->id, thread->operation.pc, "waits: %s", thread->operation.words);
}

_Noreturn void deadlock_report(void)
{
    enum circle circle = NOWHERE;
    bool data = false, barrier = false;
    for (int id = 0; id < schedule.count; id++) {
        if (circle == NOWHERE && schedule.threads[id].alive)
            circle = circle_of(&schedule.threads[id]);
        data |= schedule.threads[id].alive && schedule.threads[id].operation.data;
        barrier |= schedule.threads[id].alive && waits_at_barrier(&schedule.threads[id]);
    }
    if (circle == NOWHERE)
        report_hold_and_wait();
    for (int id = 0; id < schedule.count; id++)
        if (schedule.threads[id].alive && (circle == NOWHERE || circle_of(&schedule.threads[id]) != NOWHERE))
            tell_waiting(&schedule.threads[id]);
    if (circle != NOWHERE)
        verdict_end(VERDICT_DEADLOCK, "%s", circle_words[circle]);
    if (data)
        verdict_end(VERDICT_LOST_WAKEUP,
                    "every thread waits, one for data that nobody will write or for their end, which "
                    "does not come while any process holds the writing end open");
    if (barrier)
        verdict_end(VERDICT_LOST_WAKEUP, "every thread waits, and not as many come to the barrier as it waits for");
    verdict_end(VERDICT_LOST_WAKEUP, "every thread waits, and nobody is left to wake one: the signal was given before "
                                     "anybody waited, went to another waiter, or was never given");
}

_Noreturn void deadlock_report_livelock(void)
{
    for (int id = 0; id < schedule.count; id++)
        if (schedule.threads[id].alive)
            verdict_place(id, schedule.threads[id].operation.pc, "%s, again and again",
                          schedule.threads[id].operation.words);
    verdict_end(VERDICT_LIVELOCK, "these threads look at something again and again that no thread will ever change");
}

void deadlock_leave_robust(struct thread *ended)
{
    for (struct sync *sync = sync_all(); sync != NULL; sync = sync->next)
        if (!sync->destroyed && sync->robust && sync->owner == ended->id) {
            sync->owner = NOBODY;
            sync->owner_died = true;
            clock_join(&sync->clock, &ended->clock);
            ended->held--;
        }
}

void deadlock_check_end(struct thread *ended)
{
    deadlock_leave_robust(ended);
    if (ended->held <= 0)
        return;
    for (struct sync *sync = sync_all(); sync != NULL; sync = sync->next) {
        if (sync->destroyed || !is_lock(sync))
            continue;
        if (sync->owner == ended->id || sync->reading[ended->id] > 0) {
            verdict_place(ended->id, sync->pc, "took it");
            verdict_end(VERDICT_EXIT_WITH_LOCK, "a thread ends while it holds a %s", sync_name(sync->kind));
        }
    }
}
