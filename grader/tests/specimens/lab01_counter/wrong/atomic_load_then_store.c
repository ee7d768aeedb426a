/* expect: tests lost; schedules assertion | atomic read, then atomic write: the two together are not atomic */
#include <stdatomic.h>
#include <stdlib.h>
#include <threads.h>

#include "counter.h"

/* Acquire when reading, release when writing, as in the lecture. */
#define get(c)    atomic_load_explicit(&(c)->value, memory_order_acquire)
#define put(c, x) atomic_store_explicit(&(c)->value, (x), memory_order_release)

struct counter {
	_Atomic(int64_t) value;
};

struct counter *counter_create(void)
{
	struct counter *c = malloc(sizeof(struct counter));

	if (c)
		put(c, 0);
	return c;
}

void counter_free(struct counter *c)
{
	free(c);
}

void counter_increment(struct counter *c)
{
	put(c, get(c) + 1);
}

void counter_add(struct counter *c, int64_t amount)
{
	int64_t sum = get(c);

	sum += amount;
	put(c, sum);
}

int64_t counter_value(struct counter *c)
{
	return get(c);
}

struct region {
	counter_predicate *ask;
	int64_t at, end;
};

static int explore(void *p)
{
	struct region *r = p;
	int hits = 0; /* a region has at most 1 << 20 numbers */

	while (r->at < r->end)
		hits += r->ask(r->at++) ? 1 : 0;
	return hits;
}

/* One round: up to `threads` regions of at most 1 << 20 numbers each. */
static int64_t round_of(counter_predicate *ask, int64_t *at, int64_t n, unsigned threads)
{
	struct region regions[64];
	thrd_t ids[64];
	unsigned k, ok = 0;
	int64_t hits = 0, length = (n - *at + threads - 1) / threads;

	if (length > 1 << 20)
		length = 1 << 20;
	for (k = 0; k < threads; k++) {
		regions[k].ask = ask;
		regions[k].at = *at;
		*at = n - *at < length ? n : *at + length;
		regions[k].end = *at;
		if (thrd_create(&ids[k], explore, &regions[k]) != thrd_success)
			break;
		ok++;
	}
	for (k = 0; k < ok; k++) {
		int theirs;

		thrd_join(ids[k], &theirs);
		hits += theirs;
	}
	return ok == threads ? hits : -1;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
	int64_t at = 0, total = 0;

	while (at < n) {
		int64_t hits = round_of(predicate, &at, n, threads ? threads : 1);

		if (hits < 0)
			return -1;
		total += hits;
	}
	return total;
}
