/* expect: right | a shared log of the last 256 changes that each reader adds up; a full one is summed up into the other */
#define _GNU_SOURCE
#include "value.h"

#include <errno.h>
#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/*
 * What is shared is not the number but the log of what was done to it; who wants to know the number works it out.
 *
 * A log starts from a known number and has room for 256 entries, "add so much" or "is now so much". A new entry is
 * written behind the last one and counts from the moment when `length` covers it. A full log is summed up in the second
 * one, which counts from the moment when `active` names it. Both are single stores: whenever a writer dies, the log
 * is a log of complete changes.
 */

enum kind { ADD, SET };

struct entry {
	enum kind	kind;
	int64_t		operand;
};

#define ROOM 256

struct log {
	int64_t		start;
	atomic_uint	length;
	struct entry	entries[ROOM];
};

struct value {
	pthread_mutex_t	mutex;
	atomic_uint	active;
	struct log	logs[2];
};

static struct log *begin(struct value *v)
{
	if (pthread_mutex_lock(&v->mutex) == EOWNERDEAD)
		pthread_mutex_consistent(&v->mutex);
	return &v->logs[atomic_load(&v->active)];
}

static void end(struct value *v)
{
	pthread_mutex_unlock(&v->mutex);
}

static int64_t replay(struct log *log)
{
	uint64_t n = (uint64_t)log->start;
	unsigned length = atomic_load(&log->length);

	for (unsigned i = 0; i < length; i++) {
		uint64_t operand = (uint64_t)log->entries[i].operand;

		n = log->entries[i].kind == SET ? operand : n + operand;
	}
	return (int64_t)n;
}

static void append(struct value *v, struct log *log, enum kind kind, int64_t operand)
{
	unsigned length = atomic_load(&log->length);

	if (length == ROOM) {
		unsigned other = !atomic_load(&v->active);
		struct log *fresh = &v->logs[other];

		fresh->start = replay(log);
		atomic_store(&fresh->length, 0);
		atomic_store(&v->active, other);	/* the same number, told in fewer words */
		log = fresh;
		length = 0;
	}
	log->entries[length].kind = kind;
	log->entries[length].operand = operand;
	atomic_store(&log->length, length + 1);
}

struct value *value_create(int64_t initial)
{
	pthread_mutexattr_t a;
	struct value *v = mmap(NULL, sizeof(*v), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (v == MAP_FAILED)
		return NULL;
	if (pthread_mutexattr_init(&a) != 0) {
		munmap(v, sizeof(*v));
		return NULL;
	}
	pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&v->mutex, &a);
	pthread_mutexattr_destroy(&a);
	v->logs[0].start = initial;
	return v;
}

void value_free(struct value *v)
{
	if (v == NULL)
		return;
	pthread_mutex_destroy(&v->mutex);
	munmap(v, sizeof(*v));
}

int64_t value_get(struct value *v)
{
	int64_t n = replay(begin(v));

	end(v);
	return n;
}

void value_add(struct value *v, int64_t amount)
{
	struct log *log = begin(v);

	append(v, log, ADD, amount);
	end(v);
}

int64_t value_update(struct value *v, value_fn *fn, void *arg)
{
	struct log *log = begin(v);
	int64_t n = fn(replay(log), arg);

	append(v, log, SET, n);
	end(v);
	return n;
}

/*
 * Each worker has a cell in shared memory to itself: what it has summed up, and how it stands. The caller looks after the
 * workers from time to time, picks up those who have ended, and enters every sum into the log as it comes in.
 */
struct cell {
	alignas(64) atomic_int	state;	/* 0: working, 1: sum is there */
	int64_t			sum;
};

struct hand {
	pid_t	pid;			/* 0: picked up */
	int	failed;
};

static void labour(struct cell *cell, value_item *item, uint64_t from, uint64_t to)
{
	uint64_t sum = 0;

	for (uint64_t i = from; i < to; i++)
		sum += (uint64_t)item(i);
	cell->sum = (int64_t)sum;
	atomic_store(&cell->state, 1);
	_exit(0);
}

/* 1 if the worker has been picked up now */
static int pick_up(struct hand *hand)
{
	siginfo_t info;

	info.si_pid = 0;
	if (waitid(P_PID, (id_t)hand->pid, &info, WEXITED | WNOHANG) == 0) {
		if (info.si_pid == 0)
			return 0;
		hand->failed = info.si_code != CLD_EXITED;
	} else if (errno != ECHILD) {
		return 0;
	}
	hand->pid = 0;
	return 1;
}

int value_reduce(struct value *v, value_item *item, uint64_t count, unsigned processes)
{
	struct hand hands[64];
	struct timespec pause = { .tv_nsec = 400000 };
	unsigned hired, here;
	int result = 0;

	struct cell *cells = mmap(NULL, processes * sizeof(*cells), PROT_READ | PROT_WRITE,
				  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (cells == MAP_FAILED)
		return -1;

	uint64_t share = count / processes;
	unsigned extra = (unsigned)(count % processes);

	for (hired = 0; hired < processes; hired++) {
		/* the longer shares come last */
		unsigned longer = hired > processes - extra ? hired - (processes - extra) : 0;
		uint64_t from = hired * share + longer;
		uint64_t to = from + share + (hired >= processes - extra);
		pid_t pid = fork();

		if (pid == 0)
			labour(&cells[hired], item, from, to);
		if (pid < 0) {
			result = -1;
			break;
		}
		hands[hired].pid = pid;
		hands[hired].failed = 0;
	}

	for (here = hired; here > 0;) {
		for (unsigned k = 0; k < hired; k++) {
			if (hands[k].pid == 0 || !pick_up(&hands[k]))
				continue;
			here--;
			if (hands[k].failed || atomic_load(&cells[k].state) == 0)
				result = -1;
			else
				value_add(v, cells[k].sum);
		}
		if (here > 0)
			nanosleep(&pause, NULL);
	}
	munmap(cells, processes * sizeof(*cells));
	return result;
}
