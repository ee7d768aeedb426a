/* expect: crash | writes to a pipe whose reader has gone */
#define _GNU_SOURCE
#include <assert.h>

#include <unistd.h>
int main(void)
{
    int ends[2];
    assert(pipe(ends) == 0);
    close(ends[0]);
    return write(ends[1], "x", 1) == 1 ? 0 : 1;
}
