#include "isolation.h"

/* `grader grade` has limits of time, memory, output and processes, and confines nothing beyond them. */
bool batch_isolation(void)
{
    return false;
}
