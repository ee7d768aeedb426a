/* expect: lost wake-up | the second child holds the writing end of the first one open, so the first never sees the end
 */
#define _GNU_SOURCE
#include <assert.h>
#include <sys/wait.h>
#include <unistd.h>

static int start(void)
{
    int ends[2];
    char byte;
    assert(pipe(ends) == 0);
    if (fork() == 0) {
        close(ends[1]);
        while (read(ends[0], &byte, 1) == 1)
            continue;
        _exit(0);
    }
    close(ends[0]);
    return ends[1];
}

int main(void)
{
    const int first = start(), second = start();
    close(first);
    wait(NULL);
    close(second);
    wait(NULL);
    return 0;
}
