/*
 * event.h: an event that threads wait for, and tasks that an event releases.
 *
 * This is the contract: the tests check what stands here and nothing else. Do not edit it.
 *
 * What a thread wrote before it called event_set can be seen by every thread whose wait that call
 * ended. "Waits" means: the thread sleeps and costs no CPU time until it is woken. It does not look
 * again and again whether something has happened, neither in a loop nor with short pauses. (How a call
 * gets a lock that others hold for a moment is another matter: it may try again and again.)
 */
#ifndef EVENT_H
#define EVENT_H

#include <stdbool.h>
#include <stddef.h>

/* Yours to define in event.c: what an event and a group of tasks are made of. */
struct event;
struct event_tasks;

/* event_create: makes an event that is not set. The caller owns it and gives it back with
 * event_free. Returns NULL if memory, or what else an event is made of, runs out. Does not wait for
 * anything but calls of other threads. Thread safe. Events have nothing to do with one another. */
struct event *event_create(void);

/* event_free: releases all that belongs to `event`, which may be NULL (then nothing happens). No
 * other call on this event may be running or follow, and no tasks that wait for it may be left: the
 * caller sees to that. Does not block. */
void event_free(struct event *event);

/* event_set: sets the event; it stays set until event_clear. All threads that wait for it come back,
 * not only one. Setting an event that is set changes nothing. If it is cleared again at once, a
 * thread that has not woken up yet may either come back or wait on for the next event_set.
 * Cannot fail. May wait a moment for calls of other threads, never until somebody acts. Thread safe. */
void event_set(struct event *event);

/* event_clear: from now on the event is not set. Clearing an event that is not set changes nothing.
 * Blocking and thread safety as for event_set. */
void event_clear(struct event *event);

/* event_is_set: whether the event is set now. Blocking and thread safety as for event_set. */
bool event_is_set(struct event *event);

/* event_wait: blocks until the event is set; returns at once, leaving the event set, if it is. It
 * returns for no other reason: not for a spurious wake-up, not because this thread has handled a
 * signal. A set is never missed, at whatever moment it comes. Any number of threads may wait for one
 * event. */
void event_wait(struct event *event);

/* event_wait_for: as event_wait, but gives up when `milliseconds` have passed. Returns true if the
 * event was set, false if the time was up first. Any value of `milliseconds` will do; 0 means: only
 * look. The time runs from the call, on the monotonic clock (CLOCK_MONOTONIC): setting the
 * computer's date makes it neither shorter nor longer, nor do signals and wake-ups in between.
 * Never returns false before the time is up, and not much later: how late is up to the
 * scheduler. */
bool event_wait_for(struct event *event, unsigned milliseconds);

/* A task; `arg` is what event_tasks_start was given, `index` says which of the tasks it is. */
typedef void event_task(void *arg, size_t index);

/* event_tasks_start: starts n tasks (0 to 64), each on a thread of its own, and returns without
 * waiting for the event. Each thread waits until `event` is set and then calls run(arg, index) once,
 * with an index of its own from 0 to n-1. Released tasks run at the same time: one that blocks does
 * not hold up the others. `event` must stay valid until event_tasks_join has returned. Several groups
 * may wait for one event.
 *
 * Returns the group, to be handed to event_tasks_join, or NULL if memory or threads run out. Then no
 * task of this call has run or ever will, even if the event is set, and every thread that was started
 * for it has ended and has been joined.
 * May wait a moment for threads to start or end, never for the event. Thread safe. */
struct event_tasks *event_tasks_start(struct event *event, size_t n, event_task *run, void *arg);

/* event_tasks_join: blocks until all tasks of the group have run and their threads have ended, then
 * releases the group. `tasks` may be NULL (then nothing happens). To be called once for a group, by a
 * thread that is not one of its tasks. */
void event_tasks_join(struct event_tasks *tasks);

#endif
