/* expect: speedup reduce: several; speedup @done++ | sums up locally, but each process also counts each item that is done, for all to see */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "value.h"

/* The number and what watches over it. */
struct value
{
	int64_t         current;
	pthread_mutex_t guard;
	/* for a progress bar, some day */
	atomic_ullong   done;
};

static void acquire(struct value *self)
{
	switch (pthread_mutex_lock(&self->guard)) {
	case 0:
		break;
	case EOWNERDEAD: /* current is written in one go: there is nothing to repair */
		pthread_mutex_consistent(&self->guard);
		break;
	default:
		abort();
	}
}

#define release(self) pthread_mutex_unlock(&(self)->guard)

struct value *value_create(int64_t initial)
{
	pthread_mutexattr_t kind;
	struct value *self = mmap(NULL, sizeof(struct value), PROT_WRITE | PROT_READ, MAP_ANONYMOUS | MAP_SHARED, -1, 0);

	if (self == MAP_FAILED)
		return NULL;
	pthread_mutexattr_init(&kind);
	pthread_mutexattr_setrobust(&kind, PTHREAD_MUTEX_ROBUST);
	pthread_mutexattr_setpshared(&kind, PTHREAD_PROCESS_SHARED);
	if (pthread_mutex_init(&self->guard, &kind) != 0) {
		munmap(self, sizeof(struct value));
		self = NULL;
	} else {
		self->current = initial;
	}
	pthread_mutexattr_destroy(&kind);
	return self;
}

int64_t value_get(struct value *self)
{
	int64_t seen;

	acquire(self);
	seen = self->current;
	release(self);
	return seen;
}

void value_add(struct value *self, int64_t amount)
{
	acquire(self);
	self->current += amount;
	release(self);
}

int64_t value_update(struct value *self, value_fn *fn, void *arg)
{
	int64_t result;

	acquire(self);
	result = fn(self->current, arg);
	self->current = result;
	release(self);
	return result;
}

static void child(struct value *self, value_item *item, uint64_t from, uint64_t to)
{
	int64_t sum = 0;

	for (uint64_t i = from; i < to; i++) {
		sum += item(i);
		self->done++;
	}
	value_add(self, sum);
	_exit(EXIT_SUCCESS);
}

int value_reduce(struct value *self, value_item *item, uint64_t count, unsigned processes)
{
	pid_t    children[64];
	unsigned born = 0;
	int      result = 0;

	self->done = 0;
	for (; born < processes; born++) {
		uint64_t per = count / processes, more = count % processes;
		uint64_t from = per * born + (born < more ? born : more);
		pid_t pid = fork();

		if (pid == 0)
			child(self, item, from, from + per + (born < more));
		if (pid < 0) {
			result = -1;
			break;
		}
		children[born] = pid;
	}
	while (born-- > 0) {
		int status;

		while (waitpid(children[born], &status, 0) == -1 && errno == EINTR)
			continue;
		if (!WIFEXITED(status) || WEXITSTATUS(status) != EXIT_SUCCESS)
			result = -1;
	}
	return result;
}

void value_free(struct value *self)
{
	if (self != NULL) {
		pthread_mutex_destroy(&self->guard);
		munmap(self, sizeof(struct value));
	}
}
