/* expect: tests clear; schedules lost-wake-up | the first waiter that wakes clears the event */
#include "event.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

struct event {
	int		on;
	pthread_cond_t	wakeup;
	pthread_mutex_t	mtx;
};

struct event *
event_create(void)
{
	pthread_condattr_t ca;
	struct event *ev;

	if ((ev = calloc(1, sizeof(*ev))) == NULL)
		return (NULL);
	pthread_condattr_init(&ca);
	pthread_condattr_setclock(&ca, CLOCK_MONOTONIC);
	pthread_cond_init(&ev->wakeup, &ca);
	pthread_condattr_destroy(&ca);
	pthread_mutex_init(&ev->mtx, NULL);
	return (ev);
}

void
event_free(struct event *ev)
{
	if (ev == NULL)
		return;
	pthread_mutex_destroy(&ev->mtx);
	pthread_cond_destroy(&ev->wakeup);
	free(ev);
}

static int
event_exchange(struct event *ev, int on)
{
	int was;

	pthread_mutex_lock(&ev->mtx);
	was = ev->on;
	ev->on = on;
	if (on && !was)
		pthread_cond_broadcast(&ev->wakeup);
	pthread_mutex_unlock(&ev->mtx);
	return (was);
}

void
event_set(struct event *ev)
{
	event_exchange(ev, 1);
}

void
event_clear(struct event *ev)
{
	event_exchange(ev, 0);
}

bool
event_is_set(struct event *ev)
{
	int on;

	pthread_mutex_lock(&ev->mtx);
	on = ev->on;
	pthread_mutex_unlock(&ev->mtx);
	return (on != 0);
}

void
event_wait(struct event *ev)
{
	pthread_mutex_lock(&ev->mtx);
	while (!ev->on)
		pthread_cond_wait(&ev->wakeup, &ev->mtx);
	ev->on = 0;		/* consumed */
	pthread_mutex_unlock(&ev->mtx);
}

bool
event_wait_for(struct event *ev, unsigned milliseconds)
{
	struct timespec ts;
	int error = 0, on;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	ts.tv_sec += milliseconds / 1000;
	ts.tv_nsec += (milliseconds % 1000) * 1000000L;
	ts.tv_sec += ts.tv_nsec / 1000000000L;
	ts.tv_nsec %= 1000000000L;
	pthread_mutex_lock(&ev->mtx);
	while (!ev->on && error != ETIMEDOUT)
		error = pthread_cond_timedwait(&ev->wakeup, &ev->mtx, &ts);
	on = ev->on;
	ev->on = 0;
	pthread_mutex_unlock(&ev->mtx);
	return (on != 0);
}

/*
 * Tasks. The starter write-locks the group until it knows whether all threads
 * are there; each thread read-locks it to find out.
 */
struct event_tasks {
	pthread_rwlock_t	 complete;
	bool			 dead;
	struct event		*ev;
	event_task		*run;
	void			*arg;
	size_t			 n;
	struct worker {
		struct event_tasks *et;
		pthread_t	 td;
	}			 w[];
};

static void *
worker_main(void *p)
{
	struct worker *w = p;
	struct event_tasks *et = w->et;
	bool dead;

	pthread_rwlock_rdlock(&et->complete);
	dead = et->dead;
	pthread_rwlock_unlock(&et->complete);
	if (dead)
		return (NULL);
	event_wait(et->ev);
	et->run(et->arg, (size_t)(w - et->w));
	return (NULL);
}

void
event_tasks_join(struct event_tasks *et)
{
	if (et == NULL)
		return;
	while (et->n-- > 0)
		pthread_join(et->w[et->n].td, NULL);
	pthread_rwlock_destroy(&et->complete);
	free(et);
}

struct event_tasks *
event_tasks_start(struct event *ev, size_t n, event_task *run, void *arg)
{
	struct event_tasks *et;

	if ((et = calloc(1, sizeof(*et) + n * sizeof(et->w[0]))) == NULL)
		return (NULL);
	pthread_rwlock_init(&et->complete, NULL);
	pthread_rwlock_wrlock(&et->complete);
	et->ev = ev;
	et->run = run;
	et->arg = arg;
	for (; et->n < n; et->n++) {
		et->w[et->n].et = et;
		if (pthread_create(&et->w[et->n].td, NULL, worker_main, &et->w[et->n]) != 0)
			break;
	}
	bool dead = et->dead = et->n < n;
	pthread_rwlock_unlock(&et->complete);
	if (dead) {
		event_tasks_join(et);
		et = NULL;
	}
	return (et);
}
