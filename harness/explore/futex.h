/* futex.h: futex_call: futex(2) for syscall(2): waiting and waking, with bitsets or without; returns what the system
 * call returns, with errno. `bits`: of the operations with a bitset, else anything. */
#ifndef EXPLORE_FUTEX_H
#define EXPLORE_FUTEX_H

#include <stdint.h>
#include <time.h>

long futex_call(int *address, int operation, int value, const struct timespec *time, uint32_t bits, uintptr_t pc);

#endif
