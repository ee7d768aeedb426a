/* expect: right | a byte lies in a pipe while the event is set and waiters poll() with the remaining milliseconds rounded up and cut to INT_MAX; groups live in mmap'ed memory and each thread starts behind a mutex of its own */
#define _GNU_SOURCE
#include "event.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

struct event
{
	int in, out;            /* ends of the pipe */
	bool set;
	pthread_mutex_t lock;
};

static bool nonblocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);
	return flags != -1 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) != -1;
}

struct event *event_create(void)
{
	struct event *e = malloc(sizeof(struct event));
	int ends[2];

	if (e == NULL)
		return NULL;
	if (pipe(ends) == -1)
	{
		free(e);
		return NULL;
	}
	e->in = ends[1];
	e->out = ends[0];
	e->set = false;
	if (!nonblocking(e->in) || !nonblocking(e->out) || pthread_mutex_init(&e->lock, NULL) != 0)
	{
		close(e->in);
		close(e->out);
		free(e);
		return NULL;
	}
	return e;
}

void event_free(struct event *e)
{
	if (e == NULL)
		return;
	close(e->in);
	close(e->out);
	pthread_mutex_destroy(&e->lock);
	free(e);
}

void event_set(struct event *e)
{
	ssize_t r;

	pthread_mutex_lock(&e->lock);
	if (!e->set)
	{
		do
			r = write(e->in, "!", 1);
		while (r == -1 && errno == EINTR);
		e->set = true;
	}
	pthread_mutex_unlock(&e->lock);
}

void event_clear(struct event *e)
{
	ssize_t r;
	char byte;

	pthread_mutex_lock(&e->lock);
	if (e->set)
	{
		do
			r = read(e->out, &byte, 1);
		while (r == -1 && errno == EINTR);
		e->set = false;
	}
	pthread_mutex_unlock(&e->lock);
}

bool event_is_set(struct event *e)
{
	bool set;

	pthread_mutex_lock(&e->lock);
	set = e->set;
	pthread_mutex_unlock(&e->lock);
	return set;
}

void event_wait(struct event *e)
{
	struct pollfd watch = { e->out, POLLIN, 0 };

	while (!event_is_set(e))
		poll(&watch, 1, -1);
}

/* milliseconds from now to `end`, rounded up, as far as an int goes; 0 if it is past */
static int remaining(const struct timespec *end)
{
	struct timespec now;
	long long ns;

	clock_gettime(CLOCK_MONOTONIC, &now);
	ns = (long long)(end->tv_sec - now.tv_sec) * 1000000000 + (end->tv_nsec - now.tv_nsec);
	if (ns <= 0)
		return 0;
	ns = (ns + 999999) / 1000000;
	return ns > INT_MAX ? INT_MAX : (int)ns;
}

bool event_wait_for(struct event *e, unsigned milliseconds)
{
	struct pollfd watch = { e->out, POLLIN, 0 };
	struct timespec end;
	int left;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += milliseconds / 1000;
	end.tv_nsec += milliseconds % 1000 * 1000000L;
	if (end.tv_nsec >= 1000000000L)
	{
		end.tv_sec += 1;
		end.tv_nsec -= 1000000000L;
	}
	while (!event_is_set(e))
	{
		left = remaining(&end);
		if (left == 0)
			return false;
		poll(&watch, 1, left);
	}
	return true;
}

struct runner
{
	struct event_tasks *group;
	size_t index;
	pthread_t thread;
	pthread_mutex_t barrier;
};

struct event_tasks
{
	struct event *event;
	event_task *run;
	void *arg;
	bool complete;
	size_t n;
	size_t bytes;
	struct runner runner[];
};

static void *runner_main(void *p)
{
	struct runner *me = p;

	pthread_mutex_lock(&me->barrier);
	pthread_mutex_unlock(&me->barrier);
	if (me->group->complete)
	{
		event_wait(me->group->event);
		me->group->run(me->group->arg, me->index);
	}
	return NULL;
}

static void end(struct event_tasks *g, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		pthread_join(g->runner[i].thread, NULL);
	for (i = 0; i < n; i++)
		pthread_mutex_destroy(&g->runner[i].barrier);
	munmap(g, g->bytes);
}

struct event_tasks *event_tasks_start(struct event *event, size_t n, event_task *run, void *arg)
{
	size_t bytes = sizeof(struct event_tasks) + n * sizeof(struct runner), i, k;
	struct event_tasks *g = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (g == MAP_FAILED)
		return NULL;
	g->event = event;
	g->run = run;
	g->arg = arg;
	g->n = n;
	g->bytes = bytes;
	for (i = 0; i < n; i++)
	{
		struct runner *r = &g->runner[i];
		r->group = g;
		r->index = i;
		if (pthread_mutex_init(&r->barrier, NULL) != 0)
			break;
		pthread_mutex_lock(&r->barrier);
		if (pthread_create(&r->thread, NULL, runner_main, r) != 0)
		{
			pthread_mutex_unlock(&r->barrier);
			pthread_mutex_destroy(&r->barrier);
			break;
		}
	}
	g->complete = (i == n);
	for (k = 0; k < i; k++)
		pthread_mutex_unlock(&g->runner[k].barrier);
	if (i < n)
	{
		end(g, i);
		return NULL;
	}
	return g;
}

void event_tasks_join(struct event_tasks *g)
{
	if (g != NULL)
		end(g, g->n);
}
