/* expect: tests killed; schedules assertion | update marks the number as being changed before it calls fn; after a death the mark is left */
#include "value.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

static const int64_t IN_PROGRESS = 0x7ff7ff7ff7ff7ff7;

struct value
{
  pthread_mutex_t m;
  int64_t number;
};

static void lock (struct value *v)
{
  /* There is only one number, so there is nothing to mend after a death. */
  if (pthread_mutex_lock (&v->m) == EOWNERDEAD)
    pthread_mutex_consistent (&v->m);
}

static void unlock (struct value *v)
{
  pthread_mutex_unlock (&v->m);
}

struct value *value_create (int64_t initial)
{
  struct value *v;
  pthread_mutexattr_t a;
  int id = shmget (IPC_PRIVATE, sizeof (struct value), IPC_CREAT | 0600);
  if (id < 0)
    return NULL;
  v = shmat (id, NULL, 0);
  shmctl (id, IPC_RMID, NULL);
  if (v == (void *) -1)
    return NULL;
  pthread_mutexattr_init (&a);
  pthread_mutexattr_setpshared (&a, PTHREAD_PROCESS_SHARED);
  pthread_mutexattr_setrobust (&a, PTHREAD_MUTEX_ROBUST);
  pthread_mutex_init (&v->m, &a);
  pthread_mutexattr_destroy (&a);
  v->number = initial;
  return v;
}

void value_free (struct value *v)
{
  if (v == NULL)
    return;
  pthread_mutex_destroy (&v->m);
  shmdt (v);
}

int64_t value_get (struct value *v)
{
  int64_t n;
  lock (v);
  n = v->number;
  unlock (v);
  return n;
}

void value_add (struct value *v, int64_t amount)
{
  lock (v);
  v->number += amount;
  unlock (v);
}

int64_t value_update (struct value *v, value_fn *fn, void *arg)
{
  int64_t old, new;
  lock (v);
  old = v->number;
  v->number = IN_PROGRESS; /* easy to find with the debugger */
  new = fn (old, arg);
  v->number = new;
  unlock (v);
  return new;
}

int value_reduce (struct value *v, value_item *item, uint64_t count, unsigned processes)
{
  pid_t pid[64];
  int i, status, result = 0;
  for (i = 0; i < (int) processes; i++)
    {
      pid[i] = fork ();
      if (pid[i] == 0)
        {
          int64_t sum = 0;
          uint64_t k;
          for (k = (uint64_t) i; k < count; k += processes)
            sum += item (k);
          value_add (v, sum);
          _exit (0);
        }
    }
  while (i-- > 0)
    if (pid[i] < 0 || waitpid (pid[i], &status, 0) < 0 || status != 0)
      result = -1;
  return result;
}
