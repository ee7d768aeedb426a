/*
 * isolation.h: the one place where a batch asks whether hand-ins can be kept apart from the machine and each other.
 */
#ifndef GRADER_BATCH_ISOLATION_H
#define GRADER_BATCH_ISOLATION_H

#include <stdbool.h>

/* batch_isolation: whether `grader grade` confines what it runs. A batch of strangers' code is refused without. */
bool batch_isolation(void);

#endif
