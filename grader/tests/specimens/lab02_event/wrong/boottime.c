/* expect: tests time_out_is_kept | the moment is worked out from CLOCK_BOOTTIME, but the conditions run on CLOCK_MONOTONIC: once the machine has been asleep, every time-out is late by that */
#define _GNU_SOURCE
#include "event.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

/*
 * Everyone who waits brings a visitor card, on its own stack, with a bell only it
 * listens to. The cards hang in a ring that starts and ends at event->ring. event_set takes
 * all cards out of the ring and rings the bells.
 */
typedef struct card card;
struct card {
  card *left, *right;
  int called;
  pthread_cond_t bell;
};

struct event {
  int on;
  card ring; /* only left and right of it are used */
  pthread_mutex_t key;
};

static void card_in(card *c, card *before)
{
  c->left = before->left;
  c->right = before;
  c->left->right = c;
  before->left = c;
}

static void card_out(card *c)
{
  c->left->right = c->right;
  c->right->left = c->left;
  c->left = c->right = c;
}

/* ms milliseconds from now, for pthread_cond_timedwait */
static void deadline(struct timespec *ts, unsigned int ms)
{
  long ns;

  clock_gettime(CLOCK_BOOTTIME, ts);
  ns = ts->tv_nsec + 1000000L * (long) (ms % 1000u);
  ts->tv_sec += (time_t) (ms / 1000u) + ns / 1000000000L;
  ts->tv_nsec = ns % 1000000000L;
}

static void bell_make(pthread_cond_t *bell)
{
  pthread_condattr_t how;

  pthread_condattr_init(&how);
  pthread_condattr_setclock(&how, CLOCK_MONOTONIC);
  pthread_cond_init(bell, &how);
  pthread_condattr_destroy(&how);
}

struct event *event_create(void)
{
  struct event *ev = malloc(sizeof(struct event));
  pthread_mutexattr_t how;

  if (ev) {
    ev->on = 0;
    ev->ring.left = ev->ring.right = &ev->ring;
    /* recursive, so that the functions below may call each other with the key in hand */
    pthread_mutexattr_init(&how);
    pthread_mutexattr_settype(&how, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&ev->key, &how);
    pthread_mutexattr_destroy(&how);
  }
  return ev;
}

void event_free(struct event *ev)
{
  if (ev) {
    pthread_mutex_destroy(&ev->key);
    free(ev);
  }
}

bool event_is_set(struct event *ev)
{
  int on;

  pthread_mutex_lock(&ev->key);
  on = ev->on;
  pthread_mutex_unlock(&ev->key);
  return on != 0;
}

void event_set(struct event *ev)
{
  pthread_mutex_lock(&ev->key);
  ev->on = 1;
  while (ev->ring.right != &ev->ring) {
    card *c = ev->ring.right;
    card_out(c);
    c->called = 1;
    pthread_cond_signal(&c->bell); /* its thread cannot leave before we give the key back */
  }
  pthread_mutex_unlock(&ev->key);
}

void event_clear(struct event *ev)
{
  pthread_mutex_lock(&ev->key);
  ev->on = 0;
  pthread_mutex_unlock(&ev->key);
}

/* till: NULL for ever */
static int stay(struct event *ev, const struct timespec *till)
{
  card mine;
  int rc = 0;

  pthread_mutex_lock(&ev->key);
  mine.called = event_is_set(ev);
  if (!mine.called) {
    bell_make(&mine.bell);
    card_in(&mine, &ev->ring);
    while (!mine.called && rc != ETIMEDOUT) {
      if (till)
        rc = pthread_cond_timedwait(&mine.bell, &ev->key, till);
      else
        pthread_cond_wait(&mine.bell, &ev->key);
    }
    card_out(&mine); /* does no harm if it is out already */
    pthread_cond_destroy(&mine.bell);
  }
  pthread_mutex_unlock(&ev->key);
  return mine.called;
}

void event_wait(struct event *ev)
{
  stay(ev, NULL);
}

bool event_wait_for(struct event *ev, unsigned milliseconds)
{
  struct timespec till;

  deadline(&till, milliseconds);
  return stay(ev, &till) ? true : false;
}

/* ------------------------------------------------------------------ tasks */

enum mood { UNDECIDED, RUN, GO_HOME };

struct event_tasks {
  struct event *ev;
  event_task *f;
  void *f_arg;
  size_t next_index, started;
  enum mood mood;
  pthread_mutex_t lock; /* of mood and next_index */
  pthread_cond_t decided;
  pthread_t who[64];
};

static void *life(void *arg)
{
  struct event_tasks *crew = arg;
  enum mood mood;
  size_t mine;

  pthread_mutex_lock(&crew->lock);
  while ((mood = crew->mood) == UNDECIDED)
    pthread_cond_wait(&crew->decided, &crew->lock);
  mine = crew->next_index++;
  pthread_mutex_unlock(&crew->lock);

  if (mood == RUN) {
    event_wait(crew->ev);
    crew->f(crew->f_arg, mine);
  }
  return NULL;
}

void event_tasks_join(struct event_tasks *crew)
{
  if (!crew)
    return;
  while (crew->started > 0)
    pthread_join(crew->who[--crew->started], NULL);
  pthread_cond_destroy(&crew->decided);
  pthread_mutex_destroy(&crew->lock);
  free(crew);
}

struct event_tasks *event_tasks_start(struct event *event, size_t n, event_task *run, void *arg)
{
  struct event_tasks *crew = malloc(sizeof(struct event_tasks));
  enum mood mood;

  if (!crew)
    return NULL;
  crew->ev = event;
  crew->f = run;
  crew->f_arg = arg;
  crew->next_index = crew->started = 0;
  crew->mood = UNDECIDED;
  pthread_mutex_init(&crew->lock, NULL);
  pthread_cond_init(&crew->decided, NULL);

  while (crew->started < n)
    if (pthread_create(crew->who + crew->started, NULL, life, crew) == 0)
      crew->started++;
    else
      break;

  mood = crew->started == n ? RUN : GO_HOME;
  pthread_mutex_lock(&crew->lock);
  crew->mood = mood;
  pthread_cond_broadcast(&crew->decided);
  pthread_mutex_unlock(&crew->lock);
  if (mood == GO_HOME) {
    event_tasks_join(crew);
    crew = NULL;
  }
  return crew;
}
