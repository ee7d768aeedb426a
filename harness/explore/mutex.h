/* mutex.h: mutexes, for the models of pthread and C11 mutexes and of condition variables. */
#ifndef EXPLORE_MUTEX_H
#define EXPLORE_MUTEX_H

#include <pthread.h>

#include "sync.h"

/* mutex_find: the model of `mutex`; its type is read from its bytes at first use. Ends the run if it was not
 * initialised. */
struct sync *mutex_find(pthread_mutex_t *mutex, uintptr_t pc);

/* mutex_lock: waits until `deadline` (virtual nanoseconds, NEVER). Returns 0, EDEADLK, EOWNERDEAD, ENOTRECOVERABLE or
 * ETIMEDOUT. mutex_try: EBUSY instead of waiting. mutex_unlock: 0 or EPERM of the types that check. */
int mutex_lock(struct sync *mutex, uint64_t deadline, uintptr_t pc);
int mutex_try(struct sync *mutex, uintptr_t pc);
int mutex_unlock(struct sync *mutex, uintptr_t pc);

/* mutex_drop, mutex_retake: what waiting on a condition variable does with it; returns the recursion count.
 * mutex_retake must be called when it is free. */
unsigned mutex_drop(struct sync *mutex);
void mutex_retake(struct sync *mutex, unsigned count, uintptr_t pc);
bool mutex_is_free(void *mutex);

#endif
