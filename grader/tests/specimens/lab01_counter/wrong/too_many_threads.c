/* expect: tests limit; schedules assertion | always starts eight threads, whatever the caller asked for */
#include "counter.h"
#include <stdatomic.h>
#include <stdlib.h>
#include <threads.h>

#define WORKERS 8   /* my machine has eight cores */
#define BATCH   1   /* tune later */

struct counter { atomic_llong value; };

struct counter *counter_create(void)
{
  struct counter *counter = malloc(sizeof *counter);

  if (counter)
    atomic_init(&counter->value, 0);
  return counter;
}

void counter_free(struct counter *counter)       { free(counter); }
void counter_increment(struct counter *counter)  { counter->value++; }
int64_t counter_value(struct counter *counter)   { return counter->value; }

void counter_add(struct counter *counter, int64_t amount)
{
  counter->value += amount;
}

/* A little pool: the workers help themselves to batches until none is left. */
typedef struct {
  counter_predicate *test;
  int64_t end;
  atomic_llong next, hits;
} pool;

static int worker(void *p)
{
  pool *pool = p;
  int64_t from, hits = 0;

  while ((from = atomic_fetch_add(&pool->next, BATCH)) < pool->end)
    for (int64_t i = from; i < from + BATCH && i < pool->end; i++)
      hits += pool->test(i);
  pool->hits += hits;
  return thrd_success;
}

int64_t counter_count(counter_predicate *predicate, int64_t n, unsigned threads)
{
  pool pool = { .test = predicate, .end = n };
  thrd_t workers[WORKERS];
  int started = 0;

  (void) threads;
  while (started < WORKERS && thrd_create(&workers[started], worker, &pool) == thrd_success)
    started++;
  while (started > 0)
    thrd_join(workers[--started], NULL);
  return pool.next < n ? -1 : pool.hits;
}
