/* expect: tests left; schedules memory-leak | event_tasks_join forgets a block, event_free another */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "event.h"

struct event
{
  /* Parts of the event that need initialising are made one by one.  */
  pthread_mutex_t *mutex;
  pthread_cond_t *cond;
  bool is_set;
};

static pthread_cond_t *
new_cond (void)
{
  pthread_cond_t *cond = malloc (sizeof *cond);
  pthread_condattr_t attr;

  if (cond == NULL)
    return NULL;
  pthread_condattr_init (&attr);
  pthread_condattr_setclock (&attr, CLOCK_MONOTONIC);
  pthread_cond_init (cond, &attr);
  pthread_condattr_destroy (&attr);
  return cond;
}

static pthread_mutex_t *
new_mutex (void)
{
  pthread_mutex_t *mutex = malloc (sizeof *mutex);

  if (mutex != NULL)
    pthread_mutex_init (mutex, NULL);
  return mutex;
}

struct event *
event_create (void)
{
  struct event *event = malloc (sizeof *event);

  if (event == NULL)
    return NULL;
  event->mutex = new_mutex ();
  event->cond = new_cond ();
  event->is_set = false;
  if (event->mutex == NULL || event->cond == NULL)
    {
      free (event->mutex);
      free (event->cond);
      free (event);
      return NULL;
    }
  return event;
}

void
event_free (struct event *event)
{
  if (event == NULL)
    return;
  pthread_mutex_destroy (event->mutex);
  pthread_cond_destroy (event->cond);
  free (event);
}

static void
change (struct event *event, bool to)
{
  pthread_mutex_lock (event->mutex);
  event->is_set = to;
  pthread_mutex_unlock (event->mutex);
  if (to)
    pthread_cond_broadcast (event->cond);
}

void
event_set (struct event *event)
{
  change (event, true);
}

void
event_clear (struct event *event)
{
  change (event, false);
}

/* Waits until the event is set or DEADLINE (not at all, if it is NULL) is over.  */
static bool
wait_until (struct event *event, const struct timespec *deadline)
{
  bool result;

  pthread_mutex_lock (event->mutex);
  for (int err = 0; !event->is_set && err != ETIMEDOUT;)
    if (deadline != NULL)
      err = pthread_cond_timedwait (event->cond, event->mutex, deadline);
    else
      pthread_cond_wait (event->cond, event->mutex);
  result = event->is_set;
  pthread_mutex_unlock (event->mutex);
  return result;
}

bool
event_is_set (struct event *event)
{
  static const struct timespec long_ago = { 0, 0 };
  return wait_until (event, &long_ago);
}

void
event_wait (struct event *event)
{
  wait_until (event, NULL);
}

bool
event_wait_for (struct event *event, unsigned milliseconds)
{
  struct timespec t;

  clock_gettime (CLOCK_MONOTONIC, &t);
  t.tv_sec += milliseconds / 1000u;
  milliseconds %= 1000u;
  if (t.tv_nsec + milliseconds * 1000000L >= 1000000000L)
    {
      t.tv_sec++;
      t.tv_nsec -= 1000000000L;
    }
  t.tv_nsec += milliseconds * 1000000L;
  return wait_until (event, &t);
}

struct event_tasks
{
  pthread_mutex_t *hold;	/* locked until all threads exist */
  bool give_up;
  struct event *event;
  event_task *run;
  void *arg;
  size_t n;
  pthread_t thread[64];
};

struct ticket
{
  struct event_tasks *tasks;
  size_t number;
};

static void *
task (void *arg)
{
  struct ticket ticket = *(struct ticket *) arg;
  bool give_up;

  free (arg);
  pthread_mutex_lock (ticket.tasks->hold);
  give_up = ticket.tasks->give_up;
  pthread_mutex_unlock (ticket.tasks->hold);
  if (!give_up)
    {
      event_wait (ticket.tasks->event);
      ticket.tasks->run (ticket.tasks->arg, ticket.number);
    }
  return NULL;
}

struct event_tasks *
event_tasks_start (struct event *event, size_t n, event_task *run, void *arg)
{
  struct event_tasks *tasks = calloc (1, sizeof *tasks);

  if (tasks == NULL || (tasks->hold = new_mutex ()) == NULL)
    {
      free (tasks);
      return NULL;
    }
  tasks->event = event;
  tasks->run = run;
  tasks->arg = arg;
  pthread_mutex_lock (tasks->hold);
  for (; tasks->n < n; tasks->n++)
    {
      struct ticket *ticket = malloc (sizeof *ticket);
      if (ticket == NULL)
        break;
      ticket->tasks = tasks;
      ticket->number = tasks->n;
      if (pthread_create (&tasks->thread[tasks->n], NULL, task, ticket) != 0)
        {
          free (ticket);
          break;
        }
    }
  tasks->give_up = tasks->n < n;
  pthread_mutex_unlock (tasks->hold);
  if (tasks->n < n)
    {
      event_tasks_join (tasks);
      return NULL;
    }
  return tasks;
}

void
event_tasks_join (struct event_tasks *tasks)
{
  if (tasks == NULL)
    return;
  for (size_t i = 0; i < tasks->n; i++)
    pthread_join (tasks->thread[i], NULL);
  pthread_mutex_destroy (tasks->hold);
  free (tasks);
}
