/* expect: unsupported: __ | sixteen bytes at once */
#define _GNU_SOURCE
#include <stdatomic.h>

static _Atomic __int128 value;
int main(void)
{
    atomic_fetch_add(&value, 1);
    return 0;
}
