/* thread_model.h: threads, for the models of pthread and C11; handles are 1 + the thread's id. */
#ifndef EXPLORE_THREAD_MODEL_H
#define EXPLORE_THREAD_MODEL_H

#include <stdbool.h>
#include <stdint.h>

/* threads_create: starts start(argument); its handle is stored in `into` if not NULL. Returns 0, or EAGAIN if the
 * running thread can start no more. */
int threads_create(void *(*start)(void *), void *argument, bool detached, unsigned long *into, uintptr_t pc);

/* threads_join: waits for it (or not: then EBUSY) until `deadline`. Returns 0, EDEADLK, EBUSY or ETIMEDOUT; what is
 * never allowed ends the run. threads_result: what it returned. */
int threads_join(unsigned long handle, void **result, bool wait_for_it, uint64_t deadline, uintptr_t pc);
int threads_detach(unsigned long handle, uintptr_t pc);
void *threads_result(unsigned long handle);

/* threads_exit: ends the running thread with `result`, after its cleanup handlers have run. */
_Noreturn void threads_exit(void *result);

#endif
