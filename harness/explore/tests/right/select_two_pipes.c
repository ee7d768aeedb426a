/* expect: right | select over the pipes of two children, until both are at their end */
#define _GNU_SOURCE
#include <assert.h>
#include <sys/select.h>
#include <sys/wait.h>
#include <unistd.h>

static int start(int number)
{
    int ends[2];
    assert(pipe(ends) == 0);
    if (fork() == 0) {
        close(ends[0]);
        assert(write(ends[1], &number, sizeof number) == sizeof number);
        _exit(0);
    }
    close(ends[1]);
    return ends[0];
}

int main(void)
{
    int ends[2] = {start(1), start(2)}, open = 2, sum = 0;
    while (open > 0) {
        fd_set set;
        FD_ZERO(&set);
        for (int i = 0; i < 2; i++)
            if (ends[i] >= 0)
                FD_SET(ends[i], &set);
        assert(select(16, &set, NULL, NULL, NULL) > 0);
        for (int i = 0; i < 2; i++) {
            int number;
            if (ends[i] < 0 || !FD_ISSET(ends[i], &set))
                continue;
            if (read(ends[i], &number, sizeof number) == sizeof number) {
                sum += number;
                continue;
            }
            close(ends[i]);
            ends[i] = -1;
            open--;
        }
    }
    assert(sum == 3);
    while (wait(NULL) > 0)
        continue;
    return 0;
}
