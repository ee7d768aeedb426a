/* expect: tests left; schedules memory-leak | counter_free gives back the mutex but not the memory */
#include "counter.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

/*
 * Lab 1, Threaded counter.
 *
 * The mutex is the ERRORCHECK kind so that I find out at once when I lock twice.
 */

typedef struct counter Counter;

struct counter
{
	pthread_mutex_t mutex;
	int64_t         total;
};

static void die(const char *what)
{
	perror(what);
	abort();
}

static void lock(Counter *self)
{
	errno = pthread_mutex_lock(&self->mutex);
	if (errno != 0)
		die("lock");
}

static void unlock(Counter *self)
{
	errno = pthread_mutex_unlock(&self->mutex);
	if (errno != 0)
		die("unlock");
}

Counter *counter_create(void)
{
	pthread_mutexattr_t kind;
	Counter *self = calloc(1, sizeof(Counter));

	if (!self)
		return NULL;
	pthread_mutexattr_init(&kind);
	pthread_mutexattr_settype(&kind, PTHREAD_MUTEX_ERRORCHECK);
	if (pthread_mutex_init(&self->mutex, &kind) != 0)
	{
		free(self);
		self = NULL;
	}
	pthread_mutexattr_destroy(&kind);
	return self;
}

void counter_free(Counter *self)
{
	if (self)
		pthread_mutex_destroy(&self->mutex);
}

int64_t counter_value(Counter *self)
{
	int64_t now;

	lock(self);
	now = self->total;
	unlock(self);
	return now;
}

void counter_add(Counter *self, int64_t amount)
{
	lock(self);
	self->total += amount;
	unlock(self);
}

void counter_increment(Counter *self)
{
	counter_add(self, 1);
}

/* ---------------------------------------------------------------- */

struct piece
{
	counter_predicate *predicate;
	int64_t            first;
	int64_t            last; /* this one, too */
	int64_t            yes;
};

static void *piece_main(void *vp)
{
	struct piece *piece = vp;
	int64_t       yes = 0;
	int64_t       x;

	for (x = piece->first; x <= piece->last; ++x)
	{
		if (piece->predicate(x))
			++yes;
	}
	piece->yes = yes;
	return NULL;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
	struct piece pieces[64];
	pthread_t    handles[64];
	unsigned     wanted = threads ? threads : 1;
	unsigned     running;
	int64_t      first = 0;
	int64_t      yes = 0;

	for (running = 0; running < wanted; ++running)
	{
		int64_t length = n / wanted + (running < n % wanted ? 1 : 0);

		pieces[running].predicate = predicate;
		pieces[running].first = first;
		pieces[running].last = first + length - 1;
		first += length;
		if (pthread_create(&handles[running], NULL, piece_main, &pieces[running]) != 0)
			break;
	}
	for (unsigned i = 0; i < running; ++i)
	{
		pthread_join(handles[i], NULL);
		yes += pieces[i].yes;
	}
	return running == wanted ? yes : -1;
}
