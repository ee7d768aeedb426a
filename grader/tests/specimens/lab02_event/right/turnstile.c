/* expect: right | a semaphore as a turnstile: it stands at 1 while the event is set, and who gets through lets the next one through */
#define _GNU_SOURCE
#include "event.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <threads.h>
#include <time.h>

struct event {
	sem_t turnstile;
	mtx_t change; /* one set or clear at a time */
	bool open;    /* under change */
};

struct event *event_create(void)
{
	struct event *e = malloc(sizeof *e);

	if (!e)
		return NULL;
	if (mtx_init(&e->change, mtx_plain) != thrd_success) {
		free(e);
		return NULL;
	}
	sem_init(&e->turnstile, 0, 0);
	e->open = false;
	return e;
}

void event_free(struct event *e)
{
	if (!e)
		return;
	sem_destroy(&e->turnstile);
	mtx_destroy(&e->change);
	free(e);
}

/* until == NULL: no time-out */
static bool pass(sem_t *s, const struct timespec *until)
{
	for (;;) {
		int rc = until ? sem_clockwait(s, CLOCK_MONOTONIC, until) : sem_wait(s);

		if (rc == 0)
			return true;
		if (errno != EINTR)
			return false;
	}
}

void event_set(struct event *e)
{
	mtx_lock(&e->change);
	if (!e->open)
		sem_post(&e->turnstile);
	e->open = true;
	mtx_unlock(&e->change);
}

/* Waits at the turnstile itself: whoever is just passing gives it back at once. */
void event_clear(struct event *e)
{
	mtx_lock(&e->change);
	if (e->open)
		pass(&e->turnstile, NULL);
	e->open = false;
	mtx_unlock(&e->change);
}

bool event_is_set(struct event *e)
{
	bool open;

	mtx_lock(&e->change);
	open = e->open;
	mtx_unlock(&e->change);
	return open;
}

void event_wait(struct event *e)
{
	pass(&e->turnstile, NULL);
	sem_post(&e->turnstile);
}

bool event_wait_for(struct event *e, unsigned ms)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += ms / 1000;
	t.tv_nsec += ms % 1000 * 1000000L;
	while (t.tv_nsec >= 1000000000L)
		t.tv_sec++, t.tv_nsec -= 1000000000L;
	if (!pass(&e->turnstile, &t))
		return event_is_set(e); /* somebody may have been in it at the last moment */
	sem_post(&e->turnstile);
	return true;
}

/* Tasks: the group has a turnstile, too, which opens when it is known whether all could be started. */
struct event_tasks {
	struct event *event, *known;
	event_task *run;
	void *arg;
	size_t n;
	bool all;
	struct task {
		struct event_tasks *tasks;
		size_t index;
		thrd_t thread;
	} *task;
};

static int task_main(void *p)
{
	struct task *t = p;
	struct event_tasks *ts = t->tasks;

	event_wait(ts->known);
	if (!ts->all)
		return thrd_error;
	event_wait(ts->event);
	ts->run(ts->arg, t->index);
	return thrd_success;
}

void event_tasks_join(struct event_tasks *ts)
{
	if (!ts)
		return;
	for (size_t i = 0; i < ts->n; i++)
		thrd_join(ts->task[i].thread, NULL);
	event_free(ts->known);
	free(ts->task);
	free(ts);
}

struct event_tasks *event_tasks_start(struct event *event, size_t n, event_task *run, void *arg)
{
	struct event_tasks *ts = calloc(1, sizeof *ts);
	bool all;

	if (!ts)
		return NULL;
	ts->event = event;
	ts->run = run;
	ts->arg = arg;
	ts->task = calloc(n ? n : 1, sizeof *ts->task);
	ts->known = event_create();
	if (!ts->task || !ts->known) {
		event_tasks_join(ts);
		return NULL;
	}
	for (; ts->n < n; ts->n++) {
		ts->task[ts->n].tasks = ts;
		ts->task[ts->n].index = ts->n;
		if (thrd_create(&ts->task[ts->n].thread, task_main, &ts->task[ts->n]) != thrd_success)
			break;
	}
	all = ts->all = ts->n == n;
	event_set(ts->known);
	if (!all) {
		event_tasks_join(ts);
		ts = NULL;
	}
	return ts;
}
