/* expect: lost wake-up | the reader keeps the writing end open and waits for the end of the data for ever */
#define _GNU_SOURCE
#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

#include <sys/wait.h>
#include <unistd.h>
int main(void)
{
    int ends[2];
    char byte = 'x';
    assert(pipe(ends) == 0);
    if (fork() == 0) {
        assert(write(ends[1], &byte, 1) == 1);
        _exit(0);
    }
    while (read(ends[0], &byte, 1) == 1)
        ;
    while (wait(NULL) > 0)
        ;
    return 0;
}
