/* expect: tests lost; schedules data-race | believes that volatile makes an update atomic */
#include "counter.h"
#include <pthread.h>
#include <stdlib.h>

struct counter
{
  /* volatile: several threads use it */
  volatile int64_t n;
};

struct counter *
counter_create (void)
{
  struct counter *c = malloc (sizeof *c);
  if (c)
    c->n = 0;
  return c;
}

void
counter_free (struct counter *c)
{
  free (c);
}

void
counter_increment (struct counter *c)
{
  ++c->n;
}

void
counter_add (struct counter *c, int64_t amount)
{
  c->n = c->n + amount;
}

int64_t
counter_value (struct counter *c)
{
  return c->n;
}

/* Counts [low, high) with `threads' threads: one half goes to a new thread, the
   other stays here.  Returns -1 if a thread cannot be had.  */
struct job
{
  counter_predicate *predicate;
  int64_t low, high, result;
  unsigned threads;
};

static void *
count_range (void *arg)
{
  struct job *job = arg;
  if (job->threads <= 1)
    {
      int64_t found = 0;
      for (int64_t i = job->low; i < job->high; i++)
        if (job->predicate (i))
          found++;
      job->result = found;
      return arg;
    }
  struct job left = *job, right = *job;
  pthread_t thread;
  left.threads = job->threads / 2;
  right.threads = job->threads - left.threads;
  left.high = right.low = job->low + (job->high - job->low) / job->threads * left.threads;
  if (pthread_create (&thread, NULL, count_range, &left) != 0)
    {
      job->result = -1;
      return arg;
    }
  count_range (&right);
  pthread_join (thread, NULL);
  job->result = left.result < 0 || right.result < 0 ? -1 : left.result + right.result;
  return arg;
}

int64_t
counter_count (counter_predicate *predicate, int64_t n, unsigned threads)
{
  struct job job = { predicate, 0, n, 0, threads };
  count_range (&job);
  return job.result;
}
