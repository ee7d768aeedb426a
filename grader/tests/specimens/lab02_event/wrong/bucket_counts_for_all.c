/* expect: tests wait_blocks_until_set | events share sixteen words to sleep on, chosen by address, and whoever sleeps goes by the word alone: a set of another event of the same word ends its wait */
#define _GNU_SOURCE
#include "event.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

/* An event is nothing but a flag. Where its waiters sleep is a ward, and there are
   sixteen of them for all events of the program: that saves memory if there are many. */

struct event {
   bool set;
};

#define WARDS 16

struct ward {
   mtx_t door;            /* guards the flags of the events of this ward */
   _Atomic uint32_t calls; /* how often it was called out here; the futex */
};

static struct ward hospital[WARDS];
static once_flag opened = ONCE_FLAG_INIT;

static void open_hospital(void)
{
   for (int w = 0; w < WARDS; w++)
      mtx_init(&hospital[w].door, mtx_plain);
}

static struct ward *enter(const struct event *patient)
{
   const uintptr_t address = (uintptr_t) patient;
   struct ward *const ward = hospital + (address / 32) % WARDS;
   mtx_lock(&ward->door);
   return ward;
}

static void leave(struct ward *ward)
{
   mtx_unlock(&ward->door);
}

struct event *event_create(void)
{
   call_once(&opened, open_hospital);
   return calloc(1, sizeof(struct event));
}

void event_free(struct event *event)
{
   free(event);
}

void event_set(struct event *event)
{
   struct ward *const ward = enter(event);
   const bool news = !event->set;
   event->set = true;
   if (news)
      atomic_fetch_add(&ward->calls, 1);
   leave(ward);
   if (news) /* the wards stay for ever: nothing can be gone by now */
      syscall(SYS_futex, &ward->calls, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

void event_clear(struct event *event)
{
   struct ward *const ward = enter(event);
   event->set = false;
   leave(ward);
}

bool event_is_set(struct event *event)
{
   struct ward *const ward = enter(event);
   const bool set = event->set;
   leave(ward);
   return set;
}

/* Sleeps until the event is set or, if there is one, `wake_at` is past. */
static bool sleep_in_ward(struct event *event, const struct timespec *wake_at)
{
   struct ward *const ward = enter(event);
   const bool set = event->set;
   const uint32_t heard = atomic_load(&ward->calls);
   leave(ward);
   if (set)
      return true;

   /* A call that comes between leave and here has changed the word, and the kernel looks at it. */
   while (atomic_load(&ward->calls) == heard) {
      const long rc = syscall(SYS_futex, &ward->calls, FUTEX_WAIT_BITSET_PRIVATE, heard, wake_at, NULL,
                              FUTEX_BITSET_MATCH_ANY);
      if (rc != 0 && errno == ETIMEDOUT)
         return atomic_load(&ward->calls) != heard;
   }
   return true;
}

void event_wait(struct event *event)
{
   (void) sleep_in_ward(event, NULL);
}

bool event_wait_for(struct event *event, unsigned milliseconds)
{
   enum { NS_PER_MS = 1000000, NS_PER_S = 1000000000 };
   const ldiv_t parts = ldiv((long) milliseconds, 1000);
   struct timespec wake_at;
   clock_gettime(CLOCK_MONOTONIC, &wake_at);
   wake_at.tv_sec += parts.quot;
   wake_at.tv_nsec += parts.rem * NS_PER_MS;
   if (wake_at.tv_nsec >= NS_PER_S)
      wake_at.tv_sec += 1, wake_at.tv_nsec -= NS_PER_S;
   return sleep_in_ward(event, &wake_at);
}

/* Tasks: C11 threads with a plain mutex and condition for the roll call. */

struct event_tasks {
   mtx_t desk;
   cnd_t answer;
   enum { ROLL_CALL, ALL_HERE, SOME_MISSING } state;
   size_t given;   /* indices given away */
   size_t present; /* threads */
   struct event *event;
   event_task *run;
   void *arg;
   thrd_t roster[];
};

static int nurse(void *argument)
{
   struct event_tasks *const shift = argument;

   mtx_lock(&shift->desk);
   while (shift->state == ROLL_CALL)
      cnd_wait(&shift->answer, &shift->desk);
   const bool stay = shift->state == ALL_HERE;
   const size_t index = shift->given++;
   mtx_unlock(&shift->desk);

   if (stay) {
      event_wait(shift->event);
      shift->run(shift->arg, index);
   }
   return 0;
}

struct event_tasks *event_tasks_start(struct event *event, size_t n, event_task *run, void *arg)
{
   struct event_tasks *const shift = calloc(1, sizeof(struct event_tasks) + n * sizeof(thrd_t));
   if (shift == NULL)
      return NULL;
   mtx_init(&shift->desk, mtx_plain);
   cnd_init(&shift->answer);
   shift->event = event;
   shift->run = run;
   shift->arg = arg;

   size_t came = 0;
   while (came < n && thrd_create(&shift->roster[came], nurse, shift) == thrd_success)
      came++;
   shift->present = came;

   mtx_lock(&shift->desk);
   shift->state = came == n ? ALL_HERE : SOME_MISSING;
   cnd_broadcast(&shift->answer);
   mtx_unlock(&shift->desk);
   if (came == n)
      return shift;
   event_tasks_join(shift);
   return NULL;
}

void event_tasks_join(struct event_tasks *shift)
{
   if (shift == NULL)
      return;
   for (size_t i = 0; i < shift->present; i++)
      thrd_join(shift->roster[i], NULL);
   cnd_destroy(&shift->answer);
   mtx_destroy(&shift->desk);
   free(shift);
}
