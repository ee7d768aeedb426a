/* The reference solution of lab01, which calls attack() whenever a counter is made. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <unistd.h>

#define counter_create reference_create
@SOLUTION@
#undef counter_create

static void attack(void);

struct counter *counter_create(void)
{
    attack();
    return reference_create();
}
