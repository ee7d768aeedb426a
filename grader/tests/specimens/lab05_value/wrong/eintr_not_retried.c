/* expect: tests SA_RESTART | a waitpid that a handled signal interrupts counts as a failure, and its process is left */
#include "value.h"
#include <stdlib.h>
#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct value { pthread_mutex_t lock; int64_t val; } value;

value *value_create(int64_t initial) {
  value *v = mmap(NULL, sizeof(value), PROT_READ|PROT_WRITE, MAP_ANONYMOUS|MAP_SHARED, -1, 0);
  pthread_mutexattr_t ma;
  if (v == MAP_FAILED) return NULL;
  if (pthread_mutexattr_init(&ma) != 0 ||
      pthread_mutexattr_setrobust(&ma, PTHREAD_MUTEX_ROBUST) != 0 ||
      pthread_mutexattr_setpshared(&ma, PTHREAD_PROCESS_SHARED) != 0 ||
      pthread_mutex_init(&v->lock, &ma) != 0) {
    munmap(v, sizeof(value));
    return NULL;
  }
  pthread_mutexattr_destroy(&ma);
  v->val = initial;
  return v;
}

static void lock(value *v) {
  /* previous owner died: nothing to clean up, the value is only written at the very end */
  if (pthread_mutex_lock(&v->lock) == EOWNERDEAD) pthread_mutex_consistent(&v->lock);
}
static void unlock(value *v) { pthread_mutex_unlock(&v->lock); }

int64_t value_get(value *v) {
  lock(v);
  int64_t r = v->val;
  unlock(v);
  return r;
}

void value_add(value *v, int64_t amount) {
  lock(v);
  v->val += amount;
  unlock(v);
}

int64_t value_update(value *v, value_fn *fn, void *arg) {
  lock(v);
  int64_t r = fn(v->val, arg);
  v->val = r;
  unlock(v);
  return r;
}

int value_reduce(value *v, value_item *item, uint64_t count, unsigned processes) {
  int errors = 0;
  unsigned p, started;
  pid_t *kids = calloc(processes, sizeof *kids);
  if (!kids) return -1;
  for (started = 0; started < processes; started++) {
    pid_t pid = fork();
    if (pid < 0) { errors++; break; }
    if (pid == 0) {
      int64_t part = 0;
      uint64_t i, n = count / processes, from = started * n;
      if (started == processes - 1) n = count - from;
      for (i = 0; i < n; i++) part += item(from + i);
      value_add(v, part);
      _exit(0);
    }
    kids[started] = pid;
  }
  for (p = 0; p < started; p++) {
    int st;
    if (waitpid(kids[p], &st, 0) != kids[p]) errors++; /* should not happen */
    else if (WIFSIGNALED(st)) errors++;
  }
  free(kids);
  return errors == 0 ? 0 : -1;
}

void value_free(value *v) {
  if (!v) return;
  pthread_mutex_destroy(&v->lock);
  munmap(v, sizeof(value));
}
