/* expect: speedup count: several; speedup @->at++ | sums are local, but where each thread stands is kept in a table of small structs, and moves on for each number (false sharing) */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "counter.h"

struct counter { _Atomic int64_t value; };

struct counter *counter_create(void) {
	struct counter *self = malloc(sizeof *self);
	if (self != NULL)
		atomic_init(&self->value, 0);
	return self;
}

void counter_free(struct counter *self) { free(self); }
void counter_increment(struct counter *self) { atomic_fetch_add(&self->value, 1); }
void counter_add(struct counter *self, int64_t amount) { atomic_fetch_add(&self->value, amount); }
int64_t counter_value(struct counter *self) { return atomic_load(&self->value); }

/* One row of the table: at walks from the first number of a part to its end. */
struct cursor { int64_t at, end; };

struct job {
	counter_predicate *holds;
	struct cursor *cursors;
	_Atomic unsigned next;
	_Atomic int64_t total;
};

static void *walk(void *arg) {
	struct job *job = arg;
	struct cursor *mine = &job->cursors[atomic_fetch_add(&job->next, 1)];
	int64_t hits = 0;
	while (mine->at < mine->end) {
		hits += job->holds(mine->at);
		mine->at++;
	}
	atomic_fetch_add(&job->total, hits);
	return NULL;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads) {
	pthread_t helpers[64];
	unsigned count = threads > 1 ? threads : 1, helping = 0;
	struct job job = {.holds = predicate, .cursors = calloc(count, sizeof *job.cursors)};
	if (job.cursors == NULL)
		return -1;
	for (unsigned i = 0; i < count; i++) {
		int64_t part = n / count, over = n % count;
		job.cursors[i].at = i * part + ((int64_t)i < over ? i : over);
		job.cursors[i].end = job.cursors[i].at + part + ((int64_t)i < over);
	}
	while (helping < count - 1 && pthread_create(&helpers[helping], NULL, walk, &job) == 0)
		helping++;
	for (unsigned i = helping; i < count; i++) /* the caller's own part, and those nobody could be found for */
		walk(&job);
	for (unsigned i = 0; i < helping; i++)
		pthread_join(helpers[i], NULL);
	free(job.cursors);
	return job.total;
}
