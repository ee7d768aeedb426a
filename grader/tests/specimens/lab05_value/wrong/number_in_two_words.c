/* expect: schedules killed_while_adding | the number lies in two words that are written one after the other: who dies between them leaves half of an addition */
#include "value.h"

#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

/* The machine that this once ran on had 32 bits. */
struct value
{
	pthread_mutex_t mtx;
	uint32_t lo;
	char room[60];
	uint32_t hi;
};

#define GET(v) ((int64_t)((uint64_t)(v)->hi << 32 | (v)->lo))
#define PUT(v, x)                                      \
	do {                                           \
		uint64_t put = (uint64_t)(x);          \
		(v)->lo = (uint32_t)put;               \
		(v)->hi = (uint32_t)(put >> 32);       \
	} while (0)

struct value *value_create(int64_t initial)
{
	struct value *v = mmap(0, sizeof(struct value), PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_SHARED, -1, 0);
	pthread_mutexattr_t a;

	if (v == MAP_FAILED)
		return 0;
	pthread_mutexattr_init(&a);
	pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
	pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(&v->mtx, &a);
	pthread_mutexattr_destroy(&a);
	PUT(v, initial);
	return v;
}

void value_free(struct value *v)
{
	if (!v)
		return;
	pthread_mutex_destroy(&v->mtx);
	munmap(v, sizeof(struct value));
}

/* fn computes before anything is written, so after a death there is nothing to put right. */
static void enter(struct value *v)
{
	if (pthread_mutex_lock(&v->mtx) == EOWNERDEAD)
		pthread_mutex_consistent(&v->mtx);
}

int64_t value_get(struct value *v)
{
	int64_t x;

	enter(v);
	x = GET(v);
	pthread_mutex_unlock(&v->mtx);
	return x;
}

void value_add(struct value *v, int64_t amount)
{
	enter(v);
	PUT(v, GET(v) + amount);
	pthread_mutex_unlock(&v->mtx);
}

int64_t value_update(struct value *v, value_fn *fn, void *arg)
{
	int64_t x;

	enter(v);
	x = fn(GET(v), arg);
	PUT(v, x);
	pthread_mutex_unlock(&v->mtx);
	return x;
}

int value_reduce(struct value *v, value_item *item, uint64_t count, unsigned processes)
{
	pid_t kids[64];
	unsigned n = 0, k;
	int bad = 0;

	while (n < processes) {
		uint64_t from = count / processes * n + (n < count % processes ? n : count % processes);
		uint64_t to = from + count / processes + (n < count % processes ? 1 : 0);
		if ((kids[n] = fork()) < 0) {
			bad = -1;
			break;
		}
		if (kids[n] == 0) {
			int64_t s = 0;
			for (; from < to; from++)
				s += item(from);
			value_add(v, s);
			_exit(0);
		}
		n++;
	}
	for (k = 0; k < n; k++) {
		int st;
		while (waitpid(kids[k], &st, 0) < 0 && errno == EINTR)
			;
		if (WIFSIGNALED(st))
			bad = -1;
	}
	return bad;
}
