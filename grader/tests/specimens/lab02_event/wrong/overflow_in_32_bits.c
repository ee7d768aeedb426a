/* expect: tests moments; schedules assertion | milliseconds * 1000000 in 32 bits: from 4295 ms on the time-out is far too short */
#include <stdlib.h>
#include <errno.h>
#include <time.h>
#include <pthread.h>
#include "event.h"

struct event {
  pthread_mutex_t     mtx;
  pthread_cond_t      cnd;
  volatile bool       is_set;
  pthread_condattr_t  attr;
};

struct event *event_create(void) {
  struct event *ev = (struct event *) malloc(sizeof(struct event));
  if (ev == NULL) { return NULL; }
  ev->is_set = false;
  pthread_mutex_init(&ev->mtx, NULL);
  pthread_condattr_init(&ev->attr);
  pthread_condattr_setclock(&ev->attr, CLOCK_MONOTONIC);
  pthread_cond_init(&ev->cnd, &ev->attr);
  return ev;
}

void event_free(struct event *ev) {
  if (ev != NULL) {
    pthread_cond_destroy(&ev->cnd);
    pthread_condattr_destroy(&ev->attr);
    pthread_mutex_destroy(&ev->mtx);
    free(ev);
  }
}

void event_set(struct event *ev) {
  pthread_mutex_lock(&ev->mtx);
  if (!ev->is_set) {
    ev->is_set = true;
    pthread_cond_broadcast(&ev->cnd);
  }
  pthread_mutex_unlock(&ev->mtx);
}

void event_clear(struct event *ev) {
  pthread_mutex_lock(&ev->mtx);
  if (ev->is_set) {
    ev->is_set = false;
  }
  pthread_mutex_unlock(&ev->mtx);
}

bool event_is_set(struct event *ev) {
  pthread_mutex_lock(&ev->mtx);
  bool answer = ev->is_set;
  pthread_mutex_unlock(&ev->mtx);
  return answer;
}

void event_wait(struct event *ev) {
  pthread_mutex_lock(&ev->mtx);
  while (!ev->is_set) {
    pthread_cond_wait(&ev->cnd, &ev->mtx);
  }
  pthread_mutex_unlock(&ev->mtx);
}

bool event_wait_for(struct event *ev, unsigned milliseconds) {
  struct timespec now, end;
  unsigned ns = milliseconds * 1000000;

  clock_gettime(CLOCK_MONOTONIC, &now);
  end.tv_sec = now.tv_sec + (now.tv_nsec + (long) ns) / 1000000000;
  end.tv_nsec = (now.tv_nsec + (long) ns) % 1000000000;

  pthread_mutex_lock(&ev->mtx);
  while (!ev->is_set) {
    int rc = pthread_cond_timedwait(&ev->cnd, &ev->mtx, &end);
    if (rc == ETIMEDOUT) { break; }
  }
  bool answer = ev->is_set;
  pthread_mutex_unlock(&ev->mtx);
  return answer;
}

/* ======================= tasks ======================= */

/* What a thread may do. Changed once, for all, under mtx. */
typedef enum { WAIT, WORK, LEAVE } order_t;

struct event_tasks {
  struct event    *event;
  event_task      *run;
  void            *arg;
  order_t          order;
  pthread_mutex_t  mtx;
  pthread_cond_t   cnd;
  size_t           threads_count;
  pthread_t       *threads;
  struct param {
    size_t              id;
    struct event_tasks *owner;
  }               *params;
};

static order_t get_order(struct event_tasks *tasks) {
  pthread_mutex_lock(&tasks->mtx);
  while (tasks->order == WAIT) {
    pthread_cond_wait(&tasks->cnd, &tasks->mtx);
  }
  order_t order = tasks->order;
  pthread_mutex_unlock(&tasks->mtx);
  return order;
}

static void give_order(struct event_tasks *tasks, order_t order) {
  pthread_mutex_lock(&tasks->mtx);
  tasks->order = order;
  pthread_cond_broadcast(&tasks->cnd);
  pthread_mutex_unlock(&tasks->mtx);
}

static void *start_routine(void *param) {
  struct param *me = (struct param *) param;
  if (get_order(me->owner) == WORK) {
    event_wait(me->owner->event);
    me->owner->run(me->owner->arg, me->id);
  }
  return NULL;
}

static void destroy(struct event_tasks *tasks) {
  pthread_mutex_destroy(&tasks->mtx);
  pthread_cond_destroy(&tasks->cnd);
  free(tasks->threads);
  free(tasks->params);
  free(tasks);
}

struct event_tasks *event_tasks_start(struct event *ev, size_t n, event_task *run, void *arg) {
  struct event_tasks *tasks = (struct event_tasks *) calloc(1, sizeof(struct event_tasks));
  if (tasks == NULL) { return NULL; }
  pthread_mutex_init(&tasks->mtx, NULL);
  pthread_cond_init(&tasks->cnd, NULL);
  tasks->event = ev;
  tasks->run = run;
  tasks->arg = arg;
  tasks->threads = (pthread_t *) malloc((n + 1) * sizeof(pthread_t));
  tasks->params = (struct param *) malloc((n + 1) * sizeof(struct param));
  if (tasks->threads == NULL || tasks->params == NULL) {
    destroy(tasks);
    return NULL;
  }
  for (size_t id = 0; id < n; id++) {
    tasks->params[id].id = id;
    tasks->params[id].owner = tasks;
    if (pthread_create(&tasks->threads[id], NULL, start_routine, &tasks->params[id]) != 0) {
      give_order(tasks, LEAVE);
      event_tasks_join(tasks);
      return NULL;
    }
    tasks->threads_count++;
  }
  give_order(tasks, WORK);
  return tasks;
}

void event_tasks_join(struct event_tasks *tasks) {
  if (tasks == NULL) { return; }
  for (size_t id = 0; id < tasks->threads_count; id++) {
    pthread_join(tasks->threads[id], NULL);
  }
  destroy(tasks);
}
