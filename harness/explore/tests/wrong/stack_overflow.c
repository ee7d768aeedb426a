/* expect: unsupported: a stack of more than | endless recursion */
#define _GNU_SOURCE
#include <string.h>

static int deep(int n)
{
    char room[1000];
    memset(room, n, sizeof room);
    return deep(n + 1) + room[3];
}
int main(void)
{
    return deep(0);
}
