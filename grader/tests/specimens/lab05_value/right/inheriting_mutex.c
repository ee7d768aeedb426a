/* expect: right | a priority-inheriting, error-checking robust mutex in a memfd that is closed at once; sums come through a pipe */
#define _GNU_SOURCE
#include "value.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct value { pthread_mutex_t m; volatile int64_t n; };

static void lock_or_die(pthread_mutex_t *m)
{
	int e = pthread_mutex_lock(m);
	if (e == EOWNERDEAD)
		e = pthread_mutex_consistent(m);
	if (e != 0)
		abort();
}

struct value *value_create(int64_t initial)
{
	int fd, e;
	struct value *v;
	pthread_mutexattr_t a;

	if ((fd = memfd_create("lab05", MFD_CLOEXEC)) < 0)
		return NULL;
	if (ftruncate(fd, sizeof *v) < 0) {
		close(fd);
		return NULL;
	}
	v = mmap(NULL, sizeof *v, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd); /* the mapping keeps the memory */
	if (v == MAP_FAILED)
		return NULL;
	if (pthread_mutexattr_init(&a) != 0) {
		munmap(v, sizeof *v);
		return NULL;
	}
	e = pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
	e |= pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
	e |= pthread_mutexattr_setprotocol(&a, PTHREAD_PRIO_INHERIT);
	e |= pthread_mutexattr_settype(&a, PTHREAD_MUTEX_ERRORCHECK);
	if (e == 0)
		e = pthread_mutex_init(&v->m, &a);
	pthread_mutexattr_destroy(&a);
	if (e != 0) {
		munmap(v, sizeof *v);
		return NULL;
	}
	v->n = initial;
	return v;
}

int64_t value_get(struct value *v)
{
	int64_t n;

	lock_or_die(&v->m);
	n = v->n;
	pthread_mutex_unlock(&v->m);
	return n;
}

void value_add(struct value *v, int64_t amount)
{
	lock_or_die(&v->m);
	v->n = (int64_t)((uint64_t)v->n + (uint64_t)amount);
	pthread_mutex_unlock(&v->m);
}

int64_t value_update(struct value *v, value_fn *fn, void *arg)
{
	int64_t n;

	lock_or_die(&v->m);
	n = fn(v->n, arg);
	v->n = n;
	pthread_mutex_unlock(&v->m);
	return n;
}

int value_reduce(struct value *v, value_item *item, uint64_t count, unsigned processes)
{
	int fds[2], bad = 0;
	unsigned k, live;
	pid_t pid[64];
	uint64_t total = 0, s;
	ssize_t got;

	if (count == 0)
		return 0; /* nothing to compute, nothing to start */

	/* Nonblocking: 64 sums of 8 bytes always fit, and at the end a copy of the write end may live in some
	 * process that another thread forked meanwhile, so that end of file cannot be waited for. */
	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
		return -1;

	for (live = 0; live < processes; live++) {
		pid_t p = fork();
		if (p < 0) {
			bad = 1;
			break;
		}
		if (p == 0) {
			uint64_t i, q = count / processes, r = count % processes;
			uint64_t lo = live * q + (live < r ? live : r);
			uint64_t hi = lo + q + (live < r);
			close(fds[0]);
			s = 0;
			for (i = lo; i < hi; i++)
				s += (uint64_t)item(i);
			while ((got = write(fds[1], &s, sizeof s)) < 0 && errno == EINTR)
				;
			_exit(got == (ssize_t)sizeof s ? 0 : 1);
		}
		pid[live] = p;
	}
	close(fds[1]);
	for (k = 0; k < live; k++) {
		int st = -1;
		pid_t r;
		do {
			r = waitpid(pid[k], &st, 0);
		} while (r < 0 && errno == EINTR);
		if (r != pid[k] || !WIFEXITED(st) || WEXITSTATUS(st) != 0)
			bad = 1;
	}
	for (;;) {
		got = read(fds[0], &s, sizeof s);
		if (got == (ssize_t)sizeof s)
			total += s;
		else if (!(got < 0 && errno == EINTR))
			break; /* EAGAIN or end of file: that was all */
	}
	close(fds[0]);
	value_add(v, (int64_t)total);
	return bad ? -1 : 0;
}

void value_free(struct value *v)
{
	if (v) {
		pthread_mutex_destroy(&v->m);
		munmap(v, sizeof *v);
	}
}
