/* readiness.h: what poll, select and epoll ask of an open file. */
#ifndef EXPLORE_READINESS_H
#define EXPLORE_READINESS_H

#include "descriptors.h"

/* readiness_of: those of `wanted` (POLLIN, POLLOUT ...) that hold now, and POLLHUP and POLLERR, which need not be asked
 * for. readiness_changes: a number that grows whenever something happens that may change the answer.
 * readiness_learn: the running thread knows now what was done before the file became ready. */
short readiness_of(const struct file *file, short wanted);
unsigned readiness_changes(const struct file *file);
void readiness_learn(const struct file *file);

#endif
