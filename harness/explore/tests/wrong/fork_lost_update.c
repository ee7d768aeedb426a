/* expect: assertion | atomic load and store apart, in two processes */
#define _GNU_SOURCE
#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
int main(void)
{
    atomic_int *value = mmap(NULL, sizeof *value, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < 2; i++)
        if (fork() == 0) {
            const int v = atomic_load(value);
            atomic_store(value, v + 1);
            _exit(0);
        }
    while (wait(NULL) > 0)
        ;
    assert(*value == 2);
    return 0;
}
