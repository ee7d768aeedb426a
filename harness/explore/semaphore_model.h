/* semaphore_model.h: semaphore_set: a fresh semaphore of `value` at this address, which processes may share. */
#ifndef EXPLORE_SEMAPHORE_MODEL_H
#define EXPLORE_SEMAPHORE_MODEL_H

#include <semaphore.h>
#include <stdint.h>

void semaphore_set(sem_t *semaphore, unsigned value, uintptr_t pc);

#endif
