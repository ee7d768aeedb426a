/* pidfd.h: descriptors of processes, for their functions and for syscall(2). */
#ifndef EXPLORE_PIDFD_H
#define EXPLORE_PIDFD_H

#include <stdint.h>
#include <sys/types.h>

/* Both return what the system call returns, with errno. */
int pidfd_make(pid_t pid, unsigned flags);
int pidfd_signal(int descriptor, int number, uintptr_t pc);

#endif
