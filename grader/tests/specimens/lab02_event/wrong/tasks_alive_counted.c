/* expect: schedules data-race; races race | the tasks alive are counted in a static variable, for debugging, and start and join change it without a lock */
#define _GNU_SOURCE

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "event.h"

/* how many tasks are there? (gdb: print tasks_alive) */
static long tasks_alive = 0;

/******************************** gauge ********************************
 * A number one can wait for: as long as it reads 0, gauge_await sleeps.
 * An event is a gauge that reads 0 or 1. The starting line of a group of
 * tasks is a gauge, too: 0 = not yet, 1 = go, 2 = forget it.
 ***********************************************************************/

typedef struct {
	pthread_mutex_t m;
	pthread_cond_t c;
	unsigned reading;
} Gauge;

static const struct timespec FOREVER = {INTMAX_MAX, 0};

static void gauge_init(Gauge *g)
{
	pthread_mutex_init(&g->m, NULL);
	pthread_cond_init(&g->c, NULL);
	g->reading = 0;
}

static void gauge_fini(Gauge *g)
{
	pthread_cond_destroy(&g->c);
	pthread_mutex_destroy(&g->m);
}

static void gauge_write(Gauge *g, unsigned value)
{
	pthread_mutex_lock(&g->m);
	if (g->reading == 0 && value != 0)
		pthread_cond_broadcast(&g->c);
	g->reading = value;
	pthread_mutex_unlock(&g->m);
}

static unsigned gauge_read(Gauge *g)
{
	pthread_mutex_lock(&g->m);
	unsigned value = g->reading;
	pthread_mutex_unlock(&g->m);
	return value;
}

/* Returns the reading, which is 0 only if `limit` has come. */
static unsigned gauge_await(Gauge *g, struct timespec limit)
{
	unsigned value;

	pthread_mutex_lock(&g->m);
	for (int late = 0; (value = g->reading) == 0 && !late;) {
		if (limit.tv_sec == FOREVER.tv_sec)
			pthread_cond_wait(&g->c, &g->m);
		else
			late = ETIMEDOUT == pthread_cond_clockwait(&g->c, &g->m, CLOCK_MONOTONIC, &limit);
	}
	pthread_mutex_unlock(&g->m);
	return value;
}

/******************************** event ********************************/

struct event {
	Gauge gauge;
};

struct event *event_create(void)
{
	struct event *self;

	if ((self = malloc(sizeof *self)) != NULL)
		gauge_init(&self->gauge);
	return self;
}

void event_free(struct event *self)
{
	if (self != NULL)
		gauge_fini(&self->gauge);
	free(self);
}

void event_set(struct event *self) { gauge_write(&self->gauge, 1); }
void event_clear(struct event *self) { gauge_write(&self->gauge, 0); }
bool event_is_set(struct event *self) { return gauge_read(&self->gauge) == 1; }
void event_wait(struct event *self) { gauge_await(&self->gauge, FOREVER); }

bool event_wait_for(struct event *self, unsigned milliseconds)
{
	struct timespec limit;

	clock_gettime(CLOCK_MONOTONIC, &limit);
	limit.tv_sec += milliseconds / 1000;
	for (limit.tv_nsec += 1000 * 1000L * (milliseconds % 1000); limit.tv_nsec > 999999999; limit.tv_sec++)
		limit.tv_nsec -= 1000 * 1000 * 1000L;
	return gauge_await(&self->gauge, limit) == 1;
}

/******************************** tasks ********************************/

enum { NOT_YET, GO, FORGET_IT };

/* One link for each thread; the newest comes first. */
typedef struct Link {
	struct Link *older;
	struct event_tasks *chain;
	size_t number;
	pthread_t tid;
} Link;

struct event_tasks {
	Gauge line;
	struct event *event;
	event_task *body;
	void *body_arg;
	Link *newest;
	size_t length;
};

static void *link_main(void *vlink)
{
	Link *const link = vlink;
	struct event_tasks *const chain = link->chain;

	if (gauge_await(&chain->line, FOREVER) == FORGET_IT)
		return NULL;
	event_wait(chain->event);
	chain->body(chain->body_arg, link->number);
	return NULL;
}

/* One thread more. -1: there is none, or no memory for its link. */
static int chain_grow(struct event_tasks *chain)
{
	Link *link = malloc(sizeof *link);

	if (link == NULL)
		return -1;
	link->chain = chain;
	link->number = chain->length;
	link->older = chain->newest;
	if (pthread_create(&link->tid, NULL, link_main, link) != 0) {
		free(link);
		return -1;
	}
	chain->newest = link;
	chain->length++;
	return 0;
}

static void chain_end(struct event_tasks *chain)
{
	Link *link;

	while ((link = chain->newest) != NULL) {
		chain->newest = link->older;
		pthread_join(link->tid, NULL);
		free(link);
	}
	gauge_fini(&chain->line);
	free(chain);
}

struct event_tasks *event_tasks_start(struct event *event, size_t n, event_task *run, void *arg)
{
	struct event_tasks *chain = malloc(sizeof *chain);

	if (chain == NULL)
		return NULL;
	memset(chain, 0, sizeof *chain);
	gauge_init(&chain->line);
	chain->event = event;
	chain->body = run;
	chain->body_arg = arg;

	while (chain->length < n) {
		if (chain_grow(chain) < 0) {
			gauge_write(&chain->line, FORGET_IT);
			chain_end(chain);
			return NULL;
		}
	}
	tasks_alive += (long)n;
	gauge_write(&chain->line, GO);
	return chain;
}

void event_tasks_join(struct event_tasks *chain)
{
	if (chain != NULL) {
		const long gone = (long)chain->length;
		chain_end(chain);
		tasks_alive -= gone;
	}
}
