/* attributes.c: the attributes of mutexes and condition variables: plain memory, which libc writes and reads for the
 * program. Threads that share them, to make them once, have to see to it that they are complete. */
#include <pthread.h>

#include "memory.h"
#include "model.h"
#include "sync.h"

#define WRITES(kind, name)                                                                                             \
    MODEL(int, pthread_##kind##attr_##name, (pthread_##kind##attr_t * attributes))                                     \
    {                                                                                                                  \
        memory_access((uintptr_t)attributes, sizeof *attributes, ACCESS_WRITE, PC);                                    \
        return pthread_##kind##attr_##name(attributes);                                                                \
    }

#define SETS(kind, name, type)                                                                                         \
    MODEL(int, pthread_##kind##attr_##name, (pthread_##kind##attr_t * attributes, type value))                         \
    {                                                                                                                  \
        memory_access((uintptr_t)attributes, sizeof *attributes, ACCESS_WRITE, PC);                                    \
        return pthread_##kind##attr_##name(attributes, value);                                                         \
    }

WRITES(cond, init)
WRITES(cond, destroy)
SETS(cond, setclock, clockid_t)
SETS(cond, setpshared, int)
WRITES(mutex, init)
WRITES(mutex, destroy)
SETS(mutex, setprotocol, int)
SETS(mutex, setpshared, int)
SETS(mutex, setrobust, int)
SETS(mutex, settype, int)
