/* named_semaphores.h: named_semaphores_reset: there are none; before each run. */
#ifndef EXPLORE_NAMED_SEMAPHORES_H
#define EXPLORE_NAMED_SEMAPHORES_H

void named_semaphores_reset(void);

#endif
