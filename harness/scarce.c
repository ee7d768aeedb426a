/* scarce.c: see scarce.h. */
#include "scarce.h"

#include <limits.h>
#include <unistd.h>

bool scarce_fails(struct scarce *resource)
{
    if (!atomic_load(&resource->may_fail) || getpid() != resource->process)
        return false;
    const int request = atomic_fetch_add(&resource->requests, 1);
    return request >= atomic_load(&resource->first) && request <= atomic_load(&resource->last);
}

void scarce_end(struct scarce *resource)
{
    atomic_store(&resource->may_fail, false);
}

int scarce_call(struct scarce *resource, int first, int last, void (*call)(void))
{
    resource->process = getpid();
    atomic_store(&resource->requests, 0);
    atomic_store(&resource->first, first);
    atomic_store(&resource->last, last);
    atomic_store(&resource->may_fail, true);
    call();
    scarce_end(resource);
    return atomic_load(&resource->requests);
}

void scarce_in_turn(struct scarce *resource, int times, void (*call)(void))
{
    const int requests = scarce_call(resource, INT_MAX, INT_MAX, call);
    for (int i = 0; i < times && requests > 0; i++) {
        const int first = i / 2 % requests;
        scarce_call(resource, first, i % 2 == 0 ? first : INT_MAX, call);
    }
}
