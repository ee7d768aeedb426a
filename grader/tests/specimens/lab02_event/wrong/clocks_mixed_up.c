/* expect: tests early; schedules assertion; races PASSED | a moment of the monotonic clock for a condition that runs on the other clock */
#include <stdatomic.h>
#include <stdlib.h>
#include <threads.h>
#include <time.h>
#include "event.h"

/* C11 all through: <threads.h> is the standard, pthreads are not. */
struct event {
	mtx_t m;
	cnd_t c;
	bool set;
};

struct event *event_create(void)
{
	struct event *e = malloc(sizeof *e);

	if (!e)
		return NULL;
	e->set = false;
	if (mtx_init(&e->m, mtx_timed) == thrd_success) {
		if (cnd_init(&e->c) == thrd_success)
			return e;
		mtx_destroy(&e->m);
	}
	free(e);
	return NULL;
}

void event_free(struct event *e)
{
	if (!e)
		return;
	cnd_destroy(&e->c);
	mtx_destroy(&e->m);
	free(e);
}

void event_set(struct event *e)
{
	mtx_lock(&e->m);
	e->set = true;
	cnd_broadcast(&e->c);
	mtx_unlock(&e->m);
}

void event_clear(struct event *e)
{
	mtx_lock(&e->m);
	e->set = false;
	mtx_unlock(&e->m);
}

bool event_is_set(struct event *e)
{
	mtx_lock(&e->m);
	bool set = e->set;
	mtx_unlock(&e->m);
	return set;
}

void event_wait(struct event *e)
{
	mtx_lock(&e->m);
	while (!e->set)
		cnd_wait(&e->c, &e->m);
	mtx_unlock(&e->m);
}

/* The monotonic clock, as the header wants it. */
bool event_wait_for(struct event *e, unsigned milliseconds)
{
	struct timespec ts;
	bool set;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	ts.tv_sec += milliseconds / 1000;
	ts.tv_nsec += milliseconds % 1000 * 1000000l;
	if (ts.tv_nsec >= 1000000000l) {
		ts.tv_nsec -= 1000000000l;
		++ts.tv_sec;
	}
	mtx_lock(&e->m);
	while (!e->set)
		if (cnd_timedwait(&e->c, &e->m, &ts) == thrd_timedout)
			break;
	set = e->set;
	mtx_unlock(&e->m);
	return set;
}

struct event_tasks {
	thrd_t threads[64];
	size_t n;
	atomic_size_t index;
	struct event *event;
	event_task *run;
	void *arg;
	mtx_t wait_for_it;
	int ok;
};

static int thread(void *p)
{
	struct event_tasks *g = p;

	mtx_lock(&g->wait_for_it);
	int ok = g->ok;
	mtx_unlock(&g->wait_for_it);
	if (!ok)
		return 1;
	event_wait(g->event);
	g->run(g->arg, g->index++);
	return 0;
}

struct event_tasks *event_tasks_start(struct event *event, size_t n, event_task *run, void *arg)
{
	struct event_tasks *g = calloc(1, sizeof(struct event_tasks));

	if (!g)
		return NULL;
	g->event = event;
	g->run = run;
	g->arg = arg;
	mtx_init(&g->wait_for_it, mtx_plain);
	mtx_lock(&g->wait_for_it);
	while (g->n < n && thrd_create(&g->threads[g->n], thread, g) == thrd_success)
		++g->n;
	int ok = g->ok = g->n == n;
	mtx_unlock(&g->wait_for_it);
	if (!ok) {
		event_tasks_join(g);
		return NULL;
	}
	return g;
}

void event_tasks_join(struct event_tasks *g)
{
	if (!g)
		return;
	for (size_t i = 0; i < g->n; ++i)
		thrd_join(g->threads[i], NULL);
	mtx_destroy(&g->wait_for_it);
	free(g);
}
