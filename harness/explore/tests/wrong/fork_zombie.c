/* expect: child never waited for | leaves a zombie behind */
#define _GNU_SOURCE
#include <stdlib.h>
#include <unistd.h>

#include <unistd.h>
int main(void)
{
    if (fork() == 0)
        _exit(0);
    return 0;
}
