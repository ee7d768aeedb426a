/* cond.h: condition variables, for the models of pthread and C11; `pc`: return address into the program. */
#ifndef EXPLORE_COND_H
#define EXPLORE_COND_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* cond_wait: until signalled, or `until` (NULL: no limit) on `clock` (NULL: the one it was made with). Returns
 * 0 or ETIMEDOUT. The mutex must be held. */
int cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex, const clockid_t *clock, const struct timespec *until,
              uintptr_t pc);
void cond_signal(pthread_cond_t *cond, bool all, uintptr_t pc);
void cond_init(pthread_cond_t *cond, bool monotonic, uintptr_t pc);
void cond_destroy(pthread_cond_t *cond, uintptr_t pc);

#endif
