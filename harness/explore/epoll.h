/* epoll.h: for readiness.c: whether an epoll would tell something, now. */
#ifndef EXPLORE_EPOLL_H
#define EXPLORE_EPOLL_H

#include <stdbool.h>

#include "descriptors.h"

bool epoll_ready(const struct file *epoll);

#endif
