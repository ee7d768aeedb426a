/* expect: right | children send their parts through a pipe */
#define _GNU_SOURCE
#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

#include <sys/wait.h>
#include <unistd.h>
int main(void)
{
    int ends[2], part, sum = 0;
    assert(pipe(ends) == 0);
    for (int i = 0; i < 2; i++)
        if (fork() == 0) {
            part = i + 1;
            close(ends[0]);
            assert(write(ends[1], &part, sizeof part) == sizeof part);
            _exit(0);
        }
    close(ends[1]);
    while (read(ends[0], &part, sizeof part) == sizeof part)
        sum += part;
    close(ends[0]);
    while (wait(NULL) > 0)
        ;
    assert(sum == 3);
    return 0;
}
